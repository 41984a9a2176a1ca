//! Schema and `.env` brought together: what is missing is added, what a person wrote is never altered.

use std::collections::BTreeMap;

use super::recover::recover;
use super::{Document, Origin, Randomness, Schema, Variable};
use crate::dotenv;

/// A `.env` that has all that the schema asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Reconciled {
    /// The new file.
    pub document: Document,
    /// What became of it.
    pub outcome: Reconciliation,
}

/// What became of a `.env`: the names of things, never values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// Keys whose values were made at random.
    pub generated: Vec<String>,
    /// Keys that were added.
    pub added: Vec<String>,
    /// Keys that hold a stand-in: only a person can give their value.
    pub placeholders: Vec<String>,
    /// Keys that the person gave just now.
    pub answered: Vec<String>,
    /// Keys whose value was read out of another's: (key, from).
    pub recovered: Vec<(String, String)>,
}

const HEADER: &str = "\
# Made by jobsprint-dev from templates/.env.schema. Change what you like: it adds what is missing and leaves the rest.
# `jobsprint-dev env explain KEY` tells what a key is for and who reads it.
";

/// Brings them together. `answer` asks the person for a value; `None` where there is nobody to ask.
pub fn reconcile(
    schema: &Schema,
    existing: Option<Document>,
    answer: &mut dyn FnMut(&Variable) -> Option<String>,
    randomness: &mut dyn Randomness,
) -> Reconciled {
    let document = existing.unwrap_or_else(|| Document::of_comments(HEADER));
    let mut work = Work {
        recovered: recoverable(schema, &document),
        document,
        outcome: Reconciliation::default(),
    };
    for variable in schema.variables() {
        work.settle(variable, answer, randomness);
    }
    Reconciled {
        document: work.document,
        outcome: work.outcome,
    }
}

/// What values that are there say about keys that are not: value and source by key.
fn recoverable(schema: &Schema, document: &Document) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for variable in schema.variables() {
        let (Origin::Default(template), Some(value)) =
            (&variable.origin, document.value(&variable.key))
        else {
            continue;
        };
        for (key, value) in recover(template, value).into_iter().flatten() {
            found.entry(key).or_insert((value, variable.key.clone()));
        }
    }
    found
}

struct Work {
    document: Document,
    outcome: Reconciliation,
    recovered: BTreeMap<String, (String, String)>,
}

impl Work {
    fn settle(
        &mut self,
        variable: &Variable,
        answer: &mut dyn FnMut(&Variable) -> Option<String>,
        randomness: &mut dyn Randomness,
    ) {
        let key = &variable.key;
        let placeholder = variable.placeholder();
        match self.document.value(key) {
            // A stand-in is asked for again, wherever there is somebody to ask.
            Some(value) if value == placeholder => match answer(variable) {
                Some(value) => {
                    self.outcome.answered.push(key.clone());
                    self.write(variable, &value);
                }
                None => self.outcome.placeholders.push(key.clone()),
            },
            Some(value) if !value.is_empty() || !variable.is_required() => {}
            Some(_) if matches!(variable.origin, Origin::Default(_) | Origin::Nowhere) => {}
            _ => self.provide(variable, answer, randomness),
        }
    }

    fn provide(
        &mut self,
        variable: &Variable,
        answer: &mut dyn FnMut(&Variable) -> Option<String>,
        randomness: &mut dyn Randomness,
    ) {
        let key = &variable.key;
        if let Some((value, from)) = self.recovered.remove(key) {
            self.outcome.recovered.push((key.clone(), from));
            return self.write(variable, &value);
        }
        match &variable.origin {
            Origin::Generated(recipe) => {
                let secret = recipe.make(randomness);
                self.outcome.generated.push(key.clone());
                self.write(variable, secret.expose());
            }
            Origin::Asked { .. } => {
                let value = answer(variable).unwrap_or_else(|| variable.placeholder());
                let given = if value == variable.placeholder() {
                    &mut self.outcome.placeholders
                } else {
                    &mut self.outcome.answered
                };
                given.push(key.clone());
                self.write(variable, &value);
            }
            Origin::Default(written) => self.append(variable, written),
            Origin::Nowhere => {}
        }
    }

    /// Writes a value in its key's place, or under its description at the end.
    fn write(&mut self, variable: &Variable, value: &str) {
        let key = &variable.key;
        // What no quoting brings through is left for `env check` to report as missing.
        if self.document.entry(key).is_some() {
            let _left_missing = self.document.set(key, value);
        } else if let Ok(written) = dotenv::quote(value) {
            self.append(variable, &written);
        }
    }

    fn append(&mut self, variable: &Variable, written: &str) {
        let key = &variable.key;
        let appended = self.document.append(&variable.description, key, written);
        if appended.is_ok() {
            self.outcome.added.push(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::fixture::Counting;

    const SCHEMA: &str = "\
# The product's id.
# @required @sensitive @prompt=\"Puter app id\"
PUTER_APP_ID=

# Signs tokens.
# @generate=hex(8)
JWT_SECRET=

# @type=port
POSTGRES_PORT=5432

# @generate=alnum(8)
POSTGRES_PASSWORD=

# Where programs on this machine find the database.
DATABASE_URL=postgresql://jobsprint:${POSTGRES_PASSWORD}@localhost:${POSTGRES_PORT}/jobsprint

# @optional
EXTRA=
";

    fn run(existing: Option<&str>, answer: Option<&str>) -> Reconciled {
        let schema = Schema::parse("s", SCHEMA).unwrap();
        let existing = existing.map(|text| Document::parse(text).unwrap());
        reconcile(
            &schema,
            existing,
            &mut |_| answer.map(str::to_owned),
            &mut Counting::default(),
        )
    }

    #[test]
    fn a_missing_file_is_made_whole() {
        let made = run(None, None);

        assert_eq!(
            made.document.text().strip_prefix(HEADER),
            Some(
                "
# The product's id.
PUTER_APP_ID=REPLACE_ME_PUTER_APP_ID

# Signs tokens.
JWT_SECRET=0001020304050607
POSTGRES_PORT=5432
POSTGRES_PASSWORD=IJKLMNOP

# Where programs on this machine find the database.
DATABASE_URL=postgresql://jobsprint:${POSTGRES_PASSWORD}@localhost:${POSTGRES_PORT}/jobsprint
"
            )
        );
        assert_eq!(made.outcome.generated, ["JWT_SECRET", "POSTGRES_PASSWORD"]);
        assert_eq!(made.outcome.placeholders, ["PUTER_APP_ID"]);
        assert_eq!(
            made.document.value("DATABASE_URL"),
            Some("postgresql://jobsprint:IJKLMNOP@localhost:5432/jobsprint")
        );
    }

    #[test]
    fn the_old_scripts_file_keeps_its_values_and_its_database_password() {
        let old = "\
PUTER_APP_ID=app-1
JWT_SECRET=s3cret
DATABASE_URL=postgres://jobsprint:password@localhost:5432/jobsprint
";
        let made = run(Some(old), None);

        assert_eq!(
            made.document.text(),
            format!("{old}POSTGRES_PORT=5432\nPOSTGRES_PASSWORD=password\n")
        );
        assert_eq!(made.outcome.generated, Vec::<String>::new());
        let from = "DATABASE_URL".to_owned();
        assert_eq!(
            made.outcome.recovered,
            [
                ("POSTGRES_PORT".to_owned(), from.clone()),
                ("POSTGRES_PASSWORD".to_owned(), from)
            ]
        );
    }

    #[test]
    fn a_second_run_changes_nothing() {
        let first = run(None, Some("app-1"));

        let second = run(Some(first.document.text()), None);

        assert_eq!(second.document, first.document);
        assert_eq!(second.outcome, Reconciliation::default());
    }

    #[test]
    fn a_stand_in_is_asked_for_again_and_replaced_in_its_place() {
        let first = run(None, None);

        let second = run(Some(first.document.text()), Some("app-1"));

        assert_eq!(second.outcome.answered, ["PUTER_APP_ID"]);
        assert_eq!(
            second.document.text(),
            first
                .document
                .text()
                .replace("REPLACE_ME_PUTER_APP_ID", "app-1")
        );
    }

    #[test]
    fn an_empty_secret_is_filled_in_its_place_and_an_empty_default_is_a_persons_choice() {
        let made = run(Some("# x\nJWT_SECRET=\nPOSTGRES_PORT=\n"), Some("a"));

        assert!(
            made.document
                .text()
                .starts_with("# x\nJWT_SECRET=0001020304050607\nPOSTGRES_PORT=\n")
        );
    }
}

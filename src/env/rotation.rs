//! Changing values in a `.env`: new secrets, and what was built from the old ones.

use super::recover::recover;
use super::{Document, Origin, Randomness, Schema, refusal};
use crate::domain::{Failure, FailureKind, Secret};

/// Gives `key` a value that the schema accepts; what was built from the old one follows.
///
/// Returns the keys that changed.
///
/// # Errors
/// Where the schema has no such key, or the value is not of its type.
pub fn assign(
    schema: &Schema,
    document: &mut Document,
    key: &str,
    value: &str,
) -> Result<Vec<String>, Failure> {
    let environment = FailureKind::Environment;
    if let Some(variable) = schema.variable(key) {
        if let Some(message) = refusal(variable, value) {
            let failure = Failure::new(environment, message);
            return Err(match &variable.example {
                Some(example) => failure.hint(format!("as in `{key}={example}`")),
                None => failure.hint("nothing was changed"),
            });
        }
    } else if document.entry(key).is_none() && schema.variables().next().is_some() {
        return Err(unknown(schema, key));
    }
    let old = document.value(key).map(str::to_owned);
    if old.as_deref() == Some(value) {
        return Ok(Vec::new());
    }
    document.set(key, value).map_err(|error| {
        Failure::new(environment, format!("`{key}` can't be written: {error}"))
            .hint("choose a value without these characters")
    })?;
    let mut changed = vec![key.to_owned()];
    if let Some(old) = old {
        changed.extend(follow(schema, document, key, &old, value));
    }
    Ok(changed)
}

/// Makes a new secret for `key`.
///
/// # Errors
/// Where it is no secret that is made.
pub fn rotate(
    schema: &Schema,
    document: &mut Document,
    key: &str,
    randomness: &mut dyn Randomness,
) -> Result<Vec<String>, Failure> {
    let variable = schema.variable(key).ok_or_else(|| unknown(schema, key))?;
    let recipe = variable.recipe().ok_or_else(|| {
        Failure::new(
            FailureKind::Usage,
            format!("`{key}` is not a secret that is made at random"),
        )
        .hint(format!(
            "give it a value with `jobsprint-dev env set {key} VALUE`"
        ))
    })?;
    let secret: Secret = recipe.make(randomness);
    assign(schema, document, key, secret.expose())
}

/// The failure where a key is in neither file.
#[must_use]
pub fn unknown(schema: &Schema, key: &str) -> Failure {
    let failure = Failure::new(
        FailureKind::Usage,
        format!("`{key}` is neither in `.env` nor in its schema"),
    );
    match schema.nearest(key) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`jobsprint-dev env list` has all keys"),
    }
}

/// Values that hold the old one because they were built from it, as an older `DATABASE_URL` holds its password.
fn follow(
    schema: &Schema,
    document: &mut Document,
    key: &str,
    old: &str,
    new: &str,
) -> Vec<String> {
    let mut changed = Vec::new();
    for variable in schema.variables() {
        let (Origin::Default(template), Some(value)) =
            (&variable.origin, document.value(&variable.key))
        else {
            continue;
        };
        let holds_old = recover(template, value)
            .is_some_and(|found| found.get(key).is_some_and(|found| found == old));
        if !holds_old {
            continue;
        }
        let marked = template
            .replace(&format!("${{{key}}}"), new)
            .replace(&format!("${key}"), new);
        let lookup = recover(template, value).unwrap_or_default();
        let written = crate::dotenv::Template::parse(&marked)
            .and_then(|parsed| parsed.expand(&|name| lookup.get(name).cloned()));
        if let Ok(expansion) = written
            && document.set(&variable.key, &expansion.text).is_ok()
        {
            changed.push(variable.key.clone());
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::fixture::Counting;

    const SCHEMA: &str = "\
# @type=port
PORT=5432
# @generate=alnum(8)
PASSWORD=
# @sensitive
DATABASE_URL=postgresql://jobsprint:${PASSWORD}@localhost:${PORT}/jobsprint
";

    fn parsed(text: &str) -> (Schema, Document) {
        (
            Schema::parse("s", SCHEMA).unwrap(),
            Document::parse(text).unwrap(),
        )
    }

    #[test]
    fn a_url_that_was_written_out_follows_its_password() {
        let (schema, mut document) = parsed(
            "PASSWORD=password # old\nDATABASE_URL=postgres://jobsprint:password@localhost:5432/jobsprint\n",
        );

        let changed = rotate(&schema, &mut document, "PASSWORD", &mut Counting::default());

        assert_eq!(changed.unwrap(), ["PASSWORD", "DATABASE_URL"]);
        assert_eq!(
            document.text(),
            "PASSWORD=ABCDEFGH # old\nDATABASE_URL=postgresql://jobsprint:ABCDEFGH@localhost:5432/jobsprint\n"
        );
    }

    #[test]
    fn a_url_that_names_its_password_needs_no_change() {
        let text = "PASSWORD=password\nDATABASE_URL=postgresql://jobsprint:${PASSWORD}@localhost:5432/jobsprint\n";
        let (schema, mut document) = parsed(text);

        let changed = assign(&schema, &mut document, "PASSWORD", "another");

        assert_eq!(changed.unwrap(), ["PASSWORD"]);
        assert_eq!(document.text(), text.replacen("password", "another", 1));
    }

    #[test]
    fn a_value_of_the_wrong_type_and_a_key_that_nobody_knows_are_refused() {
        let (schema, document) = parsed("PORT=1\nMINE=1\n");
        let refused = |key: &str, value: &str| {
            let failure = assign(&schema, &mut document.clone(), key, value).unwrap_err();
            (failure.kind, failure.message, failure.hints)
        };

        assert_eq!(
            refused("PORT", "http").1,
            "`PORT` must be a port (1 to 65535), not `http`"
        );
        assert_eq!(refused("PORT", "http").0, FailureKind::Environment);
        let (kind, message, hints) = refused("PASSWROD", "x");
        assert_eq!(kind, FailureKind::Usage);
        assert_eq!(message, "`PASSWROD` is neither in `.env` nor in its schema");
        assert_eq!(hints, ["did you mean `PASSWORD`?"]);
        let mut own = document.clone();
        assert_eq!(assign(&schema, &mut own, "MINE", "2").unwrap(), ["MINE"]);
    }
}

//! Reading values back out of one that was built from them: `DATABASE_URL` of an older project holds its password.

use std::collections::BTreeMap;

use crate::dotenv::Template;

/// The values of the variables in `template` with which it would give `value`; `None` where it never would.
///
/// Schemes are not compared (`postgres://` is `postgresql://`). A variable ends where the text that follows it first occurs.
pub(super) fn recover(template: &str, value: &str) -> Option<BTreeMap<String, String>> {
    let parsed = Template::parse(template).ok()?;
    let scheme = template.find("://").map_or(0, |at| at + 3);
    let mut rest = match scheme {
        0 => value,
        _ => value.split_once("://")?.1,
    };
    let mut at = scheme;
    let mut open: Option<&str> = None;
    let mut found = BTreeMap::new();
    for variable in parsed.variables() {
        if variable.operation.is_some() || variable.span.start < at {
            return None;
        }
        let literal = &template[at..variable.span.start];
        rest = settle(open, literal, rest, &mut found)?;
        open = Some(variable.name);
        at = variable.span.end;
    }
    let literal = &template[at..];
    if let Some(name) = open.filter(|_| literal.is_empty()) {
        note(name, rest, &mut found)?;
    } else if !settle(open, literal, rest, &mut found)?.is_empty() {
        return None;
    }
    found.values().all(|text| !text.is_empty()).then_some(found)
}

/// Matches `literal`, before which the variable `open` ends; gives what follows.
fn settle<'v>(
    open: Option<&str>,
    literal: &str,
    rest: &'v str,
    found: &mut BTreeMap<String, String>,
) -> Option<&'v str> {
    match open {
        None => rest.strip_prefix(literal),
        Some(_) if literal.is_empty() => None,
        Some(name) => {
            let (text, after) = rest.split_once(literal)?;
            note(name, text, found)?;
            Some(after)
        }
    }
}

/// A variable that is named twice must hold the same in both places.
fn note(name: &str, text: &str, found: &mut BTreeMap<String, String>) -> Option<()> {
    let earlier = found.insert(name.to_owned(), text.to_owned());
    earlier.is_none_or(|earlier| earlier == text).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: &str =
        "postgresql://${POSTGRES_USER}:${POSTGRES_PASSWORD}@localhost:${POSTGRES_PORT}/jobsprint";

    #[test]
    fn an_older_url_gives_its_parts_back() {
        let found = recover(
            DATABASE,
            "postgres://jobsprint:password@localhost:5432/jobsprint",
        );

        let expected = [
            ("POSTGRES_PASSWORD", "password"),
            ("POSTGRES_PORT", "5432"),
            ("POSTGRES_USER", "jobsprint"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(found, Some(BTreeMap::from(expected)));
    }

    #[test]
    fn a_value_of_another_shape_gives_nothing() {
        let others = [
            "postgres://localhost:5432/jobsprint",
            "postgres://jobsprint:password@db.example.org:5432/jobsprint",
            "postgres://jobsprint:@localhost:5432/jobsprint",
            "postgres://jobsprint:password@localhost:5432/other",
            "jobsprint",
        ];

        for other in others {
            assert_eq!(recover(DATABASE, other), None, "{other}");
        }
    }

    #[test]
    fn a_variable_named_twice_must_hold_the_same() {
        assert_eq!(recover("${A}-${A}", "x-y"), None);
        assert!(recover("${A}-${A}", "x-x").is_some());
    }
}

//! Faults of the environment's two files, as failures: the first is the headline, the others its details.

use super::Fault;
use crate::domain::{Failure, FailureKind};
use crate::dotenv::DotenvError;

/// The faults of a schema.
#[must_use]
pub fn schema_failure(faults: &[Fault]) -> Failure {
    let Some(first) = faults.first() else {
        return Failure::new(FailureKind::Bug, "a schema without faults was refused");
    };
    let failure = Failure::new(FailureKind::Project, first.to_string())
        .details(first.lines().into_iter().skip(1))
        .details(faults[1..].iter().flat_map(Fault::lines));
    match &first.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A fault of a `.env`. Its line is not shown: it may hold a secret.
#[must_use]
pub fn document_failure(file: &str, text: &str, error: &DotenvError) -> Failure {
    let before = text.get(..error.span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[start..].chars().count() + 1;
    Failure::new(
        FailureKind::Environment,
        format!("{file}:{line}:{column}: {}", error.fault),
    )
    .hint(format!("open {file} at line {line}; nothing was changed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Document;

    #[test]
    fn a_broken_env_is_told_with_its_place_and_never_its_content() {
        let text = "A=1\n  B='s3cret\n";
        let error = Document::parse(text).unwrap_err();

        let failure = document_failure(".env", text, &error);

        assert_eq!(failure.kind, FailureKind::Environment);
        assert_eq!(failure.message, ".env:2:5: unterminated quoted value");
        assert_eq!(failure.details, Vec::<String>::new());
    }
}

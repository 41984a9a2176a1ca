//! Names that were checked once: of a project and of a service.

use std::fmt;

/// A name that breaks the rules of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName {
    /// What was given.
    pub given: String,
    /// The rule, as a phrase that follows "a project name …".
    pub rule: &'static str,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a valid name: {}", self.given, self.rule)
    }
}

impl std::error::Error for InvalidName {}

/// The name of a Compose project: lower-case letters, digits, `-` and `_`, a letter or digit first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

impl ProjectName {
    /// Checks `name` against the Compose Specification's rule for project names.
    ///
    /// # Errors
    /// [`InvalidName`] where the rule is broken.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let given = name.into();
        let starts_well =
            given.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
        let goes_on_well = given
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if starts_well && goes_on_well {
            Ok(Self(given))
        } else {
            Err(InvalidName {
                given,
                rule: "a project name holds only lower-case letters, digits, `-` and `_`, and starts with a letter or digit",
            })
        }
    }

    /// Makes a valid name of any text as Compose does of a directory's: lower-cased, other characters dropped.
    #[must_use]
    pub fn normalised(text: &str) -> Option<Self> {
        let kept: String = text
            .to_lowercase()
            .chars()
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-' || *c == '_')
            .collect();
        Self::new(kept.trim_start_matches(['-', '_'])).ok()
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a service: letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

impl ServiceName {
    /// Checks `name` against the Compose Specification's rule for service names.
    ///
    /// # Errors
    /// [`InvalidName`] where the rule is broken.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let given = name.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !given.is_empty() && given.chars().all(allowed) {
            Ok(Self(given))
        } else {
            Err(InvalidName {
                given,
                rule: "a service name holds only letters, digits, `.`, `_` and `-`",
            })
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_name_starts_with_a_lower_case_letter_or_digit() {
        assert!(ProjectName::new("jobsprint-2_x").is_ok());
        assert!(ProjectName::new("-jobsprint").is_err());
        assert!(ProjectName::new("Jobsprint").is_err());
        assert!(ProjectName::new("").is_err());
    }

    #[test]
    fn a_directory_name_is_normalised_as_compose_does() {
        let name = ProjectName::normalised("_My Project.v2").map(|name| name.to_string());

        assert_eq!(name.as_deref(), Some("myprojectv2"));
        assert_eq!(ProjectName::normalised("___"), None);
    }

    #[test]
    fn a_service_name_takes_no_slash() {
        assert!(ServiceName::new("api-gateway").is_ok());
        assert!(ServiceName::new("api/gateway").is_err());
    }
}

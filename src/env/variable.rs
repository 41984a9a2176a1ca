//! One variable of the schema: what it is for, what it may hold, and where its value comes from.

use super::{Kind, Recipe};

/// Whether a project can run without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must have a value.
    Required,
    /// It may be missing or empty.
    Optional,
}

/// Who may see its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Anybody.
    Public,
    /// Nobody: it is masked wherever text is shown.
    Sensitive,
}

/// Where a first value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is made at random.
    Generated(Recipe),
    /// The person is asked.
    Asked {
        /// The question.
        question: String,
    },
    /// The schema gives it, as it is written there; it may name other variables.
    Default(String),
    /// Nobody gives one.
    Nowhere,
}

/// A variable of the schema.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its key.
    pub key: String,
    /// What it is for: the lines of its comment.
    pub description: Vec<String>,
    /// Whether it must have a value.
    pub need: Need,
    /// Who may see it.
    pub exposure: Exposure,
    /// What it may hold.
    pub kind: Kind,
    /// Where a first value comes from.
    pub origin: Origin,
    /// What a value looks like.
    pub example: Option<String>,
    /// Where to read more.
    pub docs: Option<String>,
    /// Its line in the schema, from 1.
    pub line: usize,
}

impl Variable {
    /// Whether its value is masked.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.exposure == Exposure::Sensitive
    }

    /// Whether its default is an address with other variables in it.
    #[must_use]
    pub fn is_composed(&self) -> bool {
        match &self.origin {
            Origin::Default(written) => written.contains("://") && written.contains("${"),
            Origin::Generated(_) | Origin::Asked { .. } | Origin::Nowhere => false,
        }
    }

    /// Whether it must have a value.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.need == Need::Required
    }

    /// The recipe, where its value is made at random.
    #[must_use]
    pub fn recipe(&self) -> Option<Recipe> {
        match self.origin {
            Origin::Generated(recipe) => Some(recipe),
            _ => None,
        }
    }

    /// The text that stands in for a value which only a person can give.
    #[must_use]
    pub fn placeholder(&self) -> String {
        format!("REPLACE_ME_{}", self.key)
    }
}

/// Whether a value is a stand-in that nobody replaced: ours, or one of those that people write.
#[must_use]
pub fn is_placeholder(value: &str) -> bool {
    let lower = value.to_lowercase();
    let plain: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let known = [
        "replaceme",
        "changeme",
        "changethis",
        "todo",
        "fixme",
        "xxx",
        "placeholder",
        "yoursecrethere",
    ];
    known.contains(&plain.as_str())
        || plain.starts_with("replaceme")
        || (lower.starts_with('<') && lower.ends_with('>'))
        || (lower.starts_with("your-") || lower.starts_with("your_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_told_from_values() {
        let stand_ins = [
            "REPLACE_ME_PUTER_APP_ID",
            "changeme",
            "change-me",
            "<your app id>",
            "your-app-id",
            "TODO",
        ];
        let values = ["app-0f3c", "password", "http://x/<y>/z", "yourself"];

        assert_eq!(stand_ins.map(is_placeholder), [true; 6]);
        assert_eq!(values.map(is_placeholder), [false; 4]);
    }
}

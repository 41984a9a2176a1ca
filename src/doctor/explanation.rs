//! What an exit code, an error's name or a check means, at length.

mod codes;
mod engine;
mod host;
mod luck;
mod project;

/// One thing that can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The exit code, where it has one.
    pub code: Option<u8>,
    /// The name, as in JSON events and verdicts.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub means: &'static str,
    /// The usual causes, most frequent first.
    pub causes: &'static [&'static str],
    /// What to type next: three at most.
    pub next: &'static [&'static str],
}

/// All of them: exit codes first, then the checks of `doctor`.
pub fn explanations() -> impl Iterator<Item = &'static Explanation> {
    let groups = [
        codes::CODES,
        engine::ENGINE,
        project::PROJECT,
        luck::LUCK,
        host::HOST,
    ];
    groups.into_iter().flatten()
}

/// What `asked` means: an exit code, or a name in any case.
#[must_use]
pub fn explanation(asked: &str) -> Option<&'static Explanation> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    explanations().find(|one| match asked.parse::<u8>() {
        Ok(code) => one.code == Some(code),
        Err(_) => plain(one.name) == plain(asked),
    })
}

/// The names that can be asked about.
pub fn explained() -> impl Iterator<Item = &'static str> {
    explanations().map(|one| one.name)
}

impl Explanation {
    /// The text at length.
    #[must_use]
    pub fn text(&self) -> String {
        let title = match self.code {
            Some(code) => format!("{} (exit code {code})", self.name),
            None => format!("{} (a check of `jobsprint-dev doctor`)", self.name),
        };
        let lines = |before: &str, all: &[&str]| {
            let lines = all.iter().map(|one| format!("{before}{one}\n"));
            lines.collect::<Vec<_>>().concat()
        };
        format!(
            "{title}\n\n{}\n\nUsual causes:\n{}\n{}",
            self.means,
            lines("  - ", self.causes),
            lines("next: ", self.next)
        )
    }

    /// One line of the list.
    #[must_use]
    pub fn line(&self) -> String {
        let code = self.code.map(|code| code.to_string()).unwrap_or_default();
        format!("{code:>4}  {:<20}  {}\n", self.name, self.means)
    }
}

const fn code(
    code: u8,
    name: &'static str,
    means: &'static str,
    causes: &'static [&'static str],
    next: &'static [&'static str],
) -> Explanation {
    Explanation {
        code: Some(code),
        name,
        means,
        causes,
        next,
    }
}

const fn check(
    name: &'static str,
    means: &'static str,
    causes: &'static [&'static str],
    next: &'static [&'static str],
) -> Explanation {
    Explanation {
        code: None,
        name,
        means,
        causes,
        next,
    }
}

const LOOK: &[&str] = &["jobsprint-dev doctor"];
const MEND: &[&str] = &["jobsprint-dev doctor --fix"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_in_any_case_are_known() {
        assert_eq!(explanation("60").map(|one| one.name), Some("Port"));
        assert_eq!(explanation("not-ready").map(|one| one.code), Some(Some(30)));
        assert_eq!(explanation("HOST.PORTS").map(|one| one.code), Some(None));
        assert_eq!(explanation("7"), None);
    }

    #[test]
    fn each_ends_in_three_commands_at_most() {
        for one in explanations() {
            assert!((1..=3).contains(&one.next.len()), "{}", one.name);
            assert!(
                one.next.iter().all(|next| next.contains(' ')),
                "{}",
                one.name
            );
        }
    }
}

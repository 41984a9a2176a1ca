//! `.dockerignore`: which files stay out of a build context. The rules are Docker's, not git's: the last matching line wins, and a line matches from the context's root.

use regex::Regex;

/// The lines of one `.dockerignore`.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    matcher: Regex,
    effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Exclude,
    Include,
}

impl IgnoreRules {
    /// Reads the lines; one that makes no pattern is left aside, as Docker's own reader would refuse it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let rules = text
            .trim_start_matches('\u{feff}')
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| Rule::parse(line.trim()))
            .collect();
        Self { rules }
    }

    /// Whether the file at `path` (relative, with `/`) stays out.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        self.rules
            .iter()
            .rev()
            .find(|rule| rule.matches_or_holds(path))
            .is_some_and(|rule| rule.effect == Effect::Exclude)
    }

    /// Whether a directory that is excluded may still hold files that are not.
    #[must_use]
    pub fn may_include_beneath(&self) -> bool {
        self.rules.iter().any(|rule| rule.effect == Effect::Include)
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let (effect, pattern) = match line.strip_prefix('!') {
            Some(rest) => (Effect::Include, rest.trim()),
            None => (Effect::Exclude, line),
        };
        let pattern = cleaned(pattern);
        if pattern.is_empty() {
            return None;
        }
        let matcher = Regex::new(&expression(&pattern)).ok()?;
        Some(Self { matcher, effect })
    }

    /// A rule that matches a directory matches all beneath it.
    fn matches_or_holds(&self, path: &str) -> bool {
        self.matcher.is_match(path)
            || path
                .match_indices('/')
                .any(|(slash, _)| self.matcher.is_match(&path[..slash]))
    }
}

/// The pattern as a clean path: no `.`, no doubled or leading slashes, `..` resolved.
fn cleaned(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The pattern as a regular expression, character by character as Docker's matcher reads it.
fn expression(pattern: &str) -> String {
    let mut expression = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                expression.push_str(if rest.peek().is_none() {
                    ".*"
                } else {
                    "(.*/)?"
                });
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' | ']' | '-' | '^' => expression.push(character),
            '\\' => {
                let literal = rest.next().unwrap_or('\\');
                expression.push_str(&regex::escape(&literal.to_string()));
            }
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression.push('$');
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept<'a>(rules: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let rules = IgnoreRules::parse(rules);
        let stays = |path: &&&str| !rules.excludes(path);
        paths.iter().filter(stays).copied().collect()
    }

    #[test]
    fn a_pattern_without_a_slash_matches_at_the_root_alone() {
        assert_eq!(
            kept(
                "node_modules\n*.log",
                &[
                    "node_modules/a/b.js",
                    "app/node_modules/c.js",
                    "a.log",
                    "app/a.log"
                ]
            ),
            ["app/node_modules/c.js", "app/a.log"]
        );
    }

    #[test]
    fn two_stars_match_at_any_depth() {
        assert_eq!(
            kept(
                "**/node_modules\n**/*.log",
                &[
                    "node_modules/a.js",
                    "x/y/node_modules/b.js",
                    "a.log",
                    "x/y/z.log",
                    "x/keep.js"
                ]
            ),
            ["x/keep.js"]
        );
    }

    #[test]
    fn the_last_matching_line_wins() {
        assert_eq!(
            kept(
                "*.md\n!README*.md\nREADME-secret.md",
                &["a.md", "README.md", "README-secret.md"]
            ),
            ["README.md"]
        );
        assert_eq!(
            kept("*\n!src", &["Makefile", "src/main.rs"]),
            ["src/main.rs"]
        );
    }

    #[test]
    fn comments_blanks_and_slashes_are_read_as_docker_does() {
        assert_eq!(
            kept(
                "\u{feff}# a comment\n\n  /dist/  \n./tmp\n",
                &["dist/a", "tmp/b", "src/dist/c"]
            ),
            ["src/dist/c"]
        );
    }

    #[test]
    fn one_star_and_a_question_mark_stop_at_a_slash() {
        assert_eq!(
            kept("a/*/c\nx?z", &["a/b/c", "a/b/b/c", "xyz", "x/z"]),
            ["a/b/b/c", "x/z"]
        );
    }

    #[test]
    fn a_dot_is_a_dot() {
        assert_eq!(
            kept(
                ".env\n*.l[oa]g",
                &[".env", "xenv", "a.log", "a.lag", "a.lig"]
            ),
            ["xenv", "a.lig"]
        );
    }
}

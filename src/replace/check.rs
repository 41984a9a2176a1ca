//! The command that must pass before a restart, with the changed files put into it.

use crate::engine::Executed;

/// Stands for all changed files, as a word for each.
const ALL: &str = "{files}";
/// Stands for one changed file: the command runs once for each.
const EACH: &str = "{file}";
/// So many lines of a failed check are kept.
const SHOWN: usize = 40;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The code may run.
    Passed,
    /// It may not.
    Failed {
        /// The last lines of what the command said.
        output: Vec<String>,
    },
}

/// The commands to run for `files`: none where the check is of files and there are none.
///
/// A file is never a part of a word that a shell reads, except where the person wrote a shell's line: there it
/// stands in quotes.
pub(super) fn commands(check: &[String], files: &[String]) -> Vec<Vec<String>> {
    let names = |mark: &str| check.iter().any(|word| word.contains(mark));
    if names(EACH) {
        return files
            .iter()
            .map(|file| expand(check, EACH, std::slice::from_ref(file)))
            .collect();
    }
    if names(ALL) && files.is_empty() {
        return Vec::new();
    }
    vec![expand(check, ALL, files)]
}

fn expand(check: &[String], mark: &str, files: &[String]) -> Vec<String> {
    let quoted: Vec<String> = files.iter().map(|file| quote(file)).collect();
    let quoted = quoted.join(" ");
    check
        .iter()
        .flat_map(|word| {
            if word == mark {
                files.to_vec()
            } else {
                vec![word.replace(mark, &quoted)]
            }
        })
        .collect()
}

fn quote(file: &str) -> String {
    format!("'{}'", file.replace('\'', r"'\''"))
}

/// The verdict on commands that ended.
pub(super) fn verdict(ended: &[Executed]) -> Verdict {
    let failed: Vec<&Executed> = ended.iter().filter(|ended| ended.code != 0).collect();
    if failed.is_empty() {
        return Verdict::Passed;
    }
    let mut output: Vec<String> = failed.into_iter().flat_map(lines).collect();
    let first = output.len().saturating_sub(SHOWN);
    Verdict::Failed {
        output: output.split_off(first),
    }
}

/// What a command said, errors last, without empty lines.
pub(super) fn lines(ended: &Executed) -> Vec<String> {
    [&ended.stdout, &ended.stderr]
        .into_iter()
        .flat_map(|bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let lines = text.lines().map(|line| line.trim_end().to_owned());
            lines.collect::<Vec<_>>()
        })
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn told(check: &[&str], files: &[&str]) -> Vec<String> {
        commands(&words(check), &words(files))
            .iter()
            .map(|command| command.join("|"))
            .collect()
    }

    #[test]
    fn files_become_words_of_the_command() {
        let table: &[(&[&str], &[&str], &[&str])] = &[
            (
                &["lint", "{files}"],
                &["/a.js", "/b c.js"],
                &["lint|/a.js|/b c.js"],
            ),
            (
                &["node", "--check", "{file}"],
                &["/a.js", "/b c.js"],
                &["node|--check|/a.js", "node|--check|/b c.js"],
            ),
            (&["lint", "{files}"], &[], &[]),
            (&["node", "--check", "{file}"], &[], &[]),
            (&["make", "check"], &["/a.js"], &["make|check"]),
            (&["make", "check"], &[], &["make|check"]),
            (
                &["sh", "-c", "lint {files} | tee log"],
                &["/a b", "/it's; rm -rf $HOME"],
                &[r"sh|-c|lint '/a b' '/it'\''s; rm -rf $HOME' | tee log"],
            ),
        ];
        for (check, files, expected) in table {
            assert_eq!(told(check, files), *expected, "{check:?} of {files:?}");
        }
    }

    #[test]
    fn one_failure_fails_all_and_its_output_is_told() {
        let well = Executed::default();
        let badly = Executed {
            code: 1,
            stdout: b"checking\n\n".to_vec(),
            stderr: b"SyntaxError: Unexpected token\n".to_vec(),
        };

        assert_eq!(verdict(std::slice::from_ref(&well)), Verdict::Passed);
        assert_eq!(
            verdict(&[well, badly]),
            Verdict::Failed {
                output: words(&["checking", "SyntaxError: Unexpected token"])
            }
        );
    }
}

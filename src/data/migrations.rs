//! A service's directory of SQL migrations beside what the database has of it: what is due, changed, missing.

use std::path::Path;

use super::difference::difference;
use super::migration_files::{MigrationFile, migration_files};
use super::migration_ledger::Applied;
use super::script::Script;
use super::standing::Due;
use super::{DataContext, DataError};
use crate::domain::{Migrate, Service};

/// A file that says so is run statement by statement, each by itself.
const APART: &str = "-- no-transaction";

/// Below a comment that begins so stands what undoes the rest: in files for node-pg-migrate, dbmate and goose.
const DOWN: [&str; 3] = ["down migration", "migrate:down", "+goose down"];

/// The SQL migrations of a service, read.
pub(super) struct Migrations<'a> {
    /// Whose they are.
    pub(super) service: &'a Service,
    /// In order.
    pub(super) all: Vec<Migration>,
    /// How messages name the directory.
    shown: String,
}

/// A migration, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Migration {
    /// Its name and place.
    pub(super) file: MigrationFile,
    /// What it does.
    pub(super) up: Script,
    /// What undoes it.
    pub(super) down: Option<Script>,
}

/// How a file is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Whole or not at all.
    InTransaction,
    /// Statement by statement, as `CREATE INDEX CONCURRENTLY` asks for.
    Apart,
}

impl<'a> Migrations<'a> {
    /// Reads the service's directory; `None` where it has none.
    pub(super) fn read(
        context: &DataContext,
        service: &'a Service,
    ) -> Result<Option<Self>, DataError> {
        let Some(Migrate::Directory(directory)) = &service.migrate else {
            return Ok(None);
        };
        let shown = |path: &Path| {
            let root = &context.stack.working_dir;
            let below = path.strip_prefix(root).unwrap_or(path);
            below.display().to_string()
        };
        let read = |path: &Path| Script::read(path, shown(path));
        let mut all = Vec::new();
        for file in migration_files(directory)? {
            let (up, below) = apart(read(&file.path)?);
            let beside = file.down.as_deref().map(read).transpose()?;
            all.push(Migration {
                up,
                down: beside.or(below),
                file,
            });
        }
        Ok(Some(Self {
            service,
            all,
            shown: shown(directory),
        }))
    }

    /// The migrations that the database lacks, or has half.
    ///
    /// A file that was changed since it was applied is an error: what the database has is no longer what the files say.
    pub(super) fn due(
        &self,
        applied: &[Applied],
        until: Option<i64>,
    ) -> Result<Vec<(&Migration, usize)>, DataError> {
        let mut due = Vec::new();
        for migration in &self.all {
            let known = applied
                .iter()
                .find(|known| known.number == migration.file.number);
            match known {
                Some(known) => match known.unfinished {
                    Some(statements) => due.push((migration, statements)),
                    None => migration.see_unchanged(known)?,
                },
                None => due.push((migration, 0)),
            }
        }
        let Some(until) = until else { return Ok(due) };
        self.see_reachable(applied, until)?;
        due.retain(|(migration, _)| migration.file.number <= until);
        Ok(due)
    }

    fn see_reachable(&self, applied: &[Applied], until: i64) -> Result<(), DataError> {
        let refused = |reason: String, hint: String| Err(DataError::Target { reason, hint });
        if !self.all.iter().any(|one| one.file.number == until) {
            let last = self.all.last().map_or(0, |last| last.file.number);
            let reason = format!("there is no migration {until} in `{}`", self.shown);
            return refused(reason, format!("the last one is {last}"));
        }
        let beyond = applied.iter().filter(|known| known.number > until).count();
        if beyond > 0 {
            let reason = format!("the database is beyond migration {until}");
            let hint = format!("go back with `jobsprint-dev migrate down {beyond}`");
            return refused(reason, hint);
        }
        Ok(())
    }

    /// Those that the database has though no file has them, as those of another branch.
    pub(super) fn missing<'b>(
        &'b self,
        applied: &'b [Applied],
    ) -> impl Iterator<Item = &'b Applied> {
        applied.iter().filter(|known| {
            let mut all = self.all.iter();
            !all.any(|one| one.file.number == known.number)
        })
    }

    /// How each stands, in order.
    pub(super) fn standing(&self, applied: &[Applied]) -> Vec<Due> {
        let mut rows: Vec<(i64, Due)> = self
            .missing(applied)
            .map(|known| (known.number, self.row(&known.name, "missing")))
            .collect();
        rows.extend(self.all.iter().map(|one| {
            let known = applied.iter().find(|known| known.number == one.file.number);
            let state = match known {
                None => "pending",
                Some(known) if known.unfinished.is_some() => "cut off",
                Some(known) if one.see_unchanged(known).is_err() => "changed",
                Some(_) => "applied",
            };
            (one.file.number, self.row(&one.file.name, state))
        }));
        rows.sort_by_key(|(number, _)| *number);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn row(&self, name: &str, state: &'static str) -> Due {
        Due {
            name: format!("{}/{name}", self.shown),
            state,
        }
    }

    /// What undoes an applied migration: the file of now, else the text of then.
    pub(super) fn undoing(&self, known: &Applied) -> Result<Script, DataError> {
        let now = self.all.iter().find(|one| one.file.number == known.number);
        let stem = known.name.strip_suffix(".sql").unwrap_or(&known.name);
        let file = format!("{}/{stem}.down.sql", self.shown);
        let script = match (now.and_then(|one| one.down.clone()), &known.down) {
            (Some(script), _) => Some(script),
            (None, Some(text)) => Some(Script {
                file: file.clone(),
                text: text.clone(),
            }),
            (None, None) => None,
        };
        script.ok_or_else(|| DataError::Target {
            reason: format!("`{}/{}` can't be undone", self.shown, known.name),
            hint: format!("write what undoes it into `{file}`"),
        })
    }
}

impl Migration {
    /// How it is run.
    pub(super) fn manner(&self) -> Manner {
        manner(&self.up.text)
    }

    /// What the ledger keeps of it.
    pub(super) fn entry(&self, unfinished: Option<usize>) -> Applied {
        Applied {
            number: self.file.number,
            name: self.file.name.clone(),
            up: plain(&self.up.text),
            down: self.down.as_ref().map(|down| plain(&down.text)),
            unfinished,
        }
    }

    /// Neither its name nor its text differ from what was applied.
    fn see_unchanged(&self, known: &Applied) -> Result<(), DataError> {
        let now = plain(&self.up.text);
        if now == known.up && self.file.name == known.name {
            return Ok(());
        }
        let mut details = Vec::new();
        if self.file.name != known.name {
            details.push(format!("it was applied as `{}`", known.name));
        }
        details.extend(difference(&known.up, &now));
        Err(DataError::Changed {
            file: self.up.file.clone(),
            details,
        })
    }
}

/// Parts what undoes a migration from it, where both stand in one file as other tools have it. What is undone keeps its
/// lines' numbers.
fn apart(script: Script) -> (Script, Option<Script>) {
    let mut above = 0;
    let found = script.text.split_inclusive('\n').find_map(|line| {
        let comment = line.trim().strip_prefix("--").map(str::trim_start);
        let is_mark = comment.is_some_and(|comment| {
            let comment = comment.to_lowercase();
            DOWN.iter().any(|mark| comment.starts_with(mark))
        });
        above += line.len();
        is_mark.then_some(above - line.len())
    });
    let Some(at) = found else {
        return (script, None);
    };
    let (up, down) = script.text.split_at(at);
    let lines = "\n".repeat(up.matches('\n').count());
    let part = |text: String| Script {
        file: script.file.clone(),
        text,
    };
    (part(up.to_owned()), Some(part(lines + down)))
}

/// How a text is run.
pub(super) fn manner(text: &str) -> Manner {
    let mut comments = text
        .lines()
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with("--"));
    if comments.any(|line| line.eq_ignore_ascii_case(APART)) {
        Manner::Apart
    } else {
        Manner::InTransaction
    }
}

/// The text with its lines ended by `\n`: what git makes of line ends is no change.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_undoes_a_migration_may_stand_below_it_in_the_same_file() {
        let parted = |text: &str| {
            let file = "0001_a.sql".to_owned();
            let text = text.to_owned();
            let (up, down) = apart(Script { file, text });
            (up.text, down.map(|down| down.text))
        };

        assert_eq!(
            parted("-- Up Migration\nCREATE TABLE a ();\n-- Down Migration\nDROP TABLE a;\n"),
            (
                "-- Up Migration\nCREATE TABLE a ();\n".to_owned(),
                Some("\n\n-- Down Migration\nDROP TABLE a;\n".to_owned())
            )
        );
        assert!(parted("-- migrate:up\n--migrate:down\n").1.is_some());
        assert_eq!(parted("SELECT 1; -- down\n").1, None);
    }

    #[test]
    fn only_a_comment_at_the_top_asks_for_statements_by_themselves() {
        assert_eq!(
            manner("-- An index.\r\n-- no-transaction\r\nCREATE INDEX"),
            Manner::Apart
        );
        assert_eq!(
            manner("SELECT 1;\n-- no-transaction\n"),
            Manner::InTransaction
        );
    }
}

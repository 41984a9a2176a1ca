//! Runs the text of an SQL file, and tells exactly which statement failed.

use std::ops::RangeInclusive;

use futures_util::{StreamExt, pin_mut};
use tokio_postgres::error::{DbError, ErrorPosition};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::DataError;
use super::digest::unreadable;
use super::error::in_words;
use super::excerpt::{Place, excerpt};
use super::statements::statements;

/// An SQL file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    /// How messages name it.
    pub(super) file: String,
    /// Its text, without a byte-order mark.
    pub(super) text: String,
}

impl Script {
    /// Reads a file; `file` is how messages name it.
    pub(super) fn read(path: &std::path::Path, file: String) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self {
                file,
                text: text.trim_start_matches('\u{feff}').to_owned(),
            }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
                let Place { line, column } = Place::of_byte(&before, before.len());
                Err(DataError::Input {
                    path: path.to_owned(),
                    reason: format!("line {line}, column {column} is not UTF-8"),
                })
            }
        }
    }

    /// Runs all statements in one round trip, and says how many rows they touched.
    pub(super) async fn run(&self, client: &Client) -> Result<u64, DataError> {
        if let Some(place) = self.meta_command() {
            let reason = "commands of psql are not SQL".to_owned();
            return Err(self.failure(place, reason, Vec::new(), None));
        }
        let sql = self.without_transactions();
        let answers = client.simple_query_raw(&sql).await;
        let answers = answers.map_err(|error| self.fault(&error, &sql, 0))?;
        pin_mut!(answers);
        let (mut rows, mut finished) = (0, 0);
        while let Some(answer) = answers.next().await {
            if let SimpleQueryMessage::CommandComplete(count) =
                answer.map_err(|error| self.fault(&error, &sql, finished))?
            {
                rows += count;
                finished += 1;
            }
        }
        Ok(rows)
    }

    /// How many statements it has.
    pub(super) fn count(&self) -> usize {
        statements(&self.text).len()
    }

    /// Runs one statement by itself, outside of any transaction; they count from 0.
    pub(super) async fn run_one(&self, client: &Client, at: usize) -> Result<(), DataError> {
        let Some(range) = statements(&self.text).into_iter().nth(at) else {
            return Ok(());
        };
        let ran = client.batch_execute(&self.text[range.clone()]).await;
        ran.map_err(|error| {
            let Some(refusal) = error.as_db_error() else {
                let place = Place::of_byte(&self.text, range.start);
                return self.failure(place, in_words(&error), Vec::new(), None);
            };
            let place = match refusal.position() {
                Some(ErrorPosition::Original(position)) => {
                    let before = self.text[..range.start].chars().count();
                    let before = u32::try_from(before).unwrap_or(u32::MAX);
                    Place::of_character(&self.text, before.saturating_add(*position))
                }
                _ => Place::of_byte(&self.text, range.start),
            };
            let hint = "the statements before it stay; mend it and run the same again, and it goes on here".to_owned();
            self.failure(place, refusal.message().to_owned(), said(refusal), Some(hint))
        })
    }

    /// Where a statement begins with a backslash.
    fn meta_command(&self) -> Option<Place> {
        let starts = statements(&self.text).into_iter().map(|range| range.start);
        let mut meta = starts.filter(|start| self.text[*start..].starts_with('\\'));
        meta.next().map(|start| Place::of_byte(&self.text, start))
    }

    /// The text with its own `BEGIN` and `COMMIT` blanked, all else where it was: the file runs inside the tool's transaction.
    fn without_transactions(&self) -> String {
        let mut sql = self.text.clone();
        let own = statements(&self.text).into_iter().rev();
        for range in own.filter(|range| is_transaction(&self.text[range.clone()])) {
            let blanks = " ".repeat(self.text[range.clone()].chars().count());
            sql.replace_range(range, &blanks);
        }
        sql
    }

    /// What went wrong in `sql` after so many of its statements had finished.
    fn fault(&self, error: &tokio_postgres::Error, sql: &str, finished: usize) -> DataError {
        let Some(refusal) = error.as_db_error() else {
            let place = place_of(sql, finished);
            return self.failure(place, in_words(error), Vec::new(), None);
        };
        let place = match refusal.position() {
            Some(ErrorPosition::Original(position)) => Place::of_character(&self.text, *position),
            _ => place_of(sql, finished),
        };
        let words = said(refusal);
        self.failure(place, refusal.message().to_owned(), words, None)
    }

    /// The lines of the statement that a place is in.
    fn lines_of(&self, place: Place) -> RangeInclusive<usize> {
        let lines = statements(&self.text).into_iter().map(|range| {
            let first = Place::of_byte(&self.text, range.start).line;
            first..=Place::of_byte(&self.text, range.end).line
        });
        let mut around = lines.filter(|lines| lines.contains(&place.line));
        around.next().unwrap_or(place.line..=place.line)
    }

    /// A failure of this file at a place, where a line is all that belongs together.
    pub(super) fn failure_in_line(&self, place: Place, reason: String) -> DataError {
        let Place { line, column } = place;
        DataError::File {
            file: self.file.clone(),
            line,
            column,
            reason,
            details: excerpt(&self.file, &self.text, line..=line, place),
            hint: None,
        }
    }

    /// A failure of this file at a place.
    pub(super) fn failure(
        &self,
        place: Place,
        reason: String,
        words: Vec<String>,
        hint: Option<String>,
    ) -> DataError {
        let mut details = excerpt(&self.file, &self.text, self.lines_of(place), place);
        details.extend(words);
        DataError::File {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            reason,
            details,
            hint,
        }
    }
}

/// Where the statement begins that comes after so many others.
fn place_of(sql: &str, finished: usize) -> Place {
    let starts = statements(sql);
    let byte = starts.get(finished).or(starts.last());
    Place::of_byte(sql, byte.map_or(0, |range| range.start))
}

fn is_transaction(statement: &str) -> bool {
    let words: Vec<String> = statement
        .split_whitespace()
        .map(str::to_uppercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["BEGIN" | "COMMIT" | "END"]
            | ["BEGIN" | "COMMIT" | "END", "TRANSACTION" | "WORK", ..]
            | ["START", "TRANSACTION", ..]
    )
}

/// What postgres says besides the message.
pub(super) fn said(refusal: &DbError) -> Vec<String> {
    let detail = refusal.detail().map(|text| format!("detail: {text}"));
    let hint = refusal
        .hint()
        .map(|text| format!("postgres suggests: {text}"));
    let context = refusal.where_().map(|text| format!("in {text}"));
    [detail, hint, context].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_own_transaction_is_blanked_and_nothing_moves() {
        let script = Script {
            file: "a.sql".to_owned(),
            text: "begin;\nSELECT 1;\nDO $$ BEGIN END $$;\nCOMMIT ;".to_owned(),
        };

        let sql = script.without_transactions();

        assert_eq!(sql, "     ;\nSELECT 1;\nDO $$ BEGIN END $$;\n       ;");
    }
}

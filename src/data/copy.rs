//! Loads a file of rows by COPY, and tells exactly which row and column failed.

use std::fs::File;
use std::io::Read;
use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::{Client, CopyInSink};

use super::DataError;
use super::digest::unreadable;
use super::error::in_words;
use super::excerpt::{Place, excerpt};
use super::ledger::Standing;
use super::script::said;
use super::seed_files::{SeedFile, table};
use crate::event::{Event, Events};

/// Large enough that the protocol costs nothing beside the parsing.
const CHUNK: usize = 256 * 1024;
/// At least so many bytes lie between two words on progress.
const TELL_EVERY: u64 = 8 * 1024 * 1024;

/// Loads the rows of `file` into its table, and says how many they were.
///
/// The first line names the columns. A file that was loaded before and has changed since replaces the rows that have the same primary key.
pub(super) async fn load(
    client: &Client,
    file: &SeedFile,
    shown: &str,
    standing: Standing,
    events: &Events,
) -> Result<u64, DataError> {
    let name = table(&file.name);
    let target = quoted_path(name);
    let columns = header(file)?;
    let list = columns.iter().map(|column| quoted(column));
    let list = list.collect::<Vec<_>>().join(", ");
    let failed = |error: &tokio_postgres::Error| fault(file, shown, &columns, error);
    let into = match standing {
        Standing::New | Standing::Applied => target.clone(),
        Standing::Changed => {
            let staging = format!(
                "CREATE TEMPORARY TABLE jobsprint_rows ON COMMIT DROP AS SELECT {list} FROM {target} WITH NO DATA"
            );
            client
                .batch_execute(&staging)
                .await
                .map_err(|error| failed(&error))?;
            "jobsprint_rows".to_owned()
        }
    };
    let copy = format!("COPY {into} ({list}) FROM STDIN WITH (FORMAT csv, HEADER true)");
    let sink = client
        .copy_in(&copy)
        .await
        .map_err(|error| failed(&error))?;
    let rows = match send(sink, file, shown, events).await {
        Ok(rows) => rows,
        Err(Interrupted::File(error)) => return Err(error),
        Err(Interrupted::Database(error)) => return Err(failed(&error)),
    };
    if standing == Standing::Changed {
        merge(client, name, &target, &columns)
            .await
            .map_err(|error| failed(&error))?;
    }
    Ok(rows)
}

enum Interrupted {
    File(DataError),
    Database(tokio_postgres::Error),
}

async fn send(
    sink: CopyInSink<Bytes>,
    file: &SeedFile,
    shown: &str,
    events: &Events,
) -> Result<u64, Interrupted> {
    let mut sink = pin!(sink);
    let in_file = |error: std::io::Error| Interrupted::File(unreadable(&file.path, &error));
    let mut source = File::open(&file.path).map_err(in_file)?;
    let (mut lines, mut sent, mut told) = (0, 0, 0);
    loop {
        let mut chunk = vec![0; CHUNK];
        let count = source.read(&mut chunk).map_err(in_file)?;
        if count == 0 {
            break;
        }
        chunk.truncate(count);
        sent += count as u64;
        lines += chunk.split(|byte| *byte == b'\n').skip(1).count() as u64;
        if sent - told >= TELL_EVERY {
            told = sent;
            let what = shown.to_owned();
            events.tell(Event::DataProgress { what, rows: lines });
        }
        sink.feed(Bytes::from(chunk))
            .await
            .map_err(Interrupted::Database)?;
    }
    sink.finish().await.map_err(Interrupted::Database)
}

/// Moves the staged rows over, replacing those with the same primary key.
async fn merge(
    client: &Client,
    name: &str,
    target: &str,
    columns: &[String],
) -> Result<(), tokio_postgres::Error> {
    let keys = client
        .query(
            "SELECT a.attname::text FROM pg_index i
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
             WHERE i.indrelid = to_regclass($1) AND i.indisprimary",
            &[&quoted_path(name)],
        )
        .await?;
    let keys: Vec<String> = keys.iter().map(|row| row.get(0)).collect();
    let join = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
    let list = join(&mut columns.iter().map(|column| quoted(column)));
    let conflict = if keys.is_empty() {
        String::new()
    } else {
        let key = join(&mut keys.iter().map(|key| quoted(key)));
        let others = columns.iter().filter(|column| !keys.contains(column));
        let updates = join(&mut others.map(|column| format!("{0} = excluded.{0}", quoted(column))));
        if updates.is_empty() {
            format!(" ON CONFLICT ({key}) DO NOTHING")
        } else {
            format!(" ON CONFLICT ({key}) DO UPDATE SET {updates}")
        }
    };
    let insert =
        format!("INSERT INTO {target} ({list}) SELECT {list} FROM jobsprint_rows{conflict}");
    client.batch_execute(&insert).await
}

/// The columns that the first line names.
fn header(file: &SeedFile) -> Result<Vec<String>, DataError> {
    let unusable = |reason: &str| DataError::Input {
        path: file.path.clone(),
        reason: reason.to_owned(),
    };
    let mut reader = std::io::BufReader::new(
        File::open(&file.path).map_err(|error| unreadable(&file.path, &error))?,
    );
    let mut line = Vec::new();
    std::io::BufRead::read_until(&mut reader, b'\n', &mut line)
        .map_err(|error| unreadable(&file.path, &error))?;
    let line = String::from_utf8(line).map_err(|_| unusable("line 1 is not UTF-8"))?;
    let line = line.trim_start_matches('\u{feff}').trim_end();
    let columns: Vec<String> = line
        .split(',')
        .map(|column| column.trim().trim_matches('"').to_owned())
        .collect();
    if columns.iter().any(String::is_empty) {
        return Err(unusable("its first line must name the columns"));
    }
    Ok(columns)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `public.jobs` as `"public"."jobs"`.
fn quoted_path(name: &str) -> String {
    name.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

/// What postgres says of a row, with the row's place in the file.
fn fault(
    file: &SeedFile,
    shown: &str,
    columns: &[String],
    error: &tokio_postgres::Error,
) -> DataError {
    let (reason, words) = match error.as_db_error() {
        Some(refusal) => (refusal.message().to_owned(), said(refusal)),
        None => (in_words(error), Vec::new()),
    };
    let context = error.as_db_error().and_then(|refusal| refusal.where_());
    let line = context.and_then(line_of).unwrap_or(1);
    let bytes = std::fs::read(&file.path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let row = text.lines().nth(line - 1).unwrap_or_default();
    let field = context
        .and_then(column_of)
        .and_then(|name| columns.iter().position(|column| *column == name));
    let column = match field {
        Some(field) => column_of_field(row, field),
        // Postgres names no field of a row that it can't decode.
        None => column_of_stray(&bytes, line).unwrap_or(1),
    };
    let place = Place { line, column };
    let mut details = excerpt(shown, &text, line..=line, place);
    details.extend(words);
    DataError::File {
        file: shown.to_owned(),
        line,
        column,
        reason,
        details,
        hint: None,
    }
}

/// The line in `COPY jobs, line 3, column salary: "x"`.
fn line_of(context: &str) -> Option<usize> {
    let (_, rest) = context.split_once(", line ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    rest[..digits.unwrap_or(rest.len())].parse().ok()
}

/// The column's name in the same.
fn column_of(context: &str) -> Option<String> {
    let (_, rest) = context.split_once(", column ")?;
    let end = rest.find(':').unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// The character at which a field of a row begins, from 1.
fn column_of_field(row: &str, field: usize) -> usize {
    let (mut commas, mut is_quoted) = (0, false);
    for (at, c) in row.chars().enumerate() {
        if commas == field {
            return at + 1;
        }
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => commas += 1,
            _ => {}
        }
    }
    row.chars().count() + 1
}

/// The character of a line, from 1, that is not UTF-8.
fn column_of_stray(bytes: &[u8], line: usize) -> Option<usize> {
    let row = bytes.split(|byte| *byte == b'\n').nth(line - 1)?;
    let good = std::str::from_utf8(row).err()?.valid_up_to();
    Some(String::from_utf8_lossy(&row[..good]).chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stray_byte_is_found_by_its_character() {
        let rows = b"id,title\n1,\xc3\xa4\xc3\xb6 \xff\n";

        assert_eq!(column_of_stray(rows, 2), Some(6));
        assert_eq!(column_of_stray(rows, 1), None);
        assert_eq!(column_of_stray(rows, 9), None);
    }

    #[test]
    fn the_place_of_a_bad_field_is_found_in_what_postgres_says() {
        let context = "COPY jobs, line 3, column salary: \"lots\"";

        assert_eq!(line_of(context), Some(3));
        assert_eq!(column_of(context).as_deref(), Some("salary"));
        assert_eq!(line_of("COPY jobs, line 12: \"a,b\""), Some(12));
        assert_eq!(column_of_field("1,\"a, b\",lots", 2), 10);
    }

    #[test]
    fn names_are_quoted_so_that_none_is_read_as_sql() {
        assert_eq!(quoted_path("public.my\"jobs"), "\"public\".\"my\"\"jobs\"");
    }
}

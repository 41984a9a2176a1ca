//! The place in a file that a failure points at.

use std::ops::RangeInclusive;

/// A place in a text, from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The line.
    pub(super) line: usize,
    /// The column.
    pub(super) column: usize,
}

impl Place {
    /// The place of a byte of `text`.
    pub(super) fn of_byte(text: &str, byte: usize) -> Self {
        let before = &text[..text.floor_char_boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The place of a character of `text`, which postgres counts from 1.
    pub(super) fn of_character(text: &str, position: u32) -> Self {
        let skipped = usize::try_from(position).unwrap_or(1).saturating_sub(1);
        let byte = text
            .char_indices()
            .nth(skipped)
            .map_or(text.len(), |(at, _)| at);
        Self::of_byte(text, byte)
    }
}

/// So much of a long line is shown.
const SHOWN: usize = 120;

/// So many lines around the place are shown of a long statement.
const AROUND: usize = 6;

/// The lines of what failed, under its file's name, with a mark below the place.
pub(super) fn excerpt(
    file: &str,
    text: &str,
    lines: RangeInclusive<usize>,
    place: Place,
) -> Vec<String> {
    let Place { line, column } = place;
    let skipped = (column - 1).saturating_sub(SHOWN / 2);
    let first = (*lines.start()).clamp(line.saturating_sub(AROUND).max(1), line);
    let last = (*lines.end()).clamp(line, line + AROUND);
    let width = last.to_string().len();
    let margin = " ".repeat(width);
    let mut shown = vec![
        format!("{margin}--> {file}:{line}:{column}"),
        format!("{margin} |"),
    ];
    let sources = text.lines().enumerate().skip(first - 1);
    for (at, source) in sources.take(last + 1 - first) {
        let number = at + 1;
        let part: String = source
            .chars()
            .skip(skipped)
            .take(SHOWN)
            .map(|c| if c == '\t' { ' ' } else { c })
            .collect();
        shown.push(format!("{number:width$} | {part}").trim_end().to_owned());
        if number == line {
            let mark = " ".repeat(column - 1 - skipped);
            shown.push(format!("{margin} | {mark}^"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_counts_characters_and_is_marked() {
        let text = "SELECT 'ü';\r\nSELECT 'é', nope;\r\n";
        let position = u32::try_from(text.chars().position(|c| c == 'n').unwrap() + 1).unwrap();

        let place = Place::of_character(text, position);

        assert_eq!((place.line, place.column), (2, 13));
        assert_eq!(
            excerpt("seeds/a.sql", text, 2..=2, place),
            [
                " --> seeds/a.sql:2:13",
                "  |",
                "2 | SELECT 'é', nope;",
                "  |             ^",
            ]
        );
    }

    #[test]
    fn a_statement_of_several_lines_is_shown_whole_and_marked_where_it_fails() {
        let text = "SELECT 1;\nINSERT INTO jobs\nVALUES (\n  nope);\nSELECT 2;\n";

        assert_eq!(
            excerpt("a.sql", text, 2..=4, Place { line: 3, column: 8 }),
            [
                " --> a.sql:3:8",
                "  |",
                "2 | INSERT INTO jobs",
                "3 | VALUES (",
                "  |        ^",
                "4 |   nope);",
            ]
        );
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("{}x{}", "a".repeat(500), "b".repeat(500));

        let lines = excerpt(
            "f",
            &text,
            1..=1,
            Place {
                line: 1,
                column: 501,
            },
        );

        assert!(lines[2].chars().count() <= SHOWN + 4);
        let at = lines[3].find('^').unwrap();
        assert_eq!(lines[2].chars().nth(at), Some('x'));
    }
}

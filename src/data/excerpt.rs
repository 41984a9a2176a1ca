//! The place in a file that a failure points at.

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

/// The line of the place, under its file's name, with a mark below it.
pub(super) fn excerpt(file: &str, text: &str, place: Place) -> Vec<String> {
    let Place { line, column } = place;
    let source = text.lines().nth(line - 1).unwrap_or_default();
    let skipped = (column - 1).saturating_sub(SHOWN / 2);
    let shown: String = source
        .chars()
        .skip(skipped)
        .take(SHOWN)
        .map(|c| if c == '\t' { ' ' } else { c })
        .collect();
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let mark = " ".repeat(column - 1 - skipped);
    vec![
        format!("{margin}--> {file}:{line}:{column}"),
        format!("{margin} |"),
        format!("{number} | {shown}"),
        format!("{margin} | {mark}^"),
    ]
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
            excerpt("seeds/a.sql", text, place),
            [
                " --> seeds/a.sql:2:13",
                "  |",
                "2 | SELECT 'é', nope;",
                "  |             ^",
            ]
        );
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("{}x{}", "a".repeat(500), "b".repeat(500));

        let lines = excerpt(
            "f",
            &text,
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

//! The redrawn part at the bottom of a terminal, as the bytes that draw it.
//!
//! A frame is one write: up to the first row, each row over its predecessor, the rest cleared. Nothing is
//! cleared before it is overwritten, so nothing flickers; the cursor always rests on the fresh line below
//! and is never hidden, so there is nothing to restore, whatever ends the process.

use std::fmt::Write;

use console::{measure_text_width, truncate_str};

/// What stands on the screen now.
#[derive(Debug, Default)]
pub struct Screen {
    rows: Vec<String>,
}

impl Screen {
    /// The bytes that put `rows`, cut to `width`, in place of what stands there.
    pub fn draw(&mut self, rows: &[String], width: usize) -> String {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| truncate_str(row, width.saturating_sub(1), "…").into_owned())
            .collect();
        if rows == self.rows {
            return String::new();
        }
        let mut bytes = self.to_top(width);
        for row in &rows {
            bytes.push_str(row);
            bytes.push_str("\x1b[K\r\n");
        }
        bytes.push_str("\x1b[J");
        self.rows = rows;
        bytes
    }

    /// The bytes that take the rows away, so that lines can be written where they stood.
    pub fn clear(&mut self, width: usize) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut bytes = self.to_top(width);
        bytes.push_str("\x1b[J");
        self.rows.clear();
        bytes
    }

    /// Up to the first row. A terminal that became narrower has wrapped the rows: they count as it shows them.
    fn to_top(&self, width: usize) -> String {
        let shown: usize = self
            .rows
            .iter()
            .map(|row| measure_text_width(row).max(1).div_ceil(width.max(1)))
            .sum();
        let mut bytes = String::from("\r");
        if shown > 0 {
            write!(bytes, "\x1b[{shown}A").expect("a String takes all text");
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_frame_is_drawn_over_the_last_one() {
        let mut screen = Screen::default();

        let first = screen.draw(&rows(&["one", "two"]), 80);
        let second = screen.draw(&rows(&["one!"]), 80);

        assert_eq!(first, "\rone\x1b[K\r\ntwo\x1b[K\r\n\x1b[J");
        assert_eq!(second, "\r\x1b[2Aone!\x1b[K\r\n\x1b[J");
    }

    #[test]
    fn nothing_is_written_where_nothing_changed() {
        let mut screen = Screen::default();
        screen.draw(&rows(&["one"]), 80);

        assert_eq!(screen.draw(&rows(&["one"]), 80), "");
        assert_eq!(screen.clear(80), "\r\x1b[1A\x1b[J");
        assert_eq!(screen.clear(80), "");
    }

    #[test]
    fn a_row_never_wraps() {
        let mut screen = Screen::default();

        let drawn = screen.draw(&rows(&["0123456789abcdef"]), 10);

        assert_eq!(drawn, "\r01234567…\x1b[K\r\n\x1b[J");
    }

    #[test]
    fn rows_that_a_narrower_terminal_wrapped_are_all_taken_away() {
        let mut screen = Screen::default();
        screen.draw(&rows(&["0123456789", "short"]), 80);

        assert_eq!(screen.clear(6), "\r\x1b[3A\x1b[J");
    }
}

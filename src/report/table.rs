//! Columns that line up, whatever their texts are wide.

use console::measure_text_width;

/// The lines of a table: cells padded to their column's widest, two spaces between, no trailing space.
/// A column without any text is left out.
#[must_use]
pub fn lines<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Vec<String> {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(measure_text_width(cell));
        }
    }
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths).filter(|(_, width)| *width > 0) {
                let missing = width - measure_text_width(cell);
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', missing + 2));
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// `text` padded on the right to `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(measure_text_width(text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_empty_ones_go() {
        let rows = [
            ["postgres", "", "ready", "1.4 s"],
            ["n8n", "", "missing", ""],
        ]
        .map(|row| row.map(str::to_owned));

        assert_eq!(
            lines(&rows),
            ["postgres  ready    1.4 s", "n8n       missing"]
        );
    }
}

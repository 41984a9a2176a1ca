//! What two texts differ in, line by line.

/// So many equal lines are shown around each difference.
const AROUND: usize = 2;
/// So many lines of a difference are shown.
const LONGEST: usize = 60;
/// Above so many pairs of lines the middle is told as wholly replaced: comparing it would cost too much.
const MOST_PAIRS: usize = 4_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The lines that differ: `-` is in `old` alone, `+` in `new` alone; how lines end makes no difference.
pub(super) fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = compared(&old, &new);
    let is_near = |at: usize| {
        let near = at.saturating_sub(AROUND)..=(at + AROUND).min(lines.len() - 1);
        lines[near]
            .iter()
            .any(|line| !matches!(line, Line::Same(_)))
    };
    let mut shown = Vec::new();
    let mut skipped = false;
    for (at, line) in lines.iter().enumerate() {
        if !is_near(at) {
            skipped = true;
            continue;
        }
        if skipped && !shown.is_empty() {
            shown.push("  …".to_owned());
        }
        skipped = false;
        shown.push(match line {
            Line::Same(text) => format!("  {text}").trim_end().to_owned(),
            Line::Gone(text) => format!("- {text}"),
            Line::New(text) => format!("+ {text}"),
        });
    }
    if shown.len() > LONGEST {
        let more = shown.len() - LONGEST;
        shown.truncate(LONGEST);
        shown.push(format!("… and {more} more lines"));
    }
    shown
}

fn compared<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let ahead = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[ahead..], &new[ahead..]);
    let from_behind = old_rest.iter().rev().zip(new_rest.iter().rev());
    let behind = from_behind.take_while(|(a, b)| a == b).count();
    let old_middle = &old_rest[..old_rest.len() - behind];
    let new_middle = &new_rest[..new_rest.len() - behind];

    let mut lines: Vec<Line<'a>> = old[..ahead].iter().map(|line| Line::Same(line)).collect();
    lines.extend(middle(old_middle, new_middle));
    lines.extend(
        old[old.len() - behind..]
            .iter()
            .map(|line| Line::Same(line)),
    );
    lines
}

/// By the longest common subsequence.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    if old.len() * new.len() > MOST_PAIRS {
        let gone = old.iter().map(|line| Line::Gone(line));
        return gone.chain(new.iter().map(|line| Line::New(line))).collect();
    }
    let mut longest = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = if old[i] == new[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || longest[i + 1][j] >= longest[i][j + 1]) {
            lines.push(Line::Gone(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_shown_among_its_neighbours() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let new = "a\r\nb\r\nc\r\nD\r\ne\r\nf\r\ng\r\nh\r\ni\r\n";

        assert_eq!(
            difference(old, new),
            [
                "  b", "  c", "- d", "+ D", "  e", "  f", "  g", "  h", "+ i"
            ]
        );
    }

    #[test]
    fn texts_that_differ_in_their_line_ends_alone_are_equal() {
        assert_eq!(difference("a\nb\n", "a\r\nb"), Vec::<String>::new());
        assert_eq!(difference("", ""), Vec::<String>::new());
    }
}

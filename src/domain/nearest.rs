//! "Did you mean": the known word nearest to one that is not known.

/// The candidate that a person most likely meant by `given`; `None` where none is near.
///
/// Near is at most one edit in three characters (insertion, deletion, replacement, swap of neighbours), case ignored.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (edits(&given, &candidate.to_lowercase()), candidate))
        .filter(|(edits, candidate)| {
            *edits
                <= given
                    .chars()
                    .count()
                    .max(candidate.chars().count())
                    .div_ceil(3)
                && *edits < candidate.chars().count()
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance.
fn edits(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut before = vec![0; other.len() + 1];
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i; other.len() + 1];
        for j in 1..=other.len() {
            let replaced = last[j - 1] + usize::from(one[i - 1] != other[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
            if swapped {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_word_that_was_meant() {
        let known = ["postgres", "redis", "rabbitmq", "environment"];

        assert_eq!(nearest("postgers", known), Some("postgres"));
        assert_eq!(nearest("REDIS", known), Some("redis"));
        assert_eq!(nearest("enviroment", known), Some("environment"));
    }

    #[test]
    fn a_word_that_resembles_none_gets_no_suggestion() {
        assert_eq!(nearest("nginx", ["postgres", "redis"]), None);
        assert_eq!(nearest("x", ["a"]), None);
        assert_eq!(nearest("x", []), None);
    }
}

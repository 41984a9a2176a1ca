//! Exact grammar: counts, lists, durations, sizes and the tenses of a step.

use std::time::Duration;

use crate::event::StepKind;

/// A count with its noun: `1 service`, `2 services`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ if noun.ends_with('y') => format!("{number} {}ies", noun.trim_end_matches('y')),
        _ => format!("{number} {noun}s"),
    }
}

/// How many rows a file touched; one that touched none is done all the same.
#[must_use]
pub fn rows(number: u64) -> String {
    match usize::try_from(number).unwrap_or(usize::MAX) {
        0 => "done".to_owned(),
        number => count(number, "row"),
    }
}

/// A list as it is spoken: `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// A duration: `340 ms`, `3.2 s`, `1 m 5 s`, `2 h 3 m`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    let tenths = (millis + 50) / 100;
    let seconds = (millis + 500) / 1000;
    if millis < 1000 {
        format!("{millis} ms")
    } else if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if seconds < 3600 {
        format!("{} m {} s", seconds / 60, seconds % 60)
    } else {
        let minutes = seconds / 60;
        format!("{} h {} m", minutes / 60, minutes % 60)
    }
}

/// How long something has lasted, in whole seconds: `0 s`, `42 s`, `1 m 5 s`.
#[must_use]
pub fn age(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => duration(Duration::from_secs(seconds)),
    }
}

/// A moment of the run, for a column of moments: `3.2s`, `125.0s`.
#[must_use]
pub fn moment(at: Duration) -> String {
    let tenths = (at.as_millis() + 50) / 100;
    format!("{}.{}s", tenths / 10, tenths % 10)
}

/// A size in decimal units, as Docker writes it: `512 B`, `1.2 kB`, `45.6 MB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    let mut unit = "B";
    let mut scale = 1_u64;
    for (next, larger) in [
        ("kB", 1_000_u64),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ] {
        if size >= larger {
            unit = next;
            scale = larger;
        }
    }
    if scale == 1 {
        return format!("{size} B");
    }
    let tenths = size / (scale / 10);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A share of a whole in percent: `98 %`; of nothing, `0 %`.
#[must_use]
pub fn share(part: Duration, whole: Duration) -> String {
    let percent = (part.as_millis() * 100 + whole.as_millis() / 2)
        .checked_div(whole.as_millis())
        .unwrap_or(0);
    format!("{percent} %")
}

/// The name of a phase: what a service spends time on, as `migrate`.
#[must_use]
pub const fn phase(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Image => "image",
        StepKind::Network => "network",
        StepKind::Volume => "volume",
        StepKind::Create => "create",
        StepKind::Start => "start",
        StepKind::Ready => "ready",
        StepKind::Complete => "complete",
        StepKind::Migrate => "migrate",
        StepKind::Seed => "seed",
        StepKind::Stop => "stop",
        StepKind::Remove => "remove",
    }
}

/// What a service is doing while a step of this kind runs, as `migrating`.
#[must_use]
pub const fn doing(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Image => "getting image",
        StepKind::Network => "making network",
        StepKind::Volume => "making volume",
        StepKind::Create => "creating",
        StepKind::Start | StepKind::Ready => "starting",
        StepKind::Complete => "running",
        StepKind::Migrate => "migrating",
        StepKind::Seed => "seeding",
        StepKind::Stop => "stopping",
        StepKind::Remove => "removing",
    }
}

/// A step's title once it is done: `create network a` becomes `created network a`.
#[must_use]
pub fn done(title: &str) -> String {
    let (verb, rest) = title.split_once(' ').unwrap_or((title, ""));
    let past = match verb {
        "create" => "created",
        "recreate" => "recreated",
        "start" => "started",
        "restart" => "restarted",
        "stop" => "stopped",
        "remove" => "removed",
        "build" => "built",
        "pull" => "pulled",
        "get" => "got",
        "migrate" => "migrated",
        "seed" => "seeded",
        "connect" => "connected",
        "run" => "ran",
        _ => return title.to_owned(),
    };
    if rest.is_empty() {
        past.to_owned()
    } else {
        format!("{past} {rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_agrees_with_its_noun() {
        assert_eq!(count(0, "service"), "0 services");
        assert_eq!(count(1, "service"), "1 service");
        assert_eq!(count(2, "service"), "2 services");
        assert_eq!(count(2, "dependency"), "2 dependencies");
    }

    #[test]
    fn a_list_has_commas_and_one_and() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn a_duration_is_told_in_the_unit_that_a_person_would_choose() {
        let told: Vec<String> = [0, 340, 999, 1000, 3_249, 59_940, 59_960, 65_000, 7_380_000]
            .map(|millis| duration(Duration::from_millis(millis)))
            .to_vec();

        assert_eq!(
            told,
            [
                "0 ms", "340 ms", "999 ms", "1.0 s", "3.2 s", "59.9 s", "1 m 0 s", "1 m 5 s",
                "2 h 3 m"
            ]
        );
    }

    #[test]
    fn an_age_has_no_fractions() {
        assert_eq!(age(Duration::from_millis(900)), "0 s");
        assert_eq!(age(Duration::from_millis(42_900)), "42 s");
        assert_eq!(age(Duration::from_millis(65_900)), "1 m 5 s");
    }

    #[test]
    fn a_size_is_told_in_decimal_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_250), "1.2 kB");
        assert_eq!(bytes(45_600_000), "45.6 MB");
        assert_eq!(bytes(1_230_000_000), "1.2 GB");
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert_eq!(share(Duration::ZERO, Duration::ZERO), "0 %");
        assert_eq!(
            share(Duration::from_millis(981), Duration::from_secs(1)),
            "98 %"
        );
    }

    #[test]
    fn a_title_gets_its_past_tense() {
        assert_eq!(
            done("create network jobsprint_default"),
            "created network jobsprint_default"
        );
        assert_eq!(done("wave"), "wave");
    }
}

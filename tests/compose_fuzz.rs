//! Mutated projects, `.env` files and templates, for as long as asked: no panic, no hang, no memory blow-up.
//!
//! Seeds are the corpus and the tables of cases. Mutations are random, without feedback from coverage; a run of
//! `JOBSPRINT_FUZZ_SECONDS=60 cargo test --release --test compose_fuzz` is what CI does, a plain `cargo test` runs for
//! a second each. A failure names the input, kept in the temporary directory, and the seed that leads to it.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jobsprint_dev::composefile::{FileReader, LoadRequest, load};
use jobsprint_dev::dotenv::{Template, parse, parse_raw};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The longest that one input may take, however slow the machine.
const LONGEST: Duration = Duration::from_secs(5);
/// More memory than this at the peak is a blow-up.
const MOST_KIB: u64 = 1024 * 1024;

#[test]
fn the_loader_survives_any_file() {
    let seeds = files("tests/compose/corpus");
    fuzz("loader", &seeds, |text| {
        let reader = One(text.to_owned());
        let request = LoadRequest {
            files: vec![PathBuf::from("/project/compose.yaml")],
            environment: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
            current_dir: PathBuf::from("/project"),
            ..LoadRequest::default()
        };
        match load(&request, &reader) {
            Ok(loaded) => drop(format!("{loaded:?}")),
            Err(faults) => faults.0.iter().for_each(|fault| {
                drop(fault.render(jobsprint_dev::composefile::Colour::None));
            }),
        }
    });
}

#[test]
fn the_dotenv_parser_survives_any_file() {
    let seeds = files("tests/compose/dotenv.txt");
    fuzz("dotenv", &seeds, |text| {
        let lookup = |name: &str| (name.len() < 3).then(|| name.to_owned());
        if let Ok(parsed) = parse(text, &lookup) {
            for entry in &parsed.entries {
                assert!(
                    text.is_char_boundary(entry.value_span.start)
                        && text.is_char_boundary(entry.value_span.end)
                );
            }
        }
        parse_raw(text, &lookup).ok();
    });
}

#[test]
fn the_interpolator_survives_any_template() {
    let seeds = files("tests/compose/interpolation.txt");
    fuzz("template", &seeds, |text| {
        let lookup = |name: &str| (name.len() < 3).then(|| name.to_owned());
        if let Ok(template) = Template::parse(text) {
            template.expand(&lookup).ok();
            drop(template.variables());
        }
    });
}

/// A project of one file.
struct One(String);

impl FileReader for One {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path == Path::new("/project/compose.yaml") {
            Ok(self.0.clone())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        path == Path::new("/project/compose.yaml")
    }
}

/// The text of a file, or of every file of a directory; of a case of the corpus, its first file.
fn files(path: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if path.is_file() {
        let text = std::fs::read_to_string(&path).expect("the table is text");
        return text
            .lines()
            .map(str::to_owned)
            .chain([text.clone()])
            .collect();
    }
    let listed = std::fs::read_dir(path).expect("the corpus is there");
    let cases = listed.map(|entry| std::fs::read_to_string(entry.expect("it is listed").path()));
    let project = |case: io::Result<String>| {
        let case = case.expect("a case is text");
        let start = case
            .find("compose.yaml\n")
            .map_or(0, |at| at + "compose.yaml\n".len());
        case[start..]
            .split("\n--- ")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    cases.map(project).collect()
}

fn fuzz(name: &str, seeds: &[String], target: impl Fn(&str)) {
    let seconds = std::env::var("JOBSPRINT_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(1));
    let mut runs: u64 = 0;
    while Instant::now() < end {
        let mut random = StdRng::seed_from_u64(runs);
        let input = mutated(seeds, &mut random);
        let start = Instant::now();
        let survived = catch_unwind(AssertUnwindSafe(|| target(&input))).is_ok();
        if !survived || start.elapsed() > LONGEST {
            let kept = std::env::temp_dir().join(format!("jobsprint-fuzz-{name}-{runs}"));
            std::fs::write(&kept, &input).expect("the input can be kept");
            panic!(
                "{name}: seed {runs} {} on {}",
                if survived { "hangs" } else { "panics" },
                kept.display()
            );
        }
        runs += 1;
    }
    assert!(runs > 0, "{name}: nothing was run");
    assert!(
        peak_kib() < MOST_KIB,
        "{name}: {} KiB at the peak",
        peak_kib()
    );
    println!("{name}: {runs} inputs, peak {} KiB", peak_kib());
}

/// A seed with a few of its parts cut, doubled, swapped, or put in from another seed.
fn mutated(seeds: &[String], random: &mut StdRng) -> String {
    const ODD: [&str; 24] = [
        "${",
        "}",
        "$",
        "$$",
        "*a",
        "&a ",
        "<<: *a\n",
        "!reset ",
        "!override ",
        "- ",
        ": ",
        "\n",
        "\t",
        "'",
        "\"",
        "#",
        "é",
        "\u{feff}",
        "99999999999999999999",
        "-1",
        "[[[[",
        "{{{{",
        "|\n",
        "extends: a\n",
    ];
    let mut text: Vec<char> = seeds[random.random_range(0..seeds.len())].chars().collect();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=text.len());
        let end = random.random_range(at..=text.len().min(at + 40));
        match random.random_range(0..5) {
            0 => drop(text.drain(at..end)),
            1 => {
                let part: Vec<char> = text[at..end].to_vec();
                let to = random.random_range(0..=text.len());
                text.splice(to..to, part);
            }
            2 => {
                let odd = ODD[random.random_range(0..ODD.len())];
                text.splice(at..at, odd.chars());
            }
            3 => {
                let other: Vec<char> = seeds[random.random_range(0..seeds.len())].chars().collect();
                let from = random.random_range(0..=other.len());
                let to = other.len().min(from + 60);
                text.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                if let Some(c) = text.get_mut(at) {
                    *c = char::from(random.random_range(1..127_u8));
                }
            }
        }
    }
    text.into_iter().collect()
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells of the process");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("the peak is told");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("it is a number")
}

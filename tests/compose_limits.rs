//! Large and hostile files: quick and small, or refused quickly.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jobsprint_dev::composefile::{Diagnostics, FileReader, LoadRequest, Loaded, load};

/// Builds without optimisation are some twenty times slower, and tests share the machine.
const SLACK: u32 = if cfg!(debug_assertions) { 40 } else { 4 };

struct One(String);

impl FileReader for One {
    fn read(&self, path: &Path) -> io::Result<String> {
        if self.is_file(path) {
            Ok(self.0.clone())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        path == Path::new("/project/compose.yaml")
    }
}

fn timed(text: String) -> (Result<Loaded, Diagnostics>, Duration) {
    let request = LoadRequest {
        files: vec![PathBuf::from("/project/compose.yaml")],
        current_dir: PathBuf::from("/project"),
        ..LoadRequest::default()
    };
    let start = Instant::now();
    let loaded = load(&request, &One(text));
    (loaded, start.elapsed())
}

#[test]
fn a_hundred_services_on_five_thousand_lines_are_read_at_once() {
    let (loaded, took) = timed(hundred_services());

    assert_eq!(loaded.expect("it loads").stack.services.len(), 100);
    assert!(took < Duration::from_millis(50) * SLACK, "took {took:?}");
}

#[test]
fn a_billion_laughs_are_refused_at_once() {
    let mut text = "x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "x-{level}: &a{level} [{aliases}]").expect("text takes text");
    }
    text.push_str("services: {a: {image: i}}\n");

    let (loaded, took) = timed(text);

    let refusal = loaded.expect_err("it is refused").to_string();
    assert!(refusal.contains("expand to more than"), "{refusal}");
    assert!(took < Duration::from_millis(100) * SLACK, "took {took:?}");
}

#[test]
fn endless_nesting_is_refused_at_once() {
    for text in [
        "[".repeat(200_000),
        "a: {".repeat(50_000),
        "- ".repeat(100_000),
        "a:\n ".to_owned(),
    ] {
        let (loaded, took) = timed(text);

        assert!(loaded.is_err());
        assert!(took < Duration::from_millis(100) * SLACK, "took {took:?}");
    }
}

/// A file of 5,000 lines and a bit.
fn hundred_services() -> String {
    let mut text = "name: large\nx-env: &env\n  COMMON: value\nservices:\n".to_owned();
    for number in 0..100 {
        write!(
            text,
            "  service-{number:03}:\n    image: registry.example.com/team/service-{number}:${{TAG:-1.2.3}}\n    build:\n      \
             context: ./services/{number}\n      args:\n        A: \"1\"\n        B: ${{B:-b}}\n    environment:\n      <<: *env\n"
        )
        .expect("text takes text");
        for variable in 0..32 {
            writeln!(
                text,
                "      VARIABLE_{variable}: ${{V{variable}:-value-{number}}}"
            )
            .expect("text takes text");
        }
        write!(
            text,
            "    ports:\n      - \"{}:80\"\n    volumes:\n      - data:/data/{number}\n      - ./src/{number}:/app:ro\n    \
             healthcheck:\n      test: curl -f localhost\n      interval: 5s\n    networks:\n      - front\n    labels:\n      \
             - a=b\n",
            10000 + number
        )
        .expect("text takes text");
        if number > 0 {
            writeln!(
                text,
                "    depends_on:\n      service-{:03}:\n        condition: service_started",
                number - 1
            )
            .expect("text takes text");
        }
    }
    text.push_str("networks:\n  front:\nvolumes:\n  data:\n");
    let lines = text.lines().count();
    assert!(lines >= 5_000, "{lines} lines");
    text
}

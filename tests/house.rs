//! The rules of the house, held by a machine: which way rooms may look, and what stays out of them.
//!
//! Which room may look where is read from the table in `src/lib.rs`, so the table can't lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// Past this many lines of code (tests and comments left out) a second inhabitant has probably moved in.
const COMFORTABLE: usize = 300;

/// Past this many it certainly has.
const LONGEST: usize = 600;

/// A source file: where it is, and its lines of code without tests and comments.
struct Source {
    path: String,
    room: String,
    text: String,
    code: Vec<(usize, String)>,
}

impl Source {
    /// The places where `pattern` stands in the code, as `src/a.rs:3: the line`.
    fn places(&self, pattern: &Regex) -> Vec<String> {
        self.code
            .iter()
            .filter(|(_, line)| pattern.is_match(line))
            .map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim()))
            .collect()
    }
}

/// Every file of `src/` that is part of the program, in order.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("a source file is readable text");
            (file, text)
        })
        .collect();
    let only_tests: BTreeSet<PathBuf> = texts
        .iter()
        .flat_map(|(file, text)| test_modules(file, text))
        .collect();
    let sources: Vec<Source> = texts
        .into_iter()
        .filter(|(file, _)| !only_tests.iter().any(|test| file.starts_with(test)))
        .filter(|(file, _)| !only_tests.contains(&file.with_extension("")))
        .map(|(file, text)| source(root, &file, text))
        .collect();
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a source directory is readable") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Modules that `file` declares under `#[cfg(test)]`, as paths without extension.
fn test_modules(file: &Path, text: &str) -> Vec<PathBuf> {
    static DECLARED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^#\[cfg\(test\)\]\n(?:pub(?:\([a-z]+\))? )?mod (\w+);").expect("valid")
    });
    let directory = if file.ends_with("mod.rs") || file.ends_with("lib.rs") {
        file.parent().expect("a file has a directory").to_owned()
    } else {
        file.with_extension("")
    };
    DECLARED
        .captures_iter(text)
        .map(|found| directory.join(&found[1]))
        .collect()
}

fn source(root: &Path, file: &Path, text: String) -> Source {
    let path = file.strip_prefix(root).expect("it is under the root");
    let in_src = path.strip_prefix("src").expect("it is under src");
    let first = in_src.iter().next().expect("it has a name");
    let tests_begin = text
        .find("\n#[cfg(test)]\nmod tests {")
        .map_or(usize::MAX, |end| text[..end].lines().count() + 1);
    let code = text
        .lines()
        .zip(1..)
        .take_while(|(_, number)| *number < tests_begin)
        .filter(|(line, _)| !line.trim_start().starts_with("//"))
        .map(|(line, number)| (number, line.to_owned()))
        .collect();
    Source {
        path: path.display().to_string(),
        room: first.to_string_lossy().trim_end_matches(".rs").to_owned(),
        code,
        text,
    }
}

/// The table of `src/lib.rs`: each room and the rooms that it looks at.
fn table() -> BTreeMap<String, String> {
    let crate_docs = include_str!("../src/lib.rs");
    let row = Regex::new(r"(?m)^//! \| \[`(\w+)`\] \|.*\| ([^|]+) \|$").expect("valid");
    row.captures_iter(crate_docs)
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect()
}

/// The rooms that `code` names: `crate::a::B`, and each of `use crate::{a::B, c}`.
fn named_rooms(code: &str) -> BTreeSet<String> {
    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\bcrate::(\w+|\{[^;]*)").expect("valid"));
    NAMED
        .captures_iter(code)
        .flat_map(|found| match found[1].strip_prefix('{') {
            None => vec![found[1].to_owned()],
            Some(group) => heads(group),
        })
        .collect()
}

/// The first word of each item of a group: `a` and `d` of `a::{b, c}, d}`.
fn heads(group: &str) -> Vec<String> {
    let mut heads = vec![String::new()];
    let mut depth = 1;
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && character != ',' {
            heads.last_mut().expect("one at least").push(character);
        }
    }
    heads
        .iter()
        .filter_map(|item| item.split("::").next())
        .map(|head| head.trim().to_owned())
        .filter(|head| !head.is_empty())
        .collect()
}

fn assert_none(rule: &str, places: &[String]) {
    assert!(places.is_empty(), "{rule}:\n  {}", places.join("\n  "));
}

#[test]
fn every_room_is_in_the_table_and_declared() {
    let rooms: BTreeSet<String> = sources()
        .into_iter()
        .map(|source| source.room)
        .filter(|room| room != "lib" && room != "main")
        .collect();

    let listed: BTreeSet<String> = table().into_keys().collect();

    assert_eq!(rooms, listed, "the table in src/lib.rs lists every room");
}

#[test]
fn imports_point_one_way() {
    let table = table();
    let may_look = |from: &str, at: &str| match table.get(from).map(String::as_str) {
        None | Some("everything" | "every room's error") => true,
        Some(listed) => at == from || listed.split(", ").any(|room| room == at),
    };
    let mut wrong = Vec::new();
    for source in sources() {
        let code: Vec<&str> = source.code.iter().map(|(_, line)| line.as_str()).collect();
        for room in named_rooms(&code.join("\n")) {
            if table.contains_key(&room) && !may_look(&source.room, &room) {
                wrong.push(format!("{} looks at {room}", source.path));
            }
        }
    }

    assert_none("a room looks only where src/lib.rs lets it", &wrong);
}

#[test]
fn rooms_are_found_in_groups_too() {
    let code = "use crate::{domain::{A, B}, event};\nlet x = crate::plan::up();";

    let rooms: Vec<String> = named_rooms(code).into_iter().collect();

    assert_eq!(rooms, ["domain", "event", "plan"]);
}

#[test]
fn only_the_engine_adapter_names_bollard() {
    let bollard = Regex::new(r"\bbollard\b").expect("valid");
    let places: Vec<String> = sources()
        .iter()
        .filter(|source| !source.path.starts_with("src/engine/docker/"))
        .flat_map(|source| source.places(&bollard))
        .collect();

    assert_none("only src/engine/docker names bollard", &places);
}

#[test]
fn nothing_unwraps_outside_tests() {
    let unwrap = Regex::new(r"\.unwrap\(\)").expect("valid");
    let places: Vec<String> = sources()
        .iter()
        .flat_map(|source| source.places(&unwrap))
        .collect();

    assert_none("`expect` says why it can't happen", &places);
}

#[test]
fn only_the_report_room_prints() {
    let print = Regex::new(r"\b(e?print(ln)?|dbg)!").expect("valid");
    let places: Vec<String> = sources()
        .iter()
        .filter(|source| source.room != "report")
        .flat_map(|source| source.places(&print))
        .collect();

    assert_none("everything a user sees is an event first", &places);
}

#[test]
fn only_main_exits() {
    let exit = Regex::new(r"\bprocess::exit\b").expect("valid");
    let places: Vec<String> = sources()
        .iter()
        .filter(|source| source.room != "main")
        .flat_map(|source| source.places(&exit))
        .collect();

    assert_none("a failure is returned, and main ends the process", &places);
}

#[test]
fn pure_rooms_wait_for_nothing() {
    let waiting = Regex::new(r"\basync\b|\.await\b").expect("valid");
    let pure = [
        "domain",
        "dotenv",
        "composefile",
        "env",
        "plan",
        "supervise",
        "doctor",
        "isolate",
        "event",
        "cli",
    ];
    let places: Vec<String> = sources()
        .iter()
        .filter(|source| pure.contains(&source.room.as_str()))
        .flat_map(|source| source.places(&waiting))
        .collect();

    assert_none("decisions are pure", &places);
}

#[test]
fn every_file_says_first_what_it_owns() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.room != "main" && !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();

    assert_none("a file opens with one `//!` sentence", &silent);
}

#[test]
fn a_room_s_door_has_no_logic() {
    let logic = Regex::new(r"^(pub(\([a-z]+\))? )?(async )?(fn|struct|enum|impl|trait|static)\b")
        .expect("valid");
    let places: Vec<String> = sources()
        .iter()
        .filter(|source| source.path.ends_with("/mod.rs"))
        .flat_map(|source| source.places(&logic))
        .collect();

    assert_none("mod.rs declares and re-exports, nothing else", &places);
}

#[test]
fn a_file_has_one_inhabitant_with_a_name_of_its_own() {
    let nobody: Vec<String> = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| {
            [
                "utils.rs",
                "util.rs",
                "common.rs",
                "helpers.rs",
                "manager.rs",
            ]
            .iter()
            .any(|name| path.ends_with(&format!("/{name}")))
        })
        .collect();

    assert_none("a file is named after its noun", &nobody);
}

#[test]
fn no_file_houses_a_crowd() {
    let long: Vec<(String, usize)> = sources()
        .into_iter()
        .map(|source| (source.path, source.code.len()))
        .filter(|(_, lines)| *lines > COMFORTABLE)
        .collect();
    for (path, lines) in &long {
        println!("longer than comfortable: {path}, {lines} lines");
    }

    let crowded: Vec<String> = long
        .iter()
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();

    assert_none("split it by noun", &crowded);
}

//! How faults in a person's files are told: the file, the line, the span, what was expected, what to do.

use std::io;
use std::path::{Path, PathBuf};

use jobsprint_dev::composefile::{Colour, Diagnostic, FileReader, LoadRequest, load};

struct One(&'static str);

impl FileReader for One {
    fn read(&self, _: &Path) -> io::Result<String> {
        Ok(self.0.to_owned())
    }

    fn is_file(&self, path: &Path) -> bool {
        path == Path::new("/project/compose.yaml")
    }
}

fn request() -> LoadRequest {
    LoadRequest {
        current_dir: PathBuf::from("/project"),
        ..LoadRequest::default()
    }
}

fn faults(text: &'static str) -> Vec<String> {
    let refused = load(&request(), &One(text)).expect_err("the file is wrong");
    refused
        .0
        .iter()
        .map(|fault| fault.render(Colour::None))
        .collect()
}

#[test]
fn a_slip_of_the_finger_is_shown_in_its_line() {
    let shown = faults("services:\n  web:\n    imgae: nginx\n    build: .\n");

    assert_eq!(
        shown,
        [
            "error: the key `imgae` is not known here\n --> /project/compose.yaml:3:5\n  |\n3 |     imgae: nginx\n  |     ^^^^^ \
          unknown key\n  |\n  = help: did you mean `image`?"
        ]
    );
}

#[test]
fn a_migration_is_a_command_or_a_directory_and_never_both() {
    let both = "services:\n  db:\n    image: pg\n    x-jobsprint:\n      migrate: {run: [m], directory: ./sql}\n";
    let neither =
        "services:\n  db:\n    image: pg\n    x-jobsprint:\n      migrate: {inputs: ./sql}\n";

    let shown = [faults(both), faults(neither)].concat();

    assert!(
        shown[0].starts_with(
            "error: `migrate` has both `run` and `directory`\n --> /project/compose.yaml:5:"
        ),
        "{}",
        shown[0]
    );
    assert!(
        shown[1].starts_with("error: `migrate` has neither `run` nor `directory`"),
        "{}",
        shown[1]
    );
}

#[test]
fn a_duplicate_key_is_shown_at_both_places() {
    let shown = faults("services:\n  web:\n    image: a\n    image: b\n");

    assert_eq!(
        shown,
        [
            "error: the key `image` is given twice\n --> /project/compose.yaml:4:5\n  |\n3 |     image: a\n  |     ----- first \
          given here\n4 |     image: b\n  |     ^^^^^ again here\n  |\n  = help: keep one of the two"
        ]
    );
}

#[test]
fn a_missing_variable_is_shown_within_its_string() {
    let shown = faults("services:\n  web:\n    image: \"nginx:${TAG:?which}\"\n");

    assert!(
        shown[0].contains("required variable TAG is missing a value: which"),
        "{}",
        shown[0]
    );
    assert!(shown[0].contains(":3:19"), "{}", shown[0]);
}

#[test]
fn all_faults_of_a_file_are_told_in_one_run() {
    let text = "services:
  a:
    imagee: i
    depends_on: [bb]
    mem_limit: lots
    volumes: [\"data:/x\"]
    command: ${open
  b: {image: j, tty: perhaps}
";

    let headlines: Vec<String> = faults(text)
        .iter()
        .filter_map(|shown| shown.lines().next().map(ToOwned::to_owned))
        .collect();

    assert_eq!(
        headlines,
        [
            "error: the key `imagee` is not known here",
            "error: the service `a` depends on `bb`, which is not defined",
            "error: `lots` is not a size",
            "error: the service `a` uses the volume `data`, which is not defined",
            "error: `${` has no closing `}`",
            "error: a boolean was expected, not a string",
        ]
    );
}

#[test]
fn a_limit_that_is_given_twice_is_the_same_in_both_places() {
    let shown = faults(
        "services:\n  a: {image: i, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}\n",
    );
    let same =
        "services:\n  a: {image: i, cpus: 0.5, deploy: {resources: {limits: {cpus: '0.50'}}}}\n";
    let same = load(&request(), &One(same));

    assert!(
        shown[0]
            .contains("gives `mem_limit` and `deploy.resources.limits.memory` different values"),
        "{}",
        shown[0]
    );
    assert!(same.is_ok());
}

#[test]
fn what_has_no_effect_is_named() {
    let text = "version: '3'\nservices:\n  a: {image: \"i:$TAG\", cpu_quota: 5, deploy: {placement: {constraints: [x]}}}\n";
    let loaded = load(&request(), &One(text)).expect("it loads");

    let told: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|warning: &Diagnostic| warning.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "`version` is obsolete and has no effect",
            "the variable `TAG` is not set: an empty string is used",
            "`cpu_quota` has no effect: the container is created without it",
            "`placement` has no effect: it speaks to a Swarm cluster",
        ]
    );
}

#[test]
fn an_unknown_word_of_ours_is_an_error() {
    let shown = faults("services:\n  a: {image: i, x-jobsprint: {redy: tcp, role: dat}}\n");

    assert!(shown[0].contains("did you mean `ready`?"), "{}", shown[0]);
    assert!(shown[1].contains("did you mean `data`?"), "{}", shown[1]);
}

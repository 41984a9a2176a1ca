//! A small project that is looked at, and what is said of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::Bed;

/// A project in a directory of its own.
pub struct Patient {
    pub bed: Bed,
    directory: tempfile::TempDir,
}

impl Patient {
    /// One service of the tiny image, which idles.
    pub async fn healthy() -> Self {
        Self::with("").await
    }

    /// The same, with further lines in the service.
    pub async fn with(lines: &str) -> Self {
        let bed = Bed::make().await;
        let image = crate::support::tiny_image(&bed.engine).await;
        let indented = lines.lines().map(|line| format!("    {line}\n"));
        let indented = indented.collect::<Vec<_>>().concat();
        let compose =
            format!("services:\n  a:\n    image: {image}\n    stop_grace_period: 0s\n{indented}");
        Self::of(bed, &compose)
    }

    /// A project with this Compose file.
    pub fn of(bed: Bed, compose: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("compose.yaml"), compose).expect("written");
        Self { bed, directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        fs::write(path, text).expect("written");
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .args(["-p", self.bed.project.as_str()])
            .args(words)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("CI", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs the tool, which must work.
    pub fn run(&self, words: &[&str]) {
        let output = self.command(words).output().expect("it starts");
        assert!(output.status.success(), "{}", text(&output));
    }

    /// `doctor`, with these further words.
    pub fn doctor(&self, words: &[&str]) -> Diagnosis {
        diagnosed(&mut self.command(&[&["--output", "json", "doctor"], words].concat()))
    }

    /// `doctor` at another engine.
    pub fn doctor_at(&self, engine: &str) -> Diagnosis {
        let mut command = self.command(&["--output", "json", "doctor"]);
        diagnosed(command.env("DOCKER_HOST", engine))
    }

    /// `doctor` within a shell's script, as `"$@"`: mounts, limits and users that end with it.
    pub fn doctor_in(&self, wrapper: &[&str], script: &str) -> Diagnosis {
        let doctor = self.command(&["--output", "json", "doctor"]);
        let mut command = Command::new(wrapper[0]);
        command
            .args(&wrapper[1..])
            .args(["sh", "-c", script, "sh"])
            .arg(doctor.get_program())
            .args(doctor.get_args())
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .stdin(Stdio::null());
        diagnosed(&mut command)
    }
}

/// What a run of `doctor` says.
pub fn diagnosed(command: &mut Command) -> Diagnosis {
    Diagnosis::of_output(&command.output().expect("it starts"))
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// What was said, and the exit code.
pub struct Diagnosis {
    pub code: Option<i32>,
    pub said: String,
    verdicts: Vec<Value>,
}

impl Diagnosis {
    /// What a run has said.
    pub fn of_output(output: &Output) -> Self {
        let said = text(output);
        let json = String::from_utf8_lossy(&output.stdout).into_owned();
        // Notices are documents of their own, before and after.
        let mut documents = json
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let document = documents.find(|document: &Value| document["verdicts"].is_array());
        let document = document.unwrap_or_else(|| panic!("no document: {said}"));
        Self {
            code: output.status.code(),
            verdicts: document["verdicts"].as_array().expect("a list").clone(),
            said,
        }
    }

    fn of(&self, check: &str) -> Vec<&Value> {
        let found = self
            .verdicts
            .iter()
            .filter(|verdict| verdict["check"] == check);
        found.collect()
    }

    /// The check has this level, and reason, evidence and command name these parts.
    #[track_caller]
    pub fn finds(&self, level: &str, check: &str, parts: &[&str]) {
        let found = self.of(check);
        let first = found
            .first()
            .unwrap_or_else(|| panic!("no `{check}` in {}", self.said));
        assert_eq!(first["level"], level, "{}", self.said);
        let whole: String = found.iter().map(ToString::to_string).collect();
        for part in parts {
            assert!(whole.contains(part), "`{part}` is not in {whole}");
        }
        assert!(!first["mend"].is_null(), "it names a command: {whole}");
        if level == "problem" {
            assert_ne!(self.code, Some(0), "{}", self.said);
        }
    }

    /// All that the check says.
    pub fn reasons(&self, check: &str) -> String {
        self.of(check).iter().map(ToString::to_string).collect()
    }

    /// The check is green.
    #[track_caller]
    pub fn is_well(&self, check: &str) {
        let found = self.of(check);
        assert!(!found.is_empty(), "no `{check}` in {}", self.said);
        for verdict in found {
            assert_eq!(verdict["level"], "ok", "{verdict}");
        }
    }

    /// No check finds a problem; what is worth mending is no matter.
    #[track_caller]
    pub fn has_no_problem(&self) {
        assert_eq!(self.code, Some(0), "{}", self.said);
    }

    /// Everything is green.
    #[track_caller]
    pub fn is_green(&self) {
        for verdict in &self.verdicts {
            assert_eq!(verdict["level"], "ok", "{verdict}");
        }
        assert_eq!(self.code, Some(0), "{}", self.said);
    }
}

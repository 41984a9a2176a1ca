//! Options that every verb shares: which project, which files, how to speak.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::domain::{OutputMode, ProjectName, Scope};

#[derive(Debug, Args)]
#[command(next_help_heading = "Project")]
pub(super) struct ScopeArguments {
    /// A Compose file; repeat to merge several [default: searched upwards]
    #[arg(long = "file", global = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    // Before the verb only: after it, `-f` belongs to the verb, as in `logs -f`.
    /// Short for `--file`, before the verb
    #[arg(short = 'f', value_name = "FILE")]
    files_before_verb: Vec<PathBuf>,
    /// The project's name [default: the file's, else the directory's]
    #[arg(short, long = "project-name", global = true, value_name = "NAME")]
    project: Option<String>,
    // Its id is no positional's: `stacks rm STACK` is another one.
    /// A further stack of the same files, with a name, ports and data of its own
    #[arg(id = "named_stack", long = "stack", global = true, value_name = "NAME", value_parser = named)]
    stack: Option<ProjectName>,
    /// The directory that relative paths start from [default: the first file's]
    #[arg(long = "project-directory", global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// A file of variables for interpolation; repeat for several [default: .env]
    #[arg(long = "env-file", global = true, value_name = "FILE")]
    env_files: Vec<PathBuf>,
    /// A profile to enable; repeat for several
    #[arg(long = "profile", global = true, value_name = "NAME")]
    profiles: Vec<String>,
    /// How to speak
    #[arg(long, global = true, value_enum, default_value_t, value_name = "MODE")]
    output: Output,
}

impl ScopeArguments {
    pub(super) fn scope(self) -> Scope {
        let output = self.output();
        let mut files = self.files_before_verb;
        files.extend(self.files);
        Scope {
            files,
            project: self.project,
            stack: self.stack,
            directory: self.directory,
            env_files: self.env_files,
            profiles: self.profiles,
            services: Vec::new(),
            output,
        }
    }

    /// Whether a project is named outright and a stack beside it too.
    pub(super) fn contradicts_itself(&self) -> bool {
        self.project.is_some() && self.stack.is_some()
    }

    pub(super) fn output(&self) -> OutputMode {
        match self.output {
            Output::Auto => OutputMode::Auto,
            Output::Tty => OutputMode::Tty,
            Output::Plain => OutputMode::Plain,
            Output::Json => OutputMode::Json,
            Output::Quiet => OutputMode::Quiet,
        }
    }
}

fn named(text: &str) -> Result<ProjectName, String> {
    ProjectName::new(text).map_err(|_| {
        "a stack's name holds lower-case letters, digits, `-` and `_`, and starts with a letter or digit".to_owned()
    })
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Output {
    /// `tty` on a terminal, else `plain`
    #[default]
    Auto,
    /// One line a service, redrawn
    Tty,
    /// One line a change
    Plain,
    /// One JSON event a line
    Json,
    /// Errors alone
    Quiet,
}

//! `completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::arguments::Arguments;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev completions bash > /etc/bash_completion.d/jobsprint-dev
  jobsprint-dev completions zsh  > ~/.zfunc/_jobsprint-dev")]
pub(super) struct CompletionsArguments {
    /// The shell
    pub(super) shell: Shell,
}

/// The completion script of a shell.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        "jobsprint-dev",
        &mut script,
    );
    script
}

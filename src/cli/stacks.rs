//! `stacks`.

use clap::Subcommand;

use crate::domain::{OutputMode, ProjectName, StacksRequest, StacksVerb};

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(super) enum StacksArguments {
    /// Tell of every disposable stack on this engine: owner, age, ports, state
    #[command(after_help = "Example:\n  jobsprint-dev stacks list --output json")]
    List,
    /// Remove those whose owner is gone
    #[command(after_help = "Example:\n  jobsprint-dev stacks gc")]
    Gc,
    /// Remove one, whoever owns it
    #[command(
        name = "rm",
        after_help = "Example:\n  jobsprint-dev stacks rm jobsprint-ci-1f00aa"
    )]
    Remove {
        /// Its project
        #[arg(value_name = "STACK", value_parser = project)]
        stack: ProjectName,
    },
    /// Remove a stack once stdin closes, unless told otherwise
    #[command(
        hide = true,
        after_help = "Example:\n  jobsprint-dev stacks guard shop-ci-1f00aa"
    )]
    Guard {
        /// Its project
        #[arg(value_parser = project)]
        stack: ProjectName,
    },
}

impl StacksArguments {
    pub(super) fn request(self, output: OutputMode) -> StacksRequest {
        let verb = match self {
            Self::List => StacksVerb::List,
            Self::Gc => StacksVerb::Gc,
            Self::Remove { stack } => StacksVerb::Remove(stack),
            Self::Guard { stack } => StacksVerb::Guard(stack),
        };
        StacksRequest { verb, output }
    }
}

fn project(text: &str) -> Result<ProjectName, String> {
    ProjectName::new(text).map_err(|error| error.to_string())
}

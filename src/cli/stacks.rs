//! `stacks`.

use clap::Subcommand;

use crate::domain::{
    Consent, OutputMode, Phase, ProjectName, StackRemoval, StacksRequest, StacksVerb,
};

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(super) enum StacksArguments {
    /// Tell of every stack on this engine: kind, state, owner, age, ports, directory
    #[command(after_help = "Example:\n  jobsprint-dev stacks list --output json")]
    List,
    /// Remove the disposable ones whose owner is gone
    #[command(after_help = "Example:\n  jobsprint-dev stacks gc")]
    Gc,
    /// Remove one, whoever owns it; one that holds somebody's data only when asked, after a snapshot of it
    #[command(
        name = "rm",
        after_help = "Examples:\n  jobsprint-dev stacks rm jobsprint-ci-1f00aa\n  jobsprint-dev stacks rm jobsprint-feature --yes"
    )]
    Remove {
        /// Its project
        #[arg(value_name = "STACK", value_parser = project)]
        stack: ProjectName,
        /// Don't ask before data is removed
        #[arg(short, long)]
        yes: bool,
        /// Don't take a snapshot of the data before it goes
        #[arg(long)]
        no_snapshot: bool,
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
            Self::Remove {
                stack,
                yes,
                no_snapshot,
            } => StacksVerb::Remove(StackRemoval {
                project: stack,
                keep: if no_snapshot { Phase::Skip } else { Phase::Do },
                consent: if yes { Consent::Given } else { Consent::Ask },
            }),
            Self::Guard { stack } => StacksVerb::Guard(stack),
        };
        StacksRequest { verb, output }
    }
}

fn project(text: &str) -> Result<ProjectName, String> {
    ProjectName::new(text).map_err(|error| error.to_string())
}

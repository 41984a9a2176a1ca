//! `stop` and `restart`.

use clap::Args;

use crate::domain::{Halt, Run, Scope};

#[derive(Debug, Args)]
struct Shared {
    /// Print the plan, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

impl Shared {
    fn request(self, scope: Scope) -> Halt {
        Halt {
            scope: Scope {
                services: self.services,
                ..scope
            },
            run: if self.dry_run { Run::Dry } else { Run::Real },
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev stop                    all services; `up` starts them again
  jobsprint-dev stop n8n                one")]
pub(super) struct HaltArguments {
    #[command(flatten)]
    shared: Shared,
}

impl HaltArguments {
    pub(super) fn request(self, scope: Scope) -> Halt {
        self.shared.request(scope)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev restart                 all services
  jobsprint-dev restart api-gateway     one, and wait until it is ready")]
pub(super) struct RestartArguments {
    #[command(flatten)]
    shared: Shared,
}

impl RestartArguments {
    pub(super) fn request(self, scope: Scope) -> Halt {
        self.shared.request(scope)
    }
}

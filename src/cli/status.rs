//! `status`.

use clap::Args;

use crate::domain::Scope;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev status                  a table
  jobsprint-dev status --output json    for programs")]
pub(super) struct StatusArguments {
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

impl StatusArguments {
    pub(super) fn request(self, scope: Scope) -> Scope {
        Scope {
            services: self.services,
            ..scope
        }
    }
}

//! `migrate`.

use clap::{Args, Subcommand};

use crate::domain::{DataVerb, MigrateRequest, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev migrate                 run the migrations that are due
  jobsprint-dev migrate api-gateway     only this service's
  jobsprint-dev migrate status          tell what is due")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct MigrateArguments {
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(subcommand)]
    verb: Option<MigrateVerb>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum MigrateVerb {
    /// Tell what is due
    #[command(after_help = "Example:\n  jobsprint-dev migrate status")]
    Status,
}

impl MigrateArguments {
    pub(super) fn request(self, scope: Scope) -> MigrateRequest {
        MigrateRequest {
            scope: Scope {
                services: self.services,
                ..scope
            },
            verb: match self.verb {
                None => DataVerb::Run,
                Some(MigrateVerb::Status) => DataVerb::Status,
            },
        }
    }
}

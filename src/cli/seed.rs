//! `seed`.

use clap::{Args, Subcommand};

use crate::domain::{DataVerb, Freshness, Scope, SeedRequest};

#[derive(Debug, Args)]
#[command(after_help = "\
Seeds stand by store below the directory of `x-jobsprint.seeds`: `postgres/*.sql` and `*.csv` (the table
is the file's name), `redis/*.redis` (a command a line), `rabbitmq/*.json` (definitions). Each file is
applied once, whole or not at all, and again when it has changed.

Examples:
  jobsprint-dev seed                    apply the seeds that are new or changed
  jobsprint-dev seed --only jobs        only files with `jobs` in their name
  jobsprint-dev seed --set ci           those of seeds/postgres/ci/, too
  jobsprint-dev seed status             tell what is due")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SeedArguments {
    /// Only files whose name contains this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// The files of this directory besides those for all
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Apply files again that were applied and have not changed
    #[arg(long)]
    fresh: bool,
    #[command(subcommand)]
    verb: Option<SeedVerb>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum SeedVerb {
    /// Tell what is due
    #[command(after_help = "Example:\n  jobsprint-dev seed status")]
    Status,
}

impl SeedArguments {
    pub(super) fn request(self, scope: Scope) -> SeedRequest {
        SeedRequest {
            scope,
            verb: match self.verb {
                None => DataVerb::Run,
                Some(SeedVerb::Status) => DataVerb::Status,
            },
            only: self.only,
            set: self.set,
            freshness: if self.fresh {
                Freshness::Again
            } else {
                Freshness::WhereChanged
            },
        }
    }
}

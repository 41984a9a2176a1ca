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
    #[command(flatten)]
    chosen: Chosen,
    /// Apply files again that were applied and have not changed
    #[arg(long)]
    fresh: bool,
    #[command(subcommand)]
    verb: Option<SeedVerb>,
}

/// Which seeds are meant.
#[derive(Debug, Args)]
struct Chosen {
    /// Only files whose name contains this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// The files of this directory besides those for all
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

#[derive(Debug, Subcommand)]
enum SeedVerb {
    /// Tell what is due
    #[command(after_help = "Examples:
  jobsprint-dev seed status             all seeds, and how each stands
  jobsprint-dev seed status --set ci    those of seeds/postgres/ci/, too")]
    Status(Chosen),
}

impl SeedArguments {
    pub(super) fn request(self, scope: Scope) -> SeedRequest {
        let (verb, chosen) = match self.verb {
            None => (DataVerb::Run, self.chosen),
            Some(SeedVerb::Status(chosen)) => (DataVerb::Status, chosen),
        };
        SeedRequest {
            scope,
            verb,
            only: chosen.only,
            set: chosen.set,
            freshness: if self.fresh {
                Freshness::Again
            } else {
                Freshness::WhereChanged
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        seed: SeedArguments,
    }

    #[test]
    fn what_is_due_is_asked_of_the_same_files_that_would_be_applied() {
        let line = ["seed", "status", "--set", "ci", "--only", "jobs"];

        let request = Line::parse_from(line).seed.request(Scope::default());

        assert_eq!(request.verb, DataVerb::Status);
        assert_eq!(request.set.as_deref(), Some("ci"));
        assert_eq!(request.only.as_deref(), Some("jobs"));
    }
}

//! `migrate`.

use clap::{Args, Subcommand};

use crate::domain::{MigrateRequest, MigrateVerb, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Migrations are a service's own command (`x-jobsprint.migrate.run`) or a directory of SQL files that
the tool runs (`x-jobsprint.migrate.directory`): `0001_name.sql`, and `0001_name.down.sql` to undo it
(or below `-- Down Migration` in the same file).
Each file is run whole or not at all, unless a comment at its top says `-- no-transaction`.

Examples:
  jobsprint-dev migrate                 run the migrations that are due
  jobsprint-dev migrate api-gateway     only this service's
  jobsprint-dev migrate --to 12         SQL files up to 0012_….sql
  jobsprint-dev migrate status          tell what is due
  jobsprint-dev migrate down            undo the newest SQL file")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct MigrateArguments {
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Stop after the SQL file of this number
    #[arg(long, value_name = "NUMBER")]
    to: Option<i64>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Clone, Subcommand)]
enum Verb {
    /// Tell what is applied, pending, changed or missing
    #[command(after_help = "Example:\n  jobsprint-dev migrate status")]
    Status,
    /// Undo the newest SQL files by what stands in their `.down.sql`
    #[command(
        after_help = "Examples:\n  jobsprint-dev migrate down\n  jobsprint-dev migrate down 3"
    )]
    Down {
        /// So many
        #[arg(default_value_t = 1)]
        count: usize,
        /// Of this service, where several have SQL files
        #[arg(long, value_name = "SERVICE")]
        of: Option<String>,
    },
    /// Make an empty SQL file with the next number, and one that undoes it
    #[command(after_help = "Example:\n  jobsprint-dev migrate new 'add pay to jobs'")]
    New {
        /// What it does, in a few words
        name: String,
        /// Of this service, where several have SQL files
        #[arg(long, value_name = "SERVICE")]
        of: Option<String>,
    },
    /// Run all migrations in a database beside the live one, and compare the two schemas
    #[command(after_help = "Example:\n  jobsprint-dev migrate verify")]
    Verify,
}

impl MigrateArguments {
    pub(super) fn request(self, scope: Scope) -> MigrateRequest {
        let (verb, of) = match (self.verb, self.to) {
            (None, None) => (MigrateVerb::Run, None),
            (None, Some(number)) => (MigrateVerb::To(number), None),
            (Some(Verb::Status), _) => (MigrateVerb::Status, None),
            (Some(Verb::Verify), _) => (MigrateVerb::Verify, None),
            (Some(Verb::Down { count, of }), _) => (MigrateVerb::Down(count), of),
            (Some(Verb::New { name, of }), _) => (MigrateVerb::New(name), of),
        };
        let services = of.map_or(self.services, |of| vec![of]);
        MigrateRequest {
            scope: Scope { services, ..scope },
            verb,
        }
    }
}

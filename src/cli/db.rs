//! `db`.

use clap::Subcommand;

use crate::domain::{DbRequest, DbVerb, Follow, Reveal, Scope};

#[derive(Debug, Subcommand)]
pub(super) enum DbArguments {
    /// Open a store's own client: psql, redis-cli or rabbitmqctl
    #[command(after_help = "\
Examples:
  jobsprint-dev db shell                          psql, as the application's role
  jobsprint-dev db shell -- -c 'SELECT 1'
  jobsprint-dev db shell redis
  jobsprint-dev db shell rabbitmq -- list_queues")]
    Shell {
        /// The store's service [default: postgres]
        store: Option<String>,
        /// Arguments for the client
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Print a store's URL on this machine
    #[command(after_help = "\
Examples:
  jobsprint-dev db url
  psql \"$(jobsprint-dev db url --reveal)\"")]
    Url {
        /// The store's service [default: postgres]
        store: Option<String>,
        /// With the password
        #[arg(long)]
        reveal: bool,
    },
    /// Print the database as SQL
    #[command(after_help = "Example:\n  jobsprint-dev db dump > dump.sql")]
    Dump,
    /// Show the statements that the database has spent most time on
    #[command(after_help = "Example:\n  jobsprint-dev db top -n 20")]
    Top {
        /// At most so many
        #[arg(short = 'n', long, default_value_t = 10)]
        limit: u16,
    },
    /// Show the stores' logs
    #[command(after_help = "Example:\n  jobsprint-dev db logs redis -f")]
    Logs {
        /// The store's service [default: all stores]
        store: Option<String>,
        /// Go on as lines come
        #[arg(short = 'f', long)]
        follow: bool,
    },
}

impl DbArguments {
    pub(super) fn request(self, scope: Scope) -> DbRequest {
        let (store, verb) = match self {
            Self::Shell { store, arguments } => (store, DbVerb::Shell(arguments)),
            Self::Url { store, reveal } => {
                let reveal = if reveal {
                    Reveal::Shown
                } else {
                    Reveal::Hidden
                };
                (store, DbVerb::Url(reveal))
            }
            Self::Dump => (None, DbVerb::Dump),
            Self::Top { limit } => (None, DbVerb::Top(limit)),
            Self::Logs { store, follow } => {
                let follow = if follow { Follow::Yes } else { Follow::No };
                (store, DbVerb::Logs { follow })
            }
        };
        DbRequest { scope, store, verb }
    }
}

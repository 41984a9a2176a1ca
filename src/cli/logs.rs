//! `logs`.

use std::time::Duration;

use clap::Args;

use super::setup::duration;
use crate::domain::{Follow, Logs, Redaction, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev logs -f                 all services, as lines come
  jobsprint-dev logs --tail 50 n8n      the last lines of one
  jobsprint-dev logs --since 10m        the last ten minutes")]
pub(super) struct LogsArguments {
    /// Go on as lines come
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines of each service
    #[arg(short = 'n', long, value_name = "LINES")]
    tail: Option<u64>,
    /// Only since then: as long ago as `10m`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<Duration>,
    /// Show sensitive values too
    #[arg(long)]
    no_redact: bool,
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

impl LogsArguments {
    pub(super) fn request(self, scope: Scope) -> Logs {
        Logs {
            scope: Scope {
                services: self.services,
                ..scope
            },
            follow: if self.follow { Follow::Yes } else { Follow::No },
            tail: self.tail,
            since: self.since,
            redaction: if self.no_redact {
                Redaction::Off
            } else {
                Redaction::On
            },
        }
    }
}

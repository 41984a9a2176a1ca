//! `watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::setup::duration;
use crate::domain::{Afterwards, Consent, Notice, Phase, Scope, WatchRequest, WatchVerb};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  jobsprint-dev watch                   up if needed, then act on each save
  jobsprint-dev watch api-gateway       one service alone
  jobsprint-dev watch --explain src/a.js  what a change of it does, or why nothing
  jobsprint-dev watch --detach          in the background; `watch status` tells of it

Keys, on a terminal: r restart, b rebuild, l logs of which service, s status, m migrate,
o open, p pause, ? help, q quit"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "command-line switches, each made an enum by `request`"
)]
pub(super) struct WatchArguments {
    #[command(subcommand)]
    verb: Option<WatchSubcommand>,
    /// Tell what a change of this file would do, and which rule says so
    #[arg(long, value_name = "PATH", conflicts_with = "detach")]
    explain: Option<PathBuf>,
    /// Watch in the background
    #[arg(short, long)]
    detach: bool,
    /// Don't show the services' logs
    #[arg(long)]
    no_logs: bool,
    /// Only tell of new migrations and seeds
    #[arg(long)]
    no_migrate: bool,
    /// Take the stack down at the end
    #[arg(long)]
    down: bool,
    /// Look for changes twice a second instead of being told of them
    #[arg(long)]
    poll: bool,
    /// How long a change may rest before it counts as done [default: 30ms]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    settle: Option<Duration>,
    /// How long changes are gathered that never rest [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_wait: Option<Duration>,
    /// Say yes to every question
    #[arg(short, long)]
    yes: bool,
    /// Only these services, and what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum WatchSubcommand {
    /// Tell whether somebody watches, and how long changes took
    #[command(after_help = "Example:\n  jobsprint-dev watch status")]
    Status,
    /// End the watcher that runs
    #[command(after_help = "Example:\n  jobsprint-dev watch stop")]
    Stop,
    /// Show what the watcher in the background said
    #[command(after_help = "Example:\n  jobsprint-dev watch logs")]
    Logs,
}

impl WatchArguments {
    pub(super) fn request(self, scope: Scope) -> WatchRequest {
        let skip = |skip: bool| if skip { Phase::Skip } else { Phase::Do };
        let verb = match (self.verb, self.explain) {
            (Some(WatchSubcommand::Status), _) => WatchVerb::Status,
            (Some(WatchSubcommand::Stop), _) => WatchVerb::Stop,
            (Some(WatchSubcommand::Logs), _) => WatchVerb::Logs,
            (None, Some(path)) => WatchVerb::Explain(path),
            (None, None) if self.detach => WatchVerb::Detached,
            (None, None) => WatchVerb::Here,
        };
        WatchRequest {
            scope: Scope {
                services: self.services,
                ..scope
            },
            verb,
            logs: skip(self.no_logs),
            migrate: skip(self.no_migrate),
            notice: if self.poll {
                Notice::Polled
            } else {
                Notice::Told
            },
            quiet: self.settle,
            longest: self.max_wait,
            afterwards: if self.down {
                Afterwards::Down
            } else {
                Afterwards::Up
            },
            consent: if self.yes {
                Consent::Given
            } else {
                Consent::Ask
            },
        }
    }
}

//! `ci replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::setup::duration;
use crate::domain::{OutputMode, Phase, ReplayRequest, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev ci replay target/jobsprint-ci/shop-ci-1f00aa             bring it up, for a look
  jobsprint-dev ci replay target/jobsprint-ci/shop-ci-1f00aa -- npm test run the command on it, and remove it
  jobsprint-dev stacks rm shop-replay-77aa01                             the end of one that was looked at")]
pub(super) struct ReplayArguments {
    /// The capsule: the directory that a failed run told of
    #[arg(value_name = "CAPSULE")]
    capsule: PathBuf,
    /// Take the images that have the names today, where those of that run are gone
    #[arg(long)]
    unpinned: bool,
    /// Fail where the stack is not ready, migrated and seeded by then
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = duration)]
    ready_timeout: Duration,
    /// The command and its arguments
    #[arg(last = true)]
    command: Vec<String>,
}

impl ReplayArguments {
    pub(super) fn request(self, scope: Scope) -> ReplayRequest {
        let output = match scope.output {
            OutputMode::Auto => OutputMode::Plain,
            other => other,
        };
        ReplayRequest {
            scope: Scope { output, ..scope },
            capsule: self.capsule,
            images: if self.unpinned {
                Phase::Skip
            } else {
                Phase::Do
            },
            ready_timeout: self.ready_timeout,
            command: self.command,
        }
    }
}

//! `reset`.

use clap::Args;

use crate::domain::{Consent, Phase, ResetRequest, Scope, VolumeFate};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev reset                   back to migrated and seeded; asks first
  jobsprint-dev reset --yes             without asking
  jobsprint-dev reset --volumes         the hard way: all stores' data goes, and the stack is made anew")]
pub(super) struct ResetArguments {
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
    /// Don't take a snapshot of what is replaced
    #[arg(long, alias = "no-backup")]
    no_snapshot: bool,
    /// Remove the volumes of all stores, and bring the stack up anew
    #[arg(short = 'v', long)]
    volumes: bool,
}

impl ResetArguments {
    pub(super) fn request(&self, scope: Scope) -> ResetRequest {
        ResetRequest {
            scope,
            consent: if self.yes {
                Consent::Given
            } else {
                Consent::Ask
            },
            keep: if self.no_snapshot {
                Phase::Skip
            } else {
                Phase::Do
            },
            volumes: if self.volumes {
                VolumeFate::Remove
            } else {
                VolumeFate::Keep
            },
        }
    }
}

//! `reset`.

use clap::Args;

use crate::domain::{Consent, Phase, ResetRequest, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev reset                   back to migrated and seeded; asks first
  jobsprint-dev reset --yes             without asking
  jobsprint-dev down --volumes          the hard way: all stores' data goes")]
pub(super) struct ResetArguments {
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
    /// Make no backup before
    #[arg(long)]
    no_backup: bool,
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
            backup: if self.no_backup {
                Phase::Skip
            } else {
                Phase::Do
            },
        }
    }
}

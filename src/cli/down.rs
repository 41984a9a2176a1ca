//! `down`.

use clap::Args;

use crate::domain::{Consent, Down, Phase, Run, Scope, VolumeFate};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev down                    containers and networks go, data stays
  jobsprint-dev down --volumes          the data goes too; asks, and takes a snapshot first")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "clap reads a switch as a bool; `request` makes an enum of each"
)]
pub(super) struct DownArguments {
    /// Remove the volumes too, and all data in them
    #[arg(long)]
    volumes: bool,
    /// Don't take a snapshot of the data before it goes
    #[arg(long, requires = "volumes")]
    no_snapshot: bool,
    /// Don't ask before data is removed
    #[arg(short, long)]
    yes: bool,
    /// Print the plan, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

impl DownArguments {
    pub(super) fn request(self, scope: Scope) -> Down {
        Down {
            scope: Scope {
                services: self.services,
                ..scope
            },
            volumes: if self.volumes {
                VolumeFate::Remove
            } else {
                VolumeFate::Keep
            },
            keep: if self.no_snapshot {
                Phase::Skip
            } else {
                Phase::Do
            },
            consent: if self.yes {
                Consent::Given
            } else {
                Consent::Ask
            },
            run: if self.dry_run { Run::Dry } else { Run::Real },
        }
    }
}

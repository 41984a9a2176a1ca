//! `snapshot`.

use clap::Subcommand;

use crate::domain::{Consent, Scope, SnapshotRequest, SnapshotVerb};

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotArguments {
    /// Keep the databases as they are, under a name
    #[command(after_help = "\
Examples:
  jobsprint-dev snapshot save before-upgrade
  jobsprint-dev snapshot save                 named by the time")]
    Save {
        /// Its name [default: the time]
        name: Option<String>,
    },
    /// List the snapshots
    #[command(after_help = "Example:\n  jobsprint-dev snapshot list")]
    List,
    /// Go back to a snapshot; asks first
    #[command(after_help = "\
Examples:
  jobsprint-dev snapshot restore before-upgrade
  jobsprint-dev snapshot restore --latest --yes")]
    Restore {
        /// Its name
        #[arg(required_unless_present = "latest", conflicts_with = "latest")]
        name: Option<String>,
        /// The newest one
        #[arg(long)]
        latest: bool,
        /// Don't ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Remove a snapshot
    #[command(after_help = "Example:\n  jobsprint-dev snapshot delete before-upgrade")]
    Delete {
        /// Its name
        name: String,
    },
}

impl SnapshotArguments {
    pub(super) fn request(self, scope: Scope) -> SnapshotRequest {
        let mut consent = Consent::Ask;
        let verb = match self {
            Self::Save { name } => SnapshotVerb::Save(name),
            Self::List => SnapshotVerb::List,
            Self::Restore { name, yes, .. } => {
                if yes {
                    consent = Consent::Given;
                }
                SnapshotVerb::Restore(name)
            }
            Self::Delete { name } => SnapshotVerb::Delete(name),
        };
        SnapshotRequest {
            scope,
            consent,
            verb,
        }
    }
}

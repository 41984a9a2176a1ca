//! `snapshot`.

use clap::{Args, Subcommand};

use crate::domain::{Consent, Phase, Scope, SnapshotRequest, SnapshotVerb};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(super) struct SnapshotArguments {
    /// Keep the data of the git branch that was left, and bring back that of the present one
    #[arg(long, required = true)]
    auto_branch: bool,
    #[command(subcommand)]
    verb: Option<SnapshotCommand>,
}

#[derive(Debug, Subcommand)]
enum SnapshotCommand {
    /// Keep the whole stack's data as it is, under a name
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
    /// Go back to a snapshot; asks first, and takes one of what it replaces
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
        /// Don't take a snapshot of what is replaced
        #[arg(long)]
        no_snapshot: bool,
    },
    /// Tell how one snapshot differs from another
    #[command(after_help = "\
Examples:
  jobsprint-dev snapshot diff monday friday
  jobsprint-dev snapshot diff monday          against the newest")]
    Diff {
        /// The one
        name: String,
        /// The other [default: the newest]
        other: Option<String>,
    },
    /// Give a snapshot another name
    #[command(after_help = "Example:\n  jobsprint-dev snapshot rename monday before-upgrade")]
    Rename {
        /// Its name
        name: String,
        /// Its new name
        new: String,
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
        let (mut consent, mut keep) = (Consent::Ask, Phase::Do);
        let verb = match self.verb {
            None => SnapshotVerb::FollowBranch,
            Some(SnapshotCommand::Save { name }) => SnapshotVerb::Save(name),
            Some(SnapshotCommand::List) => SnapshotVerb::List,
            Some(SnapshotCommand::Restore {
                name,
                yes,
                no_snapshot,
                ..
            }) => {
                if yes {
                    consent = Consent::Given;
                }
                if no_snapshot {
                    keep = Phase::Skip;
                }
                SnapshotVerb::Restore(name)
            }
            Some(SnapshotCommand::Diff { name, other }) => SnapshotVerb::Diff(name, other),
            Some(SnapshotCommand::Rename { name, new }) => SnapshotVerb::Rename(name, new),
            Some(SnapshotCommand::Delete { name }) => SnapshotVerb::Delete(name),
        };
        SnapshotRequest {
            scope,
            consent,
            keep,
            verb,
        }
    }
}

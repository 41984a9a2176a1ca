//! What a person asked for about data: migrations, seeds, resets, backups, and a look inside.

use std::path::PathBuf;

use super::{Consent, Scope, VolumeFate};

/// `migrate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateRequest {
    /// The project; its services are those whose migrations are meant.
    pub scope: Scope,
    /// What to do.
    pub verb: MigrateVerb,
}

/// What `migrate` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrateVerb {
    /// Run what is due.
    Run,
    /// Run what is due up to the SQL file of this number.
    To(i64),
    /// Tell what is due.
    Status,
    /// Undo so many SQL files, the newest first.
    Down(usize),
    /// Make an SQL file of this name.
    New(String),
    /// Run all beside the live database and compare.
    Verify,
}

/// `seed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedRequest {
    /// The project.
    pub scope: Scope,
    /// What to do.
    pub verb: DataVerb,
    /// `--only`: files whose name contains this.
    pub only: Option<String>,
    /// `--set`: the files of this directory besides those for all.
    pub set: Option<String>,
    /// `--fresh`.
    pub freshness: Freshness,
}

/// Whether work on data is done or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataVerb {
    /// Do what is due.
    #[default]
    Run,
    /// Tell what is due.
    Status,
}

/// Whether what was applied before counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// It isn't applied again while it is unchanged.
    #[default]
    WhereChanged,
    /// It is applied again.
    Again,
}

/// `reset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetRequest {
    /// The project.
    pub scope: Scope,
    /// `--yes`.
    pub consent: Consent,
    /// `--no-snapshot`: whether what is there is kept under a name first.
    pub keep: super::Phase,
    /// `--volumes`: whether the volumes of all stores go, and the stack is made anew.
    pub volumes: VolumeFate,
}

/// `backup` and `restore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRequest {
    /// The project.
    pub scope: Scope,
    /// `--directory`; `None` for the project's own.
    pub directory: Option<PathBuf>,
    /// `--yes`.
    pub consent: Consent,
    /// `--no-snapshot`: whether what a restore replaces is kept first.
    pub keep: super::Phase,
    /// What to do.
    pub verb: BackupVerb,
}

/// What a backup is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DumpForm {
    /// What `pg_restore` reads.
    #[default]
    Custom,
    /// SQL text.
    Plain,
}

/// How a backup is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// As gzip does it.
    #[default]
    Gzip,
    /// As zstd does it.
    Zstd,
    /// Not at all.
    None,
}

/// What `backup` and `restore` do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupVerb {
    /// Make one.
    Make(DumpForm, Packing),
    /// List them.
    List,
    /// Remove those that are no longer to be kept.
    Prune,
    /// Restore one beside the live database, and count.
    Verify(PathBuf),
    /// Put one in the live database's place.
    Restore(PathBuf),
}

/// `db`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbRequest {
    /// The project.
    pub scope: Scope,
    /// The store's service; `None` for postgres.
    pub store: Option<String>,
    /// What to do.
    pub verb: DbVerb,
}

/// What `db` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbVerb {
    /// The store's own client, with these arguments.
    Shell(Vec<String>),
    /// Its URL.
    Url(Reveal),
    /// A dump as SQL, to stdout.
    Dump,
    /// The statements that took longest; at most so many.
    Top(u16),
    /// The log.
    Logs {
        /// Go on as lines come.
        follow: super::Follow,
    },
}

/// Whether a password is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reveal {
    /// No.
    #[default]
    Hidden,
    /// `--reveal`.
    Shown,
}

/// `snapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// The project.
    pub scope: Scope,
    /// `--yes`.
    pub consent: Consent,
    /// `--no-snapshot`: whether what a restore replaces is kept first.
    pub keep: super::Phase,
    /// What to do.
    pub verb: SnapshotVerb,
}

/// What `snapshot` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotVerb {
    /// Keep the stack's data under this name; `None` for one made of the time.
    Save(Option<String>),
    /// List the snapshots.
    List,
    /// Go back to this one; `None` for the newest.
    Restore(Option<String>),
    /// Tell how the second differs from the first; `None` for the newest.
    Diff(String, Option<String>),
    /// Give this one another name.
    Rename(String, String),
    /// Remove this one.
    Delete(String),
    /// `--auto-branch`: keep the data of the git branch that was left, and bring back that of the present one.
    FollowBranch,
}

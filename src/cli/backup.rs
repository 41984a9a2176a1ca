//! `backup` and `restore`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::{BackupRequest, BackupVerb, Consent, DumpForm, Packing, Phase, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev backup                  dump the database into .jobsprint/backups
  jobsprint-dev backup --format plain --compress zstd
  jobsprint-dev backup list             what there is
  jobsprint-dev backup prune            keep 30 daily, 12 weekly, 12 monthly ones
  jobsprint-dev backup --directory s3://team/dumps        AWS_ENDPOINT_URL names a server of one's own")]
pub(super) struct BackupArguments {
    /// Where backups are kept; a bucket by the variables and profiles of S3's own clients [default: .jobsprint/backups]
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", global = true)]
    directory: Option<PathBuf>,
    /// What is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// How it is packed
    #[arg(long, value_enum, default_value_t, value_name = "PACKING")]
    compress: Compress,
    #[command(subcommand)]
    verb: Option<BackupCommand>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// What `pg_restore` reads
    #[default]
    Custom,
    /// SQL text
    Plain,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Compress {
    #[default]
    Gzip,
    Zstd,
    None,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// List the backups
    #[command(after_help = "Example:\n  jobsprint-dev backup list")]
    List,
    /// Remove those that are no longer to be kept
    #[command(after_help = "Example:\n  jobsprint-dev backup prune")]
    Prune,
    /// Restore one beside the live database, and count its rows
    #[command(after_help = "Example:\n  jobsprint-dev backup verify jobsprint-20261123T201500Z")]
    Verify {
        /// A backup's name, or a file
        #[arg(value_name = "NAME|FILE")]
        backup: PathBuf,
    },
}

impl BackupArguments {
    pub(super) fn request(self, scope: Scope) -> BackupRequest {
        BackupRequest {
            scope,
            directory: self.directory,
            consent: Consent::Ask,
            keep: Phase::Do,
            verb: match self.verb {
                None => {
                    let form = match self.format {
                        Format::Custom => DumpForm::Custom,
                        Format::Plain => DumpForm::Plain,
                    };
                    let packing = match self.compress {
                        Compress::Gzip => Packing::Gzip,
                        Compress::Zstd => Packing::Zstd,
                        Compress::None => Packing::None,
                    };
                    BackupVerb::Make(form, packing)
                }
                Some(BackupCommand::List) => BackupVerb::List,
                Some(BackupCommand::Prune) => BackupVerb::Prune,
                Some(BackupCommand::Verify { backup }) => BackupVerb::Verify(backup),
            },
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev restore jobsprint-20261123T201500Z
  jobsprint-dev restore dump.sql.gz     any dump of pg_dump: plain, gzip or custom")]
pub(super) struct RestoreArguments {
    /// A backup's name, or a file
    #[arg(value_name = "NAME|FILE")]
    backup: PathBuf,
    /// Where backups are kept [default: .jobsprint/backups]
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX")]
    directory: Option<PathBuf>,
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
    /// Don't take a snapshot of what is replaced
    #[arg(long)]
    no_snapshot: bool,
}

impl RestoreArguments {
    pub(super) fn request(self, scope: Scope) -> BackupRequest {
        BackupRequest {
            scope,
            directory: self.directory,
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
            verb: BackupVerb::Restore(self.backup),
        }
    }
}

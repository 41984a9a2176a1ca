//! `bundle`.

use std::path::PathBuf;

use clap::Args;

use crate::domain::{BundleRequest, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev bundle                  jobsprint-bundle.tar.gz, to post with a question
  jobsprint-dev bundle /tmp/mine.tar.gz

Versions, the resolved model, the last start, logs and verdicts; secrets are masked.")]
pub(super) struct BundleArguments {
    /// The archive [default: jobsprint-bundle.tar.gz]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl BundleArguments {
    pub(super) fn request(self, scope: Scope) -> BundleRequest {
        BundleRequest {
            scope,
            file: self.file,
        }
    }
}

//! `explain`.

use clap::Args;

use crate::domain::ExplainRequest;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev explain 60              an exit code
  jobsprint-dev explain not-ready       an error
  jobsprint-dev explain host.ports      a check of `doctor`
  jobsprint-dev explain                 all there are")]
pub(super) struct ExplainArguments {
    /// An exit code, the name of an error, or a check
    #[arg(value_name = "CODE|NAME")]
    what: Option<String>,
}

impl ExplainArguments {
    pub(super) fn request(self) -> ExplainRequest {
        ExplainRequest { what: self.what }
    }
}

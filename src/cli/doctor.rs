//! `doctor`.

use clap::Args;

use crate::domain::{DoctorRequest, Scope, Treatment};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev doctor                  what is wrong with this machine and this project
  jobsprint-dev doctor --fix            and mend what is safe to mend
  jobsprint-dev doctor --output json    for programs

The exit code is 0 where there is no problem, else that of the worst.")]
pub(super) struct DoctorArguments {
    /// Show what is safe to do about it, and do it
    #[arg(long)]
    fix: bool,
}

impl DoctorArguments {
    pub(super) fn request(self, scope: Scope) -> DoctorRequest {
        let treatment = if self.fix {
            Treatment::Mend
        } else {
            Treatment::Tell
        };
        DoctorRequest { scope, treatment }
    }
}

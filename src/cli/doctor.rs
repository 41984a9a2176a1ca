//! `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::Request;
use crate::domain::{BundleRequest, DoctorRequest, OutputMode, Scope, Treatment};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev doctor                  what is wrong with this machine and this project
  jobsprint-dev doctor --fix            and mend what is safe to mend
  jobsprint-dev doctor --json           for programs
  jobsprint-dev doctor --bundle my.tar.gz   all of it in an archive, secrets masked
  jobsprint-dev doctor --prove          does the stack start by luck? Starts copies with faults put in
  jobsprint-dev doctor --prove --runs 2 n8n postgres

The exit code is 0 where there is no problem, else that of the worst.")]
pub(super) struct DoctorArguments {
    /// Show what is safe to do about it, and do it
    #[arg(long)]
    fix: bool,
    /// The same as --output json
    #[arg(long)]
    json: bool,
    /// Pack verdicts, versions, model and logs into this archive, as `bundle` does
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "json"])]
    bundle: Option<PathBuf>,
    /// Start isolated copies of the stack with faults put in, and tell which services depend on luck
    #[arg(long, conflicts_with_all = ["fix", "bundle"])]
    prove: bool,
    /// How many copies [default: each fault once]
    #[arg(long, value_name = "N", requires = "prove", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Copies of these services alone, with what they depend on
    #[arg(value_name = "SERVICE", requires = "prove")]
    services: Vec<String>,
}

impl DoctorArguments {
    pub(super) fn request(self, mut scope: Scope) -> Request {
        if let Some(file) = self.bundle {
            let file = Some(file);
            return Request::Bundle(BundleRequest { scope, file });
        }
        if self.json {
            scope.output = OutputMode::Json;
        }
        scope.services = self.services;
        let treatment = match (self.prove, self.fix) {
            (true, _) => Treatment::Prove { runs: self.runs },
            (_, true) => Treatment::Mend,
            _ => Treatment::Tell,
        };
        Request::Doctor(DoctorRequest { scope, treatment })
    }
}

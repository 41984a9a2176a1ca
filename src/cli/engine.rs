//! `engine status|ensure|stop`.

use clap::Subcommand;

use crate::domain::{Consent, EngineRequest, EngineVerb, OutputMode};

#[derive(Debug, Subcommand)]
pub(super) enum EngineArguments {
    /// Tell which engine answers, or why none does
    #[command(after_help = "Example:\n  jobsprint-dev engine status")]
    Status,
    /// See that an engine answers: install and start one where needed, with consent
    #[command(after_help = "Example:\n  jobsprint-dev engine ensure --yes")]
    Ensure {
        /// Say yes to every question
        #[arg(short, long)]
        yes: bool,
    },
    /// Stop the engine, if this tool started it
    #[command(after_help = "Example:\n  jobsprint-dev engine stop")]
    Stop,
}

impl EngineArguments {
    pub(super) fn request(self, output: OutputMode) -> EngineRequest {
        let (verb, consent) = match self {
            Self::Status => (EngineVerb::Status, Consent::Ask),
            Self::Ensure { yes: true } => (EngineVerb::Ensure, Consent::Given),
            Self::Ensure { yes: false } => (EngineVerb::Ensure, Consent::Ask),
            Self::Stop => (EngineVerb::Stop, Consent::Ask),
        };
        EngineRequest {
            verb,
            consent,
            output,
        }
    }
}

//! `report startup`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::domain::{Scope, StartupReport};

#[derive(Debug, Subcommand)]
pub(super) enum ReportArguments {
    /// Tell where the time of the last start went: critical path, overlaps, phases
    #[command(after_help = "\
Examples:
  jobsprint-dev report startup                            as text
  jobsprint-dev report startup --output json              for programs
  jobsprint-dev report startup --picture startup.html     as a waterfall")]
    Startup {
        /// Write a waterfall to this file, which ends in `.svg` or `.html`
        #[arg(long, value_name = "FILE", value_parser = picture)]
        picture: Option<PathBuf>,
    },
}

impl ReportArguments {
    pub(super) fn request(self, scope: Scope) -> StartupReport {
        let Self::Startup { picture } = self;
        StartupReport { scope, picture }
    }
}

fn picture(text: &str) -> Result<PathBuf, String> {
    let extension = Path::new(text).extension().and_then(|end| end.to_str());
    match extension {
        Some("svg" | "html") => Ok(PathBuf::from(text)),
        _ => Err("a picture ends in `.svg` or `.html`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_an_svg_or_a_page() {
        assert!(picture("out/startup.svg").is_ok());
        assert!(picture("startup.html").is_ok());
        assert!(picture("startup.png").is_err());
        assert!(picture("startup").is_err());
    }
}

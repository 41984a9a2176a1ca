//! `exec`.

use clap::Args;

use crate::domain::{Exec, Phase, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev exec postgres -- psql -U jobsprint
  jobsprint-dev exec api-gateway -- npm test
  jobsprint-dev exec -T redis -- redis-cli info | head")]
pub(super) struct ExecArguments {
    /// Run as this user
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Run in this directory of the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set a variable; repeat for several
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// No terminal, even where both ends are terminals
    #[arg(short = 'T', long)]
    no_tty: bool,
    /// The service
    service: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl ExecArguments {
    pub(super) fn request(self, scope: Scope) -> Exec {
        Exec {
            scope,
            service: self.service,
            command: self.command,
            user: self.user,
            working_dir: self.workdir,
            environment: self.env,
            terminal: if self.no_tty { Phase::Skip } else { Phase::Do },
        }
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

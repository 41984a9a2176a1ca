//! The thin binary: parse, run, and turn the result into an exit code.

use std::process::ExitCode;

use jobsprint_dev::{app, cli};

fn main() -> ExitCode {
    let request = match cli::parse(std::env::args_os()) {
        Ok(request) => request,
        Err(answer) => {
            // Help and version are answers too: clap knows which door each goes out by.
            answer.print().ok();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    ExitCode::from(app::run(request))
}

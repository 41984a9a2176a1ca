//! The whole command line: shared options, verbs, and the exit codes that `--help` tells.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use super::{
    backup, bundle, ci, completions, config, db, doctor, down, engine, env, exec, explain, halt,
    logs, migrate, report, reset, scope::ScopeArguments, seed, setup, snapshot, stacks, status,
    watch,
};
use crate::domain::{
    BackupRequest, BundleRequest, CiRequest, Config, ContainerId, DbRequest, DoctorRequest, Down,
    EngineRequest, EnvRequest, Exec, ExplainRequest, Halt, Logs, MigrateRequest, OutputMode,
    ReplayRequest, ResetRequest, Scope, SeedRequest, Setup, SnapshotRequest, StacksRequest,
    StartupReport, WatchRequest,
};

/// The exit codes, as `--help` and the README tell them; `error.rs` holds the table itself.
const EXIT_CODES: &str = "\
Exit codes:
  0    ok                          31   a service exited or is crash-looping
  1    a bug                       40   migration or seed failed
  2    usage                       50   bad or missing environment values
  10   project files wrong         60   a port is taken
  20   engine unreachable          130  interrupted
  21   image can't be obtained
  30   not ready in time           `ci` passes on its command's own code

Start here:
  jobsprint-dev setup              from a bare machine to a running stack
  jobsprint-dev status             what runs, and where";

/// A request, as the composition root takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `setup`: engine, `.env`, certificate, and all that `up` does.
    Setup(Setup),
    /// `up`.
    Up(Setup),
    /// `down`.
    Down(Down),
    /// `stop`.
    Stop(Halt),
    /// `restart`.
    Restart(Halt),
    /// `watch`.
    Watch(WatchRequest),
    /// `status`.
    Status(Scope),
    /// `logs`.
    Logs(Logs),
    /// `exec`.
    Exec(Exec),
    /// `migrate`.
    Migrate(MigrateRequest),
    /// `seed`.
    Seed(SeedRequest),
    /// `reset`.
    Reset(ResetRequest),
    /// `backup` and `restore`.
    Backup(BackupRequest),
    /// `snapshot`.
    Snapshot(SnapshotRequest),
    /// `db`.
    Db(DbRequest),
    /// `ci`.
    Ci(CiRequest),
    /// `ci replay`.
    Replay(ReplayRequest),
    /// `stacks`.
    Stacks(StacksRequest),
    /// `report startup`.
    Report(StartupReport),
    /// `engine`.
    Engine(EngineRequest),
    /// `env`.
    Env(EnvRequest),
    /// `config`.
    Config(Config),
    /// `doctor`.
    Doctor(DoctorRequest),
    /// `bundle`.
    Bundle(BundleRequest),
    /// `explain`.
    Explain(ExplainRequest, OutputMode),
    /// `snapshot-guard`, which the tool runs by itself: the containers that must not stay paused.
    SnapshotGuard(Vec<ContainerId>),
    /// `snapshot-sweep`, which the tool runs by itself.
    SnapshotSweep(Sweep),
    /// `snapshot-agent`, which the tool runs by itself: what is to be done, and with which volumes.
    SnapshotAgent(String, Vec<String>),
    /// `completions`: the script for this shell.
    Completions(clap_complete::Shell),
}

/// From a bare machine to a running, migrated, seeded stack; and the daily life with it.
#[derive(Debug, Parser)]
#[command(name = "jobsprint-dev", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    scope: ScopeArguments,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring everything up from nothing: engine, .env, images, services, migrations, seeds
    Setup(setup::SetupArguments),
    /// Bring the stack to what the files say, and wait until it is ready
    Up(setup::UpArguments),
    /// Stop and remove the containers and networks; volumes stay unless asked for
    Down(down::DownArguments),
    /// Stop containers and keep them
    Stop(halt::HaltArguments),
    /// Restart containers, each once what it depends on is ready
    Restart(halt::RestartArguments),
    /// Act on each save: sync, restart in place, rebuild; and show the logs
    Watch(watch::WatchArguments),
    /// Tell what runs, where, and what is waited for
    Status(status::StatusArguments),
    /// Show the services' logs
    Logs(logs::LogsArguments),
    /// Run a command in a service's container
    Exec(exec::ExecArguments),
    /// Run the migrations that are due
    Migrate(migrate::MigrateArguments),
    /// Apply the seeds that are due
    Seed(seed::SeedArguments),
    /// Go back to migrated and seeded, in a second
    Reset(reset::ResetArguments),
    /// Dump the database into a file; list, verify and prune such files
    Backup(backup::BackupArguments),
    /// Put a backup, or any other dump, in the live database's place
    Restore(backup::RestoreArguments),
    /// Keep the whole stack's data under a name, and go back to it
    #[command(after_help = "Example:\n  jobsprint-dev snapshot save before-demo")]
    Snapshot(snapshot::SnapshotArguments),
    /// Look into the stores: shell, url, dump, logs
    #[command(subcommand, after_help = "Example:\n  jobsprint-dev db shell")]
    Db(db::DbArguments),
    /// Give a test command a migrated and seeded stack of its own, and remove it afterwards
    Ci(ci::CiArguments),
    /// List the stacks on this engine, and remove one, or those that nobody owns
    #[command(subcommand, after_help = "Example:\n  jobsprint-dev stacks list")]
    Stacks(stacks::StacksArguments),
    /// Tell where the time went
    #[command(subcommand, after_help = "Example:\n  jobsprint-dev report startup")]
    Report(report::ReportArguments),
    /// Find, install, start or stop the container engine
    #[command(subcommand, after_help = "Example:\n  jobsprint-dev engine status")]
    Engine(engine::EngineArguments),
    /// Make, check, explain and change the environment
    #[command(subcommand, after_help = "Example:\n  jobsprint-dev env check")]
    Env(env::EnvArguments),
    /// Print the Compose file as it is understood: interpolated, merged, resolved
    Config(config::ConfigArguments),
    /// Look for what is wrong with this machine, this engine and this project
    Doctor(doctor::DoctorArguments),
    /// Pack versions, model, logs and verdicts into one archive, with secrets masked
    Bundle(bundle::BundleArguments),
    /// Tell an exit code, an error or a check at length
    Explain(explain::ExplainArguments),
    /// Let paused containers go on when the run that paused them is gone
    #[command(hide = true, after_help = "Run by jobsprint-dev snapshot itself.")]
    SnapshotGuard {
        /// The containers' ids
        containers: Vec<String>,
    },
    /// Remove what a run has put out of sight
    #[command(hide = true, after_help = "Run by jobsprint-dev itself.")]
    SnapshotSweep(Sweep),
    /// Work with volumes in a container
    #[command(hide = true, after_help = "Run by jobsprint-dev snapshot itself.")]
    SnapshotAgent {
        /// What is to be done
        errand: String,
        /// The volumes' keys
        volumes: Vec<String>,
    },
    /// Print the completion script of a shell
    Completions(completions::CompletionsArguments),
}

/// What `snapshot-sweep` removes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Sweep {
    /// A container that has more of what a restore replaced
    #[arg(long)]
    pub helper: Option<String>,
    /// Where the snapshots are
    pub directory: PathBuf,
    /// Whose
    pub project: String,
    /// What a restore replaced
    pub replaced: Vec<PathBuf>,
}

/// Parses a command line, its program's name first.
///
/// # Errors
/// clap's own error: help and version are such, too.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Request, clap::Error> {
    let Arguments { scope, verb } = Arguments::try_parse_from(env::as_format(words))?;
    if scope.contradicts_itself() {
        // Not clap's own rule, which doesn't see options that stand on both sides of the verb.
        let message = "`-p` names a project outright, `--stack` one beside it: give one of them";
        return Err(Arguments::command().error(ErrorKind::ArgumentConflict, message));
    }
    let output = scope.output();
    Ok(match verb {
        Verb::Setup(verb) => Request::Setup(verb.request(scope.scope())),
        Verb::Up(verb) => Request::Up(verb.request(scope.scope())),
        Verb::Down(verb) => Request::Down(verb.request(scope.scope())),
        Verb::Stop(verb) => Request::Stop(verb.request(scope.scope())),
        Verb::Restart(verb) => Request::Restart(verb.request(scope.scope())),
        Verb::Watch(verb) => Request::Watch(verb.request(scope.scope())),
        Verb::Status(verb) => Request::Status(verb.request(scope.scope())),
        Verb::Logs(verb) => Request::Logs(verb.request(scope.scope())),
        Verb::Exec(verb) => Request::Exec(verb.request(scope.scope())),
        Verb::Migrate(verb) => Request::Migrate(verb.request(scope.scope())),
        Verb::Seed(verb) => Request::Seed(verb.request(scope.scope())),
        Verb::Reset(verb) => Request::Reset(verb.request(scope.scope())),
        Verb::Backup(verb) => Request::Backup(verb.request(scope.scope())),
        Verb::Restore(verb) => Request::Backup(verb.request(scope.scope())),
        Verb::Snapshot(verb) => Request::Snapshot(verb.request(scope.scope())),
        Verb::Db(verb) => Request::Db(verb.request(scope.scope())),
        Verb::Ci(verb) => verb.request(scope.scope()),
        Verb::Stacks(verb) => Request::Stacks(verb.request(output)),
        Verb::Report(verb) => Request::Report(verb.request(scope.scope())),
        Verb::Engine(verb) => Request::Engine(verb.request(output)),
        Verb::Env(verb) => Request::Env(verb.request(scope.scope())),
        Verb::Config(verb) => Request::Config(verb.request(scope.scope())),
        Verb::Doctor(verb) => verb.request(scope.scope()),
        Verb::Bundle(verb) => Request::Bundle(verb.request(scope.scope())),
        Verb::Explain(verb) => Request::Explain(verb.request(), output),
        Verb::SnapshotGuard { containers } => {
            Request::SnapshotGuard(containers.into_iter().map(ContainerId::new).collect())
        }
        Verb::SnapshotSweep(sweep) => Request::SnapshotSweep(sweep),
        Verb::SnapshotAgent { errand, volumes } => Request::SnapshotAgent(errand, volumes),
        Verb::Completions(verb) => Request::Completions(verb.shell),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example_in_its_help() {
        let mut without = Vec::new();
        let mut waiting = vec![Arguments::command()];
        while let Some(command) = waiting.pop() {
            let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
            let help = command.get_after_help().map(ToString::to_string);
            let has_example = help.is_some_and(|help| help.contains("jobsprint-dev "));
            if !has_example {
                without.push(command.get_name().to_owned());
            }
            waiting.extend(subcommands);
        }

        assert_eq!(without, Vec::<String>::new());
    }
}

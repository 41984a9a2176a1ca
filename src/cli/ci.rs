//! `ci`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::Request;
use super::replay::ReplayArguments;
use super::setup::duration;
use crate::domain::{
    BuildImages, CiRequest, CommandPlace, InMemory, Isolation, Keep, OutputMode, Phase, Reuse,
    Scope, parse_size,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev ci -- npm test                        a stack of its own, removed afterwards
  jobsprint-dev ci --services postgres,redis -- go test ./...
  jobsprint-dev ci --keep on-failure -- npm test      leave a failed one for a look
  jobsprint-dev ci --reuse -- npm test                keep one stack for the runs to come, for quick turns at a desk
  jobsprint-dev ci --isolate tenant -- npm test       stores that stand already, with a database of the run's own
  jobsprint-dev ci --in api-gateway -- npm test       run the command in a service's container

The command finds DATABASE_URL, REDIS_URL, AMQP_URL, API_URL and the like in its environment, and the
stack's name in JOBSPRINT_STACK. The exit code is the command's own: 128+n after signal n, 127 where it
is not found, 124 where --timeout ended it; a set-up that fails has the codes of `jobsprint-dev --help`.")]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of the command line"
)]
pub(super) struct CiArguments {
    #[command(subcommand)]
    verb: Option<CiVerb>,
    /// Only these services, and what they depend on
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    services: Vec<String>,
    /// When the stack stays after the command
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    keep: KeepWhen,
    /// End the command by then, as `90s` or `5m`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// Fail where the stack is not ready, migrated and seeded by then
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = duration)]
    ready_timeout: Duration,
    /// Where logs and reports of a failure go [default: target/jobsprint-ci]
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Write the phases as test cases in `JUnit`'s format
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Leave migrations out
    #[arg(long)]
    no_migrate: bool,
    /// Leave seeds out
    #[arg(long)]
    no_seed: bool,
    /// Whether the stack has stores of its own, or a database, redis number and virtual host in ones that runs share
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    isolate: Isolate,
    /// Take over the stack that an earlier run of this checkout left, data and all, and leave it for the next one
    #[arg(long)]
    reuse: bool,
    /// Neither begin with the data of an earlier run nor keep this one's
    #[arg(long)]
    no_template: bool,
    /// How large each data volume may get in memory, as `2g` [default: a share of half of what is available]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "no_tmpfs")]
    tmpfs_size: Option<u64>,
    /// Keep the stores' data on the disk, also where there is enough memory for it
    #[arg(long)]
    no_tmpfs: bool,
    /// Build images anew, where the services have a recipe of their own
    #[arg(long)]
    build: bool,
    /// Run the command in this service's container
    #[arg(long = "in", value_name = "SERVICE")]
    service: Option<String>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum CiVerb {
    /// Bring up the model and the images of a failed run again, from its capsule
    Replay(ReplayArguments),
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum KeepWhen {
    /// It is always removed
    #[default]
    Never,
    /// Where the command or the set-up failed
    OnFailure,
    /// It always stays
    Always,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Isolate {
    /// All of it is its own
    #[default]
    Full,
    /// Only the apps are its own; a stack that needs more is refused
    Tenant,
}

impl CiArguments {
    pub(super) fn request(self, scope: Scope) -> Request {
        match self.verb {
            Some(CiVerb::Replay(verb)) => Request::Replay(verb.request(scope)),
            None => Request::Ci(self.run(scope)),
        }
    }

    fn run(self, scope: Scope) -> CiRequest {
        let phase = |skip| if skip { Phase::Skip } else { Phase::Do };
        // A frame that is redrawn would get in the way of the command's own output.
        let output = match scope.output {
            OutputMode::Auto => OutputMode::Plain,
            other => other,
        };
        CiRequest {
            scope: Scope {
                services: self.services,
                output,
                ..scope
            },
            keep: match self.keep {
                KeepWhen::Never => Keep::Never,
                KeepWhen::OnFailure => Keep::OnFailure,
                KeepWhen::Always => Keep::Always,
            },
            timeout: self.timeout,
            ready_timeout: self.ready_timeout,
            artifacts: self.artifacts,
            junit: self.junit,
            migrate: phase(self.no_migrate),
            seed: phase(self.no_seed),
            isolation: match self.isolate {
                Isolate::Full => Isolation::Full,
                Isolate::Tenant => Isolation::Tenant,
            },
            reuse: if self.reuse {
                Reuse::Left
            } else {
                Reuse::Fresh
            },
            template: phase(self.no_template),
            memory: match (self.no_tmpfs, self.tmpfs_size) {
                (true, _) => InMemory::Nothing,
                (false, Some(size)) => InMemory::UpTo(size),
                (false, None) => InMemory::WhereItFits,
            },
            build: if self.build {
                BuildImages::Anew
            } else {
                BuildImages::Missing
            },
            place: self
                .service
                .map_or(CommandPlace::Host, CommandPlace::Service),
            command: self.command,
        }
    }
}

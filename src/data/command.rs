//! A service's own command on its data, run in its container where it is due.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::digest::Digest;
use super::ledger::{self, Kind, Ledger, Standing};
use super::lock::Lock;
use super::seed_store::Again;
use super::session::Session;
use super::{DataContext, DataError, DataOutcome, leftover};
use crate::domain::{ContainerId, Environment, Migrate, Service};
use crate::engine::ExecRequest;

/// What the ledger says of a command that was begun.
const BEGUN: &str = "begun";
/// And once it has ended, well or not.
const ENDED: &str = "ended";
/// So many lines of a failed command's output are shown.
const SHOWN: usize = 20;

/// A command that a service declares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    /// `the migration`, `the seed command`.
    pub(super) what: &'static str,
    /// How the ledger knows it.
    pub(super) kind: Kind,
    /// The service.
    pub(super) service: &'a Service,
    /// The command.
    pub(super) run: &'a [String],
    /// What decides whether it is due.
    pub(super) inputs: &'a [PathBuf],
}

impl<'a> Declared<'a> {
    /// The service's migrations, where it has a command for them.
    pub(super) fn migration(service: &'a Service) -> Option<Self> {
        let Some(Migrate::Command { run, inputs }) = &service.migrate else {
            return None;
        };
        Some(Self {
            what: "the migration",
            kind: Kind::Migrate,
            service,
            run,
            inputs,
        })
    }

    /// The service's own seeds, where it has a command for them.
    pub(super) fn seed(service: &'a Service) -> Option<Self> {
        let seed = service.seed.as_ref()?;
        Some(Self {
            what: "the seed command",
            kind: Kind::SeedCommand,
            service,
            run: &seed.run,
            inputs: &seed.inputs,
        })
    }

    /// Runs the command if its inputs or the database changed since it last ran well, or `again` says so.
    ///
    /// A stack without a database has nowhere to note that it ran, so there it always runs.
    pub(super) async fn run_if_due(
        &self,
        context: &DataContext,
        again: Again,
    ) -> Result<DataOutcome, DataError> {
        let none = Environment::default();
        let Some(database) = context.database() else {
            let container = context.container(self.service)?;
            self.run(context, container, none).await?;
            return Ok(DataOutcome::Ran(1));
        };
        let hash = self.hash(context).await?;
        if !self.is_due(context.glance(database).await?, &hash, again) {
            return Ok(DataOutcome::NothingDue);
        }
        let lock = Lock::take(context, database).await?;
        let session = Session::open(context, database).await?;
        let outcome = self.run_in(context, &session, again, none).await?;
        session.close().await;
        lock.release().await;
        Ok(outcome)
    }

    /// The same in this session's database, with `environment` besides the container's own. The caller holds the lock.
    pub(super) async fn run_in(
        &self,
        context: &DataContext,
        session: &Session,
        again: Again,
        environment: Environment,
    ) -> Result<DataOutcome, DataError> {
        let client = &session.client;
        let hash = self.hash(context).await?;
        let ledger = Ledger::read(client).await?;
        // Whoever had the lock may have done it.
        if !self.is_due(&ledger, &hash, again) {
            return Ok(DataOutcome::NothingDue);
        }
        let container = context.container(self.service)?;
        let name = self.service.name.as_str();
        let mark = format!("{} {name}", self.kind.as_str());
        if ledger.standing(Kind::Begun, &mark, BEGUN) == Standing::Applied {
            leftover::end(context, container, self.kind).await?;
        }
        ledger::ensure(client).await?;
        ledger::note(client, Kind::Begun, &mark, BEGUN, Duration::ZERO).await?;
        let began = Instant::now();
        let ran = self.run(context, container, environment).await;
        let took = began.elapsed();
        // A command may well begin by wiping the database.
        ledger::ensure(client).await?;
        ledger::note(client, Kind::Begun, &mark, ENDED, took).await?;
        ran?;
        ledger::note(client, self.kind, name, &hash, took).await?;
        Ok(DataOutcome::Ran(1))
    }

    fn is_due(&self, ledger: &Ledger, hash: &str, again: Again) -> bool {
        let standing = ledger.standing(self.kind, self.service.name.as_str(), hash);
        again == Again::Always || standing != Standing::Applied
    }

    /// Notes in this session's ledger that it was applied, if the live database's ledger has it so.
    pub(super) async fn carry_over(
        &self,
        context: &DataContext,
        database: &Service,
        session: &Session,
    ) -> Result<(), DataError> {
        let hash = self.hash(context).await?;
        let name = self.service.name.as_str();
        let live = Session::open(context, database).await?;
        let ledger = Ledger::read(&live.client).await?;
        live.close().await;
        if ledger.standing(self.kind, name, &hash) == Standing::Applied {
            ledger::ensure(&session.client).await?;
            ledger::note(&session.client, self.kind, name, &hash, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// The hash of the command and its inputs; where none are named, the image stands for them.
    pub(super) async fn hash(&self, context: &DataContext) -> Result<String, DataError> {
        let mut digest = Digest::new();
        for word in self.run {
            digest.part(word.as_bytes());
        }
        for input in self.inputs {
            digest.path(input)?;
        }
        let id = context.container(self.service)?;
        if self.inputs.is_empty()
            && let Some(container) = context.engine.container(id.as_str()).await?
        {
            digest.part(container.image_id.as_str().as_bytes());
        }
        Ok(digest.finish())
    }

    async fn run(
        &self,
        context: &DataContext,
        container: &ContainerId,
        environment: Environment,
    ) -> Result<(), DataError> {
        let command = self.run.join(" ");
        let request = ExecRequest {
            command: self.run.to_vec(),
            environment: leftover::marked(environment, self.kind),
            ..ExecRequest::default()
        };
        let executed = context.engine.execute(container, &request).await?;
        if executed.code == 0 {
            return Ok(());
        }
        Err(DataError::Command {
            what: self.what,
            service: self.service.name.clone(),
            command,
            code: executed.code,
            output: last_lines(&executed.stdout, &executed.stderr),
        })
    }
}

/// The last lines of both streams; errors come last, since they tell more.
fn last_lines(stdout: &[u8], stderr: &[u8]) -> Vec<String> {
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        let lines = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty());
        lines.map(ToOwned::to_owned).collect()
    };
    let mut all = lines(stdout);
    all.extend(lines(stderr));
    all.split_off(all.len().saturating_sub(SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_failed_command_end_with_its_errors() {
        let stdout = "step\n".repeat(30);
        let lines = last_lines(stdout.as_bytes(), b"\nerror: no such table\n");

        assert_eq!(lines.len(), SHOWN);
        assert_eq!(
            lines.last().map(String::as_str),
            Some("error: no such table")
        );
    }
}

//! `migrate`: runs, undoes, makes, tells and verifies migrations.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::data::{Store, unless_interrupted};
use super::project::Project;
use super::session::Session;
use super::{seed, up};
use crate::data::{self, DataOutcome};
use crate::domain::{Failure, FailureKind, Migrate, MigrateRequest, MigrateVerb, Service, Stack};
use crate::event::Event;
use crate::plan;
use crate::report::words;

/// Does what is asked.
pub(super) async fn run(session: &mut Session, request: MigrateRequest) -> Result<u8, Failure> {
    if let MigrateVerb::New(name) = &request.verb {
        let project = Project::load(session, &request.scope)?;
        let chosen = chosen(&project.stack, &request.scope.services)?;
        return make(session, &project.stack, &chosen, name);
    }
    let store = Store::open(session, &request.scope).await?;
    let context = &store.context;
    let chosen = chosen(&context.stack, &request.scope.services)?;
    let text = match request.verb {
        MigrateVerb::Status => {
            let due = data::migrations(context, &store.database);
            seed::print(session, &unless_interrupted(session, due).await?);
            return Ok(0);
        }
        MigrateVerb::Verify => {
            let verified = data::verify_migrations(context, &store.database);
            unless_interrupted(session, verified).await?;
            "the database is what its migrations make".to_owned()
        }
        MigrateVerb::Down(count) => {
            let (service, _) = only_directory(&chosen)?;
            let undone = data::migrate_down(context, service, count);
            match unless_interrupted(session, undone).await? {
                DataOutcome::Ran(count) => format!("undid {}", words::count(count, "migration")),
                DataOutcome::NothingDue => "there is nothing to undo".to_owned(),
            }
        }
        MigrateVerb::To(number) => {
            let (service, _) = only_directory(&chosen)?;
            let migrated = data::migrate_to(context, service, Some(number));
            told(unless_interrupted(session, migrated).await?)
        }
        MigrateVerb::Run | MigrateVerb::New(_) => {
            let mut ran = 0;
            for service in chosen {
                let migrated = data::migrate(context, service);
                match unless_interrupted(session, migrated).await? {
                    DataOutcome::Ran(count) => ran += count,
                    DataOutcome::NothingDue => {}
                }
            }
            told(if ran == 0 {
                DataOutcome::NothingDue
            } else {
                DataOutcome::Ran(ran)
            })
        }
    };
    session.events.tell(Event::Notice { text });
    Ok(0)
}

fn told(outcome: DataOutcome) -> String {
    match outcome {
        DataOutcome::Ran(count) => format!("applied {}", words::count(count, "migration")),
        DataOutcome::NothingDue => "no migration is due".to_owned(),
    }
}

/// The services that have migrations, of those that are named.
fn chosen<'a>(stack: &'a Stack, names: &[String]) -> Result<Vec<&'a Service>, Failure> {
    if !names.is_empty() {
        plan::select(stack, names).map_err(|error| up::unknown(&error))?;
    }
    let is_chosen = |service: &&Service| {
        names.is_empty() || names.iter().any(|name| name == service.name.as_str())
    };
    let services = stack.services.values().filter(is_chosen);
    Ok(services
        .filter(|service| service.migrate.is_some())
        .collect())
}

/// The one service whose migrations are SQL files, with their directory.
fn only_directory<'a>(chosen: &[&'a Service]) -> Result<(&'a Service, &'a PathBuf), Failure> {
    let with_directory = chosen.iter().filter_map(|service| match &service.migrate {
        Some(Migrate::Directory(directory)) => Some((*service, directory)),
        _ => None,
    });
    let found: Vec<_> = with_directory.collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failure::new(FailureKind::Usage, "no service has a directory of SQL migrations")
            .hint("name it in the Compose file: `x-jobsprint: { migrate: { directory: ./migrations } }`")
            .hint("a service's own command undoes its migrations by itself: `jobsprint-dev exec SERVICE -- …`")),
        several => {
            let names: Vec<&str> = several.iter().map(|(service, _)| service.name.as_str()).collect();
            let message = format!("{} have SQL migrations", names.join(" and "));
            Err(Failure::new(FailureKind::Usage, message).hint("name one of them"))
        }
    }
}

fn make(session: &Session, stack: &Stack, chosen: &[&Service], name: &str) -> Result<u8, Failure> {
    let (_, directory) = only_directory(chosen)?;
    let made = data::new_migration(directory, name, second(OffsetDateTime::now_utc()))?;
    let names = made.map(|path| {
        let below = path.strip_prefix(&stack.working_dir).unwrap_or(&path);
        below.display().to_string()
    });
    let text = format!("made `{}` and `{}`", names[0], names[1]);
    session.events.tell(Event::Notice { text });
    Ok(0)
}

/// A time as a number: `20261123204500`.
fn second(now: OffsetDateTime) -> i64 {
    let parts = [
        now.month() as u8,
        now.day(),
        now.hour(),
        now.minute(),
        now.second(),
    ];
    let year = i64::from(now.year());
    parts
        .iter()
        .fold(year, |number, part| number * 100 + i64::from(*part))
}

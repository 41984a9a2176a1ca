//! From a verb of `env` to the room that does it.

use super::{change, diff, explain, health, share, show};
use crate::app::environment;
use crate::app::project::Place;
use crate::app::question::Person;
use crate::app::session::Session;
use crate::domain::{Consent, EnvRequest, EnvVerb, Failure};
use crate::event::Event;

/// Does what is asked.
pub(in crate::app) async fn run(session: &mut Session, request: EnvRequest) -> Result<u8, Failure> {
    let EnvRequest { scope, verb } = request;
    match verb {
        EnvVerb::Init(consent) => {
            init(session, &Place::find(session, &scope), consent)?;
            Ok(0)
        }
        EnvVerb::Check => health::check(session, &scope),
        EnvVerb::Explain(key) => explain::explain(session, &scope, &key),
        EnvVerb::Get(key) => show::get(session, &scope, &key),
        EnvVerb::List { format, sight } => show::list(session, &scope, format, sight),
        EnvVerb::Print { reader, format } => show::print(session, &scope, &reader, format),
        EnvVerb::Set { pairs, apply } => change::set(session, scope, pairs, apply).await,
        EnvVerb::Unset { keys, apply } => change::unset(session, scope, &keys, apply).await,
        EnvVerb::Rotate { which, apply, keep } => {
            change::rotate(session, scope, which, apply, keep).await
        }
        EnvVerb::Diff => diff::diff(session, &scope).await,
        EnvVerb::Export(file) => share::export(session, &scope, file.as_deref()),
        EnvVerb::Import(file) => share::import(session, &scope, &file),
    }
}

fn init(session: &Session, place: &Place, consent: Consent) -> Result<(), Failure> {
    let outcome = environment::ensure_env(&place.root, Person::unless(session, consent))?;
    environment::tell(&session.events, &outcome);
    if outcome.added.is_empty() && outcome.generated.is_empty() && outcome.answered.is_empty() {
        let text = "`.env` has all that the schema asks for; nothing was changed".to_owned();
        session.events.tell(Event::Notice { text });
    }
    Ok(())
}

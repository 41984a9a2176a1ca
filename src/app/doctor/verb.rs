//! The verb itself: look, tell, mend, look again.

use super::facts::gather;
use super::{mend, prove};
use crate::app::session::Session;
use crate::doctor::verdicts;
use crate::domain::{Deed, DoctorRequest, Failure, Level, Scope, Treatment, Verdict};
use crate::error::exit_code;
use crate::report::{self, Mode};

/// Tells what is wrong; the exit code is that of the worst.
pub(in crate::app) async fn run(
    session: &mut Session,
    request: DoctorRequest,
) -> Result<u8, Failure> {
    let found = match request.treatment {
        Treatment::Prove { runs } => prove::run(session, &request.scope, runs).await?,
        Treatment::Tell => verdicts(&gather(session, &request.scope).await),
        Treatment::Mend => mended(session, &request.scope).await,
    };
    let text = if session.manner.mode == Mode::Json {
        report::verdict_json(&found)
    } else {
        report::verdict_text(&found)
    };
    report::print(&session.masked(&text));
    let worst = found
        .first()
        .filter(|verdict| verdict.level == Level::Problem);
    Ok(worst.map_or(0, |verdict| exit_code(verdict.kind)))
}

/// The verdicts after all that is safe was done about those before.
async fn mended(session: &Session, scope: &Scope) -> Vec<Verdict> {
    let found = verdicts(&gather(session, scope).await);
    if !found.iter().any(|verdict| !deeds(verdict).is_empty()) {
        return found;
    }
    mend::all(session, scope, &found).await;
    verdicts(&gather(session, scope).await)
}

/// What is safe to do about a verdict.
pub(super) fn deeds(verdict: &Verdict) -> &[Deed] {
    match &verdict.mend {
        Some(mend) if verdict.level != Level::Ok => &mend.deeds,
        _ => &[],
    }
}

//! From a request to an exit code.

use tokio::runtime;

use super::session::Session;
use super::{
    backup, bundle, ci, config, db, doctor, down, engine, env, exec, explain, guard, halt, logs,
    migrate, reset, seed, setup, snapshot, stacks, startup, status, up, watch,
};
use crate::cli::{Request, completions};
use crate::data::work_as_agent;
use crate::doctor::explanation;
use crate::domain::{Failure, FailureKind, OutputMode};
use crate::error::exit_code;
use crate::event::Event;
use crate::report;

/// Threads of the runtime: all work waits on the engine, so two are plenty.
const THREADS: usize = 2;

/// Does what is asked, and gives the process's exit code.
#[must_use]
pub fn run(request: Request) -> u8 {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(answer(request));
            // A read of stdin that nobody will answer must not hold the process back.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            let message = format!("cannot start: {error}");
            report::print_failure(&Failure::new(FailureKind::Bug, message));
            exit_code(FailureKind::Bug)
        }
    }
}

async fn answer(request: Request) -> u8 {
    if let Request::Completions(shell) = request {
        report::print(&String::from_utf8_lossy(&completions(shell)));
        return 0;
    }
    let mut session = match Session::begin(output(&request)) {
        Ok(session) => session,
        Err(failure) => {
            let failure = with_next(failure);
            report::print_failure(&failure);
            return exit_code(failure.kind);
        }
    };
    let answered = Box::pin(dispatch(&mut session, request)).await;
    let code = match answered {
        Ok(code) => code,
        Err(failure) => {
            let code = exit_code(failure.kind);
            let failure = with_next(failure);
            session.events.tell(Event::Failed { failure });
            code
        }
    };
    session.end().await;
    code
}

/// The failure with what to type next, one to three commands: where it names none itself, those of its exit code.
fn with_next(mut failure: Failure) -> Failure {
    if failure.kind == FailureKind::Interrupted {
        return failure;
    }
    if failure.hints.is_empty() {
        let code = exit_code(failure.kind);
        let next = explanation(&code.to_string()).map_or(&[][..], |found| found.next);
        let looks = next.iter().find(|next| next.ends_with(" doctor"));
        failure = failure.hint(format!(
            "`jobsprint-dev explain {code}` tells the usual causes"
        ));
        if let Some(next) = looks.or(next.first()) {
            failure = failure.hint(format!("go on with `{next}`"));
        }
    }
    failure.hints.truncate(3);
    failure
}

async fn dispatch(session: &mut Session, request: Request) -> Result<u8, Failure> {
    match request {
        Request::Setup(request) => setup::run(session, request).await,
        Request::Up(request) => up::run(session, request).await,
        Request::Down(request) => down::run(session, request).await,
        Request::Stop(request) => halt::stop(session, request).await,
        Request::Restart(request) => halt::restart(session, request).await,
        Request::Watch(request) => watch::run(session, request).await,
        Request::Status(request) => status::run(session, request).await,
        Request::Logs(request) => logs::run(session, request).await,
        Request::Exec(request) => exec::run(session, request).await,
        Request::Migrate(request) => migrate::run(session, request).await,
        Request::Seed(request) => seed::run(session, request).await,
        Request::Reset(request) => reset::run(session, request).await,
        Request::Backup(request) => backup::run(session, request).await,
        Request::Snapshot(request) => snapshot::run(session, request).await,
        Request::Db(request) => db::run(session, request).await,
        Request::Ci(request) => ci::run(session, request).await,
        Request::Replay(request) => ci::replay(session, request).await,
        Request::Stacks(request) => stacks::run(session, request).await,
        Request::Report(request) => startup::run(session, &request),
        Request::Engine(request) => engine::run(session, request).await,
        Request::Env(request) => env::run(session, request).await,
        Request::Config(request) => config::run(session, &request),
        Request::Doctor(request) => doctor::run(session, request).await,
        Request::Bundle(request) => bundle::run(session, request).await,
        Request::Explain(request, _) => explain::run(&request),
        Request::SnapshotGuard(paused) => guard::run(session, paused).await,
        Request::SnapshotSweep(sweep) => snapshot::sweep(session, sweep).await,
        Request::SnapshotAgent(errand, volumes) => {
            report::print(&work_as_agent(&errand, &volumes).await);
            Ok(0)
        }
        Request::Completions(_) => Ok(0),
    }
}

fn output(request: &Request) -> OutputMode {
    match request {
        Request::Setup(request) | Request::Up(request) => request.scope.output,
        Request::Down(request) => request.scope.output,
        Request::Stop(request) | Request::Restart(request) => request.scope.output,
        Request::Watch(request) => request.scope.output,
        Request::Status(scope) => scope.output,
        Request::Logs(request) => request.scope.output,
        Request::Exec(request) => request.scope.output,
        Request::Migrate(request) => request.scope.output,
        Request::Seed(request) => request.scope.output,
        Request::Reset(request) => request.scope.output,
        Request::Backup(request) => request.scope.output,
        Request::Snapshot(request) => request.scope.output,
        Request::Db(request) => request.scope.output,
        Request::Ci(request) => request.scope.output,
        Request::Replay(request) => request.scope.output,
        Request::Stacks(request) => request.output,
        Request::Report(request) => request.scope.output,
        Request::Engine(request) => request.output,
        Request::Env(request) => request.scope.output,
        Request::Config(request) => request.scope.output,
        Request::Doctor(request) => request.scope.output,
        Request::Bundle(request) => request.scope.output,
        Request::Explain(_, output) => *output,
        Request::SnapshotGuard(_)
        | Request::SnapshotSweep(_)
        | Request::SnapshotAgent(..)
        | Request::Completions(_) => OutputMode::Plain,
    }
}

//! Commands that a run which was killed left running in a container: ended before they are run again.
//!
//! The engine goes on with a command whose caller is gone, while the lock that the caller held is free.

use super::ledger::Kind;
use super::{DataContext, DataError};
use crate::domain::{ContainerId, Environment};
use crate::engine::ExecRequest;

/// By this variable a command is known among a container's processes.
const MARK: &str = "JOBSPRINT_DEV_COMMAND";

/// Asks all that carry the mark to end, for five seconds, then makes them.
const END: &str = r#"
left() {
    for process in /proc/[0-9]*; do
        grep -qs "$1" "$process/environ" && echo "${process#/proc/}"
    done
}
tries=0
while processes=$(left "$1"); [ -n "$processes" ]; do
    signal=TERM
    [ "$tries" -lt 50 ] || signal=KILL
    [ "$tries" -lt 100 ] || exit 1
    kill -"$signal" $processes 2>/dev/null
    tries=$((tries + 1))
    sleep 0.1
done
"#;

/// The environment of a command, with the mark.
pub(super) fn marked(mut environment: Environment, kind: Kind) -> Environment {
    environment.set(MARK, kind.as_str());
    environment
}

/// Ends what carries the mark in this container, and waits for its end; a container without a shell is left alone.
pub(super) async fn end(
    context: &DataContext,
    container: &ContainerId,
    kind: Kind,
) -> Result<(), DataError> {
    let mark = format!("{MARK}={}", kind.as_str());
    let request = ExecRequest {
        command: ["sh", "-c", END, "sh", &mark]
            .map(ToOwned::to_owned)
            .to_vec(),
        ..ExecRequest::default()
    };
    context.engine.execute(container, &request).await?;
    Ok(())
}

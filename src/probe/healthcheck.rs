//! Asks by the Compose healthcheck, run by the tool itself: an engine would first look after a whole interval.

use std::time::Duration;

use tokio::time::timeout;

use super::{Answer, Target};
use crate::engine::{Engine, EngineError, ExecRequest};

/// The engine's own default for a check's timeout.
const LONGEST: Duration = Duration::from_secs(30);
/// So much of a failing check's output is shown.
const SHOWN: usize = 160;

const CANNOT_EXECUTE: i64 = 126;
const NOT_FOUND: i64 = 127;
/// How the engine ends what its container runtime said.
const REFUSED_BY_RUNTIME: &str = ": unknown";

/// Runs the check once.
pub(super) async fn ask(engine: &dyn Engine, target: &Target) -> Answer {
    let Some(check) = &target.service.container.healthcheck else {
        return Answer::Impossible("it has no healthcheck".to_owned());
    };
    let Some(command) = command(&check.test) else {
        return Answer::Impossible("its healthcheck is empty or switched off".to_owned());
    };
    let limit = check.timeout.unwrap_or(LONGEST);
    let request = ExecRequest {
        command,
        ..ExecRequest::default()
    };
    let executed = match timeout(limit, engine.execute(&target.container.id, &request)).await {
        Ok(Ok(executed)) => executed,
        Ok(Err(error)) => return judge(&error),
        Err(_) => {
            let limit = limit.as_secs_f64();
            return Answer::NotYet(format!("its healthcheck took longer than {limit} s"));
        }
    };
    let said = last_line(&executed.stderr).or_else(|| last_line(&executed.stdout));
    let reason = match said {
        Some(line) => format!("its healthcheck failed: {line}"),
        None => format!("its healthcheck failed with exit code {}", executed.code),
    };
    conclude(executed.code, reason)
}

/// What an exit code and the last line of what was said mean.
///
/// The code that a shell gives for what it can't execute is also the engine's own for any exec that its
/// runtime refused: in a container that ends at that moment, too, and such a one may come back.
fn conclude(code: i64, reason: String) -> Answer {
    let refused = reason.ends_with(REFUSED_BY_RUNTIME);
    match code {
        0 => Answer::Ready,
        CANNOT_EXECUTE | NOT_FOUND if !refused || lacks_program(&reason) => {
            Answer::Impossible(reason)
        }
        _ => Answer::NotYet(reason),
    }
}

/// The command of a `test`: `CMD` gives it as it stands, `CMD-SHELL` through the container's shell.
fn command(test: &[String]) -> Option<Vec<String>> {
    match test {
        [kind, command @ ..] if kind == "CMD" && !command.is_empty() => Some(command.to_vec()),
        [kind, script] if kind == "CMD-SHELL" => {
            Some(["/bin/sh", "-c", script].map(ToOwned::to_owned).to_vec())
        }
        _ => None,
    }
}

/// Engines tell a missing program by a refusal of the exec itself, too.
fn judge(error: &EngineError) -> Answer {
    let reason = error.to_string();
    if lacks_program(&reason) {
        Answer::Impossible(format!("its healthcheck can't run: {reason}"))
    } else {
        Answer::NotYet(format!("its healthcheck can't run: {reason}"))
    }
}

fn lacks_program(reason: &str) -> bool {
    [
        "executable file not found",
        "no such file or directory",
        "permission denied",
    ]
    .iter()
    .any(|sign| reason.contains(sign))
}

fn last_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().map(str::trim).find(|l| !l.is_empty())?;
    Some(line.chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_test_is_run_as_compose_means_it() {
        let shell = command(&words(&["CMD-SHELL", "redis-cli ping | grep PONG"]));
        let plain = command(&words(&["CMD", "pg_isready", "-q"]));

        assert_eq!(
            shell,
            Some(words(&["/bin/sh", "-c", "redis-cli ping | grep PONG"]))
        );
        assert_eq!(plain, Some(words(&["pg_isready", "-q"])));
        assert_eq!(command(&words(&["NONE"])), None);
    }

    #[test]
    fn only_what_can_never_run_is_given_up() {
        let ended = "its healthcheck failed: cannot exec in a deleted state: unknown";
        let missing =
            "its healthcheck failed: exec: \"curl\": executable file not found in $PATH: unknown";
        let shell = "its healthcheck failed: sh: curl: not found";
        let refused = "its healthcheck failed: connection refused";

        for (code, said, expected) in [
            (0, refused, Answer::Ready),
            (1, refused, Answer::NotYet(refused.to_owned())),
            (126, ended, Answer::NotYet(ended.to_owned())),
            (127, missing, Answer::Impossible(missing.to_owned())),
            (127, shell, Answer::Impossible(shell.to_owned())),
        ] {
            assert_eq!(conclude(code, said.to_owned()), expected, "{code} {said}");
        }
    }
}

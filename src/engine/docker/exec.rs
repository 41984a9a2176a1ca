//! Commands run inside containers.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use futures_util::FutureExt;
use futures_util::stream::StreamExt;
use tokio::io::AsyncWriteExt;

use super::client::{DockerEngine, SHORT};
use super::fault::Subject;
use super::follow::piece;
use crate::domain::ContainerId;
use crate::engine::{EngineError, ExecRequest, ExecSession, ExecTerminal, Executed};
use crate::event::LogStream;

/// How much of each stream is kept.
const KEPT: usize = 1 << 20;
/// How long the exit code may come after the output's end: the engine writes it a moment later.
const EXIT_LAG: Duration = Duration::from_secs(10);

impl DockerEngine {
    pub(super) async fn execute_to_end(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<Executed, EngineError> {
        let session = self.attach(container, request, request.stdin.is_some());
        let ExecSession {
            mut output,
            mut input,
            exit,
            ..
        } = session.await?;
        let stdin = request.stdin.clone().unwrap_or_default();
        let feed = async move {
            // A command that reads nothing closes its end early: no error of ours.
            drop(input.write_all(&stdin).await);
            drop(input.shutdown().await);
            input
        };
        let collect = async {
            let (mut stdout, mut stderr) = (Tail::default(), Tail::default());
            while let Some(frame) = output.next().await {
                match frame? {
                    (LogStream::Stdout, bytes) => stdout.push(&bytes),
                    (LogStream::Stderr, bytes) => stderr.push(&bytes),
                }
            }
            Ok::<_, EngineError>((stdout.0, stderr.0))
        };
        let (_input, collected) = tokio::join!(feed, collect);
        let (stdout, stderr) = collected?;
        Ok(Executed {
            code: exit.await?,
            stdout,
            stderr,
        })
    }

    pub(super) async fn attach(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
        stdin: bool,
    ) -> Result<ExecSession, EngineError> {
        let subject = Subject::new("exec", "container", container.as_str());
        let tty = matches!(request.terminal, ExecTerminal::Sized { .. });
        let options = CreateExecOptions {
            attach_stdin: Some(stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            cmd: Some(request.command.clone()),
            env: Some(
                request
                    .environment
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.expose()))
                    .collect(),
            ),
            user: request.user.clone(),
            working_dir: request.working_dir.clone(),
            privileged: Some(request.privileged),
            ..Default::default()
        };
        let create = self.docker.create_exec(container.as_str(), options);
        let id = self.within(SHORT, &subject, create).await?.id;
        let start = self.docker.start_exec(
            &id,
            Some(StartExecOptions {
                tty,
                ..Default::default()
            }),
        );
        let StartExecResults::Attached { output, input } =
            self.within(SHORT, &subject, start).await?
        else {
            return Err(EngineError::Refused {
                call: "exec",
                reason: "it did not attach to the command".to_owned(),
            });
        };
        if let ExecTerminal::Sized { rows, columns } = request.terminal {
            // A command that is already over has no terminal to size.
            drop(self.resize(&id, rows, columns).await);
        }
        let (resizing, waiting, reading) = (self.clone(), self.clone(), self.clone());
        let (resized, waited) = (id.clone(), id);
        Ok(ExecSession {
            output: output
                .map(move |frame| match frame {
                    // Without a terminal all comes in frames; what comes bare is the beginning of one that broke off.
                    Ok(LogOutput::Console { .. }) if !tty => Err(EngineError::Unreachable {
                        address: reading.address.to_string(),
                        reason: "the command's output broke off".to_owned(),
                    }),
                    Ok(frame) => Ok(piece(frame)),
                    Err(error) => Err(reading.explain(&subject, error)),
                })
                .boxed(),
            input,
            resize: Box::new(move |rows, columns| {
                let (engine, id) = (resizing.clone(), resized.clone());
                async move { engine.resize(&id, rows, columns).await }.boxed()
            }),
            exit: async move { waiting.exit_code(&waited).await }.boxed(),
        })
    }

    async fn resize(&self, exec: &str, rows: u16, columns: u16) -> Result<(), EngineError> {
        let subject = Subject::new("resize", "container", exec);
        let size = ResizeExecOptions {
            height: rows,
            width: columns,
        };
        self.within(SHORT, &subject, self.docker.resize_exec(exec, size))
            .await
    }

    async fn exit_code(&self, exec: &str) -> Result<i64, EngineError> {
        let subject = Subject::new("exec", "container", exec);
        let mut pause = Duration::from_millis(1);
        let ended = tokio::time::Instant::now();
        loop {
            let state = self
                .within(SHORT, &subject, self.docker.inspect_exec(exec))
                .await?;
            match state.exit_code {
                Some(code) if state.running != Some(true) => return Ok(code),
                _ if ended.elapsed() > EXIT_LAG => {
                    return Err(EngineError::Silent {
                        call: "exec",
                        limit: EXIT_LAG,
                    });
                }
                _ => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
            }
        }
    }
}

/// The last [`KEPT`] bytes of a stream.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > KEPT {
            self.0.drain(..self.0.len() - KEPT);
        }
    }
}

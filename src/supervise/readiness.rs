//! The wait for one service, decided without clock or network: what was heard goes in, what to do next comes out.

use std::fmt;
use std::time::{Duration, Instant};

use super::novelty::Novelty;
use super::patience::{Patience, pause};
use crate::domain::{ExitCause, Readiness, RestartPolicy};

/// What a probe learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The service is ready.
    Ready,
    /// Not yet, and this is why.
    NotYet(String),
    /// Never: waiting can't mend it.
    Impossible(String),
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// An answer of the service's probe.
    Probe,
    /// The engine's own word on its health.
    EngineHealth,
    /// That it runs, and doesn't end at once.
    Running,
    /// That it ends with exit code 0.
    Completion,
}

impl Goal {
    /// The goal of a service that is to be ready in this way.
    #[must_use]
    pub fn of(readiness: &Readiness) -> Self {
        match readiness {
            Readiness::Started => Self::Running,
            _ => Self::Probe,
        }
    }
}

/// Something heard of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// A probe that took this long came back.
    Answered {
        /// What it learnt.
        answer: Answer,
        /// How long it took.
        asking: Duration,
    },
    /// A line of its log.
    Logged(String),
    /// Its CPU time so far.
    Cpu(Duration),
    /// Its main process runs (again).
    Started,
    /// Its main process ended.
    Died(ExitCause),
    /// The engine calls it healthy.
    Healthy,
    /// The engine calls it unhealthy.
    Unhealthy,
    /// Its container was removed.
    Removed,
}

/// How the wait stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It goes on.
    Waiting,
    /// The goal is reached, this long after the wait began.
    Reached {
        /// How long it took.
        took: Duration,
    },
    /// It will not be reached.
    Failed(Why),
}

/// Why the goal will not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Its main process ended.
    Exited(ExitCause),
    /// Its main process ends again and again.
    CrashLoop {
        /// How often.
        deaths: u32,
        /// How it ended last.
        last: ExitCause,
    },
    /// The probe can never succeed.
    Impossible(String),
    /// The engine gave its healthcheck up.
    Unhealthy,
    /// Its container was removed.
    Removed,
    /// No sign of life.
    Stuck {
        /// For how long.
        quiet: Duration,
    },
    /// Signs of life, but no end of it.
    TooLong {
        /// The limit.
        limit: Duration,
    },
}

impl fmt::Display for Why {
    /// A phrase that follows the service's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(cause) => write!(f, "exited: {cause}"),
            Self::CrashLoop { deaths, last } => {
                write!(
                    f,
                    "keeps crashing: it ended {deaths} times, last with {last}"
                )
            }
            Self::Impossible(reason) => write!(f, "can't become ready: {reason}"),
            Self::Unhealthy => f.write_str("is unhealthy by its own healthcheck"),
            Self::Removed => f.write_str("was removed while it was waited for"),
            Self::Stuck { quiet } => {
                write!(
                    f,
                    "is not ready, and shows no progress for {} s",
                    quiet.as_secs()
                )
            }
            Self::TooLong { limit } => write!(f, "is not ready after {} s", limit.as_secs()),
        }
    }
}

/// Whether the service's main process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    Running { since: Instant },
    Down,
}

/// The wait for one service.
#[derive(Debug, Clone)]
pub struct ReadyWait {
    goal: Goal,
    restart: RestartPolicy,
    patience: Patience,
    began: Instant,
    progress: Instant,
    process: Process,
    deaths: u32,
    next_probe: Instant,
    novelty: Novelty,
    cpu: Duration,
    last_answer: Option<String>,
}

/// Less CPU time than this between two looks is the idling of a runtime, not work.
const IDLING: Duration = Duration::from_millis(50);

impl ReadyWait {
    /// A wait that begins `now`, for a service whose main process runs.
    #[must_use]
    pub fn new(goal: Goal, restart: RestartPolicy, patience: Patience, now: Instant) -> Self {
        Self {
            goal,
            restart,
            patience,
            began: now,
            progress: now,
            process: Process::Running { since: now },
            deaths: 0,
            next_probe: now,
            novelty: Novelty::default(),
            cpu: Duration::ZERO,
            last_answer: None,
        }
    }

    /// The same for a service that ran for this long already.
    #[must_use]
    pub fn running_for(mut self, age: Duration) -> Self {
        if let Some(since) = self.began.checked_sub(age) {
            self.process = Process::Running { since };
        }
        self
    }

    /// Takes in what was heard.
    pub fn hear(&mut self, sign: Sign, now: Instant) -> Verdict {
        match sign {
            Sign::Answered { answer, asking } => return self.answered(answer, asking, now),
            Sign::Died(cause) => return self.died(cause, now),
            Sign::Logged(line) => {
                if self.novelty.is_new(&line) {
                    self.progress = now;
                }
            }
            Sign::Cpu(cpu) => {
                if cpu > self.cpu + IDLING {
                    self.progress = now;
                }
                self.cpu = cpu;
            }
            Sign::Started => {
                self.process = Process::Running { since: now };
                self.progress = now;
                self.next_probe = now;
                self.cpu = Duration::ZERO;
            }
            Sign::Healthy if self.goal == Goal::EngineHealth => return self.reached(now),
            Sign::Unhealthy if self.goal == Goal::EngineHealth => {
                return Verdict::Failed(Why::Unhealthy);
            }
            // An engine's own check is slower and coarser than the probe, so where the probe decides it only shows life.
            Sign::Healthy | Sign::Unhealthy => self.progress = now,
            Sign::Removed => return Verdict::Failed(Why::Removed),
        }
        self.at(now)
    }

    /// How the wait stands at this moment.
    pub fn at(&self, now: Instant) -> Verdict {
        if let (Goal::Running, Process::Running { since }) = (self.goal, self.process)
            && now >= since + self.patience.settle
        {
            return self.reached(now);
        }
        if now >= self.began + self.patience.total {
            let limit = self.patience.total;
            return Verdict::Failed(Why::TooLong { limit });
        }
        let quiet = self.patience.quiet;
        // A one-shot may compute in silence for as long as it likes; only the total bounds it.
        if self.goal != Goal::Completion && now >= self.progress + quiet {
            return Verdict::Failed(Why::Stuck { quiet });
        }
        Verdict::Waiting
    }

    /// When the service is to be asked next; `None` while there is nobody to ask.
    #[must_use]
    pub fn next_probe(&self) -> Option<Instant> {
        match (self.goal, self.process) {
            (Goal::Probe, Process::Running { .. }) => Some(self.next_probe),
            _ => None,
        }
    }

    /// When [`Self::at`] may say something else though nothing is heard.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let total = self.began + self.patience.total;
        match (self.goal, self.process) {
            (Goal::Running, Process::Running { since }) => total.min(since + self.patience.settle),
            (Goal::Completion, _) => total,
            _ => total.min(self.progress + self.patience.quiet),
        }
    }

    /// What the wait waits for, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        match (&self.process, self.goal, &self.last_answer) {
            (Process::Down, ..) => format!("restarting after crash {}", self.deaths),
            (_, Goal::Completion, _) => "running to its end".to_owned(),
            (_, Goal::EngineHealth, _) => "its own healthcheck has not passed yet".to_owned(),
            (_, _, Some(answer)) => answer.clone(),
            (_, _, None) => "starting".to_owned(),
        }
    }

    /// How long it goes on already.
    #[must_use]
    pub fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// The probe's last answer other than ready.
    #[must_use]
    pub fn last_answer(&self) -> Option<&str> {
        self.last_answer.as_deref()
    }

    fn answered(&mut self, answer: Answer, asking: Duration, now: Instant) -> Verdict {
        match answer {
            Answer::Ready if self.goal == Goal::Probe => self.reached(now),
            Answer::Ready => self.at(now),
            Answer::Impossible(reason) => Verdict::Failed(Why::Impossible(reason)),
            Answer::NotYet(reason) => {
                if self.novelty.is_new(&reason) {
                    self.progress = now;
                }
                self.last_answer = Some(reason);
                self.next_probe = now + pause(now - self.began, asking);
                self.at(now)
            }
        }
    }

    fn died(&mut self, cause: ExitCause, now: Instant) -> Verdict {
        self.process = Process::Down;
        self.deaths += 1;
        let finished = cause.code == 0;
        if finished && matches!(self.goal, Goal::Completion | Goal::Running) {
            return self.reached(now);
        }
        if !self.is_restarted_after(cause) {
            return Verdict::Failed(Why::Exited(cause));
        }
        if self.deaths >= self.patience.deaths {
            return Verdict::Failed(Why::CrashLoop {
                deaths: self.deaths,
                last: cause,
            });
        }
        self.at(now)
    }

    fn is_restarted_after(&self, cause: ExitCause) -> bool {
        match self.restart {
            RestartPolicy::No => false,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
            RestartPolicy::OnFailure { .. } => cause.code != 0,
        }
    }

    fn reached(&self, now: Instant) -> Verdict {
        Verdict::Reached {
            took: now - self.began,
        }
    }
}

#[cfg(test)]
mod tests;

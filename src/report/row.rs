//! One row of the board: a sign, a name, a phase, a time and a reason.

use std::time::Duration;

use console::Style;

use crate::event::{StepKind, Transfer};
use crate::report::{Colour, table, words};

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPIN: u128 = 100;
const BAR: u64 = 20;

/// Where a service, or an image, is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Not begun: what it waits for.
    Waiting {
        /// In words, as `postgres and redis`.
        on: String,
    },
    /// At work.
    Working {
        /// The kind of step.
        kind: StepKind,
        /// For how long.
        elapsed: Duration,
        /// What holds it up, if that is known.
        reason: Option<String>,
    },
    /// There.
    Ready {
        /// From its container's start, where it was started in this run.
        took: Option<Duration>,
    },
    /// Done for good: finished, stopped or removed.
    Over {
        /// Which of them.
        how: &'static str,
    },
    /// Failed.
    Failed,
    /// Not tried, since something else failed.
    Skipped {
        /// What.
        because: String,
    },
}

impl Stage {
    /// Whether nothing more will happen to it.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Waiting { .. } | Self::Working { .. })
    }

    /// The row, its name padded to `width`, its spinner where it stands at `now`.
    pub fn row(&self, name: &str, width: usize, now: Duration, colour: Colour) -> String {
        let paint = Paint(colour);
        let (sign, phase, time, reason) = match self {
            Self::Waiting { on } => (
                paint.dim("·"),
                "waiting",
                String::new(),
                paint.dim(&format!("for {on}")),
            ),
            Self::Working {
                kind,
                elapsed,
                reason,
            } => (
                paint.busy(spinner(now)),
                words::doing(*kind),
                words::moment(*elapsed),
                reason.clone().unwrap_or_default(),
            ),
            Self::Ready { took } => (
                paint.good("✔"),
                "ready",
                took.map(words::moment).unwrap_or_default(),
                String::new(),
            ),
            Self::Over { how } => (paint.good("✔"), *how, String::new(), String::new()),
            Self::Failed => (paint.bad("✘"), "failed", String::new(), String::new()),
            Self::Skipped { because } => (
                paint.dim("–"),
                "skipped",
                String::new(),
                paint.dim(&format!("it waits for {because}")),
            ),
        };
        let name = table::pad(name, width);
        let row = format!("{sign} {name}  {phase:<9}  {time:>7}  {reason}");
        row.trim_end().to_owned()
    }
}

/// The row of an image: a bar where the size is known, and what happens.
pub fn image(name: &str, transfer: Transfer, text: &str, now: Duration, colour: Colour) -> String {
    let paint = Paint(colour);
    let sign = paint.busy(spinner(now));
    match bar(transfer) {
        Some(bar) => format!("{sign} {name}  {} {text}", paint.busy(&bar)),
        None => format!("{sign} {name}  {text}"),
    }
}

/// The row of work that is nobody's in particular, as the installation of the engine.
pub fn note(name: &str, text: &str, now: Duration, colour: Colour) -> String {
    let sign = Paint(colour).busy(spinner(now));
    format!("{sign} {name}  {text}")
}

fn bar(transfer: Transfer) -> Option<String> {
    let full = transfer
        .done
        .min(transfer.total)
        .checked_mul(BAR)?
        .checked_div(transfer.total)?;
    let part =
        |character: &str, count: u64| character.repeat(usize::try_from(count).unwrap_or_default());
    Some(format!("{}{}", part("━", full), part("─", BAR - full)))
}

fn spinner(now: Duration) -> &'static str {
    let frame = now.as_millis() / SPIN % SPINNER.len() as u128;
    SPINNER[usize::try_from(frame).unwrap_or_default()]
}

struct Paint(Colour);

impl Paint {
    fn with(&self, style: Style, text: &str) -> String {
        match self.0 {
            Colour::On => style.force_styling(true).apply_to(text).to_string(),
            Colour::Off => text.to_owned(),
        }
    }

    fn good(&self, text: &str) -> String {
        self.with(Style::new().green(), text)
    }

    fn bad(&self, text: &str) -> String {
        self.with(Style::new().red().bold(), text)
    }

    fn busy(&self, text: &str) -> String {
        self.with(Style::new().cyan(), text)
    }

    fn dim(&self, text: &str) -> String {
        self.with(Style::new().dim(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stage: &Stage) -> String {
        stage.row("postgres", 11, Duration::from_millis(250), Colour::Off)
    }

    #[test]
    fn a_row_tells_phase_time_and_reason() {
        let working = Stage::Working {
            kind: StepKind::Ready,
            elapsed: Duration::from_millis(3200),
            reason: Some("the database system is starting up".to_owned()),
        };
        let waiting = Stage::Waiting {
            on: "rabbitmq".to_owned(),
        };
        let ready = Stage::Ready {
            took: Some(Duration::from_millis(1400)),
        };

        assert_eq!(
            [
                row(&working),
                row(&waiting),
                row(&ready),
                row(&Stage::Failed)
            ],
            [
                "⠹ postgres     starting      3.2s  the database system is starting up",
                "· postgres     waiting             for rabbitmq",
                "✔ postgres     ready         1.4s",
                "✘ postgres     failed",
            ]
        );
    }

    #[test]
    fn an_image_has_a_bar_once_its_size_is_known() {
        let half = Transfer {
            done: 50,
            total: 100,
            ..Transfer::default()
        };
        let row = |transfer| image("n8n", transfer, "pulling", Duration::ZERO, Colour::Off);

        assert_eq!(row(half), "⠋ n8n  ━━━━━━━━━━────────── pulling");
        assert_eq!(row(Transfer::default()), "⠋ n8n  pulling");
    }
}

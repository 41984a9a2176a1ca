//! How the tool speaks here: decided once from what was asked for and where the output goes.

use std::io::IsTerminal;

use crate::domain::OutputMode;

/// Where a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At a person's terminal.
    Terminal,
    /// In a file or another program.
    Elsewhere,
}

impl Place {
    fn of(stream: &impl IsTerminal) -> Self {
        if stream.is_terminal() {
            Self::Terminal
        } else {
            Self::Elsewhere
        }
    }
}

/// Whether lines carry colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// They do.
    On,
    /// They don't.
    Off,
}

/// The ways to speak, `auto` resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One line a service, redrawn.
    Tty,
    /// One line a change.
    Plain,
    /// One JSON event a line.
    Json,
    /// Errors alone.
    Quiet,
}

/// What the process finds around itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Where stdout ends.
    pub stdout: Place,
    /// Where stderr ends.
    pub stderr: Place,
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `CI`.
    pub ci: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
}

impl Surroundings {
    /// Looks at the process' own streams, and at variables through `lookup`.
    pub fn of_this_process(lookup: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            stdout: Place::of(&std::io::stdout()),
            stderr: Place::of(&std::io::stderr()),
            no_color: lookup("NO_COLOR"),
            ci: lookup("CI"),
            term: lookup("TERM"),
        }
    }
}

/// How the tool speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// The way.
    pub mode: Mode,
    /// Whether with colour.
    pub colour: Colour,
    /// Where data goes: no escape code ever reaches a file.
    pub stdout: Place,
}

impl Manner {
    /// Decides: what was asked for wins; `auto` is `tty` at a terminal that a person watches and that
    /// can move its cursor, else `plain`. `NO_COLOR` (<https://no-color.org>) counts where it isn't empty.
    #[must_use]
    pub fn decide(asked: OutputMode, around: &Surroundings) -> Self {
        let is_set = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
        let is_ci = is_set(&around.ci) && !matches!(around.ci.as_deref(), Some("false" | "0"));
        let is_dumb = matches!(around.term.as_deref(), None | Some("" | "dumb"));
        let colourless = is_set(&around.no_color) || is_dumb;
        let mode = match asked {
            OutputMode::Auto if around.stderr == Place::Terminal && !is_ci && !colourless => {
                Mode::Tty
            }
            OutputMode::Auto | OutputMode::Plain => Mode::Plain,
            OutputMode::Tty => Mode::Tty,
            OutputMode::Json => Mode::Json,
            OutputMode::Quiet => Mode::Quiet,
        };
        let colour = match mode {
            Mode::Tty if !colourless => Colour::On,
            _ => Colour::Off,
        };
        Self {
            mode,
            colour,
            stdout: around.stdout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Surroundings {
        Surroundings {
            stdout: Place::Terminal,
            stderr: Place::Terminal,
            no_color: None,
            ci: None,
            term: Some("xterm-256color".to_owned()),
        }
    }

    fn decide(asked: OutputMode, around: &Surroundings) -> (Mode, Colour) {
        let manner = Manner::decide(asked, around);
        (manner.mode, manner.colour)
    }

    #[test]
    fn auto_is_tty_only_where_a_person_watches_a_capable_terminal() {
        let piped = Surroundings {
            stderr: Place::Elsewhere,
            ..terminal()
        };
        let ci = Surroundings {
            ci: Some("true".to_owned()),
            ..terminal()
        };
        let not_ci = Surroundings {
            ci: Some("false".to_owned()),
            ..terminal()
        };
        let dumb = Surroundings {
            term: Some("dumb".to_owned()),
            ..terminal()
        };
        let colourless = Surroundings {
            no_color: Some("1".to_owned()),
            ..terminal()
        };
        let empty_no_color = Surroundings {
            no_color: Some(String::new()),
            ..terminal()
        };

        let decided = [
            terminal(),
            piped,
            ci,
            not_ci,
            dumb,
            colourless,
            empty_no_color,
        ]
        .map(|around| Manner::decide(OutputMode::Auto, &around).mode);

        assert_eq!(
            decided,
            [
                Mode::Tty,
                Mode::Plain,
                Mode::Plain,
                Mode::Tty,
                Mode::Plain,
                Mode::Plain,
                Mode::Tty
            ]
        );
    }

    #[test]
    fn what_was_asked_for_wins() {
        let colourless = Surroundings {
            no_color: Some("1".to_owned()),
            ..terminal()
        };

        assert_eq!(
            decide(OutputMode::Plain, &terminal()),
            (Mode::Plain, Colour::Off)
        );
        assert_eq!(
            decide(OutputMode::Json, &terminal()),
            (Mode::Json, Colour::Off)
        );
        assert_eq!(
            decide(OutputMode::Tty, &colourless),
            (Mode::Tty, Colour::Off)
        );
        assert_eq!(
            decide(OutputMode::Tty, &terminal()),
            (Mode::Tty, Colour::On)
        );
    }
}

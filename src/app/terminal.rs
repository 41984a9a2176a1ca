//! The person's terminal in raw mode, given back as it was on every way out.

use std::io::stdin;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::domain::{Failure, FailureKind};

/// Stdin's terminal as it is now, and again once this is dropped.
pub(super) struct KeptTerminal {
    before: Option<Termios>,
}

impl KeptTerminal {
    /// Remembers how it is; nothing where stdin is no terminal.
    pub fn keep() -> Self {
        Self {
            before: tcgetattr(stdin()).ok(),
        }
    }
}

impl Drop for KeptTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            tcsetattr(stdin(), OptionalActions::Now, before).ok();
        }
    }
}

/// A terminal in raw mode until dropped.
pub(super) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Puts stdin's terminal into raw mode.
    ///
    /// # Errors
    /// Where stdin is no terminal.
    pub fn enter() -> Result<Self, Failure> {
        let failed = |error| {
            let message = format!("cannot use the terminal: {error}");
            Failure::new(FailureKind::Usage, message).hint("do without it: `exec -T`")
        };
        let before = tcgetattr(stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        Ok(Self { before })
    }
}

impl RawTerminal {
    /// Lets stdin's terminal give each key at once and unseen; lines are written and signals sent as ever.
    ///
    /// # Errors
    /// Where stdin is no terminal.
    pub fn enter_keys() -> Result<Self, Failure> {
        let failed = |error| {
            Failure::new(
                FailureKind::Usage,
                format!("cannot use the terminal: {error}"),
            )
        };
        let before = tcgetattr(stdin()).map_err(failed)?;
        let mut keys = before.clone();
        keys.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &keys).map_err(failed)?;
        Ok(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // There is nobody left to tell of a terminal that has gone.
        tcsetattr(stdin(), OptionalActions::Now, &self.before).ok();
    }
}

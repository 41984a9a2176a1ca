//! The keys of `watch` on a terminal.

use std::io::{IsTerminal, stdin};

use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::super::terminal::RawTerminal;

/// What the keys do, as `?` tells.
pub(super) const HELP: &str = "\
keys: r restart and times, b rebuild, l logs of the next service, s status, m migrate,
      o open in the browser, p pause, ? help, q quit (the stack stays up)";

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// `r`
    Restart,
    /// `b`
    Rebuild,
    /// `l`
    Logs,
    /// `s`
    Status,
    /// `m`
    Migrate,
    /// `o`
    Open,
    /// `p`
    Pause,
    /// `?` and `h`
    Help,
    /// `q`
    Quit,
}

impl Key {
    /// The key of this character.
    pub fn of(typed: u8) -> Option<Self> {
        Some(match typed.to_ascii_lowercase() {
            b'r' => Self::Restart,
            b'b' => Self::Rebuild,
            b'l' => Self::Logs,
            b's' => Self::Status,
            b'm' => Self::Migrate,
            b'o' => Self::Open,
            b'p' => Self::Pause,
            b'?' | b'h' => Self::Help,
            // Ctrl-D ends an input; a person who types it wants to leave.
            b'q' | 4 => Self::Quit,
            _ => return None,
        })
    }
}

/// The keyboard, until dropped.
pub(super) struct Keyboard {
    typed: UnboundedReceiver<Key>,
    tasks: [JoinHandle<()>; 2],
    _terminal: RawTerminal,
}

impl Keyboard {
    /// Listens where there is a terminal.
    pub fn listen() -> Option<Self> {
        if !stdin().is_terminal() {
            return None;
        }
        let terminal = RawTerminal::enter_keys().ok()?;
        let (line, typed) = unbounded_channel();
        let reading = tokio::spawn(async move {
            let mut keyboard = tokio::io::stdin();
            while let Ok(byte) = keyboard.read_u8().await {
                if let Some(key) = Key::of(byte)
                    && line.send(key).is_err()
                {
                    return;
                }
            }
        });
        Some(Self {
            typed,
            tasks: [reading, tokio::spawn(keep())],
            _terminal: terminal,
        })
    }

    /// The next key; waits for ever once the terminal is gone.
    pub async fn next(keyboard: &mut Option<Self>) -> Key {
        if let Some(keyboard) = keyboard
            && let Some(key) = keyboard.typed.recv().await
        {
            return key;
        }
        std::future::pending().await
    }
}

/// A shell that brings the tool back to the foreground gives it the terminal as the shell likes it.
async fn keep() {
    // SIGCONT; tokio has no name of its own for it.
    let Ok(mut resumed) = signal(SignalKind::from_raw(18)) else {
        return;
    };
    while resumed.recv().await.is_some() {
        // What was before is restored by the first guard alone.
        if let Ok(again) = RawTerminal::enter_keys() {
            std::mem::forget(again);
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_the_same_with_shift_and_others_mean_nothing() {
        assert_eq!(Key::of(b'r'), Some(Key::Restart));
        assert_eq!(Key::of(b'R'), Some(Key::Restart));
        assert_eq!(Key::of(b'?'), Some(Key::Help));
        assert_eq!(Key::of(b'x'), None);
        assert_eq!(Key::of(b'\n'), None);
    }
}

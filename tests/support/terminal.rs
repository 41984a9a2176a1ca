//! A terminal without a person: runs a program in a pseudo-terminal and tells what its screen shows.

#![allow(dead_code, reason = "every test binary takes the part that it needs")]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// What never comes within this time never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ctrl-C, as a person types it.
pub const INTERRUPT: &str = "\x03";

/// A program in a terminal.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: vt100::Parser,
    output: Receiver<Vec<u8>>,
}

impl Terminal {
    /// Runs `command` in a terminal of this size. `TERM` is set; `CI` and `NO_COLOR` are not.
    ///
    /// # Panics
    /// Where the machine has no pseudo-terminals or the command can't be run.
    pub fn run(command: &Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it opens");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let master = File::from(master);
        set_size(&master, columns, rows);
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let slave = || -> Stdio {
            let opened = OpenOptions::new().read(true).write(true).open(path);
            opened.expect("its other end opens").into()
        };
        // `setsid --ctty` makes it the controlling terminal, so that Ctrl-C is a signal.
        let mut inside = Command::new("setsid");
        inside
            .args(["--ctty", "--wait"])
            // Where the tests run in the background, a shell may have told them to pass over Ctrl-C.
            .args(["env", "--default-signal=INT,QUIT"])
            .arg(command.get_program())
            .args(command.get_args())
            .env("TERM", "xterm-256color")
            .env_remove("CI")
            .env_remove("NO_COLOR")
            .stdin(slave())
            .stdout(slave())
            .stderr(slave());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            inside.current_dir(directory);
        }
        let child = inside.spawn().expect("`setsid` of util-linux runs");
        drop(inside);
        let output = listen(master.try_clone().expect("a second handle"));
        Self {
            child,
            keyboard: master,
            screen: vt100::Parser::new(cells(rows), cells(columns), 1000),
            output,
        }
    }

    /// What the screen shows now, line by line, without trailing blanks.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .screen
            .screen()
            .contents()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// The column and row of the cursor, from 0, and whether it is hidden.
    pub fn cursor(&self) -> (u16, u16, bool) {
        let (row, column) = self.screen.screen().cursor_position();
        (column, row, self.screen.screen().hide_cursor())
    }

    /// Goes on until the screen shows what is waited for.
    ///
    /// # Panics
    /// Where it never does, with the screen as it was last.
    pub fn wait_until(&mut self, what: &str, shows: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !shows(&self.lines()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!(
                        "the screen never showed {what}:\n{}",
                        self.lines().join("\n")
                    )
                }
            }
        }
    }

    /// Goes on until `text` is on the screen.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("`{text}`"), |lines| {
            lines.iter().any(|line| line.contains(text))
        });
    }

    /// Types `text`.
    ///
    /// # Panics
    /// Where the terminal is gone.
    pub fn type_text(&mut self, text: &str) {
        self.keyboard
            .write_all(text.as_bytes())
            .expect("the terminal takes input");
    }

    /// Gives the terminal another size, as a person does with a window.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        set_size(&self.keyboard, columns, rows);
        self.screen
            .screen_mut()
            .set_size(cells(rows), cells(columns));
    }

    /// Whether the terminal shows what is typed and hands it on line by line, as it does where no program changed it.
    ///
    /// # Panics
    /// Where the terminal is gone.
    #[must_use]
    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.keyboard)
            .expect("it is a terminal")
            .local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    /// Goes on until the program has ended.
    ///
    /// # Panics
    /// Where it doesn't end.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it never ended:\n{}", self.lines().join("\n"))
                }
            }
        }
        self.child.wait().expect("it was our child")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has rows and columns")
}

fn set_size(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("a terminal has a size");
}

/// What the program writes, chunk by chunk, until the last process has let go of the terminal.
fn listen(mut terminal: File) -> Receiver<Vec<u8>> {
    let (chunks, output) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count) = terminal.read(&mut buffer) {
            if count == 0 || chunks.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    output
}

//! The one task that owns the terminal: takes events, folds them, writes lines.

use std::time::{Duration, Instant};

use console::Term;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::event::Stamped;
use crate::report::board::Board;
use crate::report::doors::{self, Doors};
use crate::report::plain::Plain;
use crate::report::quiet::Quiet;
use crate::report::screen::Screen;
use crate::report::timeline::{Record, Timeline};
use crate::report::{Line, Manner, Mask, Mode, json};

/// The board is redrawn this often, and never in between.
const FRAME: Duration = Duration::from_millis(100);
/// Lines written between two redraws at most.
const BATCH: usize = 500;

/// A running reporter.
#[derive(Debug)]
pub struct Reporter {
    task: JoinHandle<Record>,
    finish: oneshot::Sender<()>,
    reader_gone: watch::Receiver<bool>,
}

impl Reporter {
    /// Starts to report what comes from `events`, in this manner, with secrets masked.
    #[must_use]
    pub fn start(events: mpsc::UnboundedReceiver<Stamped>, manner: Manner, mask: Mask) -> Self {
        let (finish, finished) = oneshot::channel();
        let (gone, reader_gone) = watch::channel(false);
        let speaker = Speaker {
            voice: Voice::new(manner),
            doors: Doors::new(manner.stdout),
            mask,
            timeline: Timeline::default(),
            gone,
        };
        Self {
            task: tokio::spawn(speaker.speak(events, finished)),
            finish,
            reader_gone,
        }
    }

    /// Waits until whoever read stdout has gone away, as `| head` does: a verb that follows something ends then.
    pub async fn reader_gone(&self) {
        let mut gone = self.reader_gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Reports what was told so far, clears the board and gives the record of the run.
    ///
    /// # Panics
    /// Where the reporter itself panicked.
    pub async fn finish(self) -> Record {
        // An error only says that the task is over already.
        self.finish.send(()).ok();
        self.task.await.expect("the reporter doesn't panic")
    }
}

enum Input {
    Event(Stamped),
    Frame,
    Finish,
}

struct Speaker {
    voice: Voice,
    doors: Doors,
    mask: Mask,
    timeline: Timeline,
    gone: watch::Sender<bool>,
}

impl Speaker {
    async fn speak(
        mut self,
        mut events: mpsc::UnboundedReceiver<Stamped>,
        mut finished: oneshot::Receiver<()>,
    ) -> Record {
        let mut frames = self.voice.frames();
        loop {
            let input = tokio::select! {
                biased;
                event = events.recv() => event.map_or(Input::Finish, Input::Event),
                () = next_frame(&mut frames) => Input::Frame,
                _ = &mut finished => Input::Finish,
            };
            match input {
                Input::Event(first) => self.tell(first, &mut events),
                Input::Frame => self.voice.draw(),
                Input::Finish => break,
            }
        }
        // `biased` has drained the channel before it looked at the other branches.
        self.voice.clear();
        self.timeline.record()
    }

    /// Tells `first` and what else has come by now, so that a flood costs one redraw.
    fn tell(&mut self, first: Stamped, more: &mut mpsc::UnboundedReceiver<Stamped>) {
        let mut lines = self.lines(first);
        while lines.len() < BATCH {
            let Ok(next) = more.try_recv() else { break };
            lines.extend(self.lines(next));
        }
        if lines.is_empty() {
            return;
        }
        self.voice.clear();
        self.doors.write(&lines);
        self.voice.draw();
        if self.doors.reader_is_gone() {
            self.gone.send_replace(true);
        }
    }

    fn lines(&mut self, stamped: Stamped) -> Vec<Line> {
        let stamped = self.mask.event(stamped);
        self.timeline.learn(&stamped);
        self.voice.lines(&stamped)
    }
}

async fn next_frame(frames: &mut Option<Interval>) {
    match frames {
        Some(frames) => {
            frames.tick().await;
        }
        None => std::future::pending().await,
    }
}

enum Voice {
    Tty(Box<Terminal>),
    Plain(Box<Plain>),
    Json,
    Quiet(Quiet),
}

struct Terminal {
    board: Board,
    screen: Screen,
    term: Term,
    /// The run's beginning: the stamp of the last event, taken back from now.
    began: Instant,
}

impl Voice {
    fn new(manner: Manner) -> Self {
        match manner.mode {
            Mode::Tty => Self::Tty(Box::new(Terminal {
                board: Board::new(manner.colour),
                screen: Screen::default(),
                term: Term::stderr(),
                began: Instant::now(),
            })),
            Mode::Plain => Self::Plain(Box::new(Plain::new())),
            Mode::Json => Self::Json,
            Mode::Quiet => Self::Quiet(Quiet::default()),
        }
    }

    fn frames(&self) -> Option<Interval> {
        matches!(self, Self::Tty(_)).then(|| {
            let mut frames = interval(FRAME);
            frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
            frames
        })
    }

    fn lines(&mut self, stamped: &Stamped) -> Vec<Line> {
        match self {
            Self::Tty(terminal) => {
                terminal.began = Instant::now()
                    .checked_sub(stamped.at)
                    .unwrap_or(terminal.began);
                terminal.board.settled(stamped)
            }
            Self::Plain(plain) => plain.lines(stamped),
            Self::Json => vec![json::line(stamped)],
            Self::Quiet(quiet) => quiet.lines(stamped),
        }
    }

    fn draw(&mut self) {
        if let Self::Tty(terminal) = self {
            let (height, width) = terminal.term.size();
            let room = usize::from(height).saturating_sub(1);
            let rows = terminal.board.rows(terminal.began.elapsed(), room);
            doors::raw_err(&terminal.screen.draw(&rows, usize::from(width)));
        }
    }

    fn clear(&mut self) {
        if let Self::Tty(terminal) = self {
            let (_, width) = terminal.term.size();
            doors::raw_err(&terminal.screen.clear(usize::from(width)));
        }
    }
}

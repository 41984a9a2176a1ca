//! The person's wish to stop: Ctrl-C, SIGTERM, or a hard limit of time.

use tokio::sync::watch;

/// A flag that is raised once and seen by all who hold it.
#[derive(Debug, Clone)]
pub struct Interrupt {
    raised: watch::Receiver<bool>,
    raise: std::sync::Arc<watch::Sender<bool>>,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self::new()
    }
}

impl Interrupt {
    /// A flag that is down.
    #[must_use]
    pub fn new() -> Self {
        let (raise, raised) = watch::channel(false);
        Self {
            raised,
            raise: std::sync::Arc::new(raise),
        }
    }

    /// Raises the flag.
    pub fn raise(&self) {
        self.raise.send_replace(true);
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.raised.borrow()
    }

    /// Returns once it is raised.
    pub async fn raised(&self) {
        let mut raised = self.raised.clone();
        // The sender lives in `self`, so the channel can't close while this waits.
        drop(raised.wait_for(|raised| *raised).await);
    }

    /// Raises the flag on SIGINT, SIGTERM or SIGHUP.
    ///
    /// # Errors
    /// Where the system gives no signal handler.
    pub fn on_signals(&self) -> std::io::Result<tokio::task::JoinHandle<()>> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let flag = self.clone();
        Ok(tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                flag.raise();
            }
        }))
    }
}

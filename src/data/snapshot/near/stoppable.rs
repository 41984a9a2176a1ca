//! Work on files that ends where nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

/// Does `work` on a thread of its own. Where this future is dropped, the work is told to stop, and has ended before the
/// drop has: what it was writing can be removed.
pub(super) async fn stoppable<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> T {
    let (sender, result) = oneshot::channel();
    let told = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&told);
    let thread = thread::spawn(move || {
        sender.send(work(&seen)).ok(); // nobody may be waiting
    });
    let _end = End {
        told,
        thread: Some(thread),
    };
    result.await.expect("the work doesn't panic")
}

struct End {
    told: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.told.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok(); // its panic is the waiting side's
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_told_and_has_ended() {
        let (begun, begins) = mpsc::channel();
        let ended = Arc::new(Mutex::new(false));
        let noted = Arc::clone(&ended);
        let mut work = Box::pin(stoppable(move |stop| {
            begun.send(()).unwrap();
            while !stop.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            *noted.lock().unwrap() = true;
        }));

        assert!(futures_util::poll!(&mut work).is_pending());
        begins.recv().unwrap();
        drop(work);

        assert!(*ended.lock().unwrap());
    }
}

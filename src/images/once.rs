//! Work on one image at a time: one task owns it, and whoever else wants the image waits for that task's result.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use crate::domain::ImageRef;

/// What is under way, by image.
#[derive(Clone)]
pub(super) struct Once<T: Clone> {
    under_way: Arc<Mutex<BTreeMap<ImageRef, Shared<BoxFuture<'static, T>>>>>,
}

impl<T: Clone> Default for Once<T> {
    fn default() -> Self {
        Self {
            under_way: Arc::default(),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Once<T> {
    /// The result of `work` on `image`, or of the same work that is under way already.
    pub(super) async fn run(
        &self,
        image: &ImageRef,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let shared = {
            let mut under_way = self
                .under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            under_way
                .entry(image.clone())
                .or_insert_with(|| self.owned(image.clone(), work))
                .clone()
        };
        shared.await
    }

    /// A task of its own, so that the work goes on when the first who asked has left.
    fn owned(
        &self,
        image: ImageRef,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Shared<BoxFuture<'static, T>> {
        let map = Arc::clone(&self.under_way);
        let task = tokio::spawn(async move {
            let result = work.await;
            map.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&image);
            result
        });
        async move {
            task.await
                .expect("the work neither panics nor is it aborted")
        }
        .boxed()
        .shared()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn work_on_one_image_is_done_once_for_all_who_wait() {
        let once = Once::default();
        let image = ImageRef::new("base");
        let done = Arc::new(AtomicU32::new(0));
        let work = || {
            let done = Arc::clone(&done);
            async move {
                tokio::time::sleep(Duration::from_secs(9)).await;
                done.fetch_add(1, Ordering::Relaxed)
            }
        };

        let results = tokio::join!(
            once.run(&image, work()),
            once.run(&image, work()),
            once.run(&image, work()),
        );

        assert_eq!(results, (0, 0, 0));
        assert_eq!(
            once.run(&image, work()).await,
            1,
            "what is over is not remembered"
        );
    }
}

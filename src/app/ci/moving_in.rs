//! A tenant's parts of the stores are made while its network and containers are, and nothing starts before they are there.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::Failure;
use crate::plan::{Action, Step};
use crate::run::{Done, Perform};

/// How the making of the parts has ended; `None` while it goes on.
pub(super) type Made = Option<Result<(), Failure>>;

/// Hands that start nothing, and ask no store anything, before the parts are made.
pub(super) struct MovingIn {
    pub hands: Arc<dyn Perform>,
    pub made: watch::Receiver<Made>,
}

#[async_trait]
impl Perform for MovingIn {
    async fn perform(&self, step: &Step) -> Result<Done, Failure> {
        if matches!(
            step.action,
            Action::StartContainer { .. } | Action::AwaitReady { .. }
        ) {
            let mut made = self.made.clone();
            let made = made.wait_for(Option::is_some).await;
            // Whoever makes them tells how it ended, and is waited for by whoever set both off.
            if let Ok(Some(Err(failure))) = made.as_deref() {
                return Err(failure.clone());
            }
        }
        self.hands.perform(step).await
    }
}

//! Whether a failed pull is tried again, and when. Pure: time is an argument.

use std::time::Duration;

use crate::engine::EngineError;

/// How often a pull is tried in all.
const ATTEMPTS: u32 = 5;
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that a registry may ask for; one that asks for more is told to the person instead.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What follows a failed attempt.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another attempt, after this pause.
    Again(Duration),
    /// No further attempt would fare better.
    GiveUp,
}

/// Decides after the attempt number `attempt` (from 1) failed with `error`.
pub(super) fn next(error: &EngineError, attempt: u32) -> Next {
    if attempt >= ATTEMPTS {
        return Next::GiveUp;
    }
    let backoff = FIRST_PAUSE * 2u32.saturating_pow(attempt - 1);
    match error {
        EngineError::RateLimited { retry_after, .. } => match retry_after {
            Some(asked) if *asked > LONGEST_PAUSE => Next::GiveUp,
            Some(asked) => Next::Again((*asked).max(Duration::from_millis(100))),
            None => Next::Again(backoff),
        },
        EngineError::TransferBroken { .. } => Next::Again(backoff),
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(retry_after: Option<Duration>) -> EngineError {
        EngineError::RateLimited {
            image: "a:1".into(),
            retry_after,
        }
    }

    #[test]
    fn a_limited_pull_waits_longer_each_time_and_ends() {
        let pauses: Vec<_> = (1..=5)
            .map(|attempt| next(&limited(None), attempt))
            .collect();

        assert_eq!(
            pauses,
            [
                Next::Again(Duration::from_secs(1)),
                Next::Again(Duration::from_secs(2)),
                Next::Again(Duration::from_secs(4)),
                Next::Again(Duration::from_secs(8)),
                Next::GiveUp,
            ]
        );
    }

    #[test]
    fn the_pause_that_a_registry_asks_for_is_kept_unless_it_is_absurd() {
        let asked = |seconds| next(&limited(Some(Duration::from_secs(seconds))), 1);

        assert_eq!(asked(7), Next::Again(Duration::from_secs(7)));
        assert_eq!(asked(21_600), Next::GiveUp);
    }

    #[test]
    fn a_missing_image_or_a_refused_login_is_told_at_once() {
        let image = || "a:1".to_owned();

        assert_eq!(
            next(&EngineError::ImageUnknown { image: image() }, 1),
            Next::GiveUp
        );
        assert_eq!(
            next(&EngineError::Unauthorized { image: image() }, 1),
            Next::GiveUp
        );
    }

    #[test]
    fn a_broken_transfer_is_tried_again() {
        let broken = EngineError::TransferBroken {
            image: "a:1".into(),
            reason: "EOF".into(),
        };

        assert_eq!(next(&broken, 2), Next::Again(Duration::from_secs(2)));
    }
}

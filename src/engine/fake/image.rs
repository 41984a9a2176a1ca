//! Registries of the fake world, and what a pull from one brings.

use crate::domain::ImageRef;
use crate::engine::EngineError;

/// A registry.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub images: Vec<ImageRef>,
    /// How many further pulls it refuses for want of patience.
    pub limited: u32,
    /// How many further pulls break off.
    pub broken: u32,
    reach: Reach,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Reach {
    #[default]
    Answers,
    Unreachable,
    Hangs,
}

/// What a pull comes to.
#[derive(Debug)]
pub(super) enum Pull {
    /// The image.
    Done,
    /// A refusal.
    Refused(EngineError),
    /// Nothing, ever.
    Hangs,
}

impl Registry {
    pub(super) fn unreachable() -> Self {
        Self {
            reach: Reach::Unreachable,
            ..Self::default()
        }
    }

    pub(super) fn hanging() -> Self {
        Self {
            reach: Reach::Hangs,
            ..Self::default()
        }
    }

    /// Serves one pull.
    pub(super) fn serve(&mut self, image: &ImageRef) -> Pull {
        let name = image.to_string();
        if self.reach == Reach::Hangs {
            return Pull::Hangs;
        }
        if self.reach == Reach::Unreachable {
            return Pull::Refused(EngineError::RegistryUnreachable {
                image: name,
                reason: "no such host".to_owned(),
            });
        }
        if self.limited > 0 {
            self.limited -= 1;
            return Pull::Refused(EngineError::RateLimited {
                image: name,
                retry_after: None,
            });
        }
        if self.broken > 0 {
            self.broken -= 1;
            return Pull::Refused(EngineError::TransferBroken {
                image: name,
                reason: "unexpected EOF".to_owned(),
            });
        }
        if self.images.contains(image) {
            Pull::Done
        } else {
            Pull::Refused(EngineError::ImageUnknown { image: name })
        }
    }
}

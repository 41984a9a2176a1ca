//! How an image came to be here.

/// How an image was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageOutcome {
    /// It was here already.
    Found,
    /// A registry gave it.
    Pulled,
    /// It was built from its recipe.
    Built,
    /// It was made from the distribution's packages.
    Bootstrapped,
}

impl ImageOutcome {
    /// Whether anything was done.
    #[must_use]
    pub fn is_change(self) -> bool {
        self != Self::Found
    }
}

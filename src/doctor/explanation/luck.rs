//! The checks of `doctor --prove`.

use super::{Explanation, check};

pub(super) const LUCK: &[Explanation] = &[
    check(
        "prove.start",
        "Whether every service starts where another is late, restarts while it boots, or all are short of CPU.",
        &[
            "a `depends_on` that nobody wrote down",
            "a probe that says ready too early",
        ],
        &["jobsprint-dev doctor --prove"],
    ),
    check(
        "prove.recovery",
        "Whether a running stack is whole again after a data service was killed, or all were restarted.",
        &["a service that doesn't connect again, or ends and is restarted by nobody"],
        &["jobsprint-dev doctor --prove"],
    ),
];

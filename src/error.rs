//! The exit-code table: one number for each kind of failure.

use crate::domain::FailureKind;

/// The exit code of a failure of this kind; success is 0, and `ci` passes on its command's own code.
#[must_use]
pub const fn exit_code(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Bug => 1,
        FailureKind::Usage => 2,
        FailureKind::Project => 10,
        FailureKind::Engine => 20,
        FailureKind::Image => 21,
        FailureKind::NotReady => 30,
        FailureKind::Exited => 31,
        FailureKind::Data => 40,
        FailureKind::Environment => 50,
        FailureKind::Port => 60,
        FailureKind::Interrupted => 130,
    }
}

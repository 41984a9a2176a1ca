//! `doctor --prove`: copies of the stack, each started cold with a fault put in, and hurt once more when it is ready.

mod course;
mod faulty;
mod patient;
mod recovery;

pub(super) use course::run;

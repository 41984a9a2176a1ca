//! Readiness probes that speak the service's own protocol.

mod amqp;
mod failure;
mod healthcheck;
mod http;
mod life;
mod log;
mod postgres;
mod prober;
mod redis;
mod target;
mod tcp;
mod wait;

pub use crate::supervise::readiness::Answer;
pub use prober::Prober;
pub use target::Target;
pub use wait::{Until, Wait, Waited};

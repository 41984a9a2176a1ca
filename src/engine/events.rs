//! What an engine tells of a project's containers as it happens.

use futures_util::stream::BoxStream;

use crate::domain::{ContainerId, ServiceName};

/// A stream of events; an error ends it.
pub type EventStream = BoxStream<'static, Result<EngineEvent, super::EngineError>>;

/// One thing that happened to one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// The container.
    pub container: ContainerId,
    /// Its service.
    pub service: ServiceName,
    /// What happened.
    pub kind: EngineEventKind,
    /// Nanoseconds since the epoch, by the engine's clock.
    pub at: u64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineEventKind {
    /// It was made.
    Created,
    /// It was started.
    Started,
    /// Its main process ended.
    Died {
        /// The exit code.
        code: i64,
    },
    /// The kernel killed a process of it for want of memory.
    OutOfMemory,
    /// Its healthcheck passed.
    Healthy,
    /// Its healthcheck failed too often.
    Unhealthy,
    /// It was removed.
    Removed,
    /// The stream was cut and is whole again: what happened between is unknown, so look afresh. Container and service mean nothing here.
    Resync,
}

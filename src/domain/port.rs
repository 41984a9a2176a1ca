//! Ports that a container publishes on the host.

use std::fmt;
use std::net::IpAddr;

/// The transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Protocol {
    /// TCP, the default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// Which port of the host is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPort {
    /// Any free one.
    Any,
    /// This one.
    Fixed(u16),
    /// A free one from this range, ends included.
    Range(u16, u16),
}

/// A port of the container as the file publishes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedPort {
    /// The host's address; `None` where the file names none (the tool then uses loopback).
    pub host_ip: Option<IpAddr>,
    /// The host's port.
    pub host: HostPort,
    /// The container's port.
    pub container: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Compose's `name`, `app_protocol` and `mode` say nothing to an engine; the name is kept for messages.
    pub name: Option<String>,
}

/// A port as a running container really has it bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoundPort {
    /// The host's address.
    pub host_ip: IpAddr,
    /// The host's port.
    pub host: u16,
    /// The container's port.
    pub container: u16,
    /// The protocol.
    pub protocol: Protocol,
}

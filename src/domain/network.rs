//! Networks and volumes: as the file has them, and as the engine is asked for them.

use std::collections::BTreeMap;

/// Whose a network or volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// The project's: made and removed with it.
    #[default]
    Project,
    /// Somebody else's (`external`): must be there, never made or removed.
    External,
}

/// One address pool of a network (`ipam.config`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subnet {
    /// In CIDR notation.
    pub subnet: Option<String>,
    /// The part that containers get addresses from, in CIDR notation.
    pub ip_range: Option<String>,
    /// The gateway's address.
    pub gateway: Option<String>,
    /// Reserved addresses by name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// Whether the containers of a network find each other by their services' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Calling {
    /// They do.
    #[default]
    ByService,
    /// Those of the stack aren't found so: in a network that stacks share, another one's service may have the same name.
    Unlisted,
}

/// A network of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// Its engine name.
    pub name: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// Whether the stack's containers are found in it by their services' names.
    pub calling: Calling,
    /// The driver; `None` for the engine's default.
    pub driver: Option<String>,
    /// Driver options.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels that the file gives.
    pub labels: BTreeMap<String, String>,
    /// Whether it has no way out (`internal`).
    pub internal: bool,
    /// Whether containers may be attached by hand (`attachable`).
    pub attachable: bool,
    /// Whether IPv6 is on.
    pub enable_ipv6: bool,
    /// The IPAM driver.
    pub ipam_driver: Option<String>,
    /// Address pools.
    pub subnets: Vec<Subnet>,
}

/// A volume of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Volume {
    /// Its engine name.
    pub name: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// The driver; `None` for the engine's default.
    pub driver: Option<String>,
    /// Driver options.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels that the file gives.
    pub labels: BTreeMap<String, String>,
}

/// A network to create, labels complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// The network; its `labels` hold the tool's own too.
    pub network: Network,
}

/// A volume to create, labels complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// The volume; its `labels` hold the tool's own too.
    pub volume: Volume,
}

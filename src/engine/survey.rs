//! What an engine says of itself and of its machine: the facts that a diagnosis needs.

use std::time::SystemTime;

/// An engine's own account of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineSurvey {
    /// The storage driver, as `overlay2`.
    pub storage: String,
    /// The cgroup driver, as `systemd`; `none` where limits have no effect.
    pub cgroup_driver: String,
    /// Memory of its machine in bytes; 0 where it doesn't tell.
    pub memory: u64,
    /// Its clock at the moment of the answer.
    pub clock: Option<SystemTime>,
    /// Where it keeps images and volumes.
    pub root: String,
    /// Whether it runs as an ordinary user.
    pub rootless: bool,
    /// Whether it forwards packets between containers and the world.
    pub forwards: bool,
    /// The proxy that it pulls through; empty for none.
    pub proxy: String,
    /// Its operating system, as `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
    /// The address ranges that new networks are cut from, where they are configured: range and prefix length.
    pub pools: Vec<(String, u32)>,
    /// The subnets that networks have now.
    pub subnets: Vec<String>,
    /// Its images' sizes in bytes, largest first: name, or id where it has none.
    pub images: Vec<(String, u64)>,
}

/// What takes the space of an engine's disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskUsers {
    /// Bytes of all images' layers, each counted once.
    pub images: u64,
    /// Bytes of the build cache.
    pub build_cache: u64,
    /// The volumes, largest first.
    pub volumes: Vec<VolumeSize>,
}

/// How large a volume is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSize {
    /// Its name.
    pub name: String,
    /// The project that it belongs to, where one does.
    pub project: Option<String>,
    /// Bytes.
    pub bytes: u64,
    /// Whether a container, running or not, mounts it.
    pub mounted: bool,
}

/// What is known of a local image besides its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTraits {
    /// `linux/amd64`.
    pub platform: String,
    /// When it was made, or last came out of a build.
    pub made: Option<SystemTime>,
    /// What registries call it, as `postgres@sha256:…`; none where it was built here.
    pub digests: Vec<String>,
}

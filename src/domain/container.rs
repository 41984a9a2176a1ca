//! What reaches the engine when a container is created.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{ImageRef, Mount, PublishedPort, Secret};

/// Environment variables of a container: any value may be a secret, so none can be printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment(BTreeMap<String, Secret>);

impl Environment {
    /// An environment of these variables.
    #[must_use]
    pub fn new(variables: BTreeMap<String, Secret>) -> Self {
        Self(variables)
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Sets `name`.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Secret>) {
        self.0.insert(name.into(), value.into());
    }

    /// Takes `name` out.
    pub fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All variables, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// A healthcheck that the engine runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Healthcheck {
    /// The test as the engine takes it: `["CMD", …]`, `["CMD-SHELL", "…"]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Time between checks.
    pub interval: Option<Duration>,
    /// Time a check may take.
    pub timeout: Option<Duration>,
    /// Failures in a row that make a container unhealthy.
    pub retries: Option<u32>,
    /// Time during which failures don't count.
    pub start_period: Option<Duration>,
    /// Time between checks within the start period (engine 25 and newer).
    pub start_interval: Option<Duration>,
}

impl Healthcheck {
    /// Whether the check is switched off.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.test.first().is_some_and(|kind| kind == "NONE")
    }
}

/// When the engine starts a container again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// Always.
    Always,
    /// After a failure, at most this often (`None`: without a limit).
    OnFailure {
        /// The limit.
        retries: Option<u32>,
    },
    /// Always, unless it was stopped by hand.
    UnlessStopped,
}

/// A resource limit of the processes (`ulimits`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// The limit's name, as `nofile`.
    pub name: String,
    /// The soft limit.
    pub soft: i64,
    /// The hard limit.
    pub hard: i64,
}

/// A device of the host given to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Path on the host.
    pub host: String,
    /// Path in the container.
    pub container: String,
    /// `r`, `w`, `m`.
    pub permissions: String,
}

/// The log driver of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logging {
    /// The driver's name; `None` for the engine's default.
    pub driver: Option<String>,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
}

/// Limits of memory, CPU and the like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources {
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// Soft memory limit in bytes.
    pub memory_reservation: Option<u64>,
    /// Memory and swap in bytes; -1 for no limit.
    pub memory_swap: Option<i64>,
    /// CPU limit in billionths of a core.
    pub nano_cpus: Option<u64>,
    /// Relative CPU weight.
    pub cpu_shares: Option<u64>,
    /// Cores that may be used, as `0-2,4`.
    pub cpuset: Option<String>,
    /// Number of processes.
    pub pids: Option<i64>,
}

/// How a container stands in one network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkAttachment {
    /// Further names in this network.
    pub aliases: Vec<String>,
    /// A fixed IPv4 address.
    pub ipv4_address: Option<String>,
    /// A fixed IPv6 address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// Which network is attached first: higher goes first.
    pub priority: i64,
    /// Driver options of the endpoint.
    pub driver_opts: BTreeMap<String, String>,
    /// A fixed MAC address in this network.
    pub mac_address: Option<String>,
}

/// All settings of a container that the engine applies, as the file gives them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of the Compose Specification, named as there"
)]
pub struct ContainerSettings {
    /// The command; `None` for the image's.
    pub command: Option<Vec<String>>,
    /// The entrypoint; `None` for the image's, empty to clear it.
    pub entrypoint: Option<Vec<String>>,
    /// Environment variables.
    pub environment: Environment,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Published ports.
    pub ports: Vec<PublishedPort>,
    /// Ports open to other containers only, as `8080/tcp`.
    pub expose: Vec<String>,
    /// The healthcheck; `None` for the image's.
    pub healthcheck: Option<Healthcheck>,
    /// The networks by their key in the file's `networks`.
    pub networks: BTreeMap<String, NetworkAttachment>,
    /// `host`, `none`, `bridge`, `service:NAME` or `container:NAME` instead of networks.
    pub network_mode: Option<String>,
    /// The engine's restart policy.
    pub restart: RestartPolicy,
    /// The working directory.
    pub working_dir: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The host name.
    pub hostname: Option<String>,
    /// The domain name.
    pub domainname: Option<String>,
    /// Labels that the file gives.
    pub labels: BTreeMap<String, String>,
    /// Lines of /etc/hosts, as `name:address`.
    pub extra_hosts: Vec<String>,
    /// Whether the engine's init runs as PID 1; `None` for the engine's default.
    pub init: Option<bool>,
    /// Time between the stop signal and the kill.
    pub stop_grace: Option<Duration>,
    /// The stop signal.
    pub stop_signal: Option<String>,
    /// Whether a terminal is allocated.
    pub tty: bool,
    /// Whether stdin is kept open.
    pub stdin_open: bool,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// Process limits.
    pub ulimits: Vec<Ulimit>,
    /// Size of /dev/shm in bytes.
    pub shm_size: Option<u64>,
    /// The log driver.
    pub logging: Logging,
    /// Memory, CPU, processes.
    pub resources: Resources,
    /// `ipc` mode.
    pub ipc: Option<String>,
    /// `pid` mode.
    pub pid: Option<String>,
    /// `uts` mode.
    pub uts: Option<String>,
    /// `cgroup` mode: `host` or `private`.
    pub cgroup: Option<String>,
    /// The parent cgroup.
    pub cgroup_parent: Option<String>,
    /// Links to other containers, as `container:alias`.
    pub links: Vec<String>,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// Whether the container may do all.
    pub privileged: bool,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Whether the root filesystem is read-only.
    pub read_only: bool,
    /// Devices.
    pub devices: Vec<Device>,
    /// Device cgroup rules.
    pub device_cgroup_rules: Vec<String>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_opt: Vec<String>,
    /// Further groups.
    pub group_add: Vec<String>,
    /// User namespace mode.
    pub userns_mode: Option<String>,
    /// The OCI runtime.
    pub runtime: Option<String>,
    /// GPUs asked for: count (-1 for all).
    pub gpus: Option<i64>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// MAC address (the container's, before per-network ones).
    pub mac_address: Option<String>,
    /// `oom_score_adj`.
    pub oom_score_adj: Option<i64>,
    /// `oom_kill_disable`.
    pub oom_kill_disable: Option<bool>,
    /// Containers or services whose volumes are mounted too, as `name[:ro]`.
    pub volumes_from: Vec<String>,
    /// Storage driver options.
    pub storage_opt: BTreeMap<String, String>,
    /// Files put into the container before its first start, from `configs` and `secrets` that have no host file.
    pub files: Vec<PlacedFile>,
}

/// A file that the tool writes into a created container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedFile {
    /// Absolute path in the container.
    pub target: PathBuf,
    /// The content.
    pub content: Secret,
    /// Owner's user id.
    pub uid: u32,
    /// Owner's group id.
    pub gid: u32,
    /// Mode, as in `0o444`.
    pub mode: u32,
}

/// One container to create: settings under a name, with the tool's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// The container's name.
    pub name: String,
    /// The image it is created from.
    pub image: ImageRef,
    /// The file's labels and the tool's own, in Compose's names.
    pub labels: BTreeMap<String, String>,
    /// The settings; network and volume keys are resolved to names by the maps below.
    pub settings: ContainerSettings,
    /// Engine names of the networks, by key.
    pub network_names: BTreeMap<String, String>,
    /// Engine names of the volumes, by key.
    pub volume_names: BTreeMap<String, String>,
    /// Names under which other containers of the project find this one in every network but those of `unlisted`.
    pub aliases: Vec<String>,
    /// The keys of networks that it has no such name in.
    pub unlisted: BTreeSet<String>,
    /// Anonymous volumes taken over from the container that this one replaces: target to volume name.
    pub inherited_volumes: BTreeMap<String, String>,
}

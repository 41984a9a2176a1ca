//! What was found on this machine, before anybody judges it. What could not be learnt in time is `None`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::domain::{Failure, ImageRef, Level, Observed, ServiceName, Stack};
use crate::engine::{Absence, DiskUsers, EngineFacts, EngineSurvey, ImageTraits};

/// All facts.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The engine that answers, or why none does.
    pub engine: Result<EngineSeen, Absence>,
    /// The project at hand.
    pub project: ProjectFacts,
    /// The machine.
    pub host: HostFacts,
}

/// An engine that answers.
#[derive(Debug, Clone)]
pub struct EngineSeen {
    /// Who it is.
    pub facts: EngineFacts,
    /// What it says of itself; or why it didn't.
    pub survey: Result<EngineSurvey, String>,
    /// Our clock when it answered.
    pub asked: SystemTime,
    /// The space where it keeps its images, where that is this machine's.
    pub space: Option<Space>,
    /// What takes that space; asked only where little is left.
    pub disk_users: Option<DiskUsers>,
    /// The stack's images that are here.
    pub images: BTreeMap<ImageRef, ImageTraits>,
    /// How names are looked up inside running containers.
    pub lookups: Vec<LookupSeen>,
    /// Memory that each running service uses now, in bytes.
    pub used_memory: BTreeMap<ServiceName, u64>,
}

/// How a container looks names up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupSeen {
    /// Its service.
    pub service: ServiceName,
    /// The name servers of its `/etc/resolv.conf`.
    pub servers: Vec<String>,
    /// The name of another service that it could not find.
    pub unknown: Option<ServiceName>,
}

/// Room on a filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that an ordinary user may still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Files that may still be made; `None` where the filesystem counts none.
    pub files: Option<u64>,
}

/// The project's own facts.
#[derive(Debug, Clone, Default)]
pub struct ProjectFacts {
    /// Its directory.
    pub root: PathBuf,
    /// What should run, or what is wrong with the files.
    pub stack: Option<Result<Arc<Stack>, Failure>>,
    /// What the engine has of it.
    pub observed: Option<Observed>,
    /// What is wrong with its environment.
    pub environment: Vec<EnvFault>,
    /// The permission bits of `.env`.
    pub env_mode: Option<u32>,
    /// Paths that the files name and that are not there.
    pub missing: Vec<MissingPath>,
    /// Scripts that a Linux container can't run as they are.
    pub scripts: Vec<ScriptSeen>,
    /// The build contexts.
    pub contexts: Vec<ContextSeen>,
    /// Volumes that bear the stack's names and aren't the project's.
    pub foreign: Vec<String>,
    /// Other directories whose containers bear this project's name.
    pub namesakes: Vec<PathBuf>,
    /// Services whose store refuses the login of `.env`.
    pub refused: Vec<(ServiceName, String)>,
    /// Temporary files of killed runs.
    pub leftovers: Vec<PathBuf>,
    /// Records of the tool's own state that can't be read.
    pub broken_records: Vec<BrokenRecordSeen>,
    /// Data that the tool keeps, and that a person may let go: snapshots, backups, templates.
    pub kept: Vec<KeptSeen>,
    /// The most memory that each service was seen to take, in bytes.
    pub appetites: BTreeMap<String, u64>,
    /// What can't be written of the tool's own state, and why.
    pub unwritable: Vec<(PathBuf, String)>,
    /// Whether the certificate that the stack mounts is good; `None` where it mounts none.
    pub certificate: Option<bool>,
}

/// A record of the tool's own that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRecordSeen {
    /// The file.
    pub path: PathBuf,
    /// Why, as a phrase.
    pub reason: String,
    /// What goes with it.
    pub loss: Loss,
}

/// What goes with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Something that is learnt or chosen anew.
    Forgotten,
    /// A snapshot can't be restored.
    Snapshot {
        /// Its name.
        name: String,
    },
    /// A backup's dump can't be judged; it can be restored all the same.
    Backup,
    /// Which branch's data is live.
    Branch,
    /// What a run was in the midst of: no other changes anything before that is known.
    Unfinished,
}

/// Data that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSeen {
    /// What it is, as "the snapshot `monday`".
    pub what: String,
    /// Bytes.
    pub bytes: u64,
    /// So many of them are of no use any more, by the tool's own rule.
    pub spent: u64,
    /// The command that lets it go.
    pub prune: String,
}

/// Something wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFault {
    /// How bad it is.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// What mends it.
    pub hint: String,
}

/// What a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathUse {
    /// It is mounted into a container.
    Mount,
    /// An image is built from it.
    Context,
    /// It is an image's recipe.
    Dockerfile,
}

/// A path that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPath {
    /// The service.
    pub service: ServiceName,
    /// The path.
    pub path: PathBuf,
    /// What for.
    pub usage: PathUse,
}

/// A script that can't run as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptSeen {
    /// The script.
    pub path: PathBuf,
    /// The number of lines that end in CR LF.
    pub carriage_returns: usize,
    /// Its permission bits, where it is run by its own name and isn't executable.
    pub not_executable: Option<u32>,
}

/// A build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextSeen {
    /// The service built from it.
    pub service: ServiceName,
    /// The directory.
    pub path: PathBuf,
    /// Bytes that would be sent.
    pub bytes: u64,
    /// Whether it has a `.dockerignore`.
    pub has_ignore: bool,
    /// The largest entries at its top, with their bytes.
    pub largest: Vec<(String, u64)>,
    /// The file that changed last, and when.
    pub newest: Option<(PathBuf, SystemTime)>,
}

/// The machine's own facts.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// Ports that the stack wants and somebody else has.
    pub ports: Vec<PortSeen>,
    /// The ports that the stack wants.
    pub wanted: usize,
    /// What `localhost` means here.
    pub localhost: Vec<IpAddr>,
    /// How many files may be watched, and by how many watchers.
    pub inotify: Option<(u64, u64)>,
    /// How many files a process may have open.
    pub open_files: Option<u64>,
    /// Room for the project.
    pub project_space: Option<Space>,
    /// Room for temporary files, and where.
    pub temporary: Option<(PathBuf, Space)>,
    /// Memory that is available now.
    pub memory: Option<u64>,
    /// The kernel's version line.
    pub kernel: String,
    /// The type of the filesystem that the project lies on, as `ext4`.
    pub filesystem: String,
    /// The proxy variables.
    pub proxies: Proxies,
}

/// The environment's proxy variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    /// `HTTPS_PROXY` or `HTTP_PROXY`, by its name.
    pub set: Option<String>,
    /// The names that go around it.
    pub around: String,
}

/// A port that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSeen {
    /// The service that wants it.
    pub service: ServiceName,
    /// The port.
    pub port: u16,
    /// Who has it.
    pub user: PortUser,
}

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortUser {
    /// A process.
    Process {
        /// Its id.
        pid: u32,
        /// Its name.
        name: String,
        /// Its command line.
        command: String,
    },
    /// A container of another project.
    Container {
        /// Its name.
        name: String,
        /// Its project.
        project: String,
        /// That project's directory.
        directory: Option<PathBuf>,
    },
    /// Nobody that can be named from here.
    Unknown,
}

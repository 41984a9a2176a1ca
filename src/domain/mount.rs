//! What is mounted into a container.

use std::path::PathBuf;

/// Whether a mount may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum MountAccess {
    /// Read and write.
    #[default]
    ReadWrite,
    /// Read only.
    ReadOnly,
}

/// Where a mount's content comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MountSource {
    /// A file or directory of the host.
    Bind {
        /// Absolute path on the host.
        source: PathBuf,
        /// Whether a missing directory is made (`create_host_path`).
        create: bool,
        /// Mount propagation (`rprivate`, `rshared`, …).
        propagation: Option<String>,
        /// `SELinux` relabelling: `z` or `Z`.
        selinux: Option<String>,
    },
    /// A volume of the stack, by its key in the file's `volumes`.
    Named {
        /// The key.
        volume: String,
        /// Whether the image's content is kept out (`nocopy`).
        no_copy: bool,
        /// A directory in the volume (`subpath`).
        subpath: Option<String>,
    },
    /// A volume without a name, kept over recreation by its target.
    Anonymous {
        /// Whether the image's content is kept out (`nocopy`).
        no_copy: bool,
    },
    /// Memory.
    Tmpfs {
        /// Its size in bytes.
        size: Option<u64>,
        /// Its mode, as in `0o1777`.
        mode: Option<u32>,
    },
}

/// One mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mount {
    /// Absolute path in the container.
    pub target: String,
    /// Where the content comes from.
    pub source: MountSource,
    /// Whether it may be written to.
    pub access: MountAccess,
}

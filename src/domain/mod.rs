//! The nouns of the whole program: pure values on the standard library alone.
//!
//! Every other room may import from here; this room imports from none.

mod ci_request;
mod config;
mod container;
mod data_request;
mod doctor_request;
mod env_request;
mod failure;
mod image;
mod kept;
mod login;
mod mount;
mod names;
mod nearest;
mod network;
mod observed;
mod port;
mod readiness;
mod request;
mod secret;
mod service;
mod size;
mod stack;
mod url;
mod verdict;
mod watch;

pub use ci_request::{
    CiRequest, CommandPlace, InMemory, Isolation, Keep, ReplayRequest, Reuse, StackRemoval,
    StacksRequest, StacksVerb,
};
pub use config::{Aspect, Config, Disclosure, Notation};
pub use container::{
    ContainerSettings, ContainerSpec, Device, Environment, Healthcheck, Logging, NetworkAttachment,
    PlacedFile, Resources, RestartPolicy, Ulimit,
};
pub use data_request::{
    BackupRequest, BackupVerb, DataVerb, DbRequest, DbVerb, DumpForm, Freshness, MigrateRequest,
    MigrateVerb, Packing, ResetRequest, Reveal, SeedRequest, SnapshotRequest, SnapshotVerb,
};
pub use doctor_request::{BundleRequest, DoctorRequest, ExplainRequest, Treatment};
pub use env_request::{Apply, EnvFormat, EnvRequest, EnvVerb, Rotation, Sight};
pub use failure::{ExitCause, Failure, FailureKind};
pub use image::{Build, ImageRef, ImageSource, PullPolicy};
pub use kept::{Keeping, KeptCredential, kept_credential};
pub use login::{AmqpLogin, PostgresLogin, ReadFile, RedisLogin, first_start_secrets};
pub use mount::{Mount, MountAccess, MountSource};
pub use names::{InvalidName, ProjectName, ServiceName};
pub use nearest::nearest;
pub use network::{Calling, Network, NetworkSpec, Ownership, Subnet, Volume, VolumeSpec};
pub use observed::{
    ContainerId, ContainerState, Health, ImageId, NetworkId, Observed, ObservedContainer,
    ObservedNetwork, ObservedVolume,
};
pub use port::{BoundPort, HostPort, Protocol, PublishedPort};
pub use readiness::Readiness;
pub use request::{
    BuildImages, Consent, Detail, Down, EngineRequest, EngineVerb, Exec, Follow, Guidance, Halt,
    Logs, OnFailure, Orphans, OutputMode, Phase, Recreation, Redaction, Remap, Run, Scope, Setup,
    StartupReport, VolumeFate,
};
pub use secret::Secret;
pub use service::{
    Condition, Dependency, Home, Hook, Migrate, Necessity, OnRestart, ReplaceMode, Role,
    SeedCommand, Service,
};
pub use size::{parse_size, whole_bytes};
pub use stack::{BaseImage, FileObject, FileSource, Stack};
pub use url::percent_encoded;
pub use verdict::{Deed, Level, Mend, Verdict};
pub use watch::{Afterwards, Notice, WatchAction, WatchRequest, WatchRule, WatchVerb, Watching};

//! The calls that the tool makes of a container engine, one object at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::{
    DiskUsers, EngineError, EngineSurvey, EventStream, ExecRequest, ExecSession, Executed,
    ImageTraits, LogRequest, LogStreamReader,
};
use crate::domain::{
    Build, ContainerId, ContainerSpec, ImageId, ImageRef, NetworkId, NetworkSpec, Observed,
    ObservedContainer, ProjectName, Secret, VolumeSpec,
};
use crate::event::Transfer;

/// What happens to a container's anonymous volumes when it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// They stay, for a successor.
    KeepVolumes,
    /// They go with it.
    WithVolumes,
}

/// A word on a pull or a build that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageProgress {
    /// What happens now, in the engine's words; one line.
    pub doing: String,
    /// How far it has got.
    pub transfer: Transfer,
}

/// A build: its settings, and the context as a tar stream that is made while it is sent.
pub struct BuildRequest {
    /// The name that the result gets.
    pub tag: ImageRef,
    /// The settings.
    pub build: Build,
    /// The Dockerfile's path inside the context's tar.
    pub dockerfile: String,
    /// The context, an uncompressed tar.
    pub context: BoxStream<'static, Result<Bytes, std::io::Error>>,
    /// Labels of the image besides those of `build`.
    pub labels: BTreeMap<String, String>,
}

/// Facts about the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// The engine's version, as `20.10.24`.
    pub version: String,
    /// The API version agreed on, as (1, 41).
    pub api: (u32, u32),
    /// `linux/amd64`.
    pub platform: String,
    /// Where it was found: `unix:///var/run/docker.sock`.
    pub address: String,
    /// Whether containers' addresses can be reached from here (a local Linux engine, not rootless, not a VM).
    pub routable: bool,
    /// Where ports that it publishes on all addresses are found, where this process is in one of its containers.
    pub gateway: Option<IpAddr>,
}

/// Somebody who runs containers.
///
/// Every call ends in a bounded time (streams excepted) with an [`EngineError`] where it fails.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Who answers, and what it can do.
    async fn facts(&self) -> Result<EngineFacts, EngineError>;
    /// All that carries the project's label, and which of `images` are here.
    async fn observe(
        &self,
        project: &ProjectName,
        images: &[ImageRef],
    ) -> Result<Observed, EngineError>;
    /// Projects on this engine (the values of Compose's project label), each with its working directory where known.
    async fn projects(&self) -> Result<BTreeMap<String, Option<PathBuf>>, EngineError>;
    /// Names of the projects of which any container, network or volume carries this label.
    async fn projects_with(&self, label: &str) -> Result<BTreeSet<String>, EngineError>;

    /// What the engine says of itself and its machine.
    async fn survey(&self) -> Result<EngineSurvey, EngineError>;
    /// What takes the space of its disk; it reads all its volumes for that, which may take seconds.
    async fn disk_users(&self) -> Result<DiskUsers, EngineError>;

    /// The id of a local image.
    async fn image(&self, image: &ImageRef) -> Result<Option<ImageId>, EngineError>;
    /// What a local image runs by default.
    async fn image_command(&self, image: &ImageRef) -> Result<ImageCommand, EngineError>;
    /// For which machine and when a local image was made; `None` where it isn't here.
    async fn image_traits(&self, image: &ImageRef) -> Result<Option<ImageTraits>, EngineError>;
    /// Pulls an image once, without retry; `credentials` are user and password or a token.
    async fn pull(
        &self,
        image: &ImageRef,
        platform: Option<&str>,
        credentials: Option<&Credentials>,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<(), EngineError>;
    /// Builds an image.
    async fn build(
        &self,
        request: BuildRequest,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<ImageId, EngineError>;
    /// Makes an image of a root filesystem's tar, with these Dockerfile instructions applied.
    async fn import(
        &self,
        image: &ImageRef,
        tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
        changes: &[String],
    ) -> Result<ImageId, EngineError>;
    /// Gives a local image a further name.
    async fn tag(&self, image: &ImageRef, name: &ImageRef) -> Result<(), EngineError>;
    /// Makes an image of a container as it is, frozen meanwhile; its volumes are not part of it.
    async fn commit(
        &self,
        container: &ContainerId,
        image: &ImageRef,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError>;
    /// Local images that carry this label: each one's labels, by name.
    async fn images_with(
        &self,
        label: &str,
    ) -> Result<BTreeMap<ImageRef, BTreeMap<String, String>>, EngineError>;
    /// Removes a local image; one that is gone is no error.
    async fn remove_image(&self, image: &ImageRef) -> Result<(), EngineError>;

    /// Makes a network.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError>;
    /// Removes a network; one that is gone is no error.
    async fn remove_network(&self, network: &NetworkId) -> Result<(), EngineError>;
    /// The subnets of all networks, in CIDR notation.
    async fn subnets(&self) -> Result<Vec<String>, EngineError>;
    /// Whether a network of this name is there, labelled or not.
    async fn network(&self, name: &str) -> Result<Option<NetworkId>, EngineError>;
    /// Makes a volume.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError>;
    /// Removes a volume; one that is gone is no error.
    async fn remove_volume(&self, name: &str) -> Result<(), EngineError>;
    /// Whether a volume of this name is there, labelled or not.
    async fn volume(&self, name: &str) -> Result<bool, EngineError>;

    /// Where a running container's volume is on the engine's machine; `None` where it is no plain directory there.
    async fn volume_place(
        &self,
        container: &ContainerId,
        volume: &str,
    ) -> Result<Option<VolumePlace>, EngineError>;

    /// Makes a container, and puts its placed files into it.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError>;
    /// Starts a container; one that runs is no error.
    async fn start_container(&self, container: &ContainerId) -> Result<(), EngineError>;
    /// Stops a container: its stop signal, then a kill after `grace` (`None`: the container's own); one that stands is no error.
    async fn stop_container(
        &self,
        container: &ContainerId,
        grace: Option<Duration>,
    ) -> Result<(), EngineError>;
    /// Restarts a container.
    async fn restart_container(
        &self,
        container: &ContainerId,
        grace: Option<Duration>,
    ) -> Result<(), EngineError>;
    /// Sends a signal to PID 1, as `SIGUSR1`.
    async fn signal_container(
        &self,
        container: &ContainerId,
        signal: &str,
    ) -> Result<(), EngineError>;
    /// Freezes all processes of a running container where they stand; one that is paused is no error.
    async fn pause_container(&self, container: &ContainerId) -> Result<(), EngineError>;
    /// Lets the processes of a paused container go on; one that isn't paused is no error.
    async fn unpause_container(&self, container: &ContainerId) -> Result<(), EngineError>;
    /// Removes a container, running or not; one that is gone is no error.
    async fn remove_container(
        &self,
        container: &ContainerId,
        removal: Removal,
    ) -> Result<(), EngineError>;
    /// A container by id or name.
    async fn container(&self, name: &str) -> Result<Option<ObservedContainer>, EngineError>;
    /// Whether a file, directory or link of this absolute path is in the container, running or not.
    async fn has_file(&self, container: &ContainerId, path: &str) -> Result<bool, EngineError>;
    /// Puts the files of a tar under a directory of the container.
    async fn upload(
        &self,
        container: &ContainerId,
        directory: &str,
        tar: Bytes,
    ) -> Result<(), EngineError>;
    /// Puts the files of a tar under a directory of the container while the tar is being read; it may be of any size.
    async fn unpack(
        &self,
        container: &ContainerId,
        directory: &str,
        tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
    ) -> Result<(), EngineError>;
    /// A file or directory of the container as a tar stream.
    async fn download(
        &self,
        container: &ContainerId,
        path: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, EngineError>>, EngineError>;
    /// CPU time used so far, in nanoseconds, and memory in bytes: a sign of life.
    async fn usage(&self, container: &ContainerId) -> Result<Usage, EngineError>;

    /// Runs a command in a container to its end and collects its output (each stream's last MiB).
    async fn execute(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<Executed, EngineError>;
    /// Runs a command in a container with streams attached.
    async fn open_exec(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<ExecSession, EngineError>;
    /// A container's log, whole lines.
    async fn logs(
        &self,
        container: &ContainerId,
        request: &LogRequest,
    ) -> Result<LogStreamReader, EngineError>;
    /// What happens to the project's containers from now on. Reconnects by itself and tells [`EngineEventKind::Resync`](super::EngineEventKind::Resync) after a gap.
    async fn events(&self, project: &ProjectName) -> Result<EventStream, EngineError>;
}

/// Where a volume's files are, as the engine says; its machine may be another one than this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumePlace {
    /// The directory on the engine's machine.
    pub directory: PathBuf,
    /// Where the container has it.
    pub target: String,
    /// The container's first process, by the number that it has for the engine.
    pub process: u32,
}

/// A sign of life of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// CPU time in nanoseconds since its start.
    pub cpu: u64,
    /// Memory in bytes.
    pub memory: u64,
}

/// What an image runs by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageCommand {
    /// Its entrypoint.
    pub entrypoint: Vec<String>,
    /// Its command.
    pub command: Vec<String>,
    /// Its user.
    pub user: String,
    /// Its working directory.
    pub working_dir: String,
    /// Ports that it exposes, as `5432/tcp`.
    pub exposed: Vec<String>,
    /// Whether it has a healthcheck of its own.
    pub has_healthcheck: bool,
}

/// A login to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// An identity token.
    Token(Secret),
}

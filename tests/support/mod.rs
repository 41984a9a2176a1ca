//! What tests on a real engine share: the engine, an image of a few hundred kilobytes, and a project that is gone afterwards.

#![allow(dead_code, reason = "every test binary takes the part that it needs")]

pub mod checkout;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use jobsprint_dev::domain::{
    ContainerSettings, ContainerSpec, ImageRef, Network, NetworkAttachment, NetworkSpec,
    ProjectName, Volume, VolumeSpec,
};
use jobsprint_dev::engine::{Engine, Removal, Surroundings, connect};

/// The engine that this machine's environment points to.
///
/// # Panics
/// Where none answers: a test of an engine's behaviour never passes without one.
pub async fn engine() -> Arc<dyn Engine> {
    match connect(&Surroundings::of_this_process()).await {
        Ok(engine) => engine,
        Err(absence) => panic!(
            "{absence}\nhint: these tests need a container engine: run `cargo run -- engine ensure`\n{}",
            absence.hints().join("\n")
        ),
    }
}

/// A local image with a shell and the usual small tools, made of the host's static busybox.
///
/// # Panics
/// Where busybox isn't installed, or the engine refuses the import.
pub async fn tiny_image(engine: &Arc<dyn Engine>) -> ImageRef {
    let image = ImageRef::new("jobsprint-dev-test/tiny:3");
    let here = engine.image(&image).await.expect("the engine answers");
    if here.is_none() {
        let tar = stream::iter([Ok(Bytes::from(tiny_root()))]).boxed();
        let changes = [
            "CMD [\"sleep\", \"infinity\"]".to_owned(),
            "ENV PATH=/bin".to_owned(),
        ];
        engine
            .import(&image, tar, &changes)
            .await
            .expect("the engine imports a root filesystem");
    }
    image
}

fn tiny_root() -> Vec<u8> {
    let busybox = ["/usr/bin/busybox", "/bin/busybox"]
        .iter()
        .find_map(|path| std::fs::read(path).ok())
        .expect("a static busybox; hint: apt-get install busybox-static");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(busybox.len() as u64);
    archive
        .append_data(&mut header, "bin/busybox", busybox.as_slice())
        .expect("written to memory");
    let applets = [
        "sh", "sleep", "cat", "echo", "ls", "id", "env", "nc", "httpd", "true", "false", "kill",
        "touch", "mkdir", "test", "date", "hostname", "stat", "printf", "seq", "wget", "tr",
        "head", "df", "mount", "ulimit", "cp", "rm", "chmod", "dd", "grep", "trap", "ps", "pwd",
        "sync",
    ];
    for applet in applets {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive
            .append_link(&mut header, format!("bin/{applet}"), "busybox")
            .expect("written to memory");
    }
    for directory in ["tmp", "etc", "data", "run"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o777);
        header.set_size(0);
        archive
            .append_data(&mut header, directory, std::io::empty())
            .expect("written to memory");
    }
    let passwd = "root:x:0:0:root:/:/bin/sh\napp:x:1000:1000::/tmp:/bin/sh\n";
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(passwd.len() as u64);
    archive
        .append_data(&mut header, "etc/passwd", passwd.as_bytes())
        .expect("written to memory");
    archive.into_inner().expect("written to memory")
}

/// A project of its own on the engine; all that carries its label goes when it is dropped, also by a panic.
pub struct Bed {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// The project's name, like no other's.
    pub project: ProjectName,
}

/// A project name that no other test and no other run has.
///
/// # Panics
/// Never: the name is valid by its making.
pub fn unique_project() -> ProjectName {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("jsdtest{}x{number}", std::process::id());
    ProjectName::new(name).expect("letters and digits")
}

impl Bed {
    /// A bed on the real engine.
    pub async fn make() -> Self {
        Self::on(engine().await)
    }

    /// A bed on `engine`.
    pub fn on(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            project: unique_project(),
        }
    }

    /// The labels that Compose gives a service's container.
    pub fn labels(&self, service: &str, number: u32) -> BTreeMap<String, String> {
        [
            ("com.docker.compose.project", self.project.to_string()),
            ("com.docker.compose.service", service.to_owned()),
            ("com.docker.compose.oneoff", "False".to_owned()),
            ("com.docker.compose.container-number", number.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// A container of `service` from the tiny image's like, running `command`.
    pub fn container(&self, image: &ImageRef, service: &str, command: &[&str]) -> ContainerSpec {
        ContainerSpec {
            name: format!("{}-{service}-1", self.project),
            image: image.clone(),
            labels: self.labels(service, 1),
            settings: ContainerSettings {
                command: Some(command.iter().map(|&word| word.to_owned()).collect()),
                networks: BTreeMap::from([("default".to_owned(), NetworkAttachment::default())]),
                ..ContainerSettings::default()
            },
            network_names: BTreeMap::from([("default".to_owned(), self.network().network.name)]),
            volume_names: BTreeMap::from([("data".to_owned(), self.volume().volume.name)]),
            aliases: vec![service.to_owned()],
            inherited_volumes: BTreeMap::new(),
            unlisted: std::collections::BTreeSet::new(),
        }
    }

    /// The project's default network.
    pub fn network(&self) -> NetworkSpec {
        let labels = [
            ("com.docker.compose.project", self.project.to_string()),
            ("com.docker.compose.network", "default".to_owned()),
        ];
        NetworkSpec {
            network: Network {
                name: format!("{}_default", self.project),
                labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
                ..Network::default()
            },
        }
    }

    /// A volume of the project.
    pub fn volume(&self) -> VolumeSpec {
        let labels = [
            ("com.docker.compose.project", self.project.to_string()),
            ("com.docker.compose.volume", "data".to_owned()),
        ];
        VolumeSpec {
            volume: Volume {
                name: format!("{}_data", self.project),
                labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
                ..Volume::default()
            },
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let (engine, project) = (Arc::clone(&self.engine), self.project.clone());
        let swept = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime for the sweep")
                .block_on(sweep(engine.as_ref(), &project));
        });
        drop(swept.join());
    }
}

/// Removes all that carries the project's label; what is gone already is no matter.
pub async fn sweep(engine: &dyn Engine, project: &ProjectName) {
    let Ok(observed) = engine.observe(project, &[]).await else {
        return;
    };
    for container in observed.containers {
        drop(
            engine
                .remove_container(&container.id, Removal::WithVolumes)
                .await,
        );
    }
    for network in observed.networks {
        drop(engine.remove_network(&network.id).await);
    }
    for volume in observed.volumes {
        drop(engine.remove_volume(&volume.name).await);
    }
}

/// A directory of this test run's own.
///
/// # Panics
/// Where the machine's temporary directory can't be written to.
pub fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().to_owned();
    (directory, path)
}

//! A container that mounts the stack's volumes and does nothing of its own: they are read and filled through it.
//!
//! Each volume is mounted at a path that ends in [`LAID`]. What the engine packs of it is named so, and what is put back
//! lies in a directory of that name inside the volume, beside the live data.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::shelf::refused;
use super::stock::{Kept, Stock};
use crate::data::DataError;
use crate::domain::{
    ContainerId, ContainerSettings, ContainerSpec, ImageRef, Mount, MountAccess, MountSource, Role,
};
use crate::engine::{Engine, EngineError, ExecRequest, Executed, Removal};
use crate::plan::{ONE_OFF, PROJECT};

/// The directory of a snapshot that was laid beside the live data.
pub(super) const LAID: &str = ".jobsprint-new";

/// So long an engine that is busy may take over a container that a killed run has asked for.
const LONGEST_MAKING: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Moves what was laid into the place of what is live, each volume by renames inside it. Whatever it is stopped at, run
/// again it goes on from there: while the old is moved away the new is called `.jobsprint-new`, afterwards `-ready`.
const SWAP: &str = r#"
set -e
move() { # all entries of a directory but our own
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        case "$entry" in ./.jobsprint-*) continue ;; esac
        if [ -e "$entry" ] || [ -L "$entry" ]; then mv "$entry" "$2"/; fi
    done
}
for volume in /volumes/*/.jobsprint-new; do
    cd "$volume"
    if [ -d .jobsprint-new ]; then
        mkdir -p .jobsprint-old
        move . .jobsprint-old
        mv .jobsprint-new .jobsprint-ready
    fi
    if [ -d .jobsprint-ready ]; then
        chown "$(stat -c %u:%g .jobsprint-ready)" .
        chmod "$(stat -c %a .jobsprint-ready)" .
        move .jobsprint-ready .
        rmdir .jobsprint-ready
    fi
done
"#;

/// Removes what lies beside the live data: what was laid there, and what it replaced.
const CLEAR: &str =
    "rm -rf /volumes/*/.jobsprint-new/.jobsprint-new /volumes/*/.jobsprint-new/.jobsprint-old";

/// Removes what an [`Agent`](super::agent::Agent) has moved out of the volumes.
const DISCARD: &str = "rm -rf /beside/*/.jobsprint-gone.*";

/// Waits until what was written is on the disk.
const SYNC: &str = r#"for place; do sync -f "$place" 2>/dev/null || exec sync; done"#;

/// A helper that goes.
pub(super) type Leaving = JoinHandle<Result<(), EngineError>>;

/// The helper of one stack.
pub(super) struct Helper<'a> {
    engine: &'a dyn Engine,
    id: ContainerId,
}

impl<'a> Helper<'a> {
    /// Makes it, not yet running; one that a killed run left goes.
    pub(super) async fn make(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
    ) -> Result<Self, DataError> {
        Self::with(stock, volumes, Vec::new()).await
    }

    /// As [`make`](Self::make), with further mounts.
    pub(super) async fn with(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
        further: Vec<Mount>,
    ) -> Result<Self, DataError> {
        let mounts = volumes.keys().map(|key| mount(key)).chain(further);
        Self::mounting(stock, volumes, mounts.collect()).await
    }

    async fn mounting(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
        mounts: Vec<Mount>,
    ) -> Result<Self, DataError> {
        let engine = stock.engine.as_ref();
        let spec = ContainerSpec {
            name: name(stock),
            image: image(stock).await?,
            labels: [
                (PROJECT, stock.stack.project.as_str()),
                (ONE_OFF, "True"),
                ("dev.jobsprint.role", "snapshot"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            settings: ContainerSettings {
                entrypoint: Some(vec!["sleep".to_owned(), "86400".to_owned()]),
                command: Some(Vec::new()),
                user: Some("0:0".to_owned()),
                working_dir: Some("/".to_owned()),
                network_mode: Some("none".to_owned()),
                mounts,
                ..ContainerSettings::default()
            },
            network_names: BTreeMap::new(),
            volume_names: volumes
                .iter()
                .map(|(key, kept)| (key.clone(), kept.name.clone()))
                .collect(),
            aliases: Vec::new(),
            inherited_volumes: BTreeMap::new(),
            unlisted: std::collections::BTreeSet::new(),
        };
        let began = Instant::now();
        loop {
            Self::sweep(stock).await?;
            match engine.create_container(&spec).await {
                // One that a killed run has asked for is being made only now: it has the name, and can't be removed yet.
                Err(EngineError::NameTaken { .. }) if began.elapsed() < LONGEST_MAKING => {
                    sleep(LOOK_EVERY).await;
                }
                made => return Ok(Self { engine, id: made? }),
            }
        }
    }

    /// One that was made already.
    pub(super) fn of(engine: &'a dyn Engine, id: ContainerId) -> Self {
        Self { engine, id }
    }

    /// Removes one that a killed run left.
    pub(super) async fn sweep(stock: &Stock) -> Result<(), DataError> {
        let name = ContainerId::new(name(stock));
        let removed = stock.engine.remove_container(&name, Removal::WithVolumes);
        Ok(removed.await?)
    }

    /// The helper's container.
    pub(super) fn id(&self) -> &ContainerId {
        &self.id
    }

    /// Puts what was laid in the place of what is live, in all volumes. Nobody may use them.
    pub(super) async fn swap(&self) -> Result<(), DataError> {
        self.run(SWAP, &[]).await.map(drop)
    }

    /// Removes what lies beside the live data.
    pub(super) async fn clear(&self) -> Result<(), DataError> {
        self.run(CLEAR, &[]).await.map(drop)
    }

    /// Removes what lies beside the volumes, out of them, and goes itself.
    pub(super) async fn discard(&self) -> Result<(), DataError> {
        self.run(DISCARD, &[]).await?;
        self.remove().await
    }

    /// Starts it, unless it runs.
    pub(super) async fn start(&self) -> Result<(), DataError> {
        Ok(self.engine.start_container(&self.id).await?)
    }

    /// It goes while this process does something else.
    pub(super) fn leave(&self, engine: Arc<dyn Engine>) -> Leaving {
        let id = self.id.clone();
        tokio::spawn(async move { engine.remove_container(&id, Removal::WithVolumes).await })
    }

    /// It is needed no more; one that is gone already may go again.
    pub(super) async fn remove(&self) -> Result<(), DataError> {
        let removed = self.engine.remove_container(&self.id, Removal::WithVolumes);
        Ok(removed.await?)
    }

    /// Waits until what was written below these places is on the disk.
    pub(super) async fn sync(&self, places: &[&str]) -> Result<(), DataError> {
        self.run(SYNC, places).await.map(drop)
    }

    /// Runs a shell's text with these arguments as root, and gives what it wrote.
    pub(super) async fn run(&self, script: &str, arguments: &[&str]) -> Result<String, DataError> {
        let command = [&["sh", "-c", script, "sh"], arguments].concat();
        let command = command.into_iter().map(ToOwned::to_owned).collect();
        let ran = self.execute(command).await?;
        if ran.code == 0 {
            return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&ran.stderr);
        if said.contains("No space left on device") {
            return Err(DataError::NoSpace);
        }
        Err(DataError::Engine(EngineError::Refused {
            call: "copy the volumes' content",
            reason: said.trim().to_owned(),
        }))
    }

    /// Runs a command as root, whatever it ends with.
    pub(super) async fn execute(&self, command: Vec<String>) -> Result<Executed, DataError> {
        self.start().await?;
        let request = ExecRequest {
            command,
            ..ExecRequest::default()
        };
        Ok(self.engine.execute(&self.id, &request).await?)
    }
}

/// Where a volume is in the helper.
pub(super) fn place(key: &str) -> String {
    format!("/volumes/{key}/{LAID}")
}

/// A directory or a file of this machine in the helper.
pub(super) fn bind(from: &Path, to: String, access: MountAccess) -> Mount {
    Mount {
        target: to,
        source: MountSource::Bind {
            source: from.to_owned(),
            create: false,
            propagation: None,
            selinux: None,
        },
        access,
    }
}

fn name(stock: &Stock) -> String {
    format!("{}-jobsprint-dev-snapshot", stock.stack.project)
}

fn mount(key: &str) -> Mount {
    Mount {
        target: place(key),
        source: MountSource::Named {
            volume: key.to_owned(),
            no_copy: true,
            subpath: None,
        },
        access: MountAccess::ReadWrite,
    }
}

/// An image of the stack that is here: any of them has a shell, data services' come first.
async fn image(stock: &Stock) -> Result<ImageRef, DataError> {
    let mut services: Vec<_> = stock.stack.services.values().collect();
    services.sort_by_key(|service| service.role != Role::Data);
    for service in services {
        let image = &service.image.reference;
        if stock.engine.image(image).await?.is_some() {
            return Ok(image.clone());
        }
    }
    Err(refused(
        "",
        "needs one of the stack's images, and none is here; run `jobsprint-dev up` once",
    ))
}

//! The agent, as this process sees it: a helper that mounts more, and what it is asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::bring::bring;
use super::protocol::{Answer, BESIDE, Errand, HERE, KEPT, VERB};
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::fingerprint::Fingerprint;
use crate::data::snapshot::helper::{Helper, bind};
use crate::data::snapshot::manifest::Way;
use crate::data::snapshot::packing::Packed;
use crate::data::snapshot::stock::{Kept, Stock};
use crate::domain::{ContainerId, Mount, MountAccess};
use crate::engine::EngineError;

/// Ends what still copies, and removes what it has.
const EMPTY: &str = "kill -9 -1; rm -rf /kept/*.tree /kept/*.lists /kept/*.tar.zst /kept/.probe";

/// What a restore has put out of the way, and who can remove it.
#[derive(Debug, Default)]
pub struct Replaced {
    /// Directories of this machine, for a process that is root.
    pub directories: Vec<PathBuf>,
    /// A helper that has what isn't this user's in reach; it goes, too.
    pub helper: Option<ContainerId>,
}

/// A helper that this program runs in.
pub(in crate::data::snapshot) struct Agent<'a> {
    helper: Helper<'a>,
    words: Vec<String>,
    directory: PathBuf,
}

impl<'a> Agent<'a> {
    /// One that can copy `volumes` into the draft in `directory`; `None` where none can, as on another machine's engine.
    pub async fn to_keep(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
        directory: &Path,
    ) -> Option<Self> {
        let agent = Self::into_draft(stock, volumes, directory).await?;
        fs::write(directory.join(HERE), "").ok()?;
        let keys: Vec<&str> = volumes.keys().map(String::as_str).collect();
        if let Ok(Answer::Able) = agent.ask(Errand::Probe, &keys).await {
            return Some(agent);
        }
        fs::remove_file(directory.join(HERE)).ok(); // the draft goes on without it, or fails
        agent.helper.remove().await.ok()?;
        None
    }

    /// One that runs and may be able to [`pack`](Self::pack) into the draft in `directory`.
    pub async fn to_pack(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
        directory: &Path,
    ) -> Option<Self> {
        let agent = Self::into_draft(stock, volumes, directory).await?;
        match agent.helper.start().await {
            Ok(()) => Some(agent),
            Err(_) => None, // it goes when the next one is made
        }
    }

    async fn into_draft(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
        directory: &Path,
    ) -> Option<Self> {
        let access = MountAccess::ReadWrite;
        Self::make(stock, volumes, directory, access, Vec::new()).await
    }

    /// One that may lay the snapshot in `directory` beside what is live in `volumes`; `None` where there can't be one.
    pub async fn to_lay(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
        directory: &Path,
    ) -> Option<Self> {
        let beside = beside(stock, volumes).await;
        Self::make(stock, volumes, directory, MountAccess::ReadOnly, beside).await
    }

    async fn make(
        stock: &'a Stock,
        volumes: &BTreeMap<String, Kept>,
        directory: &Path,
        access: MountAccess,
        further: Vec<Mount>,
    ) -> Option<Self> {
        if !stock.engine.facts().await.ok()?.routable {
            return None;
        }
        let brought = bring(stock.program.as_deref()?)?;
        let kept = bind(directory, KEPT.to_owned(), access);
        let mounts = [vec![kept], brought.mounts, further].concat();
        let helper = Helper::with(stock, volumes, mounts).await.ok()?;
        Some(Self {
            helper,
            words: brought.words,
            directory: directory.to_owned(),
        })
    }

    /// Copies volumes, whose writers stand still, into the draft; says how each is kept, and what was read of it where all of it was.
    pub async fn keep(&self, keys: &[&str]) -> Result<Vec<(Way, Option<Fingerprint>)>, DataError> {
        match self.ask(Errand::Keep, keys).await? {
            Answer::Kept(ways) if ways.len() == keys.len() => Ok(ways),
            other => Err(self.failure(other)),
        }
    }

    /// Packs volumes, whose writers stand still, into the draft; `None` where it can't work there.
    pub async fn pack(&self, keys: &[&str]) -> Result<Option<Vec<Packed>>, DataError> {
        let here = self.directory.join(HERE);
        fs::write(&here, "").map_err(|error| unreadable(&here, &error))?;
        match self.ask(Errand::Pack, keys).await? {
            Answer::Packed(all) if all.len() == keys.len() => Ok(Some(all)),
            Answer::Unable(_) => {
                fs::remove_file(&here).ok(); // the agent does so where it sees it
                Ok(None)
            }
            other => Err(self.failure(other)),
        }
    }

    /// Lays volumes beside the live data, and gives what was read of each; `None` where it can't work there.
    pub async fn lay(&self, keys: &[&str]) -> Result<Option<Vec<Fingerprint>>, DataError> {
        match self.ask(Errand::Lay, keys).await? {
            Answer::Laid(read) if read.len() == keys.len() => Ok(Some(read)),
            Answer::Unable(_) => Ok(None),
            other => Err(self.failure(other)),
        }
    }

    /// Puts what was laid in the place of what is live, which leaves the volumes; gives what is still to be removed.
    pub async fn swap(&self, keys: &[&str]) -> Result<Replaced, DataError> {
        match self.ask(Errand::Swap, keys).await? {
            Answer::Swapped(true) => Ok(Replaced {
                helper: Some(self.helper.id().clone()),
                ..Replaced::default()
            }),
            Answer::Swapped(false) => {
                self.helper.remove().await?;
                Ok(Replaced::default())
            }
            other => Err(self.failure(other)),
        }
    }

    /// Waits until what was copied into the draft is on the disk.
    pub async fn sync(&self) -> Result<(), DataError> {
        self.helper.sync(&[KEPT]).await
    }

    /// Removes what a save that came to nothing has copied, also what isn't the user's yet.
    pub async fn empty(&self) -> Result<(), DataError> {
        self.helper.run(EMPTY, &[]).await.map(drop)
    }

    /// The container that it works in.
    pub fn helper(&self) -> &Helper<'a> {
        &self.helper
    }

    async fn ask(&self, errand: Errand, keys: &[&str]) -> Result<Answer, DataError> {
        let mut command = self.words.clone();
        command.extend([VERB, errand.word()].map(str::to_owned));
        command.extend(keys.iter().map(ToString::to_string));
        let ran = self.helper.execute(command).await?;
        // What can't start there, or is ended from outside, answers nothing.
        let silent = || {
            let said = String::from_utf8_lossy(&ran.stderr);
            Answer::Unable(format!("it ended with {}: {}", ran.code, said.trim()))
        };
        Ok(serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| silent()))
    }

    fn failure(&self, answer: Answer) -> DataError {
        match answer {
            Answer::Failed {
                path: Some(path),
                reason,
            } => {
                let path = path
                    .strip_prefix(KEPT)
                    .map_or_else(|_| path.clone(), |within| self.directory.join(within));
                DataError::Input { path, reason }
            }
            Answer::Failed { path: None, reason } | Answer::Unable(reason) => refused(reason),
            other => refused(format!("it answers {other:?}")),
        }
    }
}

fn refused(reason: String) -> DataError {
    DataError::Engine(EngineError::Refused {
        call: "copy the volumes' content",
        reason,
    })
}

/// The engine's own directories of those volumes that a running container uses and whose files are in one: what a restore
/// replaces is moved there, out of the volume, at one stroke.
async fn beside(stock: &Stock, volumes: &BTreeMap<String, Kept>) -> Vec<Mount> {
    let running = stock.running().await.unwrap_or_default();
    let mut mounts = Vec::new();
    for (key, kept) in volumes {
        let mut users = running.iter();
        let user = users.find(|found| found.volumes.values().any(|name| *name == kept.name));
        let Some(user) = user else { continue };
        let place = stock.engine.volume_place(&user.id, &kept.name).await;
        let Ok(Some(place)) = place else { continue };
        if let Some(above) = place.directory.parent()
            && place.directory.ends_with("_data")
        {
            mounts.push(bind(
                above,
                format!("{BESIDE}/{key}"),
                MountAccess::ReadWrite,
            ));
        }
    }
    mounts
}

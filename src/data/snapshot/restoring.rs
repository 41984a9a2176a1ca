//! Going back to a snapshot: checked, laid beside the live data, and put in its place at one stroke.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use super::agent::{Agent, Replaced};
use super::fingerprint::{Fingerprint, fingerprint};
use super::helper::{Helper, place};
use super::journal::Unfinished;
use super::manifest::{Manifest, Part, Way};
use super::near::{Lying, Near, send};
use super::packing::unpack;
use super::pause::resume;
use super::shelf::refused;
use super::stock::{Kept, Stock};
use super::trees;
use crate::data::DataError;
use crate::data::digest::hash;
use crate::domain::{ContainerId, VolumeSpec};
use crate::plan::{PROJECT, VOLUME};

/// The snapshot of this name, every part of it there; that of a packed part every byte is right.
///
/// What is kept as files is read whole by [`load_snapshot`], while it is laid beside the live data.
///
/// # Errors
/// Why it can't be restored; nothing was touched.
pub async fn check_snapshot(stock: &Stock, name: &str) -> Result<Manifest, DataError> {
    let manifest = stock.shelf.find(name)?;
    let volumes = stock.volumes();
    for part in &manifest.parts {
        if !volumes.contains_key(&part.volume) {
            let reason = format!("has the volume `{}`, which the stack has not", part.volume);
            return Err(refused(name, &reason));
        }
        let path = stock.shelf.file(name, &part.file);
        if !path.exists() {
            let reason = format!("is not whole: `{}` is missing", part.file);
            return Err(refused(name, &reason));
        }
        let (stored, checksum) = match part.way {
            Way::Zstd => {
                let (stored, sha256) = hash(&path).await?;
                (stored, Some(sha256))
            }
            Way::Copy | Way::Clone => (trees::size(&stock.shelf.place(name), &part.file)?, None),
        };
        if stored != part.stored {
            let reason = format!(
                "is not whole: `{}` has {stored} bytes of {}",
                part.file, part.stored
            );
            return Err(refused(name, &reason));
        }
        if checksum.is_some_and(|checksum| checksum != part.checksum) {
            return Err(damaged(name, part));
        }
    }
    Ok(manifest)
}

/// A snapshot that lies beside the live data, every byte of it as it was kept.
pub struct Laid<'a> {
    by: By<'a>,
    volumes: Vec<String>,
}

/// Who lays it.
enum By<'a> {
    /// This process.
    Own(Lying),
    /// This program in a helper.
    Agent(Agent<'a>),
    /// The engine, in a helper.
    Helper(Helper<'a>),
}

/// Lays a checked snapshot beside the live data, which goes on being used.
///
/// # Errors
/// [`DataError`]; [`settle_snapshot`] then takes away what was laid.
pub async fn load_snapshot<'a>(
    stock: &'a Stock,
    manifest: &Manifest,
) -> Result<Laid<'a>, DataError> {
    let volumes = volumes_of(stock, &keys(manifest));
    make_missing(stock, &volumes).await?;
    stock.journal().write(&Unfinished::Loading {
        volumes: keys(manifest),
    })?;
    let parts = &manifest.parts;
    let by = if parts.iter().all(|part| part.way != Way::Zstd) {
        by_files(stock, manifest, &volumes).await?
    } else {
        None
    };
    let by = match by {
        Some(by) => by,
        None => By::Helper(by_engine(stock, manifest, &volumes).await?),
    };
    Ok(Laid {
        by,
        volumes: keys(manifest),
    })
}

/// Lays what is kept as files, by this program; `None` where it can't reach the volumes' files.
async fn by_files<'a>(
    stock: &'a Stock,
    manifest: &Manifest,
    volumes: &BTreeMap<String, Kept>,
) -> Result<Option<By<'a>>, DataError> {
    let directory = stock.shelf.place(&manifest.name);
    let keys = keys(manifest);
    if let Some(near) = Near::find(stock, volumes).await {
        let (lying, found) = near.lay(&directory, &keys).await?;
        compare(manifest, &found)?;
        return Ok(Some(By::Own(lying)));
    }
    let Some(agent) = Agent::to_lay(stock, volumes, &directory).await else {
        return Ok(None);
    };
    let Some(found) = agent.lay(&as_words(&keys)).await? else {
        agent.helper().remove().await?;
        return Ok(None);
    };
    compare(manifest, &found)?;
    Ok(Some(By::Agent(agent)))
}

/// Has the engine unpack all of it.
async fn by_engine<'a>(
    stock: &'a Stock,
    manifest: &Manifest,
    volumes: &BTreeMap<String, Kept>,
) -> Result<Helper<'a>, DataError> {
    let directory = stock.shelf.place(&manifest.name);
    let helper = Helper::make(stock, volumes).await?;
    for part in &manifest.parts {
        let tar = match part.way {
            Way::Zstd => unpack(stock.shelf.file(&manifest.name, &part.file)).boxed(),
            Way::Copy | Way::Clone => {
                let both = trees::both(&directory, &part.file);
                let read = fingerprint(both.to_vec()).await?;
                compare_one(manifest, part, &read)?;
                send(both)
            }
        };
        let place = place(&part.volume);
        stock.engine.unpack(helper.id(), &place, tar).await?;
    }
    Ok(helper)
}

/// Whether what was read of each part is what was kept.
fn compare(manifest: &Manifest, found: &[Fingerprint]) -> Result<(), DataError> {
    let mut pairs = manifest.parts.iter().zip(found);
    pairs.try_for_each(|(part, found)| compare_one(manifest, part, found))
}

fn compare_one(manifest: &Manifest, part: &Part, found: &Fingerprint) -> Result<(), DataError> {
    if part.checksum == found.checksum {
        Ok(())
    } else {
        Err(damaged(&manifest.name, part))
    }
}

impl Laid<'_> {
    /// Puts it in the live data's place, once `stopped` has ended the containers that use the volumes, and all of it is on
    /// the disk. What was live leaves the volumes before this returns: an image that looks through all its files as it starts,
    /// as postgres' does, ends where they vanish under it.
    ///
    /// Gives what is still to be removed, by [`discard`](super::discard).
    ///
    /// # Errors
    /// [`DataError`], or what `stopped` says; [`settle_snapshot`] then brings it to its end or takes it back.
    pub async fn swap<E: From<DataError>>(
        self,
        stock: &Stock,
        manifest: &Manifest,
        stopped: impl Future<Output = Result<(), E>>,
    ) -> Result<Replaced, E> {
        let synced = async {
            match &self.by {
                By::Own(lying) => lying.sync().await,
                By::Agent(agent) => self.sync(agent.helper()).await,
                By::Helper(helper) => self.sync(helper).await,
            }
        };
        let (stopped, synced) = tokio::join!(stopped, synced);
        stopped?;
        synced?;
        stock.journal().write(&Unfinished::Swapping {
            snapshot: manifest.name.clone(),
            volumes: self.volumes.clone(),
        })?;
        let replaced = match &self.by {
            By::Own(lying) => {
                lying.swap().await?;
                Replaced {
                    directories: lying.clear().await?,
                    helper: None,
                }
            }
            By::Agent(agent) => agent.swap(&as_words(&self.volumes)).await?,
            By::Helper(helper) => {
                helper.swap().await?;
                helper.clear().await?;
                helper.remove().await?;
                Replaced::default()
            }
        };
        stock.journal().clear()?;
        Ok(replaced)
    }

    async fn sync(&self, helper: &Helper<'_>) -> Result<(), DataError> {
        let places: Vec<String> = self.volumes.iter().map(|key| place(key)).collect();
        helper.sync(&as_words(&places)).await
    }
}

/// Finishes or takes back what a run that was cut off left, and tells what that was; `None` where nothing was.
///
/// # Errors
/// [`DataError`]; the next run tries again.
pub async fn settle_snapshot(stock: &Stock) -> Result<Option<Unfinished>, DataError> {
    let Some(unfinished) = stock.journal().read()? else {
        stock.shelf.sweep();
        return Ok(None);
    };
    match &unfinished {
        Unfinished::Saving { paused } => {
            let paused: Vec<ContainerId> = paused.iter().map(ContainerId::new).collect();
            resume(stock, &paused).await?;
            // It may still be copying.
            Helper::sweep(stock).await?;
            let left = stock.shelf.sweep();
            if !left.is_empty() {
                trees::sweep(stock, &left).await?;
            }
        }
        Unfinished::Loading { volumes } => {
            let helper = Helper::make(stock, &volumes_of(stock, volumes)).await?;
            helper.clear().await?;
            helper.remove().await?;
        }
        Unfinished::Swapping { volumes, .. } => {
            for container in stock.running().await? {
                stock.engine.stop_container(&container.id, None).await?;
            }
            let helper = Helper::make(stock, &volumes_of(stock, volumes)).await?;
            helper.swap().await?;
            helper.clear().await?;
            helper.remove().await?;
        }
    }
    stock.journal().clear()?;
    Ok(Some(unfinished))
}

fn damaged(name: &str, part: &Part) -> DataError {
    let reason = format!(
        "is damaged: the checksum of `{}` is not the manifest's",
        part.file
    );
    refused(name, &reason)
}

async fn make_missing(stock: &Stock, volumes: &BTreeMap<String, Kept>) -> Result<(), DataError> {
    for (key, kept) in volumes {
        if stock.engine.volume(&kept.name).await? {
            continue;
        }
        let mut volume = stock.stack.volumes[key].clone();
        volume
            .labels
            .insert(PROJECT.to_owned(), stock.stack.project.to_string());
        volume.labels.insert(VOLUME.to_owned(), key.clone());
        stock.engine.create_volume(&VolumeSpec { volume }).await?;
    }
    Ok(())
}

fn as_words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

fn keys(manifest: &Manifest) -> Vec<String> {
    let parts = manifest.parts.iter();
    parts.map(|part| part.volume.clone()).collect()
}

fn volumes_of(stock: &Stock, keys: &[String]) -> BTreeMap<String, Kept> {
    let mut volumes = stock.volumes();
    volumes.retain(|key, _| keys.contains(key));
    volumes
}

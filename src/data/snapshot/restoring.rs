//! Going back to a snapshot: checked, laid beside the live data, and put in its place at one stroke.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;

use super::fingerprint::{Fingerprint, fingerprint};
use super::helper::{Helper, place};
use super::journal::Unfinished;
use super::manifest::{Manifest, Part, Way};
use super::near::{Lying, Near};
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
    /// A helper.
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
    let (packed, files): (Vec<&Part>, Vec<&Part>) = manifest
        .parts
        .iter()
        .partition(|part| part.way == Way::Zstd);
    let near = if packed.is_empty() {
        Near::find(stock, &volumes).await
    } else {
        None
    };
    let by = match near {
        Some(near) => {
            let directory = stock.shelf.place(&manifest.name);
            let (lying, found) = near.lay(&directory, &files).await?;
            compare(&manifest.name, &files, &found)?;
            By::Own(lying)
        }
        None => By::Helper(by_helper(stock, manifest, &volumes, &files, &packed).await?),
    };
    Ok(Laid {
        by,
        volumes: keys(manifest),
    })
}

async fn by_helper<'a>(
    stock: &'a Stock,
    manifest: &Manifest,
    volumes: &BTreeMap<String, Kept>,
    files: &[&Part],
    packed: &[&Part],
) -> Result<Helper<'a>, DataError> {
    let directory = stock.shelf.place(&manifest.name);
    let helper = if files.is_empty() {
        Helper::make(stock, volumes).await?
    } else {
        let opened = trees::open(stock, &directory, volumes).await?;
        opened.ok_or_else(|| {
            let reason = format!(
                "was kept as files, and this engine doesn't see `{}`; restore it on the engine of this machine",
                directory.display()
            );
            refused(&manifest.name, &reason)
        })?
    };
    if !files.is_empty() {
        let keys: Vec<&str> = files.iter().map(|part| part.volume.as_str()).collect();
        trees::lay(&helper, &keys).await?;
        // The disk writes while the bytes are hashed, which are in memory by now.
        let (synced, read) = tokio::join!(
            trees::sync_laid(&helper, &keys),
            read(&directory, files.iter().copied())
        );
        compare(&manifest.name, files, &read?)?;
        synced?;
    }
    for part in packed {
        let tar = unpack(stock.shelf.file(&manifest.name, &part.file)).boxed();
        let place = place(&part.volume);
        stock.engine.unpack(helper.id(), &place, tar).await?;
    }
    Ok(helper)
}

/// Reads every byte of parts that are kept as files.
async fn read(
    directory: &Path,
    parts: impl Iterator<Item = &Part>,
) -> Result<Vec<Fingerprint>, DataError> {
    let mut read = Vec::new();
    for part in parts {
        let both = trees::both(directory, &part.file);
        read.push(fingerprint(both.to_vec()).await?);
    }
    Ok(read)
}

/// Whether what was read of parts is what was kept.
fn compare(name: &str, parts: &[&Part], found: &[Fingerprint]) -> Result<(), DataError> {
    let mut pairs = parts.iter().zip(found);
    match pairs.find(|(part, found)| part.checksum != found.checksum) {
        Some((part, _)) => Err(damaged(name, part)),
        None => Ok(()),
    }
}

impl Laid<'_> {
    /// Puts it in the live data's place, once `stopped` has ended the containers that use the volumes, and all of it is on
    /// the disk.
    ///
    /// # Errors
    /// [`DataError`], or what `stopped` says; [`settle_snapshot`] then brings it to its end or takes it back.
    pub async fn swap<E: From<DataError>>(
        &self,
        stock: &Stock,
        manifest: &Manifest,
        stopped: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let synced = async {
            match &self.by {
                By::Own(lying) => lying.sync().await,
                By::Helper(_) => Ok(()), // it was waited for while the bytes were hashed
            }
        };
        let (stopped, synced) = tokio::join!(stopped, synced);
        stopped?;
        synced?;
        stock.journal().write(&Unfinished::Swapping {
            snapshot: manifest.name.clone(),
            volumes: self.volumes.clone(),
        })?;
        match &self.by {
            By::Own(lying) => lying.swap().await?,
            By::Helper(helper) => helper.swap().await?,
        }
        stock.journal().write(&Unfinished::Clearing {
            volumes: self.volumes.clone(),
        })?;
        Ok(())
    }

    /// Takes away what it replaced. Nobody may use the volumes: an image that looks through all its files as it starts, as
    /// postgres' does, ends where they vanish under it.
    ///
    /// Gives the directories that it was moved to, for [`Shelf::discard_by`](super::Shelf::discard_by).
    ///
    /// # Errors
    /// [`DataError`]; [`settle_snapshot`] then removes it.
    pub async fn clear(self, stock: &Stock) -> Result<Vec<PathBuf>, DataError> {
        let gone = match &self.by {
            By::Own(lying) => lying.clear().await?,
            By::Helper(helper) => {
                helper.clear().await?;
                helper.remove().await?;
                Vec::new()
            }
        };
        stock.journal().clear()?;
        Ok(gone)
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
        Unfinished::Loading { volumes } | Unfinished::Clearing { volumes } => {
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

fn keys(manifest: &Manifest) -> Vec<String> {
    let parts = manifest.parts.iter();
    parts.map(|part| part.volume.clone()).collect()
}

fn volumes_of(stock: &Stock, keys: &[String]) -> BTreeMap<String, Kept> {
    let mut volumes = stock.volumes();
    volumes.retain(|key, _| keys.contains(key));
    volumes
}

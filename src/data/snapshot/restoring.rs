//! Going back to a snapshot: checked, laid beside the live data, and put in its place at one stroke.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use super::helper::{Helper, place};
use super::journal::Unfinished;
use super::manifest::Manifest;
use super::packing::unpack;
use super::pause::resume;
use super::shelf::refused;
use super::stock::{Kept, Stock};
use crate::data::DataError;
use crate::data::digest::hash;
use crate::domain::{ContainerId, VolumeSpec};
use crate::plan::{PROJECT, VOLUME};

/// The snapshot of this name, every part of it whole.
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
        if !path.is_file() {
            let reason = format!("is not whole: `{}` is missing", part.file);
            return Err(refused(name, &reason));
        }
        let (stored, sha256) = hash(&path).await?;
        if stored != part.stored {
            let reason = format!(
                "is not whole: `{}` has {stored} bytes of {}",
                part.file, part.stored
            );
            return Err(refused(name, &reason));
        }
        if sha256 != part.sha256 {
            let reason = format!(
                "is damaged: the checksum of `{}` is not the manifest's",
                part.file
            );
            return Err(refused(name, &reason));
        }
    }
    Ok(manifest)
}

/// Lays a checked snapshot beside the live data, which goes on being used.
///
/// # Errors
/// [`DataError`]; [`settle_snapshot`] then takes away what was laid.
pub async fn load_snapshot(stock: &Stock, manifest: &Manifest) -> Result<(), DataError> {
    let volumes = volumes_of(stock, &keys(manifest));
    make_missing(stock, &volumes).await?;
    stock.journal().write(&Unfinished::Loading {
        volumes: keys(manifest),
    })?;
    let helper = Helper::make(stock, &volumes).await?;
    for part in &manifest.parts {
        let tar = unpack(stock.shelf.file(&manifest.name, &part.file)).boxed();
        let place = place(&part.volume);
        stock.engine.unpack(helper.id(), &place, tar).await?;
    }
    Ok(())
}

/// Puts a snapshot that was laid beside the live data in its place. No container may use the volumes.
///
/// # Errors
/// [`DataError`]; [`settle_snapshot`] then brings it to its end.
pub async fn swap_snapshot(stock: &Stock, manifest: &Manifest) -> Result<(), DataError> {
    stock.journal().write(&Unfinished::Swapping {
        snapshot: manifest.name.clone(),
        volumes: keys(manifest),
    })?;
    swap(stock, &keys(manifest)).await
}

/// Finishes or takes back what a run that was cut off left, and tells what that was; `None` where nothing was.
///
/// # Errors
/// [`DataError`]; the next run tries again.
pub async fn settle_snapshot(stock: &Stock) -> Result<Option<Unfinished>, DataError> {
    stock.shelf.sweep();
    let Some(unfinished) = stock.journal().read()? else {
        return Ok(None);
    };
    match &unfinished {
        Unfinished::Saving { paused } => {
            let paused: Vec<ContainerId> = paused.iter().map(ContainerId::new).collect();
            resume(stock, &paused).await?;
            Helper::sweep(stock).await?;
            stock.journal().clear()?;
        }
        Unfinished::Loading { volumes } => {
            let volumes = volumes_of(stock, volumes);
            let helper = Helper::make(stock, &volumes).await?;
            helper.clear().await?;
            helper.remove().await?;
            stock.journal().clear()?;
        }
        Unfinished::Swapping { volumes, .. } => {
            for container in stock.running().await? {
                stock.engine.stop_container(&container.id, None).await?;
            }
            swap(stock, volumes).await?;
        }
    }
    Ok(Some(unfinished))
}

async fn swap(stock: &Stock, keys: &[String]) -> Result<(), DataError> {
    let helper = Helper::make(stock, &volumes_of(stock, keys)).await?;
    helper.swap().await?;
    helper.remove().await?;
    stock.journal().clear()
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

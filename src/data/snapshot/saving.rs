//! Making a snapshot: the writers pause, each volume becomes a part, the writers go on.

use std::collections::BTreeMap;
use std::pin::pin;

use super::draft::Draft;
use super::helper::{Helper, place};
use super::manifest::{Manifest, Part, Way};
use super::packing::pack;
use super::pause::Pause;
use super::shelf::refused;
use super::stock::{Cover, Kept, Stock};
use super::trees;
use crate::data::DataError;
use crate::domain::Readiness;

/// How the volumes are read.
enum Reading {
    /// As files, each in its way.
    Trees(BTreeMap<String, Way>),
    /// As tars that the engine sends.
    Tars,
}

/// Makes the snapshot that `manifest` names, of what `cover` says, and gives the manifest complete; `None` where it was `interrupted`.
///
/// # Errors
/// [`DataError`]; whatever happens, the writers go on and no half-made snapshot is listed.
pub async fn save_snapshot(
    stock: &Stock,
    mut manifest: Manifest,
    cover: &Cover,
    interrupted: impl Future<Output = ()>,
) -> Result<Option<Manifest>, DataError> {
    let volumes = stock.present(cover).await?;
    if volumes.is_empty() {
        let reason = "would be empty: the project has no volumes yet; run `jobsprint-dev up` first";
        return Err(refused(&manifest.name, reason));
    }
    let draft = stock.shelf.begin(&manifest.name)?;
    manifest.images = images(stock).await?;
    let trees = if cover.is_small() {
        None
    } else {
        trees::reach(stock, &draft, &volumes).await
    };
    let (helper, reading) = match trees {
        Some((helper, ways)) => (helper, Reading::Trees(ways)),
        None => (Helper::make(stock, &volumes).await?, Reading::Tars),
    };
    let mut interrupted = pin!(interrupted);
    let pause = Pause::begin(stock, cover).await?;
    let read = tokio::select! {
        biased;
        () = &mut interrupted => Ok(None),
        read = read(stock, &helper, &draft, &volumes, &reading, &pause) => read.map(Some),
    };
    // What was copied stands still: it is looked through while the writers go on.
    let went_on = pause.end(stock).await;
    let parts = match (read, &reading) {
        (Ok(Some(_)), Reading::Trees(ways)) => tokio::select! {
            biased;
            () = &mut interrupted => Ok(None),
            sealed = trees::seal(&helper, &draft, &volumes, ways) => sealed.map(Some),
        },
        (read, _) => read,
    };
    if !matches!(parts, Ok(Some(_))) && matches!(reading, Reading::Trees(_)) {
        trees::empty(&helper).await.ok(); // what failed is told; a leftover goes with the next run
    }
    let removed = helper.remove().await;
    let parts = match parts {
        Ok(Some(parts)) => parts,
        parts => {
            drop(draft);
            stock.journal().clear()?;
            return parts.map(|_| None);
        }
    };
    manifest.parts = parts;
    draft.finish(&manifest)?;
    stock.journal().clear()?;
    went_on?;
    removed?;
    Ok(Some(manifest))
}

/// Reads the volumes; of tars it makes parts at once.
async fn read(
    stock: &Stock,
    helper: &Helper<'_>,
    draft: &Draft,
    volumes: &BTreeMap<String, Kept>,
    reading: &Reading,
    pause: &Pause,
) -> Result<Vec<Part>, DataError> {
    let is_broker = |kept: &Kept| {
        let services = stock.stack.services.values();
        let mut brokers = services.filter(|service| service.ready == Readiness::Amqp);
        brokers.any(|broker| kept.services.contains(&broker.name.to_string()))
    };
    let (brokers, others): (Vec<_>, Vec<_>) = volumes.iter().partition(|(_, kept)| is_broker(kept));
    let mut parts = some(stock, helper, draft, &others, reading).await?;
    pause.brokers(stock).await?;
    parts.extend(some(stock, helper, draft, &brokers, reading).await?);
    Ok(parts)
}

async fn some(
    stock: &Stock,
    helper: &Helper<'_>,
    draft: &Draft,
    volumes: &[(&String, &Kept)],
    reading: &Reading,
) -> Result<Vec<Part>, DataError> {
    let mut parts = Vec::new();
    match reading {
        Reading::Trees(_) if volumes.is_empty() => {}
        Reading::Trees(_) => {
            let keys: Vec<&str> = volumes.iter().map(|(key, _)| key.as_str()).collect();
            trees::copy(helper, &keys).await?;
        }
        Reading::Tars => {
            // One after the other: the engine reads one tree of a container at a time.
            for (key, kept) in volumes {
                parts.push(pack_one(stock, helper, draft, key, kept).await?);
            }
        }
    }
    Ok(parts)
}

async fn pack_one(
    stock: &Stock,
    helper: &Helper<'_>,
    draft: &Draft,
    key: &str,
    kept: &Kept,
) -> Result<Part, DataError> {
    let file = format!("{key}.tar.zst");
    let tar = stock.engine.download(helper.id(), &place(key)).await?;
    let packed = pack(tar, &draft.file(&file)).await?;
    Ok(Part {
        volume: key.to_owned(),
        services: kept.services.clone(),
        way: Way::Zstd,
        file,
        bytes: packed.bytes,
        stored: packed.stored,
        checksum: packed.sha256,
    })
}

/// The image of each service that has one here.
async fn images(stock: &Stock) -> Result<BTreeMap<String, String>, DataError> {
    let mut images = BTreeMap::new();
    for service in stock.stack.services.values() {
        if let Some(id) = stock.engine.image(&service.image.reference).await? {
            images.insert(service.name.to_string(), id.to_string());
        }
    }
    Ok(images)
}

//! Making a snapshot: the writers pause, each volume becomes a part, the writers go on.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::helper::{Helper, place};
use super::manifest::{Manifest, Part};
use super::packing::pack;
use super::pause::Pause;
use super::shelf::refused;
use super::stock::{Kept, Stock};
use crate::data::DataError;
use crate::domain::Readiness;

/// Makes the snapshot that `manifest` names, and gives the manifest complete; `None` where it was `interrupted`.
///
/// # Errors
/// [`DataError`]; whatever happens, the writers go on and no half-made snapshot is listed.
pub async fn save_snapshot(
    stock: &Stock,
    mut manifest: Manifest,
    interrupted: impl Future<Output = ()>,
) -> Result<Option<Manifest>, DataError> {
    let volumes = stock.present().await?;
    if volumes.is_empty() {
        let reason = "would be empty: the project has no volumes yet; run `jobsprint-dev up` first";
        return Err(refused(&manifest.name, reason));
    }
    let draft = stock.shelf.begin(&manifest.name)?;
    manifest.images = images(stock).await?;
    let helper = Helper::make(stock, &volumes).await?;
    let pause = Pause::begin(stock).await?;
    let packed = tokio::select! {
        biased;
        () = interrupted => Ok(None),
        packed = pack_all(stock, &helper, &draft, &volumes, &pause) => packed.map(Some),
    };
    let went_on = pause.end(stock).await;
    let removed = helper.remove().await;
    let Some(parts) = packed? else {
        return Ok(None);
    };
    went_on?;
    removed?;
    manifest.parts = parts;
    draft.finish(&manifest)?;
    Ok(Some(manifest))
}

async fn pack_all(
    stock: &Stock,
    helper: &Helper<'_>,
    draft: &Draft,
    volumes: &BTreeMap<String, Kept>,
    pause: &Pause,
) -> Result<Vec<Part>, DataError> {
    let is_broker = |kept: &Kept| {
        let services = stock.stack.services.values();
        let mut brokers = services.filter(|service| service.ready == Readiness::Amqp);
        brokers.any(|broker| kept.services.contains(&broker.name.to_string()))
    };
    let (brokers, others): (Vec<_>, Vec<_>) = volumes.iter().partition(|(_, kept)| is_broker(kept));
    let mut parts = Vec::new();
    // One after the other: the engine reads one tree of a container at a time.
    for (key, kept) in others {
        parts.push(pack_one(stock, helper, draft, key, kept).await?);
    }
    pause.brokers(stock).await?;
    for (key, kept) in brokers {
        parts.push(pack_one(stock, helper, draft, key, kept).await?);
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
        file,
        bytes: packed.bytes,
        stored: packed.stored,
        sha256: packed.sha256,
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

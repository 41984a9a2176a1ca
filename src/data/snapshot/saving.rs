//! Making a snapshot: the writers pause, each volume becomes a part, the writers go on.

use std::collections::BTreeMap;
use std::pin::pin;

use super::agent::Agent;
use super::draft::Draft;
use super::fingerprint::{Fingerprint, fingerprint};
use super::helper::{Helper, place};
use super::manifest::{Manifest, Part, Way};
use super::near::{Keeping, Near};
use super::packing::pack;
use super::pause::Pause;
use super::shelf::refused;
use super::stock::{Cover, Kept, Stock};
use super::trees;
use crate::data::DataError;
use crate::domain::Readiness;

/// How the volumes are read.
enum Reading<'a> {
    /// As files, by this process.
    Own(Keeping),
    /// As files, by this program in a helper.
    Agent(Agent<'a>),
    /// As tars that the engine sends.
    Tars(Helper<'a>),
}

/// What was read while the writers stood still.
#[derive(Default)]
struct Taken {
    /// Parts that are whole already.
    parts: Vec<Part>,
    /// The ways of those that are there as files, and are still to be hashed.
    ways: BTreeMap<String, Way>,
}

impl Taken {
    /// Adds a volume that was copied.
    fn add(&mut self, key: &str, kept: &Kept, copied: (Way, Option<Fingerprint>)) {
        match copied {
            (way, Some(read)) => self.parts.push(of_files(key, kept, way, read)),
            (way, None) => drop(self.ways.insert(key.to_owned(), way)),
        }
    }
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
    let reading = Reading::of(stock, &draft, &volumes, cover).await?;
    let mut interrupted = pin!(interrupted);
    let pause = Pause::begin(stock, cover).await?;
    let taken = tokio::select! {
        biased;
        () = &mut interrupted => Ok(None),
        taken = take(stock, &draft, &volumes, &reading, &pause) => taken.map(Some),
    };
    // What was copied stands still: it is looked through while the writers go on.
    let went_on = pause.end(stock).await;
    let parts = match taken {
        Ok(Some(taken)) => tokio::select! {
            biased;
            () = &mut interrupted => Ok(None),
            parts = reading.seal(&draft, &volumes, taken) => parts.map(Some),
        },
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    let removed = reading.end(matches!(parts, Ok(Some(_)))).await;
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

impl<'a> Reading<'a> {
    /// The quickest way in which all of `volumes` can be read.
    async fn of(
        stock: &'a Stock,
        draft: &Draft,
        volumes: &BTreeMap<String, Kept>,
        cover: &Cover,
    ) -> Result<Self, DataError> {
        if cover.is_small() {
            return Ok(Self::Tars(Helper::make(stock, volumes).await?));
        }
        if let Some(near) = Near::find(stock, volumes).await {
            return Ok(Self::Own(Keeping::begin(near, draft.directory())));
        }
        match Agent::to_keep(stock, volumes, draft.directory()).await {
            Some(agent) => Ok(Self::Agent(agent)),
            None => Ok(Self::Tars(Helper::make(stock, volumes).await?)),
        }
    }

    /// Makes parts of what was taken: the user's own, on the disk, and with its checksum.
    async fn seal(
        &self,
        draft: &Draft,
        volumes: &BTreeMap<String, Kept>,
        taken: Taken,
    ) -> Result<Vec<Part>, DataError> {
        let hashed = hash(draft, volumes, &taken.ways);
        // The disk writes meanwhile.
        let hashed = match self {
            Self::Own(keeping) => {
                let (synced, hashed) = tokio::join!(keeping.sync(), hashed);
                synced.and(hashed)?
            }
            Self::Agent(agent) => {
                let (synced, hashed) = tokio::join!(agent.sync(), hashed);
                synced.and(hashed)?
            }
            Self::Tars(_) => Vec::new(),
        };
        Ok([taken.parts, hashed].concat())
    }

    /// The volumes were read, or that came to nothing.
    async fn end(self, is_whole: bool) -> Result<(), DataError> {
        match self {
            Self::Own(_) => Ok(()),
            Self::Agent(agent) => {
                if !is_whole {
                    agent.empty().await.ok(); // what failed is told; a leftover goes with the next run
                }
                agent.helper().remove().await
            }
            Self::Tars(helper) => helper.remove().await,
        }
    }
}

/// Reads the volumes; of tars it makes parts at once.
async fn take(
    stock: &Stock,
    draft: &Draft,
    volumes: &BTreeMap<String, Kept>,
    reading: &Reading<'_>,
    pause: &Pause,
) -> Result<Taken, DataError> {
    let is_broker = |kept: &Kept| {
        let services = stock.stack.services.values();
        let mut brokers = services.filter(|service| service.ready == Readiness::Amqp);
        brokers.any(|broker| kept.services.contains(&broker.name.to_string()))
    };
    let (brokers, others): (Vec<_>, Vec<_>) = volumes.iter().partition(|(_, kept)| is_broker(kept));
    let mut taken = Taken::default();
    some(stock, draft, &others, reading, &mut taken).await?;
    pause.brokers(stock).await?;
    some(stock, draft, &brokers, reading, &mut taken).await?;
    Ok(taken)
}

async fn some(
    stock: &Stock,
    draft: &Draft,
    volumes: &[(&String, &Kept)],
    reading: &Reading<'_>,
    taken: &mut Taken,
) -> Result<(), DataError> {
    let keys: Vec<&str> = volumes.iter().map(|(key, _)| key.as_str()).collect();
    match reading {
        _ if keys.is_empty() => {}
        Reading::Own(keeping) => {
            for (key, kept) in volumes {
                taken.add(key, kept, keeping.copy(key).await?);
            }
        }
        Reading::Agent(agent) => {
            for ((key, kept), copied) in volumes.iter().zip(agent.keep(&keys).await?) {
                taken.add(key, kept, copied);
            }
        }
        Reading::Tars(helper) => {
            // One after the other: the engine reads one tree of a container at a time.
            for (key, kept) in volumes {
                let part = pack_one(stock, helper, draft, key, kept).await?;
                taken.parts.push(part);
            }
        }
    }
    Ok(())
}

/// Reads what was copied as files, and makes parts of it.
async fn hash(
    draft: &Draft,
    volumes: &BTreeMap<String, Kept>,
    ways: &BTreeMap<String, Way>,
) -> Result<Vec<Part>, DataError> {
    let mut parts = Vec::new();
    for (key, way) in ways {
        let both = trees::both(draft.directory(), &trees::tree(key));
        let read = fingerprint(both.to_vec()).await?;
        parts.push(of_files(key, &volumes[key], *way, read));
    }
    Ok(parts)
}

fn of_files(key: &str, kept: &Kept, way: Way, read: Fingerprint) -> Part {
    let Fingerprint { bytes, checksum } = read;
    Part {
        volume: key.to_owned(),
        services: kept.services.clone(),
        way,
        file: trees::tree(key),
        bytes,
        stored: bytes,
        checksum,
    }
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

//! Making a snapshot: the writers pause, each volume becomes a part, the writers go on.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::agent::Agent;
use super::draft::Draft;
use super::facts::Description;
use super::fingerprint::{Fingerprint, fingerprint};
use super::helper::{Helper, Leaving, place};
use super::manifest::{Manifest, Part, Way};
use super::near::{Keeping, Near};
use super::packing::{Packed, pack, packed_name};
use super::pause::Pause;
use super::shelf::refused;
use super::stock::{Cover, Kept, Stock};
use super::trees;
use crate::data::DataError;
use crate::domain::Readiness;

/// By whom the volumes are read.
enum Reading<'a> {
    /// By this process, and kept as files.
    Own(Keeping),
    /// By this process, and packed.
    OwnPacked(Near),
    /// By this program in a helper.
    Agent(Agent<'a>, Form),
    /// By the engine, which sends tars to be packed.
    Tars(Helper<'a>),
}

/// How the agent keeps what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Files,
    Packed,
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

/// A snapshot that was made.
pub struct Saved {
    manifest: Manifest,
    leaving: Option<Leaving>,
}

impl Saved {
    /// What it has.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Waits until nothing of its making is left; the caller may have done something else meanwhile.
    ///
    /// # Errors
    /// [`DataError`] where the engine doesn't remove what read the volumes. The snapshot is whole all the same.
    ///
    /// # Panics
    /// Never: asking the engine doesn't.
    pub async fn settled(self) -> Result<(), DataError> {
        if let Some(leaving) = self.leaving {
            leaving.await.expect("asking the engine doesn't panic")?;
        }
        Ok(())
    }
}

/// Makes the snapshot that `manifest` names, of what `cover` says and with what `describing` gives; `None` where it was `interrupted`.
///
/// # Errors
/// [`DataError`]; whatever happens, the writers go on and no half-made snapshot is listed.
pub async fn save_snapshot(
    stock: &Stock,
    mut manifest: Manifest,
    cover: &Cover,
    describing: impl Future<Output = Description>,
    interrupted: impl Future<Output = ()>,
) -> Result<Option<Saved>, DataError> {
    let volumes = stock.present(cover).await?;
    if volumes.is_empty() {
        let reason = "would be empty: the project has no volumes yet; run `jobsprint-dev up` first";
        return Err(refused(&manifest.name, reason));
    }
    let draft = stock.shelf.begin(&manifest.name)?;
    let reading = Reading::of(stock, &draft, &volumes, cover);
    let (described, images, reading) = tokio::join!(describing, images(stock), reading);
    (manifest.rows, manifest.migrations) = (described.rows, described.migrations);
    let reading = reading?;
    let mut interrupted = pin!(interrupted);
    let pausing = async {
        manifest.images = images?;
        Pause::begin(stock, cover).await
    };
    let pause = match pausing.await {
        Ok(pause) => pause,
        Err(error) => {
            reading.undo().await.ok(); // what failed first is told
            return Err(error);
        }
    };
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
    let parts = match parts {
        Ok(Some(parts)) => parts,
        parts => {
            let removed = reading.undo().await;
            drop(draft);
            stock.journal().clear()?;
            return parts.and(removed).map(|()| None);
        }
    };
    let leaving = reading
        .helper()
        .map(|helper| helper.leave(Arc::clone(&stock.engine)));
    manifest.parts = parts;
    draft.finish(&manifest)?;
    stock.journal().clear()?;
    went_on?;
    Ok(Some(Saved { manifest, leaving }))
}

impl<'a> Reading<'a> {
    /// The quickest way in which all of `volumes` can be read.
    async fn of(
        stock: &'a Stock,
        draft: &Draft,
        volumes: &BTreeMap<String, Kept>,
        cover: &Cover,
    ) -> Result<Self, DataError> {
        let form = if cover.is_small() {
            Form::Packed
        } else {
            Form::Files
        };
        if let Some(near) = Near::find(stock, volumes).await {
            return Ok(match form {
                Form::Files => Self::Own(Keeping::begin(near, draft.directory())),
                Form::Packed => Self::OwnPacked(near),
            });
        }
        let agent = match form {
            Form::Files => Agent::to_keep(stock, volumes, draft.directory()).await,
            Form::Packed => Agent::to_pack(stock, volumes, draft.directory()).await,
        };
        match agent {
            Some(agent) => Ok(Self::Agent(agent, form)),
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
            Self::Agent(agent, Form::Files) => {
                let (synced, hashed) = tokio::join!(agent.sync(), hashed);
                synced.and(hashed)?
            }
            // What is packed is on the disk by then.
            Self::OwnPacked(_) | Self::Agent(_, Form::Packed) | Self::Tars(_) => Vec::new(),
        };
        Ok([taken.parts, hashed].concat())
    }

    /// It came to nothing: what was copied goes.
    async fn undo(self) -> Result<(), DataError> {
        if let Self::Agent(agent, _) = &self {
            agent.empty().await.ok(); // what failed is told; a leftover goes with the next run
        }
        match self.helper() {
            Some(helper) => helper.remove().await,
            None => Ok(()),
        }
    }

    /// The container that the volumes are read through, where there is one.
    fn helper(&self) -> Option<&Helper<'a>> {
        match self {
            Self::Own(_) | Self::OwnPacked(_) => None,
            Self::Agent(agent, _) => Some(agent.helper()),
            Self::Tars(helper) => Some(helper),
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
        Reading::OwnPacked(near) => {
            for (key, kept) in volumes {
                let packed = near.pack(key, &draft.file(&packed_name(key))).await?;
                taken.parts.push(of_packed(key, kept, packed));
            }
        }
        Reading::Agent(agent, Form::Packed) => match agent.pack(&keys).await? {
            Some(all) => {
                let packed = volumes.iter().zip(all);
                let parts = packed.map(|((key, kept), packed)| of_packed(key, kept, packed));
                taken.parts.extend(parts);
            }
            None => pack_tars(stock, agent.helper(), draft, volumes, taken).await?,
        },
        Reading::Agent(agent, Form::Files) => {
            for ((key, kept), copied) in volumes.iter().zip(agent.keep(&keys).await?) {
                taken.add(key, kept, copied);
            }
        }
        Reading::Tars(helper) => pack_tars(stock, helper, draft, volumes, taken).await?,
    }
    Ok(())
}

/// Packs what the engine sends: one volume after the other, as it reads one tree of a container at a time.
async fn pack_tars(
    stock: &Stock,
    helper: &Helper<'_>,
    draft: &Draft,
    volumes: &[(&String, &Kept)],
    taken: &mut Taken,
) -> Result<(), DataError> {
    for (key, kept) in volumes {
        let tar = stock.engine.download(helper.id(), &place(key)).await?;
        let packed = pack(tar, &draft.file(&packed_name(key))).await?;
        taken.parts.push(of_packed(key, kept, packed));
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

fn of_packed(key: &str, kept: &Kept, packed: Packed) -> Part {
    Part {
        volume: key.to_owned(),
        services: kept.services.clone(),
        way: Way::Zstd,
        file: packed_name(key),
        bytes: packed.bytes,
        stored: packed.stored,
        checksum: packed.sha256,
    }
}

/// The image of each service that has one here.
async fn images(stock: &Stock) -> Result<BTreeMap<String, String>, DataError> {
    let services = stock.stack.services.values();
    let images = services.map(|service| async {
        let image = stock.engine.image(&service.image.reference).await?;
        Ok::<_, DataError>(image.map(|id| (service.name.to_string(), id.to_string())))
    });
    let images = try_join_all(images).await?;
    Ok(images.into_iter().flatten().collect())
}

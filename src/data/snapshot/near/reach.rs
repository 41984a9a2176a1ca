//! Whether this process reaches the files of volumes, and where.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;

use super::root::Root;
use super::sending::send_live;
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::packing::{Packed, pack};
use crate::data::snapshot::stock::{Kept, Stock};
use crate::domain::ContainerId;
use crate::engine::VolumePlace;

/// Volumes of which each one's files are at a place that this process reaches.
#[derive(Debug, Clone)]
pub(in crate::data::snapshot) struct Near {
    /// The directories, by the volumes' keys.
    pub(super) places: BTreeMap<String, PathBuf>,
}

impl Near {
    /// Those at these places, of which the caller is sure.
    pub fn at(places: BTreeMap<String, PathBuf>) -> Self {
        Self { places }
    }

    /// Where all of `volumes` are; `None` where this process isn't root, or it isn't sure of one of them.
    ///
    /// Only a volume that a running container uses can be sure: see [`is_the_same`].
    pub async fn find(stock: &Stock, volumes: &BTreeMap<String, Kept>) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        if !stock.engine.facts().await.ok()?.routable {
            return None;
        }
        let running = stock.running().await.ok()?;
        let mut places = BTreeMap::new();
        for (key, kept) in volumes {
            let has_it = |volumes: &BTreeMap<String, String>| {
                volumes.values().any(|volume| *volume == kept.name)
            };
            let user = running.iter().find(|found| has_it(&found.volumes))?;
            let place = stock.engine.volume_place(&user.id, &kept.name).await;
            let place = place.ok()??;
            if !is_the_same(&user.id, &place) {
                return None;
            }
            places.insert(key.clone(), place.directory);
        }
        let near = Self { places };
        near.can_open().then_some(near)
    }

    /// Packs a volume, whose writers stand still, into a new file.
    ///
    /// # Errors
    /// [`DataError`] where it can't be read or written.
    pub async fn pack(&self, key: &str, file: &Path) -> Result<Packed, DataError> {
        let place = self.places[key].clone();
        let tar = send_live(place.clone());
        let tar = tar.map(move |piece| piece.map_err(|error| unreadable(&place, &error)));
        pack(tar.boxed(), file).await
    }

    /// Whether files can be opened in the way that is asked for here, which an older kernel or engine can't.
    pub fn can_open(&self) -> bool {
        let mut places = self.places.values();
        places.all(|place| {
            Root::open(place)
                .and_then(|root| root.inside(Path::new(".")))
                .is_ok()
        })
    }
}

/// Whether a directory of this machine is what the container has as its volume, and not one that only is called the same:
/// an engine in a container, or one on another machine, has paths of its own.
fn is_the_same(container: &ContainerId, place: &VolumePlace) -> bool {
    let process = Path::new("/proc").join(place.process.to_string());
    let groups = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
    if !groups.contains(container.as_str()) {
        return false; // another machine's process has that number there
    }
    let target = place.target.trim_start_matches('/');
    let seen = fs::metadata(process.join("root").join(target));
    let (Ok(seen), Ok(here)) = (seen, fs::metadata(&place.directory)) else {
        return false;
    };
    (seen.dev(), seen.ino()) == (here.dev(), here.ino())
}

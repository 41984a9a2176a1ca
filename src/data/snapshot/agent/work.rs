//! The agent at its work, in the container.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use super::protocol::{Answer, BESIDE, Errand, HERE, KEPT};
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::helper::place;
use crate::data::snapshot::near::{Keeping, Lying, Near};
use crate::data::snapshot::packing::packed_name;

const CANT_OPEN: &str = "this kernel or engine lets nobody open files without following links";

/// Does what an errand's word asks for, with the volumes of these keys, and gives the answer, in JSON.
///
/// # Panics
/// Never: an answer is JSON by its making.
pub async fn work(errand: &str, keys: &[String]) -> String {
    let answer = match Errand::of(errand) {
        Some(errand) => answer(errand, keys).await,
        None => Ok(Answer::Unable(format!("it doesn't know `{errand}`"))),
    };
    let answer = answer.unwrap_or_else(Answer::failed);
    serde_json::to_string(&answer).expect("text, numbers and lists")
}

async fn answer(errand: Errand, keys: &[String]) -> Result<Answer, DataError> {
    let places = keys
        .iter()
        .map(|key| (key.clone(), PathBuf::from(place(key))));
    let near = Near::at(places.collect());
    let kept = Path::new(KEPT);
    match errand {
        Errand::Probe => Ok(match probe(&near, kept) {
            Ok(()) => Answer::Able,
            Err(error) => Answer::Unable(error.to_string()),
        }),
        Errand::Keep => {
            let keeping = Keeping::begin(near, kept);
            let mut ways = Vec::new();
            for key in keys {
                ways.push(keeping.copy(key).await?);
            }
            keeping.leave();
            Ok(Answer::Kept(ways))
        }
        Errand::Pack => {
            if let Err(error) = probe(&near, kept) {
                return Ok(Answer::Unable(error.to_string()));
            }
            let mut all = Vec::new();
            for key in keys {
                let file = kept.join(packed_name(key));
                all.push(near.pack(key, &file).await?);
                give(&file, kept).map_err(|error| unreadable(&file, &error))?;
            }
            Ok(Answer::Packed(all))
        }
        Errand::Lay => {
            if !near.can_open() {
                return Ok(Answer::Unable(CANT_OPEN.to_owned()));
            }
            let (lying, read) = near.lay(kept, keys).await?;
            lying.leave();
            Ok(Answer::Laid(read))
        }
        Errand::Swap => {
            let places = keys.iter().map(|key| outside(key)).collect();
            let lying = Lying::at(places);
            lying.swap().await?;
            let gone = lying.clear().await?;
            Ok(Answer::Swapped(!gone.is_empty()))
        }
    }
}

/// Gives a file to the user whose the draft is.
fn give(file: &Path, draft: &Path) -> io::Result<()> {
    let user = fs::metadata(draft)?;
    chown(file, Some(user.uid()), Some(user.gid()))
}

/// Whether it sees what the host sees, may give files to the user, and can open files in the way that it wants to.
fn probe(near: &Near, kept: &Path) -> io::Result<()> {
    fs::remove_file(kept.join(HERE))?;
    let probe = kept.join(".probe");
    let given = File::create(&probe).and_then(|_| give(&probe, kept));
    fs::remove_file(&probe)?;
    given?;
    if near.can_open() {
        Ok(())
    } else {
        Err(io::Error::other(CANT_OPEN))
    }
}

/// The volume by the engine's own directory of it, where that holds the very same files; else the volume as it is mounted.
fn outside(key: &str) -> PathBuf {
    let mounted = PathBuf::from(place(key));
    let beside = Path::new(BESIDE).join(key).join("_data");
    let which = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino()));
    match (which(&mounted), which(&beside)) {
        (Ok(one), Ok(other)) if one == other => beside,
        _ => mounted,
    }
}

//! A template's data put into a container that was made and not yet started.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::Template;
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::packing::unpack;
use crate::domain::{ContainerId, ServiceName};
use crate::engine::Engine;

/// Fills the volumes of a service's container that is about to be started for the first time.
///
/// # Errors
/// [`DataError`]; the container is then of no use.
pub async fn fill(
    engine: &dyn Engine,
    template: &Template,
    service: &ServiceName,
    container: &ContainerId,
) -> Result<(), DataError> {
    for (target, file) in template.files_of(service) {
        engine
            .unpack(container, target, unpack(file.clone()))
            .await?;
        // Whose the volume itself is, the engine takes from no tar of what is in it.
        let path = Path::new(target);
        if let (Some(above), Some(name)) = (path.parent(), path.file_name())
            && let Some(tar) = top(file, name.into()).await?
        {
            engine
                .upload(container, &above.to_string_lossy(), tar)
                .await?;
        }
    }
    Ok(())
}

/// A tar of nothing but the directory that a packed tar is the content of, under this name; nothing where it is as the
/// engine makes it.
async fn top(file: PathBuf, name: PathBuf) -> Result<Option<Bytes>, DataError> {
    let path = file.clone();
    let read = spawn_blocking(move || directory(&file, &name)).await;
    let read = read.expect("reading doesn't panic");
    read.map_err(|error| unreadable(&path, &error))
}

fn directory(file: &Path, name: &Path) -> io::Result<Option<Bytes>> {
    let mut packed = tar::Archive::new(zstd::Decoder::new(File::open(file)?)?);
    let Some(first) = packed.entries()?.next() else {
        return Ok(None);
    };
    let mut header = first?.header().clone();
    let as_made = (header.uid()?, header.gid()?, header.mode()? & 0o7777) == (0, 0, 0o755);
    if !header.entry_type().is_dir() || as_made {
        return Ok(None);
    }
    let mut alone = tar::Builder::new(Vec::new());
    alone.append_data(&mut header, name, io::empty())?;
    Ok(Some(alone.into_inner()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(mode: u32, owner: u64) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("0.tar.zst");
        let packer = zstd::Encoder::new(File::create(&path).unwrap(), 1).unwrap();
        let mut builder = tar::Builder::new(packer.auto_finish());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_size(0);
        builder.append_data(&mut header, "./", io::empty()).unwrap();
        builder.finish().unwrap();
        (home, path)
    }

    #[tokio::test]
    async fn the_volume_gets_its_owner_and_mode_back() {
        let (_home, path) = packed(0o700, 999);

        let tar = top(path, "data".into()).await.unwrap().unwrap();

        let mut archive = tar::Archive::new(tar.as_ref());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap(), Path::new("data"));
        let header = entry.header();
        assert!(header.entry_type().is_dir());
        assert_eq!(header.uid().unwrap(), 999);
        assert_eq!(header.mode().unwrap(), 0o700);
    }

    #[tokio::test]
    async fn one_as_the_engine_makes_it_is_left_alone() {
        let (_home, path) = packed(0o755, 0);

        assert_eq!(top(path, "data".into()).await.unwrap(), None);
    }
}

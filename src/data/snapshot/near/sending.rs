//! A volume as the tar that any engine unpacks: one that is kept as files, and one as it lies there.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tar::{Builder, EntryType, Header};

use super::copying::Look;
use super::lists::{Lists, MODE};
use super::root::{Entry, Kind, Root};
use crate::data::snapshot::helper::LAID;
use crate::engine::send_tar;

/// All below `tree`, in a directory that is called [`LAID`], with the owners and modes that the lists beside it tell.
pub(in crate::data::snapshot) fn send(
    [tree, lists]: [PathBuf; 2],
) -> BoxStream<'static, io::Result<Bytes>> {
    send_tar(move |archive| {
        let said = Lists::read(&lists).map_err(io::Error::other)?;
        write_all(archive, &tree, |path, kind, _| {
            let missing = || format!("nothing says whose `{}` is", path.display());
            let look = said.look(path, kind);
            look.ok_or_else(|| io::Error::other(missing()))
        })
    })
}

/// All of the volume in `directory`, as the engine packs a directory that is called [`LAID`]. Nobody may write there.
pub(super) fn send_live(directory: PathBuf) -> BoxStream<'static, io::Result<Bytes>> {
    send_tar(move |archive| {
        write_all(archive, &directory, |_, _, about| {
            Ok(Look {
                owner: (about.uid(), about.gid()),
                mode: about.mode() & MODE,
            })
        })
    })
}

/// Writes all of a directory, each entry with the look that `look` gives it.
fn write_all(
    archive: &mut Builder<impl Write>,
    directory: &Path,
    look: impl Fn(&Path, &Kind, &Metadata) -> io::Result<Look>,
) -> io::Result<()> {
    let root = Root::open(directory)?;
    let top = Entry {
        path: PathBuf::new(),
        about: root.file()?.metadata()?,
        kind: Kind::Directory,
    };
    for entry in std::iter::once(top).chain(root.entries()?) {
        let look = look(&entry.path, &entry.kind, &entry.about)?;
        write(archive, &root, &entry, look)?;
    }
    Ok(())
}

fn write(
    archive: &mut Builder<impl Write>,
    root: &Root,
    entry: &Entry,
    look: Look,
) -> io::Result<()> {
    let about = &entry.about;
    let mut header = header(look, EntryType::Directory);
    header.set_mtime(u64::try_from(about.mtime()).unwrap_or_default());
    match &entry.kind {
        Kind::Directory => append(archive, header, &entry.path, io::empty()),
        Kind::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, Path::new(LAID).join(&entry.path), target)
        }
        Kind::File => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(about.len());
            let file = root.read(&entry.path)?;
            let mut content = file.take(about.len());
            append(archive, header, &entry.path, &mut content)?;
            match content.limit() {
                0 => Ok(()),
                _ => Err(io::Error::other("a file grew shorter while it was read")),
            }
        }
        Kind::Node => {
            // What kind it is stands in its mode, and which device in its number.
            let kind = rustix::fs::FileType::from_raw_mode(about.mode());
            header.set_entry_type(match kind {
                rustix::fs::FileType::CharacterDevice => EntryType::Char,
                rustix::fs::FileType::BlockDevice => EntryType::Block,
                _ => EntryType::Fifo,
            });
            header.set_device_major(rustix::fs::major(about.rdev()))?;
            header.set_device_minor(rustix::fs::minor(about.rdev()))?;
            append(archive, header, &entry.path, io::empty())
        }
    }
}

fn header(look: Look, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(look.mode);
    header.set_uid(look.owner.0.into());
    header.set_gid(look.owner.1.into());
    header
}

fn append(
    archive: &mut Builder<impl Write>,
    mut header: Header,
    path: &Path,
    content: impl io::Read,
) -> io::Result<()> {
    let path = match path.as_os_str() {
        empty if empty == OsStr::new("") => PathBuf::from(LAID),
        _ => Path::new(LAID).join(path),
    };
    archive.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn all_of_a_directory_is_sent_as_it_lies_there() {
        let home = tempfile::tempdir().unwrap();
        let deep = "d".repeat(120); // longer than a tar's header holds
        fs::create_dir(home.path().join(&deep)).unwrap();
        let file = home.path().join(&deep).join("a b");
        fs::write(&file, "content").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o4711)).unwrap();
        symlink("nowhere", home.path().join("link")).unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o1750)).unwrap();

        let pieces: Vec<Bytes> = send_live(home.path().to_owned())
            .try_collect()
            .await
            .unwrap();

        let tar = pieces.concat();
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut found: Vec<(String, u32, String)> = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            if let Some(target) = entry.link_name().unwrap() {
                content = target.display().to_string();
            }
            let path = entry.path().unwrap().display().to_string();
            found.push((path, entry.header().mode().unwrap(), content));
        }
        found.sort();
        let at = |path: &str| format!("{LAID}{path}");
        assert_eq!(
            found.iter().map(|one| one.0.clone()).collect::<Vec<_>>(),
            [
                at(""),
                at(&format!("/{deep}")),
                at(&format!("/{deep}/a b")),
                at("/link")
            ]
        );
        assert_eq!(found[0].1, 0o1750);
        assert_eq!((found[2].1, found[2].2.as_str()), (0o4711, "content"));
        assert_eq!(found[3].2, "nowhere");
    }
}

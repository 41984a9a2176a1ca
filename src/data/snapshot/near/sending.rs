//! A volume that is kept as files, sent as the tar that any engine unpacks: also one that this process can't lay files for.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tar::{Builder, EntryType, Header};

use super::copying::Look;
use super::lists::Lists;
use super::root::{Entry, Kind, Root};
use crate::data::snapshot::helper::LAID;
use crate::engine::send_tar;

/// All below `tree`, in a directory that is called [`LAID`], with the owners and modes that the lists beside it tell.
pub(in crate::data::snapshot) fn send(
    [tree, lists]: [PathBuf; 2],
) -> BoxStream<'static, io::Result<Bytes>> {
    send_tar(move |archive| {
        let said = Lists::read(&lists).map_err(io::Error::other)?;
        let root = Root::open(&tree)?;
        let look = |path: &Path, kind: &Kind| {
            let missing = || format!("nothing says whose `{}` is", path.display());
            let look = said.look(path, kind);
            look.ok_or_else(|| io::Error::other(missing()))
        };
        let top = header(look(Path::new(""), &Kind::Directory)?, EntryType::Directory);
        append(archive, top, Path::new(""), io::empty())?;
        for entry in root.entries()? {
            write(archive, &root, &entry, look(&entry.path, &entry.kind)?)?;
        }
        Ok(())
    })
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
            append(archive, header, &entry.path, file.take(about.len()))
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

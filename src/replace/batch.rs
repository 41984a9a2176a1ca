//! Files that changed on the host, and the tar that takes them into a container.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// What one or more saves changed, as paths of one container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Each changed file, link or directory on the host, and its absolute path in the container.
    ///
    /// Of a directory only itself is copied: what is in it stands in the list by itself.
    pub changed: Vec<(PathBuf, String)>,
    /// Absolute paths in the container that are to go, with all that is below them.
    pub deleted: Vec<String>,
}

impl Batch {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.deleted.is_empty()
    }
}

/// Whose the copied files become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owner {
    /// The user's id.
    pub uid: u64,
    /// The group's id.
    pub gid: u64,
}

/// A tar and what is in it.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    pub tar: Bytes,
    pub files: usize,
    pub bytes: u64,
    /// Container paths of what was gone from the host by the time it was read.
    pub gone: Vec<String>,
}

/// Packs the changed files, to be unpacked at the container's root.
///
/// Modes are kept but for set-uid and sticky bits, and the owner may always read: what an editor keeps
/// private to a person must not be lost to the service.
///
/// # Errors
/// A file that is there and can't be read, with its path.
pub(super) fn pack(
    changed: &[(PathBuf, String)],
    owner: Owner,
) -> Result<Parcel, (PathBuf, io::Error)> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut parcel = Parcel::default();
    for (path, target) in changed {
        match append(&mut archive, path, target, owner) {
            Ok(bytes) => {
                parcel.files += 1;
                parcel.bytes += bytes;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                parcel.gone.push(target.clone());
            }
            Err(error) => return Err((path.clone(), error)),
        }
    }
    let tar = archive
        .into_inner()
        .expect("memory takes all that is written");
    parcel.tar = tar.into();
    Ok(parcel)
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &Path,
    target: &str,
    owner: Owner,
) -> io::Result<u64> {
    let target = target.trim_start_matches('/');
    let metadata = fs::symlink_metadata(path)?;
    let mut header = header(&metadata, owner);
    if metadata.is_symlink() {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, target, fs::read_link(path)?)?;
        return Ok(0);
    }
    if metadata.is_dir() {
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        archive.append_data(&mut header, target, io::empty())?;
        return Ok(0);
    }
    // Read whole first: the size must be that of the content, whatever is written meanwhile.
    let content = fs::read(path)?;
    let bytes = content.len() as u64;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes);
    archive.append_data(&mut header, target, content.as_slice())?;
    Ok(bytes)
}

fn header(metadata: &Metadata, owner: Owner) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    let readable = if metadata.is_dir() { 0o500 } else { 0o400 };
    header.set_mode(metadata.permissions().mode() & 0o777 | readable);
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or_default());
    header.set_uid(owner.uid);
    header.set_gid(owner.gid);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read;

    const APP: Owner = Owner {
        uid: 1000,
        gid: 1001,
    };

    #[test]
    fn files_links_and_directories_keep_their_kind_and_get_the_owner() {
        let directory = tempfile::tempdir().expect("made");
        let at = |name: &str| directory.path().join(name);
        fs::write(at("server.js"), "listen()").expect("written");
        fs::set_permissions(at("server.js"), fs::Permissions::from_mode(0o4700)).expect("set");
        std::os::unix::fs::symlink("server.js", at("main.js")).expect("linked");
        fs::create_dir(at("lib")).expect("made");
        let changed: Vec<_> = ["server.js", "main.js", "lib", "vanished.js"]
            .map(|name| (at(name), format!("/app/{name}")))
            .into();

        let parcel = pack(&changed, APP).expect("packed");

        let mut archive = tar::Archive::new(parcel.tar.as_ref());
        let mut seen = BTreeMap::new();
        for entry in archive.entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("text");
            let header = entry.header();
            assert_eq!(header.uid().expect("set"), APP.uid);
            assert_eq!(header.gid().expect("set"), APP.gid);
            let link = entry.link_name().expect("readable");
            let told = match link {
                Some(link) => format!("-> {}", link.display()),
                None => format!("{:o} {content}", header.mode().expect("set")),
            };
            seen.insert(entry.path().expect("a path").display().to_string(), told);
        }
        assert_eq!(
            seen,
            BTreeMap::from([
                ("app/lib".to_owned(), "755 ".to_owned()),
                ("app/main.js".to_owned(), "-> server.js".to_owned()),
                ("app/server.js".to_owned(), "700 listen()".to_owned()),
            ])
        );
        assert_eq!((parcel.files, parcel.bytes), (3, 8));
        assert_eq!(parcel.gone, ["/app/vanished.js"]);
    }
}

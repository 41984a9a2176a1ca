//! A build's context as a tar that is made while it is sent: walked in order, filtered by `.dockerignore`.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::IgnoreRules;
use crate::engine::send_tar;

/// The Dockerfile's name inside the tar where it does not stand in the context.
pub(super) const FOREIGN_DOCKERFILE: &str = ".jobsprint-dev.dockerfile";

/// A context: a directory, what stays out, and the Dockerfile where it comes from elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// The directory.
    pub directory: PathBuf,
    /// What stays out.
    pub ignore: IgnoreRules,
    /// The Dockerfile's path inside the tar.
    pub dockerfile: String,
    /// The Dockerfile's text, where it isn't a file of the directory.
    pub foreign: Option<String>,
}

impl Context {
    /// The tar; a file that can't be read ends it with an error.
    pub(super) fn stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        send_tar(move |archive| self.write(archive))
    }

    fn write(&self, archive: &mut tar::Builder<impl Write>) -> io::Result<()> {
        if let Some(text) = &self.foreign {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, &self.dockerfile, text.as_bytes())?;
        }
        self.write_directory(archive, "")
    }

    fn write_directory(&self, archive: &mut tar::Builder<impl Write>, at: &str) -> io::Result<()> {
        let directory = self.directory.join(at);
        let named = |error| with_path(&directory, &error);
        let mut entries = fs::read_dir(&directory)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(named)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // The engine's names are UTF-8; a name that is none can't be sent.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = match at {
                "" => name,
                at => format!("{at}/{name}"),
            };
            let source = entry.path();
            let metadata = source
                .symlink_metadata()
                .map_err(|error| with_path(&source, &error))?;
            let excluded = self.ignore.excludes(&path) && path != self.dockerfile;
            if metadata.is_dir() {
                if !excluded {
                    append(
                        archive,
                        &path,
                        &metadata,
                        tar::EntryType::Directory,
                        0,
                        io::empty(),
                    )?;
                }
                if !excluded || self.ignore.may_include_beneath() || self.holds_dockerfile(&path) {
                    self.write_directory(archive, &path)?;
                }
            } else if !excluded {
                write_file(archive, &path, &source, &metadata)?;
            }
        }
        Ok(())
    }

    fn holds_dockerfile(&self, directory: &str) -> bool {
        Path::new(&self.dockerfile).starts_with(directory)
    }
}

fn write_file(
    archive: &mut tar::Builder<impl Write>,
    path: &str,
    source: &Path,
    metadata: &Metadata,
) -> io::Result<()> {
    let named = |error| with_path(source, &error);
    if metadata.is_symlink() {
        let target = fs::read_link(source).map_err(named)?;
        let mut header = header(metadata, tar::EntryType::Symlink, 0);
        archive.append_link(&mut header, path, target)
    } else if metadata.is_file() {
        // A file that grows or shrinks while it is read must not break the tar's frame.
        let file = File::open(source).map_err(named)?;
        let exact = file
            .take(metadata.len())
            .chain(io::repeat(0))
            .take(metadata.len());
        append(
            archive,
            path,
            metadata,
            tar::EntryType::Regular,
            metadata.len(),
            exact,
        )
    } else {
        // Sockets, pipes and devices have no place in an image.
        Ok(())
    }
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &str,
    metadata: &Metadata,
    kind: tar::EntryType,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = header(metadata, kind, size);
    archive.append_data(&mut header, path, content)
}

/// Owner and times are left out of what the builder compares, and out of the tar.
fn header(metadata: &Metadata, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(metadata.mode() & 0o7777);
    header.set_size(size);
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or_default());
    header
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    fn write(directory: &Path, files: &[&str]) {
        for file in files {
            let path = directory.join(file);
            fs::create_dir_all(path.parent().expect("a file has a parent")).expect("made");
            fs::write(path, file).expect("written");
        }
    }

    async fn names(context: Context) -> Vec<String> {
        let pieces: Vec<Bytes> = context.stream().try_collect().await.expect("a whole tar");
        let bytes = pieces.concat();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().expect("a tar");
        entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .path()
                    .expect("a path")
                    .display()
                    .to_string()
            })
            .collect()
    }

    #[tokio::test]
    async fn a_context_holds_its_files_in_order_without_those_ignored() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        write(
            directory.path(),
            &[
                "src/b.js",
                "src/a.js",
                "node_modules/x/index.js",
                "Dockerfile",
                "keep/this/one",
                "keep/that",
            ],
        );

        let names = names(Context {
            directory: directory.path().to_owned(),
            ignore: IgnoreRules::parse("node_modules\nkeep\n!keep/this\nDockerfile"),
            dockerfile: "Dockerfile".into(),
            foreign: None,
        })
        .await;

        assert_eq!(
            names,
            [
                "Dockerfile",
                "keep/this",
                "keep/this/one",
                "src",
                "src/a.js",
                "src/b.js"
            ]
        );
    }

    #[tokio::test]
    async fn a_dockerfile_from_elsewhere_is_put_in() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        write(directory.path(), &["a"]);

        let names = names(Context {
            directory: directory.path().to_owned(),
            ignore: IgnoreRules::default(),
            dockerfile: FOREIGN_DOCKERFILE.into(),
            foreign: Some("FROM scratch".into()),
        })
        .await;

        assert_eq!(names, [FOREIGN_DOCKERFILE, "a"]);
    }

    #[tokio::test]
    async fn a_context_that_is_not_there_is_named_in_the_error() {
        let context = Context {
            directory: "/nowhere/app".into(),
            ignore: IgnoreRules::default(),
            dockerfile: "Dockerfile".into(),
            foreign: None,
        };

        let error = context
            .stream()
            .try_collect::<Vec<Bytes>>()
            .await
            .expect_err("no such directory");

        assert!(
            error.to_string().starts_with("`/nowhere/app/`: "),
            "{error}"
        );
    }
}

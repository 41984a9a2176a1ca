//! What is mounted into or put into a service's container: volumes, tmpfs, configs, secrets.

use std::path::PathBuf;

use crate::domain::{FileSource, Mount, MountAccess, MountSource, PlacedFile, parse_size};

use super::read::{flag, number, size, text};
use super::{Lowering, list};
use crate::composefile::node::Node;

/// Mode of a config's or secret's file, where the file gives none.
const READABLE: u32 = 0o444;

impl Lowering<'_, '_> {
    /// The service's mounts, and the files that the tool itself puts in.
    pub(super) fn mounts(&mut self, node: &Node) -> (Vec<Mount>, Vec<PlacedFile>) {
        let volumes = node.get("volumes").map(Node::items).unwrap_or_default();
        let mut mounts: Vec<Mount> = volumes
            .iter()
            .filter_map(|volume| self.mount(volume))
            .collect();
        mounts.extend(list(node, "tmpfs").iter().map(|text| tmpfs(text)));
        let mut placed = Vec::new();
        for (section, directory) in [("configs", "/"), ("secrets", "/run/secrets/")] {
            for item in node.get(section).map(Node::items).unwrap_or_default() {
                self.file(section, directory, item, &mut mounts, &mut placed);
            }
        }
        (mounts, placed)
    }

    fn mount(&mut self, node: &Node) -> Option<Mount> {
        let target = text(node, "target")?;
        let source = text(node, "source");
        let bind = node.get("bind");
        let of_volume = node.get("volume");
        let no_copy = of_volume.is_some_and(|volume| flag(volume, "nocopy"));
        let source = match (text(node, "type")?.as_str(), source) {
            ("bind", Some(source)) => MountSource::Bind {
                source: source.into(),
                create: bind.is_some_and(|bind| flag(bind, "create_host_path")),
                propagation: bind.and_then(|bind| text(bind, "propagation")),
                selinux: bind.and_then(|bind| text(bind, "selinux")),
            },
            ("volume", Some(volume)) => {
                let subpath = of_volume.and_then(|volume| text(volume, "subpath"));
                MountSource::Named {
                    volume,
                    no_copy,
                    subpath,
                }
            }
            ("volume", None) => MountSource::Anonymous { no_copy },
            ("tmpfs", _) => {
                let tmpfs = node.get("tmpfs");
                MountSource::Tmpfs {
                    size: tmpfs.and_then(|tmpfs| size(tmpfs, "size")),
                    mode: tmpfs.and_then(|tmpfs| number(tmpfs, "mode")),
                }
            }
            (other, _) => {
                let message =
                    format!("mounts of type `{other}` are not made here: this one is left out");
                self.loader.warning(node.place, message);
                return None;
            }
        };
        Some(Mount {
            target,
            source,
            access: access(node),
        })
    }

    /// A config or secret: a file of the host is mounted, anything else is written into the container.
    fn file(
        &mut self,
        section: &str,
        directory: &str,
        node: &Node,
        mounts: &mut Vec<Mount>,
        placed: &mut Vec<PlacedFile>,
    ) {
        let key = text(node, "source").unwrap_or_default();
        let target = text(node, "target").unwrap_or_else(|| key.clone());
        let target = if target.starts_with('/') {
            target
        } else {
            format!("{directory}{target}")
        };
        let has_owner = ["uid", "gid", "mode"]
            .iter()
            .any(|attribute| node.get(attribute).is_some());
        match self.file_object(section, &key).map(|object| object.source) {
            Some(FileSource::File(source)) => {
                if has_owner {
                    let message = "`uid`, `gid` and `mode` have no effect on a file of the host: it keeps its own";
                    self.loader.warning(node.place, message.to_owned());
                }
                let source = MountSource::Bind {
                    source,
                    create: false,
                    propagation: None,
                    selinux: None,
                };
                mounts.push(Mount {
                    target,
                    source,
                    access: MountAccess::ReadOnly,
                });
            }
            Some(FileSource::Content(content)) => {
                let owner = |attribute| {
                    text(node, attribute)
                        .and_then(|id| id.parse().ok())
                        .unwrap_or(0)
                };
                let mode = text(node, "mode").and_then(|mode| u32::from_str_radix(&mode, 8).ok());
                placed.push(PlacedFile {
                    target: PathBuf::from(target),
                    content,
                    uid: owner("uid"),
                    gid: owner("gid"),
                    mode: mode.unwrap_or(READABLE),
                });
            }
            Some(FileSource::External(name)) => {
                let message = format!(
                    "`{name}` is kept by a Swarm cluster: an engine alone has no such file"
                );
                self.loader.fault(
                    Some(node.place),
                    message,
                    "external",
                    Some("give it a `file`, `content` or `environment`"),
                );
            }
            None => {}
        }
    }
}

fn access(node: &Node) -> MountAccess {
    if flag(node, "read_only") {
        MountAccess::ReadOnly
    } else {
        MountAccess::ReadWrite
    }
}

/// `PATH[:OPTIONS]` of the `tmpfs` key.
fn tmpfs(written: &str) -> Mount {
    let (target, options) = written.split_once(':').unwrap_or((written, ""));
    let option = |name: &str| {
        options.split(',').find_map(|option| {
            option
                .strip_prefix(name)?
                .strip_prefix('=')
                .map(str::to_owned)
        })
    };
    let source = MountSource::Tmpfs {
        size: option("size").and_then(|size| parse_size(&size).ok()),
        mode: option("mode").and_then(|mode| u32::from_str_radix(&mode, 8).ok()),
    };
    let is_read_only = options.split(',').any(|option| option == "ro");
    Mount {
        target: target.to_owned(),
        source,
        access: if is_read_only {
            MountAccess::ReadOnly
        } else {
            MountAccess::ReadWrite
        },
    }
}

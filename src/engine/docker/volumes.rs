//! Where volumes are on the engine's machine.

use std::path::PathBuf;

use bollard::models::{MountPoint, Volume};
use bollard::query_parameters::InspectContainerOptions;

use super::client::{ASK, DockerEngine};
use super::fault::Subject;
use super::observe::absent_is_none;
use crate::domain::ContainerId;
use crate::engine::{EngineError, VolumePlace};

impl DockerEngine {
    pub(super) async fn place_of_volume(
        &self,
        container: &ContainerId,
        volume: &str,
    ) -> Result<Option<VolumePlace>, EngineError> {
        let subject = Subject::new("inspect", "container", container.as_str());
        let options = None::<InspectContainerOptions>;
        let inspect = self.docker.inspect_container(container.as_str(), options);
        let Some(found) = absent_is_none(self.within(ASK, &subject, inspect).await)? else {
            return Ok(None);
        };
        let subject = Subject::new("inspect", "volume", volume);
        let inspect = self.docker.inspect_volume(volume);
        let Some(known) = absent_is_none(self.within(ASK, &subject, inspect).await)? else {
            return Ok(None);
        };
        let process = found.state.and_then(|state| state.pid).unwrap_or_default();
        let mounts = found.mounts.unwrap_or_default();
        Ok(place(&mounts, &known, process))
    }
}

/// The place of the volume `known` among a container's mounts.
fn place(mounts: &[MountPoint], known: &Volume, process: i64) -> Option<VolumePlace> {
    let process = u32::try_from(process).ok().filter(|&process| process > 0)?;
    let is_it = |mount: &&MountPoint| mount.name.as_ref() == Some(&known.name);
    let target = mounts.iter().find(is_it)?.destination.clone()?;
    Some(VolumePlace {
        directory: directory(known)?,
        target,
        process,
    })
}

/// A volume's plain directory. What is mounted from elsewhere is at the volume's own place only while it is used; where
/// another directory is, it is that.
fn directory(known: &Volume) -> Option<PathBuf> {
    if known.driver != "local" {
        return None;
    }
    let option = |name: &str| known.options.get(name).map(String::as_str);
    if known.options.is_empty() {
        return Some(PathBuf::from(&known.mountpoint));
    }
    let is_bound = option("o")?.split(',').any(|word| word == "bind");
    (option("type") == Some("none") && is_bound)
        .then(|| option("device").map(PathBuf::from))
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn known(options: &[(&str, &str)]) -> Volume {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Volume {
            name: "shop_data".to_owned(),
            driver: "local".to_owned(),
            mountpoint: "/volumes/shop_data/_data".to_owned(),
            options: options.iter().map(owned).collect::<HashMap<_, _>>(),
            ..Volume::default()
        }
    }

    #[test]
    fn only_a_plain_directory_is_a_place() {
        let plain = directory(&known(&[]));
        let bound = [("type", "none"), ("o", "rw,bind"), ("device", "/mnt/data")];
        let shared = [
            ("type", "nfs"),
            ("o", "addr=10.0.0.1"),
            ("device", ":/data"),
        ];
        let driven = Volume {
            driver: "rexray".to_owned(),
            ..known(&[])
        };

        assert_eq!(plain, Some("/volumes/shop_data/_data".into()));
        assert_eq!(directory(&known(&bound)), Some("/mnt/data".into()));
        assert_eq!(directory(&known(&shared)), None);
        assert_eq!(directory(&driven), None);
    }
}

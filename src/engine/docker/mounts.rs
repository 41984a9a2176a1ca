//! Mounts of a container in the engine's two spellings: `Binds` makes missing host directories and relabels, `Mounts` does all else.

use std::collections::BTreeMap;

use bollard::models::{
    Mount as EngineMount, MountBindOptions, MountTmpfsOptions, MountType, MountVolumeOptions,
};

use super::client::Api;
use crate::domain::{ContainerSpec, Mount, MountAccess, MountSource};
use crate::engine::EngineError;

/// The first API that mounts a directory of a volume.
const SUBPATH: Api = Api(1, 45);
/// Labels that an anonymous volume gets from its container, so that `down --volumes` finds it.
const INHERITED_LABELS: [&str; 1] = ["com.docker.compose.project"];

/// All mounts of a container, in both spellings.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    pub binds: Vec<String>,
    pub mounts: Vec<EngineMount>,
}

/// Spells the mounts of `spec`.
///
/// # Errors
/// [`EngineError::Unsupported`] for a volume's subpath on an engine before 26.
pub(super) fn mounts(spec: &ContainerSpec, api: Api) -> Result<Mounts, EngineError> {
    let mut spelled = Mounts::default();
    for mount in &spec.settings.mounts {
        match bind_string(mount) {
            Some(bind) => spelled.binds.push(bind),
            None => spelled.mounts.push(engine_mount(spec, mount, api)?),
        }
    }
    let declared = |target: &str| {
        spec.settings
            .mounts
            .iter()
            .any(|mount| mount.target == target)
    };
    let inherited = spec.inherited_volumes.iter();
    let of_the_image = inherited.filter(|(target, _)| !declared(target));
    spelled
        .mounts
        .extend(of_the_image.map(|(target, volume)| EngineMount {
            target: Some(target.clone()),
            source: Some(volume.clone()),
            typ: Some(MountType::VOLUME),
            ..Default::default()
        }));
    Ok(spelled)
}

/// A bind that may make its directory, or that relabels: only `Binds` can. A colon in the path can't be written there.
fn bind_string(mount: &Mount) -> Option<String> {
    let MountSource::Bind {
        source,
        create,
        propagation,
        selinux,
    } = &mount.source
    else {
        return None;
    };
    let source = source.to_str()?;
    if !(*create || selinux.is_some()) || source.contains(':') || mount.target.contains(':') {
        return None;
    }
    let access = match mount.access {
        MountAccess::ReadWrite => "rw",
        MountAccess::ReadOnly => "ro",
    };
    let options: Vec<&str> = [Some(access), selinux.as_deref(), propagation.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    Some(format!("{source}:{}:{}", mount.target, options.join(",")))
}

fn engine_mount(spec: &ContainerSpec, mount: &Mount, api: Api) -> Result<EngineMount, EngineError> {
    let plain = EngineMount {
        target: Some(mount.target.clone()),
        read_only: Some(mount.access == MountAccess::ReadOnly),
        ..Default::default()
    };
    Ok(match &mount.source {
        MountSource::Bind {
            source,
            create,
            propagation,
            ..
        } => EngineMount {
            typ: Some(MountType::BIND),
            source: Some(source.to_string_lossy().into_owned()),
            bind_options: Some(MountBindOptions {
                propagation: propagation.as_deref().and_then(|word| word.parse().ok()),
                create_mountpoint: (*create && api >= Api(1, 42)).then_some(true),
                ..Default::default()
            }),
            ..plain
        },
        MountSource::Named {
            volume,
            no_copy,
            subpath,
        } => EngineMount {
            typ: Some(MountType::VOLUME),
            source: Some(spec.volume_names.get(volume).unwrap_or(volume).clone()),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(*no_copy),
                subpath: supported_subpath(subpath.as_deref(), api)?,
                ..Default::default()
            }),
            ..plain
        },
        MountSource::Anonymous { no_copy } => EngineMount {
            typ: Some(MountType::VOLUME),
            source: spec.inherited_volumes.get(&mount.target).cloned(),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(*no_copy),
                labels: Some(inherited_labels(&spec.labels).into_iter().collect()),
                ..Default::default()
            }),
            ..plain
        },
        MountSource::Tmpfs { size, mode } => EngineMount {
            typ: Some(MountType::TMPFS),
            tmpfs_options: Some(MountTmpfsOptions {
                size_bytes: size.and_then(|size| i64::try_from(size).ok()),
                mode: mode.map(i64::from),
                ..Default::default()
            }),
            ..plain
        },
    })
}

fn inherited_labels(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(name, _)| INHERITED_LABELS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn supported_subpath(subpath: Option<&str>, api: Api) -> Result<Option<String>, EngineError> {
    match subpath {
        Some(_) if api < SUBPATH => Err(EngineError::Unsupported {
            what: "mount a `subpath` of a volume: that needs engine 26 or newer".to_owned(),
        }),
        subpath => Ok(subpath.map(str::to_owned)),
    }
}

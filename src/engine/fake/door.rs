//! The engine's door, as the fake world answers it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::engine::FakeEngine;
use super::image::Pull;
use super::world::{Listener, PROJECT, is_of, missing};
use crate::domain::{
    ContainerId, ContainerSpec, ImageId, ImageRef, NetworkId, NetworkSpec, Observed,
    ObservedContainer, ProjectName, VolumeSpec,
};
use crate::engine::{
    BuildRequest, Credentials, DiskUsers, Engine, EngineError, EngineFacts, EngineSurvey,
    EventStream, ExecRequest, ExecSession, Executed, ImageCommand, ImageProgress, ImageTraits,
    LogLine, LogRequest, LogStreamReader, Removal, Usage, VolumePlace,
};
use crate::event::LogStream;

#[async_trait]
impl Engine for FakeEngine {
    async fn facts(&self) -> Result<EngineFacts, EngineError> {
        Ok(EngineFacts {
            version: "20.10.24".to_owned(),
            api: (1, 41),
            platform: "linux/amd64".to_owned(),
            address: "unix:///fake/docker.sock".to_owned(),
            routable: true,
            gateway: None,
        })
    }

    async fn observe(
        &self,
        project: &ProjectName,
        images: &[ImageRef],
    ) -> Result<Observed, EngineError> {
        let world = self.world();
        let ours = |labels: &BTreeMap<String, String>| is_of(labels, project.as_str());
        let networks = world
            .networks
            .iter()
            .filter(|network| ours(&network.labels));
        let volumes = world.volumes.iter().filter(|volume| ours(&volume.labels));
        let here = images.iter().filter_map(|image| {
            let id = world.images.get(image)?;
            Some((image.clone(), id.clone()))
        });
        Ok(Observed {
            containers: world.containers_of(project.as_str()),
            networks: networks.cloned().collect(),
            volumes: volumes.cloned().collect(),
            images: here.collect(),
        })
    }

    async fn projects(&self) -> Result<BTreeMap<String, Option<PathBuf>>, EngineError> {
        let world = self.world();
        let labels = world
            .containers
            .iter()
            .map(|container| &container.seen.labels);
        Ok(labels
            .filter_map(|labels| {
                let directory = labels.get("com.docker.compose.project.working_dir");
                Some((labels.get(PROJECT)?.clone(), directory.map(PathBuf::from)))
            })
            .collect())
    }

    async fn survey(&self) -> Result<EngineSurvey, EngineError> {
        let world = self.world();
        Ok(EngineSurvey {
            storage: "overlay2".to_owned(),
            cgroup_driver: "systemd".to_owned(),
            memory: 8 << 30,
            root: "/fake/docker".to_owned(),
            forwards: true,
            system: "a fake world".to_owned(),
            images: world
                .images
                .keys()
                .map(|image| (image.to_string(), 0))
                .collect(),
            ..EngineSurvey::default()
        })
    }

    async fn disk_users(&self) -> Result<DiskUsers, EngineError> {
        Ok(DiskUsers::default())
    }

    async fn projects_with(&self, label: &str) -> Result<BTreeSet<String>, EngineError> {
        let world = self.world();
        let containers = world.containers.iter().map(|found| &found.seen.labels);
        let networks = world.networks.iter().map(|found| &found.labels);
        let volumes = world.volumes.iter().map(|found| &found.labels);
        Ok(containers
            .chain(networks)
            .chain(volumes)
            .filter(|labels| labels.contains_key(label))
            .filter_map(|labels| labels.get(PROJECT).cloned())
            .collect())
    }

    async fn image(&self, image: &ImageRef) -> Result<Option<ImageId>, EngineError> {
        Ok(self.world().images.get(image).cloned())
    }

    async fn image_command(&self, image: &ImageRef) -> Result<ImageCommand, EngineError> {
        let here = self.world().images.contains_key(image);
        here.then(ImageCommand::default)
            .ok_or_else(|| missing("image", image.as_str()))
    }

    async fn image_traits(&self, image: &ImageRef) -> Result<Option<ImageTraits>, EngineError> {
        let is_here = self.world().images.contains_key(image);
        Ok(is_here.then(|| ImageTraits {
            platform: "linux/amd64".to_owned(),
            made: None,
            digests: Vec::new(),
        }))
    }

    async fn pull(
        &self,
        image: &ImageRef,
        _platform: Option<&str>,
        _credentials: Option<&Credentials>,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<(), EngineError> {
        let pull = {
            let mut world = self.world();
            world.note(format!("pull {image}"));
            let host = image.registry().to_owned();
            world.registries.entry(host).or_default().serve(image)
        };
        match pull {
            Pull::Hangs => std::future::pending().await,
            Pull::Refused(error) => Err(error),
            Pull::Done => {
                progress(ImageProgress {
                    doing: "Pull complete".to_owned(),
                    ..ImageProgress::default()
                });
                self.world().add_image(image);
                Ok(())
            }
        }
    }

    async fn build(
        &self,
        mut request: BuildRequest,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<ImageId, EngineError> {
        let tag = request.tag.clone();
        while let Some(piece) = request.context.next().await {
            piece.map_err(|error| EngineError::Refused {
                call: "build",
                reason: error.to_string(),
            })?;
        }
        let time = {
            let mut world = self.world();
            world.note(format!("build {tag}"));
            world.build_time
        };
        progress(ImageProgress {
            doing: "Step 1/1 : FROM scratch".to_owned(),
            ..ImageProgress::default()
        });
        tokio::time::sleep(time).await;
        let mut world = self.world();
        if world.failing_builds.contains(&tag) {
            return Err(EngineError::BuildFailed {
                image: tag.to_string(),
                reason: "RUN make: exit code 2".to_owned(),
                output: vec!["make: *** no rule to make target".to_owned()],
            });
        }
        world.add_image(&tag);
        Ok(world.images[&tag].clone())
    }

    async fn import(
        &self,
        image: &ImageRef,
        mut tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
        _changes: &[String],
    ) -> Result<ImageId, EngineError> {
        while let Some(piece) = tar.next().await {
            piece.map_err(|error| EngineError::Refused {
                call: "import",
                reason: error.to_string(),
            })?;
        }
        let mut world = self.world();
        world.note(format!("import {image}"));
        world.add_image(image);
        Ok(world.images[image].clone())
    }

    async fn tag(&self, image: &ImageRef, name: &ImageRef) -> Result<(), EngineError> {
        let mut world = self.world();
        let id = world.images.get(image).cloned();
        let id = id.ok_or_else(|| missing("image", image.as_str()))?;
        world.note(format!("tag {image} as {name}"));
        world.images.insert(name.clone(), id);
        Ok(())
    }

    async fn commit(
        &self,
        container: &ContainerId,
        image: &ImageRef,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        let mut world = self.world();
        if world.find(container.as_str()).is_none() {
            return Err(missing("container", container.as_str()));
        }
        world.add_image(image);
        world.image_labels.insert(image.clone(), labels.clone());
        world.note(format!("commit {container} as {image}"));
        Ok(())
    }

    async fn images_with(
        &self,
        label: &str,
    ) -> Result<BTreeMap<ImageRef, BTreeMap<String, String>>, EngineError> {
        let world = self.world();
        let labelled = world.image_labels.iter();
        Ok(labelled
            .filter(|(_, labels)| labels.contains_key(label))
            .map(|(image, labels)| (image.clone(), labels.clone()))
            .collect())
    }

    async fn remove_image(&self, image: &ImageRef) -> Result<(), EngineError> {
        let mut world = self.world();
        world.image_labels.remove(image);
        if world.images.remove(image).is_some() {
            world.note(format!("remove image {image}"));
        }
        Ok(())
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError> {
        let network = &spec.network;
        self.world()
            .create_network(&network.name, network.labels.clone())
    }

    async fn remove_network(&self, network: &NetworkId) -> Result<(), EngineError> {
        self.world().remove_network(network)
    }

    async fn subnets(&self) -> Result<Vec<String>, EngineError> {
        Ok(self.world().subnets.clone())
    }

    async fn network(&self, name: &str) -> Result<Option<NetworkId>, EngineError> {
        let world = self.world();
        let found = world.networks.iter().find(|network| network.name == name);
        Ok(found.map(|network| network.id.clone()))
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError> {
        let volume = &spec.volume;
        self.world()
            .create_volume(&volume.name, volume.labels.clone());
        Ok(())
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        self.world().remove_volume(name)
    }

    async fn volume(&self, name: &str) -> Result<bool, EngineError> {
        Ok(self
            .world()
            .volumes
            .iter()
            .any(|volume| volume.name == name))
    }

    async fn volume_place(
        &self,
        _container: &ContainerId,
        _volume: &str,
    ) -> Result<Option<VolumePlace>, EngineError> {
        Ok(None) // its volumes have no files
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.world().create_container(spec)
    }

    async fn start_container(&self, container: &ContainerId) -> Result<(), EngineError> {
        self.world().start_container(container)
    }

    async fn stop_container(
        &self,
        container: &ContainerId,
        _grace: Option<Duration>,
    ) -> Result<(), EngineError> {
        self.world().stop_container(container)
    }

    async fn restart_container(
        &self,
        container: &ContainerId,
        _grace: Option<Duration>,
    ) -> Result<(), EngineError> {
        let mut world = self.world();
        world.stop_container(container)?;
        world.start_container(container)
    }

    async fn signal_container(
        &self,
        container: &ContainerId,
        signal: &str,
    ) -> Result<(), EngineError> {
        let name = self.running(container)?;
        self.world().note(format!("signal {name} {signal}"));
        Ok(())
    }

    async fn pause_container(&self, container: &ContainerId) -> Result<(), EngineError> {
        self.world().pause(container)
    }

    async fn unpause_container(&self, container: &ContainerId) -> Result<(), EngineError> {
        self.world().unpause(container)
    }

    async fn remove_container(
        &self,
        container: &ContainerId,
        removal: Removal,
    ) -> Result<(), EngineError> {
        self.world().remove_container(container, removal);
        Ok(())
    }

    async fn container(&self, name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        Ok(self.world().find(name).map(|found| found.seen.clone()))
    }

    async fn has_file(&self, container: &ContainerId, path: &str) -> Result<bool, EngineError> {
        let world = self.world();
        let image = &world.containers[world.index(container)?].spec.image;
        Ok(!world.lacking.contains(&(image.clone(), path.to_owned())))
    }

    async fn upload(
        &self,
        container: &ContainerId,
        directory: &str,
        _tar: Bytes,
    ) -> Result<(), EngineError> {
        let mut world = self.world();
        let index = world.index(container)?;
        let name = world.containers[index].seen.name.clone();
        world.note(format!("upload to {name}:{directory}"));
        Ok(())
    }

    async fn unpack(
        &self,
        container: &ContainerId,
        directory: &str,
        mut tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
    ) -> Result<(), EngineError> {
        while let Some(piece) = tar.next().await {
            piece.map_err(|error| EngineError::Refused {
                call: "copy files into",
                reason: error.to_string(),
            })?;
        }
        self.upload(container, directory, Bytes::new()).await
    }

    async fn download(
        &self,
        _container: &ContainerId,
        path: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, EngineError>>, EngineError> {
        Err(missing("file", path))
    }

    async fn usage(&self, container: &ContainerId) -> Result<Usage, EngineError> {
        self.world().index(container).map(|_| Usage::default())
    }

    async fn execute(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<Executed, EngineError> {
        let name = self.running(container)?;
        let mut world = self.world();
        world.note(format!("exec in {name}: {}", request.command.join(" ")));
        let program = request.command.first().cloned().unwrap_or_default();
        Ok(world.commands.get(&program).cloned().unwrap_or_default())
    }

    async fn open_exec(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<ExecSession, EngineError> {
        let ended = self.execute(container, request).await?;
        let pieces = [
            Ok((LogStream::Stdout, Bytes::from(ended.stdout))),
            Ok((LogStream::Stderr, Bytes::from(ended.stderr))),
        ];
        Ok(ExecSession {
            output: stream::iter(pieces).boxed(),
            input: Box::pin(tokio::io::sink()),
            resize: Box::new(|_, _| async { Ok(()) }.boxed()),
            exit: async move { Ok(ended.code) }.boxed(),
        })
    }

    async fn logs(
        &self,
        container: &ContainerId,
        request: &LogRequest,
    ) -> Result<LogStreamReader, EngineError> {
        let world = self.world();
        let found = world.find(container.as_str());
        let found = found.ok_or_else(|| missing("container", container.as_str()))?;
        let said = world.logs.get(found.seen.service.as_str());
        let said = said.map_or(&[][..], Vec::as_slice);
        let shown = request
            .tail
            .and_then(|tail| usize::try_from(tail).ok())
            .unwrap_or(usize::MAX);
        let lines: Vec<_> = said[said.len().saturating_sub(shown)..]
            .iter()
            .map(|text| {
                Ok(LogLine {
                    stream: LogStream::Stdout,
                    at: "2026-01-01T00:00:00.000000000Z".to_owned(),
                    text: text.clone(),
                })
            })
            .collect();
        Ok(stream::iter(lines).boxed())
    }

    async fn events(&self, project: &ProjectName) -> Result<EventStream, EngineError> {
        let (line, listener) = mpsc::unbounded_channel();
        self.world().listeners.push(Listener {
            project: project.to_string(),
            line,
        });
        Ok(UnboundedReceiverStream::new(listener).boxed())
    }
}

//! Files moved into and out of containers as tars.

use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use bollard::{body_full, body_try_stream};
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};

use super::client::{DockerEngine, LONG, SHORT};
use super::fault::Subject;
use crate::domain::{ContainerId, PlacedFile};
use crate::engine::EngineError;

impl DockerEngine {
    /// A missing container and a missing path get the same status: only the first is an error here.
    pub(super) async fn stat_path(
        &self,
        container: &ContainerId,
        path: &str,
    ) -> Result<bool, EngineError> {
        let subject = Subject::new("look into", "container", container.as_str());
        let options = ContainerArchiveInfoOptionsBuilder::default()
            .path(path)
            .build();
        let call = self
            .docker
            .get_container_archive_info(container.as_str(), Some(options));
        match self.within(SHORT, &subject, call).await {
            Ok(_) => Ok(true),
            Err(EngineError::NotFound { .. }) => match self.inspect(container.as_str()).await? {
                Some(_) => Ok(false),
                None => Err(EngineError::NotFound {
                    kind: "container",
                    name: container.to_string(),
                }),
            },
            Err(error) => Err(error),
        }
    }

    pub(super) async fn upload_tar(
        &self,
        container: &ContainerId,
        directory: &str,
        tar: Bytes,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("copy files into", "container", container.as_str());
        let options = UploadToContainerOptionsBuilder::default()
            .path(directory)
            .build();
        let call =
            self.docker
                .upload_to_container(container.as_str(), Some(options), body_full(tar));
        self.within(LONG, &subject, call).await
    }

    /// As [`upload_tar`](Self::upload_tar), without a limit in time: what is sent may be of any size, and its sender may be cancelled.
    pub(super) async fn unpack_tar(
        &self,
        container: &ContainerId,
        directory: &str,
        tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("copy files into", "container", container.as_str());
        let options = UploadToContainerOptionsBuilder::default()
            .path(directory)
            .build();
        self.docker
            .upload_to_container(container.as_str(), Some(options), body_try_stream(tar))
            .await
            .map_err(|error| self.explain(&subject, error))
    }

    pub(super) fn download_tar(
        &self,
        container: &ContainerId,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, EngineError>> {
        let subject = Subject::new("copy files out of", "container", container.as_str());
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let engine = self.clone();
        self.docker
            .download_from_container(container.as_str(), Some(options))
            .map(move |piece| piece.map_err(|error| engine.explain(&subject, error)))
            .boxed()
    }
}

/// A tar of `files`, to be unpacked at the root; the engine makes missing directories.
pub(super) fn tar_of(files: &[PlacedFile]) -> std::io::Result<Bytes> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let content = file.content.expose().as_bytes();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid.into());
        header.set_gid(file.gid.into());
        header.set_entry_type(tar::EntryType::Regular);
        let path = file.target.strip_prefix("/").unwrap_or(&file.target);
        archive.append_data(&mut header, path, content)?;
    }
    archive.into_inner().map(Bytes::from)
}

//! Images: looked up, pulled, imported, named.

use std::collections::BTreeMap;

use bollard::auth::DockerCredentials;
use bollard::body_try_stream;
use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateImageOptionsBuilder, ListImagesOptionsBuilder,
    RemoveImageOptions, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};

use super::client::{ASK, DockerEngine, LONG, SHORT};
use super::fault::{Subject, pull_error};
use super::observe::{absent_is_none, label_filter};
use super::transfer::Layers;
use crate::domain::{ContainerId, ImageId, ImageRef};
use crate::engine::{Credentials, EngineError, ImageCommand, ImageProgress};

impl DockerEngine {
    pub(super) async fn image_id(&self, image: &ImageRef) -> Result<Option<ImageId>, EngineError> {
        let subject = Subject::new("inspect", "image", image.as_str());
        let call = self.docker.inspect_image(image.as_str());
        let found = absent_is_none(self.within(ASK, &subject, call).await)?;
        Ok(found.and_then(|image| image.id).map(ImageId::new))
    }

    pub(super) async fn default_command(
        &self,
        image: &ImageRef,
    ) -> Result<ImageCommand, EngineError> {
        let subject = Subject::new("inspect", "image", image.as_str());
        let call = self.docker.inspect_image(image.as_str());
        let config = self
            .within(ASK, &subject, call)
            .await?
            .config
            .unwrap_or_default();
        let mut exposed = config.exposed_ports.unwrap_or_default();
        exposed.sort();
        Ok(ImageCommand {
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            working_dir: config.working_dir.unwrap_or_default(),
            exposed,
            has_healthcheck: config
                .healthcheck
                .and_then(|check| check.test)
                .is_some_and(|test| test.first().is_some_and(|kind| kind != "NONE")),
        })
    }

    pub(super) async fn pull_once(
        &self,
        image: &ImageRef,
        platform: Option<&str>,
        credentials: Option<&Credentials>,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<(), EngineError> {
        let subject = Subject::new("pull", "image", image.as_str());
        let mut options = CreateImageOptionsBuilder::default().from_image(image.as_str());
        if let Some(platform) = platform {
            options = options.platform(platform);
        }
        let login = credentials.map(|credentials| login(image.registry(), credentials));
        let mut words = self.docker.create_image(Some(options.build()), None, login);
        let mut layers = Layers::default();
        while let Some(word) = words.next().await {
            match word {
                Ok(info) => progress(layers.note(info)),
                // A stream that ends in half a line has still pulled what is here now.
                Err(bollard::errors::Error::IOError { .. })
                    if self.image_id(image).await?.is_some() =>
                {
                    break;
                }
                Err(error) => {
                    return Err(pull_error(image.as_str(), self.explain(&subject, error)));
                }
            }
        }
        Ok(())
    }

    pub(super) async fn import_tar(
        &self,
        image: &ImageRef,
        tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
        changes: &[String],
    ) -> Result<ImageId, EngineError> {
        let subject = Subject::new("import", "image", image.as_str());
        let (repository, tag) = repository_and_tag(image);
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(repository)
            .tag(tag)
            .changes(changes.to_vec())
            .build();
        let mut words = self
            .docker
            .create_image(Some(options), Some(body_try_stream(tar)), None);
        while let Some(word) = words.next().await {
            word.map_err(|error| self.explain(&subject, error))?;
        }
        self.image_id(image)
            .await?
            .ok_or_else(|| EngineError::NotFound {
                kind: "image",
                name: image.to_string(),
            })
    }

    pub(super) async fn tag_image(
        &self,
        image: &ImageRef,
        name: &ImageRef,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("tag", "image", image.as_str());
        let (repository, tag) = repository_and_tag(name);
        let options = TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(tag)
            .build();
        self.within(
            SHORT,
            &subject,
            self.docker.tag_image(image.as_str(), Some(options)),
        )
        .await
    }

    pub(super) async fn commit_container(
        &self,
        container: &ContainerId,
        image: &ImageRef,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("commit", "container", container.as_str());
        let (repository, tag) = repository_and_tag(image);
        let options = CommitContainerOptionsBuilder::default()
            .container(container.as_str())
            .repo(repository)
            .tag(tag)
            .pause(true)
            .build();
        let config = ContainerConfig {
            labels: Some(labels.clone().into_iter().collect()),
            ..Default::default()
        };
        let made = self.docker.commit_container(options, config);
        self.within(LONG, &subject, made).await.map(drop)
    }

    pub(super) async fn images_labelled(
        &self,
        label: &str,
    ) -> Result<BTreeMap<ImageRef, BTreeMap<String, String>>, EngineError> {
        let subject = Subject::new("list", "image", label);
        let options = ListImagesOptionsBuilder::default()
            .filters(&label_filter(label))
            .build();
        let list = self.docker.list_images(Some(options));
        let found = self.within(SHORT, &subject, list).await?;
        Ok(found
            .into_iter()
            .flat_map(|image| {
                let labels: BTreeMap<String, String> = image.labels.into_iter().collect();
                let names = image.repo_tags.into_iter();
                names.map(move |name| (ImageRef::new(name), labels.clone()))
            })
            .collect())
    }

    pub(super) async fn drop_image(&self, image: &ImageRef) -> Result<(), EngineError> {
        let subject = Subject::new("remove", "image", image.as_str());
        let call = self
            .docker
            .remove_image(image.as_str(), None::<RemoveImageOptions>, None);
        absent_is_none(self.within(SHORT, &subject, call).await).map(drop)
    }
}

/// `host:5000/a/b` and `1`; the last colon is a tag's only after the last slash.
fn repository_and_tag(image: &ImageRef) -> (&str, &str) {
    let text = image.as_str();
    let after_path = text.rfind('/').map_or(0, |slash| slash + 1);
    match text[after_path..].rfind(':') {
        Some(colon) => (&text[..after_path + colon], &text[after_path + colon + 1..]),
        None => (text, "latest"),
    }
}

fn login(registry: &str, credentials: &Credentials) -> DockerCredentials {
    let serveraddress = Some(registry.to_owned());
    match credentials {
        Credentials::Password { user, password } => DockerCredentials {
            username: Some(user.clone()),
            password: Some(password.expose().to_owned()),
            serveraddress,
            ..Default::default()
        },
        Credentials::Token(token) => DockerCredentials {
            identitytoken: Some(token.expose().to_owned()),
            serveraddress,
            ..Default::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_port_is_no_tag() {
        let split = |text: &str| {
            let image = ImageRef::new(text);
            let (repository, tag) = repository_and_tag(&image);
            (repository.to_owned(), tag.to_owned())
        };

        assert_eq!(
            split("host:5000/a/b"),
            ("host:5000/a/b".into(), "latest".into())
        );
        assert_eq!(
            split("debian:bookworm-slim"),
            ("debian".into(), "bookworm-slim".into())
        );
    }
}

//! Pulls: the mirror first, again after a pause where that may help, never longer than there is progress.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::login::{config_file, login};
use super::registry::{Registries, Registry, Verdict};
use super::retry::{Next, next};
use crate::domain::ImageRef;
use crate::engine::{Credentials, Engine, EngineError, ImageProgress};
use crate::event::{Event, Events, ImageWay};

/// How long a registry may take over its first word.
const FIRST_WORD: Duration = Duration::from_secs(15);
/// The same, where it takes no connection from this machine either.
const FIRST_WORD_UNREACHABLE: Duration = Duration::from_secs(4);
/// How long a pull may go without a word.
const SILENCE: Duration = Duration::from_mins(1);

/// Pulls images, and remembers which registries can't be reached.
#[derive(Clone)]
pub(super) struct Puller {
    engine: Arc<dyn Engine>,
    registries: Registries,
    mirror: Option<String>,
    config: Option<PathBuf>,
}

impl Puller {
    /// `environment` may name a mirror in `JOBSPRINT_REGISTRY_MIRROR`, a host with an optional path, and says where Docker's configuration is.
    pub(super) fn new(engine: Arc<dyn Engine>, environment: &BTreeMap<String, String>) -> Self {
        let mirror = environment.get("JOBSPRINT_REGISTRY_MIRROR").map(|text| {
            let host = text
                .split_once("://")
                .map_or(text.as_str(), |(_, host)| host);
            host.trim_end_matches('/').to_owned()
        });
        Self {
            engine,
            registries: Registries::default(),
            mirror: mirror.filter(|mirror| !mirror.is_empty()),
            config: config_file(environment),
        }
    }

    /// Pulls `image`.
    ///
    /// # Errors
    /// The registry's last word, where no attempt brought the image.
    pub(super) async fn pull(
        &self,
        image: &ImageRef,
        platform: Option<&str>,
        events: &Events,
    ) -> Result<(), EngineError> {
        if let Some(mirrored) = self.mirrored(image) {
            match self.persist(image, &mirrored, platform, events).await {
                Ok(()) => return self.engine.tag(&mirrored, image).await,
                Err(error) => tracing::info!(%error, "the mirror has not got it"),
            }
        }
        self.persist(image, image, platform, events).await
    }

    /// The image's name at the mirror, which stands in for Docker Hub alone; a digest can't be given another name.
    fn mirrored(&self, image: &ImageRef) -> Option<ImageRef> {
        let mirror = self.mirror.as_ref()?;
        let text = image.as_str();
        if image.registry() != "docker.io" || text.contains('@') {
            return None;
        }
        let path = text.strip_prefix("docker.io/").unwrap_or(text);
        let library = if path.contains('/') { "" } else { "library/" };
        Some(ImageRef::new(format!("{mirror}/{library}{path}")))
    }

    /// Tries until it succeeds or no further attempt would.
    async fn persist(
        &self,
        wanted: &ImageRef,
        image: &ImageRef,
        platform: Option<&str>,
        events: &Events,
    ) -> Result<(), EngineError> {
        let registry = self.registries.at(image.registry());
        let credentials = login(self.config.clone(), image.registry()).await;
        let tell = |progress: ImageProgress| {
            events.tell(Event::ImageProgress {
                image: wanted.clone(),
                way: ImageWay::Pull,
                doing: progress.doing,
                transfer: progress.transfer,
            });
        };
        let mut attempt = 1;
        loop {
            let tried = self
                .attempt(
                    &registry,
                    image,
                    platform,
                    credentials.as_ref(),
                    &tell,
                    events,
                )
                .await;
            let Err(error) = tried else { return Ok(()) };
            let error = match error {
                EngineError::RateLimited {
                    image: name,
                    retry_after: None,
                } => EngineError::RateLimited {
                    retry_after: registry.retry_after(image).await,
                    image: name,
                },
                other => other,
            };
            match next(&error, attempt) {
                Next::GiveUp => return Err(error),
                Next::Again(pause) => {
                    tell(ImageProgress {
                        doing: format!("{error}; trying again in {:.0}s", pause.as_secs_f64()),
                        ..ImageProgress::default()
                    });
                    tokio::time::sleep(pause).await;
                }
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        registry: &Registry,
        image: &ImageRef,
        platform: Option<&str>,
        credentials: Option<&Credentials>,
        tell: &(dyn Fn(ImageProgress) + Sync),
        events: &Events,
    ) -> Result<(), EngineError> {
        let unreachable = |reason: String| EngineError::RegistryUnreachable {
            image: image.to_string(),
            reason,
        };
        if let Some(reason) = registry.verdict() {
            return Err(unreachable(reason));
        }
        let (words, mut heard) = watch::channel(());
        let progress = |word: ImageProgress| {
            words.send_replace(());
            tell(word);
        };
        let pull = self.engine.pull(image, platform, credentials, &progress);
        let silence = async {
            tokio::select! {
                _ = heard.changed() => {}
                () = no_first_word(registry) => return unreachable("it does not answer".to_owned()),
                reason = registry.given_up() => return unreachable(reason),
            }
            while let Ok(Ok(())) = tokio::time::timeout(SILENCE, heard.changed()).await {}
            EngineError::TransferBroken {
                image: image.to_string(),
                reason: format!("no progress for {}s", SILENCE.as_secs()),
            }
        };
        let pulled = tokio::select! {
            pulled = pull => pulled,
            error = silence => Err(error),
        };
        if let Err(EngineError::RegistryUnreachable { reason, .. }) = &pulled
            && registry.give_up(reason) == Verdict::News
        {
            let host = image.registry();
            events.tell(Event::Notice {
                text: format!(
                    "{host} can't be reached ({reason}): what has a recipe is built instead"
                ),
            });
        }
        pulled
    }
}

async fn no_first_word(registry: &Registry) {
    let asked = Instant::now();
    let limit = if registry.answers_here().await {
        FIRST_WORD
    } else {
        FIRST_WORD_UNREACHABLE
    };
    tokio::time::sleep_until(asked + limit).await;
}

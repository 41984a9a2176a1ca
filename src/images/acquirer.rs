//! Obtains images: local, else pulled, else built, with the bases of a build made on demand.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::bootstrap::bootstrap;
use super::once::Once;
use super::pull::Puller;
use super::recipe::Recipe;
use super::{ImageError, ImageOutcome};
use crate::domain::{BaseImage, Build, Consent, ImageId, ImageRef, ImageSource, PullPolicy, Stack};
use crate::engine::{Engine, EngineError, ImageProgress};
use crate::event::{Event, Events, ImageWay};

/// Builds at a time: enough that one long build holds nobody back, few enough for a laptop.
const BUILDS: usize = 6;

type Obtained = Result<(ImageId, ImageOutcome), ImageError>;

/// Obtains the images of one stack. Clones share what is known and what is under way.
#[derive(Clone)]
pub struct Acquirer {
    engine: Arc<dyn Engine>,
    bases: Arc<BTreeMap<ImageRef, BaseImage>>,
    puller: Puller,
    under_way: Once<Obtained>,
    builds: Arc<Semaphore>,
    consent: Consent,
}

/// Whether an image that is here will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// As the source's pull policy says.
    AsAsked,
    /// It is built anew.
    Built,
}

impl Acquirer {
    /// An acquirer for `stack`; `environment` may name a mirror in `JOBSPRINT_REGISTRY_MIRROR`, and says where Docker's configuration is.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a whole environment is handed over, of which more may be kept"
    )]
    pub fn new(
        engine: Arc<dyn Engine>,
        stack: &Stack,
        environment: BTreeMap<String, String>,
    ) -> Self {
        Self {
            puller: Puller::new(Arc::clone(&engine), &environment),
            engine,
            bases: Arc::new(stack.bases.clone()),
            under_way: Once::default(),
            builds: Arc::new(Semaphore::new(BUILDS)),
            consent: Consent::Ask,
        }
    }

    /// Whether packages may be installed that making a base image needs.
    #[must_use]
    pub fn with_consent(mut self, consent: Consent) -> Self {
        self.consent = consent;
        self
    }

    /// Sees to it that the image of `source` is here.
    ///
    /// # Errors
    /// [`ImageError`] where no way leads to it.
    pub async fn ensure(
        &self,
        source: &ImageSource,
        platform: Option<&str>,
        events: &Events,
    ) -> Obtained {
        self.obtain(source, platform, events, Freshness::AsAsked)
            .await
    }

    /// Builds the image of `source` anew, whether or not it is here; without a recipe it is ensured.
    ///
    /// # Errors
    /// [`ImageError`] where no way leads to it.
    pub async fn ensure_built(
        &self,
        source: &ImageSource,
        platform: Option<&str>,
        events: &Events,
    ) -> Obtained {
        self.obtain(source, platform, events, Freshness::Built)
            .await
    }

    async fn obtain(
        &self,
        source: &ImageSource,
        platform: Option<&str>,
        events: &Events,
        freshness: Freshness,
    ) -> Obtained {
        let errand = Errand {
            acquirer: self.clone(),
            source: source.clone(),
            platform: platform.map(ToOwned::to_owned),
            events: events.clone(),
        };
        self.under_way
            .run(&source.reference, async move { errand.go(freshness).await })
            .await
    }
}

/// One image to be obtained.
struct Errand {
    acquirer: Acquirer,
    source: ImageSource,
    platform: Option<String>,
    events: Events,
}

impl Errand {
    async fn go(&self, freshness: Freshness) -> Obtained {
        let image = &self.source.reference;
        let build = self.source.build.as_ref();
        match (freshness, self.source.pull, build) {
            (Freshness::Built, _, Some(build)) | (_, PullPolicy::Build, Some(build)) => {
                return self.build(image, build, Vec::new()).await;
            }
            (_, PullPolicy::Always, _) if self.source.named => {}
            _ => {
                if let Some(id) = self.acquirer.engine.image(image).await? {
                    return Ok((id, ImageOutcome::Found));
                }
            }
        }
        let may_pull = self.source.named && self.source.pull != PullPolicy::Never;
        match (may_pull, build) {
            (false, Some(build)) => self.build(image, build, Vec::new()).await,
            (false, None) => Err(ImageError::Forbidden {
                image: image.clone(),
            }),
            (true, build) => {
                let Err(cause) = self.pull(image).await else {
                    return self.found(image, ImageOutcome::Pulled).await;
                };
                match build {
                    Some(build) if another_way_may_help(&cause) => {
                        self.build(image, build, Vec::new()).await
                    }
                    _ => self.make_or_fail(image, cause, Vec::new()).await,
                }
            }
        }
    }

    async fn pull(&self, image: &ImageRef) -> Result<(), EngineError> {
        self.acquirer
            .puller
            .pull(image, self.platform.as_deref(), &self.events)
            .await
    }

    /// Makes `image` by its base recipe, where the stack has one; else the pull's failure stands.
    async fn make_or_fail(
        &self,
        image: &ImageRef,
        cause: EngineError,
        chain: Vec<ImageRef>,
    ) -> Obtained {
        match self.acquirer.bases.get(image) {
            Some(BaseImage::Bootstrap { suite }) if another_way_may_help(&cause) => {
                let (engine, consent) = (self.acquirer.engine.as_ref(), self.acquirer.consent);
                let id = bootstrap(engine, image, suite, consent, &self.events).await?;
                Ok((id, ImageOutcome::Bootstrapped))
            }
            Some(BaseImage::Build(build)) if another_way_may_help(&cause) => {
                self.build(image, build, chain).await
            }
            _ => Err(ImageError::Pull {
                image: image.clone(),
                cause,
            }),
        }
    }

    /// Builds `image`, its bases first; `chain` are the images that this one is a base of.
    fn build<'a>(
        &'a self,
        image: &'a ImageRef,
        build: &'a Build,
        mut chain: Vec<ImageRef>,
    ) -> BoxFuture<'a, Obtained> {
        async move {
            chain.push(image.clone());
            let (tag, section) = (image.clone(), build.clone());
            let recipe = tokio::task::spawn_blocking(move || Recipe::read(&tag, &section))
                .await
                .expect("reading a recipe does not panic")?;
            let known = recipe.bases.iter();
            let bases = known.filter(|base| self.acquirer.bases.contains_key(*base));
            let made = bases.map(|base| self.base(base.clone(), chain.clone()));
            for made in futures_util::future::join_all(made).await {
                made.map_err(|cause| match cause {
                    circle @ ImageError::Circle { .. } => circle,
                    cause => ImageError::Base {
                        image: image.clone(),
                        cause: Box::new(cause),
                    },
                })?;
            }
            let permit = self.acquirer.builds.acquire().await;
            let _permit = permit.expect("the semaphore is never closed");
            let tell = |progress: ImageProgress| {
                self.events.tell(Event::ImageProgress {
                    image: image.clone(),
                    way: ImageWay::Build,
                    doing: progress.doing,
                    transfer: progress.transfer,
                });
            };
            let request = recipe.request(self.platform.as_deref());
            let result = self.acquirer.engine.build(request, &tell).await;
            result
                .map(|id| (id, ImageOutcome::Built))
                .map_err(|cause| ImageError::Build {
                    image: image.clone(),
                    cause,
                })
        }
        .boxed()
    }

    /// Sees to it that a base with a recipe is here: local, pulled, or made, once for all who build upon it.
    fn base(&self, image: ImageRef, mut chain: Vec<ImageRef>) -> BoxFuture<'_, Obtained> {
        async move {
            if let Some(first) = chain.iter().position(|above| *above == image) {
                chain.push(image);
                return Err(ImageError::Circle {
                    circle: chain.split_off(first),
                });
            }
            let errand = Self {
                acquirer: self.acquirer.clone(),
                source: self.source.clone(),
                platform: self.platform.clone(),
                events: self.events.clone(),
            };
            let wanted = image.clone();
            let work = async move {
                if let Some(id) = errand.acquirer.engine.image(&wanted).await? {
                    return Ok((id, ImageOutcome::Found));
                }
                match errand.pull(&wanted).await {
                    Ok(()) => errand.found(&wanted, ImageOutcome::Pulled).await,
                    Err(cause) => errand.make_or_fail(&wanted, cause, chain).await,
                }
            };
            self.acquirer.under_way.run(&image, work).await
        }
        .boxed()
    }

    async fn found(&self, image: &ImageRef, outcome: ImageOutcome) -> Obtained {
        let id = self.acquirer.engine.image(image).await?;
        id.map(|id| (id, outcome)).ok_or_else(|| ImageError::Pull {
            image: image.clone(),
            cause: EngineError::NotFound {
                kind: "image",
                name: image.to_string(),
            },
        })
    }
}

/// A build needs the engine and its disk as a pull does.
fn another_way_may_help(cause: &EngineError) -> bool {
    !matches!(
        cause,
        EngineError::DiskFull | EngineError::Unreachable { .. } | EngineError::Silent { .. }
    )
}

#[cfg(test)]
mod tests;

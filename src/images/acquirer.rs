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
mod tests {
    use super::*;
    use crate::domain::ProjectName;
    use crate::engine::FakeEngine;
    use std::time::Duration;
    use tokio::time::Instant;

    fn stack(bases: &[(&str, Build)]) -> Stack {
        let base = |(name, build): &(&str, Build)| {
            (
                ImageRef::new(*name),
                BaseImage::Build(Box::new(build.clone())),
            )
        };
        Stack {
            project: ProjectName::new("shop").expect("a valid name"),
            working_dir: "/".into(),
            config_files: Vec::new(),
            services: BTreeMap::new(),
            disabled: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            bases: bases.iter().map(base).collect(),
            seeds: None,
        }
    }

    fn recipe(dockerfile: &str) -> Build {
        Build {
            context: std::env::temp_dir().join("jobsprint-dev-empty-context"),
            dockerfile_inline: Some(dockerfile.to_owned()),
            ..Build::default()
        }
    }

    fn source(image: &str, build: Option<Build>) -> ImageSource {
        ImageSource {
            reference: ImageRef::new(image),
            named: true,
            build,
            pull: PullPolicy::Missing,
        }
    }

    struct Desk {
        engine: FakeEngine,
        acquirer: Acquirer,
        events: Events,
        heard: tokio::sync::mpsc::UnboundedReceiver<crate::event::Stamped>,
    }

    fn desk(world: &str, stack: &Stack, environment: &[(&str, &str)]) -> Desk {
        std::fs::create_dir_all(recipe("").context).expect("an empty directory");
        let engine = FakeEngine::of(world);
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (events, heard) = Events::channel();
        Desk {
            acquirer: Acquirer::new(Arc::new(engine.clone()), stack, environment),
            engine,
            events,
            heard,
        }
    }

    impl Desk {
        async fn ensure(&self, source: &ImageSource) -> Result<ImageOutcome, ImageError> {
            let obtained = self.acquirer.ensure(source, None, &self.events).await;
            obtained.map(|(_, outcome)| outcome)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_is_here_is_neither_pulled_nor_built() {
        let desk = desk("image 127.0.0.1:9/app:1", &stack(&[]), &[]);

        let outcome = desk
            .ensure(&source("127.0.0.1:9/app:1", Some(recipe("FROM scratch"))))
            .await;

        assert_eq!(outcome, Ok(ImageOutcome::Found));
        assert!(desk.engine.journal().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_a_registry_has_is_pulled_though_it_could_be_built() {
        let desk = desk(
            "registry 127.0.0.1:9 has 127.0.0.1:9/app:1",
            &stack(&[]),
            &[],
        );

        let outcome = desk
            .ensure(&source("127.0.0.1:9/app:1", Some(recipe("FROM scratch"))))
            .await;

        assert_eq!(outcome, Ok(ImageOutcome::Pulled));
        assert_eq!(desk.engine.journal(), ["pull 127.0.0.1:9/app:1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_registry_has_is_built() {
        let desk = desk("", &stack(&[]), &[]);

        let outcome = desk
            .ensure(&source("127.0.0.1:9/app:1", Some(recipe("FROM scratch"))))
            .await;

        assert_eq!(outcome, Ok(ImageOutcome::Built));
        assert_eq!(
            desk.engine.journal(),
            ["pull 127.0.0.1:9/app:1", "build 127.0.0.1:9/app:1"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_registry_is_asked_once_and_told_once() {
        let mut desk = desk("registry 127.0.0.1:9 is unreachable", &stack(&[]), &[]);
        let of = |name: &str| {
            source(
                &format!("127.0.0.1:9/{name}:1"),
                Some(recipe("FROM scratch")),
            )
        };

        desk.ensure(&of("a")).await.expect("built");
        desk.ensure(&of("b")).await.expect("built");
        let bare = desk.ensure(&source("127.0.0.1:9/c:1", None)).await;

        assert_eq!(
            desk.engine.journal(),
            [
                "pull 127.0.0.1:9/a:1",
                "build 127.0.0.1:9/a:1",
                "build 127.0.0.1:9/b:1"
            ]
        );
        let failure = bare.expect_err("no recipe").into_failure();
        assert_eq!(
            failure.message,
            "cannot pull `127.0.0.1:9/c:1`: its registry can't be reached: no such host"
        );
        let mut notices = Vec::new();
        while let Ok(stamped) = desk.heard.try_recv() {
            if let Event::Notice { text } = stamped.event {
                notices.push(text);
            }
        }
        assert_eq!(
            notices,
            ["127.0.0.1:9 can't be reached (no such host): what has a recipe is built instead"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_never_answers_is_given_up_within_seconds() {
        let desk = desk("registry 127.0.0.1:9 hangs", &stack(&[]), &[]);
        let began = Instant::now();

        let (one, two) = (
            source("127.0.0.1:9/a:1", None),
            source("127.0.0.1:9/b:1", None),
        );
        let (first, second) = tokio::join!(desk.ensure(&one), desk.ensure(&two));

        assert!(first.is_err() && second.is_err());
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_limited_pull_and_a_broken_one_are_tried_again() {
        let world = "
            registry 127.0.0.1:9 has 127.0.0.1:9/app:1
            registry 127.0.0.1:9 limits 2 pulls
            registry 127.0.0.1:9 breaks 1 pulls
        ";
        let desk = desk(world, &stack(&[]), &[]);
        let began = Instant::now();

        let outcome = desk.ensure(&source("127.0.0.1:9/app:1", None)).await;

        assert_eq!(outcome, Ok(ImageOutcome::Pulled));
        assert_eq!(desk.engine.journal(), ["pull 127.0.0.1:9/app:1"; 4]);
        assert_eq!(began.elapsed().as_secs(), 1 + 2 + 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mirror_is_asked_first_and_its_image_gets_the_real_name() {
        let world = "registry 127.0.0.1:9 has 127.0.0.1:9/library/redis:7";
        let mirror = [("JOBSPRINT_REGISTRY_MIRROR", "https://127.0.0.1:9/")];
        let desk = desk(world, &stack(&[]), &mirror);

        let outcome = desk.ensure(&source("redis:7", None)).await;

        assert_eq!(outcome, Ok(ImageOutcome::Pulled));
        assert_eq!(
            desk.engine.journal(),
            [
                "pull 127.0.0.1:9/library/redis:7",
                "tag 127.0.0.1:9/library/redis:7 as redis:7"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_base_is_made_once_and_before_those_who_build_upon_it() {
        let bases = [
            ("127.0.0.1:9/node:24", recipe("FROM 127.0.0.1:9/debian:12")),
            ("127.0.0.1:9/debian:12", recipe("FROM scratch")),
        ];
        let desk = desk("builds take 9 seconds", &stack(&bases), &[]);
        let app = |name: &str| ImageSource {
            named: false,
            ..source(name, Some(recipe("FROM 127.0.0.1:9/node:24")))
        };
        let (web, api) = (app("web"), app("api"));

        let (first, second) = tokio::join!(desk.ensure(&web), desk.ensure(&api));

        assert_eq!(
            (first, second),
            (Ok(ImageOutcome::Built), Ok(ImageOutcome::Built))
        );
        let mut journal = desk.engine.journal();
        journal[4..].sort();
        assert_eq!(
            journal,
            [
                "pull 127.0.0.1:9/node:24",
                "pull 127.0.0.1:9/debian:12",
                "build 127.0.0.1:9/debian:12",
                "build 127.0.0.1:9/node:24",
                "build api:latest",
                "build web:latest",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn bases_that_build_upon_each_other_are_told_as_a_circle() {
        let bases = [
            ("127.0.0.1:9/a:1", recipe("FROM 127.0.0.1:9/b:1")),
            ("127.0.0.1:9/b:1", recipe("FROM 127.0.0.1:9/a:1")),
        ];
        let desk = desk("", &stack(&bases), &[]);

        let error = desk
            .ensure(&source("app", Some(recipe("FROM 127.0.0.1:9/a:1"))))
            .await;

        assert_eq!(
            error.expect_err("a circle").to_string(),
            "the base images build upon each other: `127.0.0.1:9/a:1` → `127.0.0.1:9/b:1` → `127.0.0.1:9/a:1`"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pull_policy_of_never_forbids_to_pull() {
        let desk = desk(
            "registry 127.0.0.1:9 has 127.0.0.1:9/app:1",
            &stack(&[]),
            &[],
        );
        let never = ImageSource {
            pull: PullPolicy::Never,
            ..source("127.0.0.1:9/app:1", None)
        };

        let error = desk.ensure(&never).await.expect_err("forbidden");

        assert_eq!(
            error.to_string(),
            "`127.0.0.1:9/app:1` is not here, and its `pull_policy` is `never`"
        );
        assert!(desk.engine.journal().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_build_shows_its_last_lines() {
        let desk = desk("build of app:1 fails", &stack(&[]), &[]);
        let own = ImageSource {
            named: false,
            ..source("app:1", Some(recipe("FROM scratch")))
        };

        let failure = desk
            .ensure(&own)
            .await
            .expect_err("it fails")
            .into_failure();

        assert_eq!(
            failure.message,
            "cannot build `app:1`: RUN make: exit code 2"
        );
        assert_eq!(failure.details, ["make: *** no rule to make target"]);
    }
}

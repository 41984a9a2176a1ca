//! How an image is got, told on a fake engine.

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

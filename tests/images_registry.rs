//! Pulls from a registry that misbehaves, by a real engine.

mod registry;
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    PushImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures_util::TryStreamExt;
use jobsprint_dev::domain::{ImageRef, ImageSource, ProjectName, PullPolicy, Stack};
use jobsprint_dev::engine::{Engine, EngineError};
use jobsprint_dev::event::{Event, Events};
use jobsprint_dev::images::{Acquirer, ImageError, ImageOutcome};
use registry::{Access, Fault, Registry};

fn stack() -> Stack {
    Stack {
        project: ProjectName::new("registrytest").expect("a valid name"),
        working_dir: "/".into(),
        config_files: Vec::new(),
        services: BTreeMap::new(),
        disabled: BTreeMap::new(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        bases: BTreeMap::new(),
        seeds: None,
    }
}

/// What a pull came to.
struct Pulled {
    result: Result<ImageOutcome, ImageError>,
    took: Duration,
    told: Vec<String>,
}

async fn pull(engine: &Arc<dyn Engine>, image: &str, environment: &[(&str, &str)]) -> Pulled {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let source = ImageSource {
        reference: ImageRef::new(image),
        named: true,
        build: None,
        pull: PullPolicy::Missing,
    };
    let (events, mut heard) = Events::channel();
    let acquirer = Acquirer::new(Arc::clone(engine), &stack(), environment);
    let began = Instant::now();
    let obtained = acquirer.ensure(&source, None, &events).await;
    let mut told = Vec::new();
    while let Ok(stamped) = heard.try_recv() {
        if let Event::ImageProgress { doing, .. } = stamped.event {
            told.push(doing);
        }
    }
    Pulled {
        result: obtained.map(|(_, outcome)| outcome),
        took: began.elapsed(),
        told,
    }
}

/// The one cause of a failed pull.
fn cause(pulled: Pulled) -> EngineError {
    match pulled.result {
        Err(ImageError::Pull { cause, .. }) => cause,
        other => panic!("not a failed pull: {other:?}"),
    }
}

/// Puts the tiny image into the registry as `name`, and out of the engine.
async fn publish(engine: &Arc<dyn Engine>, registry: &Registry, name: &str) {
    let tiny = support::tiny_image(engine).await;
    let docker = Docker::connect_with_unix_defaults().expect("the engine's socket");
    let repository = format!("{}/{name}", registry.host);
    let tag = TagImageOptionsBuilder::default()
        .repo(&repository)
        .tag("1")
        .build();
    docker
        .tag_image(tiny.as_str(), Some(tag))
        .await
        .expect("tagged");
    let options = PushImageOptionsBuilder::default().tag("1").build();
    let login = DockerCredentials {
        username: Some("dev".into()),
        password: Some("opensesame".into()),
        ..DockerCredentials::default()
    };
    let pushed: Result<Vec<_>, _> = docker
        .push_image(&repository, Some(options), Some(login))
        .try_collect()
        .await;
    pushed.expect("pushed");
    forget(&docker, &format!("{repository}:1")).await;
}

async fn forget(docker: &Docker, image: &str) {
    let options = RemoveImageOptionsBuilder::default().noprune(true).build();
    drop(docker.remove_image(image, Some(options), None).await);
}

/// Takes the pulled image away again.
async fn tidy(images: &[&str]) {
    let docker = Docker::connect_with_unix_defaults().expect("the engine's socket");
    for image in images {
        forget(&docker, image).await;
    }
}

#[tokio::test]
async fn a_registry_that_asks_for_patience_gets_it() {
    let engine = support::engine().await;
    let fault = Fault::Refuses {
        status: 429,
        requests: 3,
    };
    let registry = Registry::start(Access::Open, fault).await;
    publish(&engine, &registry, "patient").await;
    let image = format!("{}/patient:1", registry.spoilt);

    let pulled = pull(&engine, &image, &[]).await;

    assert_eq!(pulled.result, Ok(ImageOutcome::Pulled), "{:?}", pulled.told);
    assert!(pulled.took >= Duration::from_secs(1), "{:?}", pulled.took);
    assert!(
        pulled
            .told
            .iter()
            .any(|word| word.ends_with("; trying again in 1s")),
        "{:?}",
        pulled.told
    );
    tidy(&[&image]).await;
}

#[tokio::test]
async fn a_registry_that_is_overloaded_is_asked_again() {
    let engine = support::engine().await;
    let fault = Fault::Refuses {
        status: 503,
        requests: 1,
    };
    let registry = Registry::start(Access::Open, fault).await;
    publish(&engine, &registry, "overloaded").await;
    let image = format!("{}/overloaded:1", registry.spoilt);

    let pulled = pull(&engine, &image, &[]).await;

    assert_eq!(pulled.result, Ok(ImageOutcome::Pulled), "{:?}", pulled.told);
    tidy(&[&image]).await;
}

#[tokio::test]
async fn a_missing_image_is_told_at_once() {
    let engine = support::engine().await;
    let registry = Registry::start(Access::Open, Fault::None).await;
    let image = format!("{}/missing:1", registry.spoilt);

    let pulled = pull(&engine, &image, &[]).await;

    assert!(pulled.took < Duration::from_secs(3), "{:?}", pulled.took);
    assert_eq!(cause(pulled), EngineError::ImageUnknown { image });
}

#[tokio::test]
async fn a_refused_login_is_told_at_once_and_a_good_one_is_used() {
    let engine = support::engine().await;
    let registry = Registry::start(Access::Login, Fault::None).await;
    publish(&engine, &registry, "private").await;
    let image = format!("{}/private:1", registry.host);
    let (_guard, configuration) = support::scratch();
    // `dev:opensesame` in base64, as `docker login` writes it.
    let logins = format!(
        r#"{{"auths":{{"{}":{{"auth":"ZGV2Om9wZW5zZXNhbWU="}}}}}}"#,
        registry.host
    );
    std::fs::write(configuration.join("config.json"), logins).expect("written");
    let configuration = configuration.display().to_string();

    let refused = pull(&engine, &image, &[]).await;
    let allowed = pull(&engine, &image, &[("DOCKER_CONFIG", &configuration)]).await;

    assert!(refused.took < Duration::from_secs(3), "{:?}", refused.took);
    assert_eq!(
        cause(refused),
        EngineError::Unauthorized {
            image: image.clone()
        }
    );
    assert_eq!(allowed.result, Ok(ImageOutcome::Pulled));
    tidy(&[&image]).await;
}

#[tokio::test]
async fn a_registry_that_takes_connections_and_never_answers_is_given_up() {
    let engine = support::engine().await;
    let registry = Registry::start(Access::Open, Fault::Hangs).await;
    let image = format!("{}/silent:1", registry.spoilt);

    let pulled = pull(&engine, &image, &[]).await;

    assert!(pulled.took < Duration::from_secs(20), "{:?}", pulled.took);
    assert_eq!(
        cause(pulled),
        EngineError::RegistryUnreachable {
            image,
            reason: "it does not answer".into()
        }
    );
}

#[tokio::test]
async fn a_layer_that_is_cut_off_is_fetched_again() {
    let engine = support::engine().await;
    let registry = Registry::start(Access::Open, Fault::CutsBlob).await;
    publish(&engine, &registry, "cut").await;
    let image = format!("{}/cut:1", registry.spoilt);

    let pulled = pull(&engine, &image, &[]).await;

    assert_eq!(pulled.result, Ok(ImageOutcome::Pulled), "{:?}", pulled.told);
    tidy(&[&image]).await;
}

#[tokio::test]
async fn a_mirror_is_asked_first() {
    let engine = support::engine().await;
    let registry = Registry::start(Access::Open, Fault::None).await;
    publish(&engine, &registry, "hub/library/jobsprint-dev-mirrored").await;
    let mirror = format!("{}/hub", registry.host);

    let pulled = pull(
        &engine,
        "jobsprint-dev-mirrored:1",
        &[("JOBSPRINT_REGISTRY_MIRROR", &mirror)],
    )
    .await;

    assert_eq!(pulled.result, Ok(ImageOutcome::Pulled), "{:?}", pulled.told);
    let mirrored = format!("{mirror}/library/jobsprint-dev-mirrored:1");
    tidy(&["jobsprint-dev-mirrored:1", &mirrored]).await;
}

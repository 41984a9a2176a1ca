//! Images on a real engine: built with what the file says, told when a step fails, found without a registry.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jobsprint_dev::domain::{
    BaseImage, Build, Consent, ImageRef, ImageSource, ProjectName, PullPolicy, Secret, Stack,
};
use jobsprint_dev::engine::{Engine, EngineError};
use jobsprint_dev::event::{Event, Events, ImageWay, Stamped};
use jobsprint_dev::images::{Acquirer, ImageError, ImageOutcome};
use tokio::sync::mpsc::UnboundedReceiver;

fn stack() -> Stack {
    Stack {
        project: ProjectName::new("imagetest").expect("a valid name"),
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

struct Desk {
    engine: Arc<dyn Engine>,
    acquirer: Acquirer,
    events: Events,
    heard: UnboundedReceiver<Stamped>,
}

impl Desk {
    async fn with(environment: &[(&str, &str)]) -> Self {
        let engine = support::engine().await;
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (events, heard) = Events::channel();
        Self {
            acquirer: Acquirer::new(Arc::clone(&engine), &stack(), environment),
            engine,
            events,
            heard,
        }
    }

    fn words(&mut self, way: ImageWay) -> Vec<String> {
        let mut words = Vec::new();
        while let Ok(stamped) = self.heard.try_recv() {
            match stamped.event {
                Event::ImageProgress {
                    way: this, doing, ..
                } if this == way => words.push(doing),
                _ => {}
            }
        }
        words
    }
}

fn recipe(directory: &Path, dockerfile: &str) -> Build {
    std::fs::write(directory.join("Dockerfile"), dockerfile).expect("written");
    Build {
        context: directory.to_owned(),
        ..Build::default()
    }
}

fn built(image: &ImageRef, build: Build) -> ImageSource {
    ImageSource {
        reference: image.clone(),
        named: false,
        build: Some(build),
        pull: PullPolicy::Missing,
    }
}

/// A name that no other test has; the images stay, a few bytes upon a shared layer.
fn name(of: &str) -> ImageRef {
    ImageRef::new(format!("jobsprint-dev-test/{of}:{}", std::process::id()))
}

#[tokio::test]
async fn an_image_is_built_with_its_arguments_and_only_once() {
    let mut desk = Desk::with(&[]).await;
    let base = support::tiny_image(&desk.engine).await;
    let (_guard, directory) = support::scratch();
    std::fs::write(directory.join(".dockerignore"), "secret\n").expect("written");
    std::fs::write(directory.join("secret"), "x").expect("written");
    // Files like no other run's: a step that an earlier run has left in the builder's cache is told by no word.
    let greeting = format!("hello from {}", directory.display());
    std::fs::write(directory.join("greeting"), greeting).expect("written");
    let mut build = recipe(
        &directory,
        "ARG BASE\nFROM $BASE\nARG COLOUR\nCOPY . /app\nRUN test ! -e /app/secret && echo $COLOUR > /app/colour\nLABEL made=here\n",
    );
    build.args.insert("BASE".into(), Secret::new(base.as_str()));
    build.args.insert("COLOUR".into(), Secret::new("blue"));
    let source = built(&name("args"), build);

    let (id, outcome) = desk
        .acquirer
        .ensure(&source, None, &desk.events)
        .await
        .expect("built");
    let (again, second) = desk
        .acquirer
        .ensure(&source, None, &desk.events)
        .await
        .expect("here");

    assert_eq!(
        (outcome, second),
        (ImageOutcome::Built, ImageOutcome::Found)
    );
    assert_eq!(id, again);
    let words = desk.words(ImageWay::Build);
    assert!(
        words
            .iter()
            .any(|word| word.contains("RUN test ! -e /app/secret")),
        "{words:?}"
    );
}

#[tokio::test]
async fn a_failing_step_is_told_with_its_command_and_last_lines() {
    let desk = Desk::with(&[]).await;
    let base = support::tiny_image(&desk.engine).await;
    let (_guard, directory) = support::scratch();
    let build = recipe(
        &directory,
        &format!("FROM {base}\nRUN echo it went wrong here; exit 3\n"),
    );
    let image = name("failing");

    let error = desk
        .acquirer
        .ensure(&built(&image, build), None, &desk.events)
        .await
        .expect_err("its step fails");

    let ImageError::Build {
        cause: EngineError::BuildFailed { reason, output, .. },
        ..
    } = &error
    else {
        panic!("not a failed build: {error:?}");
    };
    assert!(
        reason.contains("RUN echo it went wrong here; exit 3"),
        "{reason}"
    );
    assert!(reason.ends_with("exit code 3"), "{reason}");
    assert_eq!(output, &["it went wrong here"]);
}

#[tokio::test]
async fn an_inline_dockerfile_needs_no_file() {
    let desk = Desk::with(&[]).await;
    let base = support::tiny_image(&desk.engine).await;
    let (_guard, directory) = support::scratch();
    let build = Build {
        context: directory,
        dockerfile_inline: Some(format!("FROM {base}\nRUN true\n")),
        ..Build::default()
    };

    let (_, outcome) = desk
        .acquirer
        .ensure(&built(&name("inline"), build), None, &desk.events)
        .await
        .expect("built");

    assert_eq!(outcome, ImageOutcome::Built);
}

#[tokio::test]
async fn a_build_that_is_asked_for_again_takes_the_change_in() {
    let desk = Desk::with(&[]).await;
    let base = support::tiny_image(&desk.engine).await;
    let (_guard, directory) = support::scratch();
    let build = recipe(&directory, &format!("FROM {base}\nCOPY . /app\n"));
    let source = built(&name("again"), build);
    let (first, _) = desk
        .acquirer
        .ensure(&source, None, &desk.events)
        .await
        .expect("built");

    std::fs::write(directory.join("changed"), "new").expect("written");
    let (second, outcome) = desk
        .acquirer
        .ensure_built(&source, None, &desk.events)
        .await
        .expect("built");

    assert_eq!(outcome, ImageOutcome::Built);
    assert_ne!(first, second);
}

#[tokio::test]
async fn build_hosts_and_labels_reach_the_builder() {
    let desk = Desk::with(&[]).await;
    let base = support::tiny_image(&desk.engine).await;
    let (_guard, directory) = support::scratch();
    let mut build = recipe(
        &directory,
        &format!("FROM {base}\nRUN grep -q one /etc/hosts && grep -q two /etc/hosts\n"),
    );
    build.extra_hosts = vec!["one:10.0.0.1".into(), "two:10.0.0.2".into()];
    build.labels.insert("who".into(), "me".into());

    let outcome = desk
        .acquirer
        .ensure(&built(&name("hosts"), build), None, &desk.events)
        .await;

    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test]
async fn a_base_that_no_registry_gives_is_made_from_packages_once_for_all_builds() {
    let mut desk = Desk::with(&[]).await;
    // Nobody listens there: a registry that can't be reached, found out at once.
    let base = ImageRef::new(format!(
        "127.0.0.1:9/jobsprint-dev-test/base:{}",
        std::process::id()
    ));
    let mut stack = stack();
    let suite = "bookworm".to_owned();
    stack
        .bases
        .insert(base.clone(), BaseImage::Bootstrap { suite });
    let acquirer = Acquirer::new(Arc::clone(&desk.engine), &stack, BTreeMap::new())
        .with_consent(Consent::Given);
    let (_guard, directory) = support::scratch();
    let build = recipe(
        &directory,
        &format!("FROM {base}\nRUN . /etc/os-release && test $VERSION_CODENAME = bookworm\n"),
    );
    let (one, two) = (
        built(&name("one"), build.clone()),
        built(&name("two"), build),
    );

    let (first, second) = tokio::join!(
        acquirer.ensure(&one, None, &desk.events),
        acquirer.ensure(&two, None, &desk.events),
    );

    assert_eq!(first.expect("built").1, ImageOutcome::Built);
    assert_eq!(second.expect("built").1, ImageOutcome::Built);
    let words = desk.words(ImageWay::Bootstrap);
    let runs = words
        .iter()
        .filter(|word| word.starts_with("automatically chosen mode"))
        .count();
    assert_eq!(runs, 1, "{words:?}");
}

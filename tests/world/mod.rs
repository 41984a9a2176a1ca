//! A project of its own on the real engine, gone when the test ends, even by a panic.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

mod shipped;

use std::collections::BTreeMap;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jobsprint_dev::domain::{
    ContainerId, ContainerSpec, Failure, ImageSource, ProjectName, Readiness, Service, ServiceName,
    Stack,
};
use jobsprint_dev::engine::{self, Engine, EngineFacts, Removal, Surroundings};
use jobsprint_dev::event::{Event, Events, Stamped};
use jobsprint_dev::probe::{Prober, Target, Until, Wait};
use jobsprint_dev::run::Pulse;
use tokio::sync::mpsc::UnboundedReceiver;

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// A project on the real engine.
pub struct World {
    pub engine: Arc<dyn Engine>,
    pub facts: EngineFacts,
    pub project: ProjectName,
    pub events: Events,
    pub heard: UnboundedReceiver<Stamped>,
    pub pulse: Pulse,
}

impl World {
    /// A new project. Fails with a hint where no engine can be reached.
    pub async fn new() -> Self {
        let surroundings = Surroundings::of_this_process();
        let engine = engine::connect(&surroundings).await.unwrap_or_else(|absence| {
            panic!("this test needs a container engine: {absence}; `jobsprint-dev engine ensure` brings one up")
        });
        let facts = engine.facts().await.expect("the engine answers");
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let name = format!("data-test-{}-{number}", process::id());
        let project = ProjectName::new(name).unwrap();
        let pulse = Pulse::listen(engine.clone(), &project).await.unwrap();
        let (events, heard) = Events::channel();
        Self {
            engine,
            facts,
            project,
            events,
            heard,
            pulse,
        }
    }

    pub fn prober(&self) -> Prober {
        Prober::new(self.engine.clone(), self.facts.clone())
    }

    /// Makes and starts a container for the service.
    pub async fn start(&self, service: &Service) -> ContainerId {
        let spec = ContainerSpec {
            name: format!("{}-{}-1", self.project, service.name),
            image: service.image.reference.clone(),
            labels: [
                ("com.docker.compose.project", self.project.as_str()),
                ("com.docker.compose.service", service.name.as_str()),
                ("com.docker.compose.container-number", "1"),
                ("com.docker.compose.oneoff", "False"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            settings: service.container.clone(),
            network_names: BTreeMap::new(),
            volume_names: BTreeMap::new(),
            aliases: Vec::new(),
            inherited_volumes: BTreeMap::new(),
            unlisted: std::collections::BTreeSet::new(),
        };
        let image = &service.image.reference;
        if !image.as_str().starts_with("jobsprint-dev-test/") {
            shipped::ensure(&self.engine, image).await;
        }
        let id = self
            .engine
            .create_container(&spec)
            .await
            .unwrap_or_else(|error| {
                panic!("{error}; the image `{image}` is made by `jobsprint-dev setup`")
            });
        self.engine.start_container(&id).await.unwrap();
        id
    }

    /// Starts the service and waits until it is ready.
    pub async fn up(&self, service: &Service) -> (ContainerId, Result<Duration, Failure>) {
        let engine_events = self.pulse.subscribe();
        let id = self.start(service).await;
        let waited = self.wait(service, &id, Until::Ready, engine_events).await;
        (id, waited)
    }

    pub async fn wait(
        &self,
        service: &Service,
        container: &ContainerId,
        until: Until,
        engine_events: tokio::sync::broadcast::Receiver<engine::EngineEvent>,
    ) -> Result<Duration, Failure> {
        let wait = Wait {
            service,
            container,
            until,
            limit: None,
            engine_events,
            events: &self.events,
        };
        self.prober().wait(wait).await
    }

    /// The service's container as a probe's target.
    pub async fn target(&self, service: &Service, id: &ContainerId) -> Target {
        let container = self.engine.container(id.as_str()).await.unwrap().unwrap();
        Target::of(&*self.engine, &self.facts, service, container).await
    }

    /// The reasons to wait that were told so far.
    pub fn reasons(&mut self) -> Vec<String> {
        let mut reasons = Vec::new();
        while let Ok(stamped) = self.heard.try_recv() {
            if let Event::Waiting { reason, .. } = stamped.event {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// A stack of these services.
    pub fn stack(&self, services: impl IntoIterator<Item = Service>) -> Stack {
        Stack {
            project: self.project.clone(),
            working_dir: std::env::temp_dir(),
            config_files: Vec::new(),
            services: services
                .into_iter()
                .map(|service| (service.name.clone(), service))
                .collect(),
            disabled: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            bases: BTreeMap::new(),
            seeds: None,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let (engine, project) = (self.engine.clone(), self.project.clone());
        // A thread of its own, since the test's runtime may be ending by a panic.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let observed = engine.observe(&project, &[]).await.unwrap();
                for container in observed.containers {
                    engine
                        .remove_container(&container.id, Removal::WithVolumes)
                        .await
                        .ok();
                }
            });
        });
        cleaner.join().ok();
    }
}

/// A service of this image on the engine's own bridge.
pub fn service(name: &str, image: &str, ready: Readiness) -> Service {
    let name = ServiceName::new(name).unwrap();
    let mut service = Service::new(name, ImageSource::named(image));
    service.ready = ready;
    service.container.network_mode = Some("bridge".to_owned());
    service
}

/// A postgres for the role and database `jobsprint`.
pub fn postgres() -> Service {
    let mut service = service("postgres", "postgres:15-alpine", Readiness::Postgres);
    let environment = &mut service.container.environment;
    environment.set("POSTGRES_USER", "jobsprint");
    environment.set("POSTGRES_PASSWORD", "s3cret-pg");
    environment.set("POSTGRES_DB", "jobsprint");
    service
}

/// A service that runs a shell's text on the slim base image.
pub fn shell(name: &str, ready: Readiness, script: &str) -> Service {
    let mut service = service(name, "debian:bookworm-slim", ready);
    service.container.command = Some(["sh", "-c", script].map(ToOwned::to_owned).to_vec());
    service
}

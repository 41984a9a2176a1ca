//! What is known of shared stores: how to log in to them, and what they were made by.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::session::Session;
use crate::app::up;
use crate::data::{DataContext, Glance};
use crate::domain::{
    AmqpLogin, Failure, FailureKind, ImageSource, PostgresLogin, ProjectName, Readiness,
    RedisLogin, Service, ServiceName, Stack,
};
use crate::engine::{Engine, EngineFacts};
use crate::store::{self, Privacy};

/// What is known of the stores, kept among the tool's own state and readable by its owner alone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known {
    /// By the variables' names.
    pub values: BTreeMap<String, String>,
    pub ports: BTreeMap<u16, u16>,
    pub subnets: BTreeMap<String, String>,
    /// As the objects have it.
    pub lease: BTreeMap<String, String>,
    /// Each store's kind, and the variables of its administrator.
    pub stores: BTreeMap<String, (String, BTreeMap<String, String>)>,
}

impl Known {
    pub fn read(session: &Session, project: &ProjectName) -> Option<Self> {
        let text = fs::read(place(session, project)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    pub fn write(&self, session: &Session, project: &ProjectName) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).expect("text and numbers");
        write_private(&place(session, project), &text)
    }

    /// The stores as far as it takes to log in to them.
    fn door(&self, project: &ProjectName) -> Option<Stack> {
        let services = self.stores.iter().map(|(name, (kind, variables))| {
            let mut store = bare(name, kind)?;
            store.container_name = Some(format!("{project}-{name}-1"));
            for (name, value) in variables {
                store.container.environment.set(name, value.as_str());
            }
            Some((store.name.clone(), store))
        });
        let services = services.collect::<Option<BTreeMap<_, _>>>()?;
        Some(Stack {
            project: project.clone(),
            working_dir: PathBuf::new(),
            config_files: Vec::new(),
            services,
            disabled: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            bases: BTreeMap::new(),
            seeds: None,
        })
    }
}

/// What the work on the stores' data needs; `None` where nothing is known of them any more.
pub(in crate::app::ci) fn context(
    session: &Session,
    engine: &Arc<dyn Engine>,
    facts: EngineFacts,
    project: &ProjectName,
) -> Option<DataContext> {
    let door = Known::read(session, project)?.door(project)?;
    Some(DataContext {
        engine: Arc::clone(engine),
        facts,
        containers: up::containers(&door),
        stack: Arc::new(door),
        events: session.events.clone(),
        glance: Glance::default(),
    })
}

/// Forgets a stack that is gone: that it was to stay, and what was known of stores.
pub(in crate::app) fn forget(session: &Session, project: &ProjectName) {
    // What isn't there needs no removal.
    fs::remove_file(place(session, project)).ok();
    fs::remove_file(
        session
            .locks()
            .with_file_name("kept")
            .join(project.as_str()),
    )
    .ok();
}

/// Whether the stores are this user's own.
pub(in crate::app) fn is_ours(session: &Session, project: &ProjectName) -> bool {
    place(session, project).exists()
}

/// The variables that say who administers a store.
pub(super) fn administrator(store: &Service) -> BTreeMap<String, String> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let text = |text: &str| Some(text.to_owned());
    let variables = match store.ready {
        Readiness::Postgres => {
            let login = PostgresLogin::of(store, &read);
            let password = login.password.and_then(|password| text(password.expose()));
            vec![
                ("POSTGRES_USER", Some(login.user)),
                ("POSTGRES_PASSWORD", password),
                ("POSTGRES_DB", Some(login.database)),
            ]
        }
        Readiness::Redis => {
            let login = RedisLogin::of(store, &read);
            let password = login.password.and_then(|password| text(password.expose()));
            vec![("REDIS_USERNAME", login.user), ("REDIS_PASSWORD", password)]
        }
        _ => {
            let login = AmqpLogin::of(store, &read);
            vec![
                ("RABBITMQ_DEFAULT_USER", Some(login.user)),
                ("RABBITMQ_DEFAULT_PASS", text(login.password.expose())),
                ("RABBITMQ_DEFAULT_VHOST", Some(login.vhost)),
            ]
        }
    };
    let given = variables.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// A store of this name and kind, and nothing more.
pub(in crate::app::ci) fn bare(name: &str, kind: &str) -> Option<Service> {
    let mut store = Service::new(ServiceName::new(name).ok()?, ImageSource::named("-"));
    store.ready = match kind {
        "postgres" => Readiness::Postgres,
        "redis" => Readiness::Redis,
        "amqp" => Readiness::Amqp,
        _ => return None,
    };
    Some(store)
}

/// The word for a store's kind.
pub(in crate::app::ci) fn kind_of(store: &Service) -> &'static str {
    match store.ready {
        Readiness::Postgres => "postgres",
        Readiness::Redis => "redis",
        _ => "amqp",
    }
}

/// Writes a file of the tool's own state that only its owner reads.
pub(in crate::app::ci) fn write_private(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let failed = |reason: String| {
        let message = format!("cannot write `{}`: {reason}", path.display());
        Failure::new(FailureKind::Project, message).hint("go without `--isolate tenant`")
    };
    let directory = path.parent().expect("it is below the state's directory");
    fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
    store::write(path, text, Privacy::Private).map_err(|error| failed(error.to_string()))
}

fn place(session: &Session, project: &ProjectName) -> PathBuf {
    let directory = session.locks().with_file_name("shared");
    directory.join(format!("{project}.json"))
}

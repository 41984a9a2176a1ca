//! Who is asked: a service, its container, and the ways that lead to its ports.

use crate::domain::{ObservedContainer, Protocol, Readiness, Service};
use crate::engine::{Engine, EngineFacts, Route, routes};

const POSTGRES: u16 = 5432;
const REDIS: u16 = 6379;
const AMQP: u16 = 5672;

/// Somebody to ask.
#[derive(Debug, Clone)]
pub struct Target {
    /// The service, whose settings hold the credentials.
    pub service: Service,
    /// The container that is asked.
    pub container: ObservedContainer,
    /// The ways to the port that the probe speaks to, best first; empty where it needs none, or where there is none.
    pub ways: Vec<Route>,
}

impl Target {
    /// The target for the service's own readiness. Looks into the image for a port where the file names none.
    pub async fn of(
        engine: &dyn Engine,
        facts: &EngineFacts,
        service: &Service,
        container: ObservedContainer,
    ) -> Self {
        let mode = service.container.network_mode.as_deref();
        let ways = match port(engine, service).await {
            Some(port) => routes(facts, mode, &container, port),
            None => Vec::new(),
        };
        Self {
            service: service.clone(),
            container,
            ways,
        }
    }
}

async fn port(engine: &dyn Engine, service: &Service) -> Option<u16> {
    match &service.ready {
        Readiness::Postgres => Some(POSTGRES),
        Readiness::Redis => Some(REDIS),
        Readiness::Amqp => Some(AMQP),
        Readiness::Http { port, .. } | Readiness::Tcp { port } => match port {
            Some(port) => Some(*port),
            None => first_port(engine, service).await,
        },
        Readiness::Log { .. } | Readiness::Healthcheck | Readiness::Started => None,
    }
}

/// The first published port, else the first exposed one of the file, else of the image.
async fn first_port(engine: &dyn Engine, service: &Service) -> Option<u16> {
    let settings = &service.container;
    let published = settings
        .ports
        .iter()
        .find(|port| port.protocol == Protocol::Tcp)
        .map(|port| port.container);
    let exposed = || settings.expose.iter().find_map(|port| tcp_port(port));
    if let Some(port) = published.or_else(exposed) {
        return Some(port);
    }
    let image = engine.image_command(&service.image.reference).await.ok()?;
    image.exposed.iter().find_map(|port| tcp_port(port))
}

/// The number in `8080` or `8080/tcp`.
fn tcp_port(text: &str) -> Option<u16> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    (protocol == "tcp").then(|| number.parse().ok())?
}

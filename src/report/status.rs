//! What runs now, service by service: the table and the JSON of `status`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::{
    BoundPort, ContainerState, Health, ImageRef, Observed, ObservedContainer, Role, Service,
    ServiceName, Stack,
};
use crate::report::{table, words};

/// The version of the JSON document.
const SCHEMA: u32 = 1;

/// One container of a service, or the service itself where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRow {
    /// The service.
    pub service: ServiceName,
    /// Data or app.
    pub role: Role,
    /// `ready`, `starting`, `unhealthy`, `restarting`, `exited` or `missing`.
    pub state: &'static str,
    /// The image that runs; the file's where nothing runs.
    pub image: ImageRef,
    /// The container's name.
    pub container: Option<String>,
    /// Ports bound on the host.
    pub ports: Vec<BoundPort>,
    /// The URL a person opens.
    pub url: Option<String>,
    /// Since when it is in this state, where the engine tells.
    pub since: Option<SystemTime>,
    /// How often the engine restarted it.
    pub restarts: u32,
    /// What it waits for, in words.
    pub waiting_for: Option<String>,
}

/// What a service's own probe said just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// It is ready.
    Ready,
    /// It isn't, and why.
    Waiting(String),
}

/// A project at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The project's name.
    pub project: String,
    /// Its services, by name.
    pub rows: Vec<StatusRow>,
}

impl Status {
    /// Reads the state of every enabled service. What a service's own probe said counts before the engine's
    /// healthcheck, which may be half a minute old; a running service without either is believed to be ready.
    #[must_use]
    pub fn of(stack: &Stack, observed: &Observed, probed: &BTreeMap<ServiceName, Probed>) -> Self {
        let rows = stack.services.values().flat_map(|service| {
            let probed = probed.get(&service.name);
            let rows: Vec<StatusRow> = observed
                .of(&service.name)
                .map(|container| present(service, container, probed))
                .collect();
            if rows.is_empty() {
                vec![missing(service)]
            } else {
                rows
            }
        });
        Self {
            project: stack.project.to_string(),
            rows: rows.collect(),
        }
    }

    /// Whether every service is ready.
    #[must_use]
    pub fn all_ready(&self) -> bool {
        self.rows.iter().all(|row| row.state == "ready")
    }

    /// The table: service, state, for how long, ports, URL, and what it waits for.
    #[must_use]
    pub fn text(&self, now: SystemTime) -> String {
        if self.rows.is_empty() {
            return format!("{} has no services\n", self.project);
        }
        let head = ["SERVICE", "STATE", "FOR", "PORTS", "URL", ""].map(str::to_owned);
        let rows = self.rows.iter().map(|row| row.cells(now));
        let lines = table::lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
        lines.join("\n") + "\n"
    }

    /// The document of `status --output json`, schema 1.
    #[must_use]
    pub fn json(&self) -> String {
        let services: Vec<Value> = self.rows.iter().map(StatusRow::json).collect();
        json!({ "schema": SCHEMA, "project": self.project, "services": services }).to_string()
    }
}

impl StatusRow {
    fn cells(&self, now: SystemTime) -> [String; 6] {
        let since = self
            .since
            .and_then(|since| now.duration_since(since).ok())
            .map(|age| words::duration(Duration::from_secs(age.as_secs())))
            .unwrap_or_default();
        let mut ports: Vec<String> = self
            .ports
            .iter()
            .map(|port| port.host.to_string())
            .collect();
        ports.dedup();
        let note = match (&self.waiting_for, self.restarts) {
            (Some(reason), _) => format!("waiting for {reason}"),
            (None, 0) => String::new(),
            (None, restarts) => {
                words::count(usize::try_from(restarts).unwrap_or(usize::MAX), "restart")
            }
        };
        [
            self.service.to_string(),
            self.state.to_owned(),
            since,
            ports.join(","),
            self.url.clone().unwrap_or_default(),
            note,
        ]
    }

    fn json(&self) -> Value {
        let ports: Vec<Value> = self
            .ports
            .iter()
            .map(|port| {
                json!({
                    "host_ip": port.host_ip.to_string(),
                    "host": port.host,
                    "container": port.container,
                    "protocol": port.protocol.to_string(),
                })
            })
            .collect();
        json!({
            "service": self.service.as_str(),
            "role": match self.role {
                Role::Data => "data",
                Role::App => "app",
            },
            "state": self.state,
            "image": self.image.as_str(),
            "container": self.container,
            "ports": ports,
            "url": self.url,
            "since": self.since.and_then(rfc3339),
            "restarts": self.restarts,
            "waiting_for": self.waiting_for,
        })
    }
}

fn present(service: &Service, container: &ObservedContainer, probed: Option<&Probed>) -> StatusRow {
    let (state, since, waiting_for) = match &container.state {
        ContainerState::Running { since, health } => {
            let (state, reason) = running(*health, probed);
            (state, Some(*since), reason)
        }
        ContainerState::Created => ("starting", None, Some("its start".to_owned())),
        ContainerState::Paused => ("unhealthy", None, Some("`docker unpause`".to_owned())),
        ContainerState::Restarting { .. } => ("restarting", None, None),
        ContainerState::Exited { at, .. } => ("exited", *at, None),
        ContainerState::Dead => ("exited", None, None),
    };
    let mut ports = container.ports.clone();
    ports.sort();
    StatusRow {
        service: service.name.clone(),
        role: service.role,
        state,
        image: container.image.clone(),
        container: Some(container.name.clone()),
        ports,
        url: service.url.clone(),
        since,
        restarts: container.restarts,
        waiting_for,
    }
}

fn running(health: Option<Health>, probed: Option<&Probed>) -> (&'static str, Option<String>) {
    match (health, probed) {
        (Some(Health::Unhealthy), Some(Probed::Waiting(reason))) => {
            ("unhealthy", Some(reason.clone()))
        }
        (Some(Health::Unhealthy), _) => ("unhealthy", None),
        (_, Some(Probed::Waiting(reason))) => ("starting", Some(reason.clone())),
        (Some(Health::Starting), None) => ("starting", Some("its healthcheck".to_owned())),
        (_, Some(Probed::Ready)) | (Some(Health::Healthy) | None, None) => ("ready", None),
    }
}

fn missing(service: &Service) -> StatusRow {
    StatusRow {
        service: service.name.clone(),
        role: service.role,
        state: "missing",
        image: service.image.reference.clone(),
        container: None,
        ports: Vec::new(),
        url: service.url.clone(),
        since: None,
        restarts: 0,
        waiting_for: None,
    }
}

fn rfc3339(moment: SystemTime) -> Option<String> {
    let whole = OffsetDateTime::from(moment).replace_nanosecond(0).ok()?;
    whole.format(&Rfc3339).ok()
}

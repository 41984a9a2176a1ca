//! What runs now, service by service: the table and the JSON of `status`.

use std::collections::BTreeMap;
use std::time::SystemTime;

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
            .map(words::age)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_service_is_what_its_probe_and_the_engine_say() {
        let refused = Probed::Waiting("HTTP 503 from /ready".to_owned());
        let told = [
            running(None, None),
            running(Some(Health::Healthy), None),
            running(Some(Health::Starting), None),
            running(Some(Health::Healthy), Some(&refused)),
            running(Some(Health::Starting), Some(&Probed::Ready)),
            running(Some(Health::Unhealthy), None),
        ]
        .map(|(state, reason)| (state, reason.unwrap_or_default()));

        assert_eq!(
            told,
            [
                ("ready", String::new()),
                ("ready", String::new()),
                ("starting", "its healthcheck".to_owned()),
                ("starting", "HTTP 503 from /ready".to_owned()),
                ("ready", String::new()),
                ("unhealthy", String::new()),
            ]
        );
    }

    fn project() -> Status {
        let moment = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        let row = |service: &str, state| StatusRow {
            service: ServiceName::new(service).expect("a valid name"),
            role: Role::Data,
            state,
            image: ImageRef::new("redis:7-alpine"),
            container: None,
            ports: Vec::new(),
            url: None,
            since: None,
            restarts: 0,
            waiting_for: None,
        };
        Status {
            project: "shop".to_owned(),
            rows: vec![
                StatusRow {
                    container: Some("shop-redis-1".to_owned()),
                    ports: vec![BoundPort {
                        host_ip: std::net::Ipv4Addr::LOCALHOST.into(),
                        host: 6379,
                        container: 6379,
                        protocol: crate::domain::Protocol::Tcp,
                    }],
                    since: Some(moment),
                    restarts: 2,
                    ..row("redis", "ready")
                },
                row("web", "missing"),
            ],
        }
    }

    #[test]
    fn the_table_lines_up() {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_065);

        assert_eq!(
            project().text(now),
            "\
SERVICE  STATE    FOR      PORTS  URL
redis    ready    1 m 5 s  6379        2 restarts
web      missing
"
        );
    }

    #[test]
    fn the_document_has_every_key_of_schema_1() {
        let expected = concat!(
            r#"{"schema":1,"project":"shop","services":["#,
            r#"{"service":"redis","role":"data","state":"ready","image":"redis:7-alpine","#,
            r#""container":"shop-redis-1","ports":[{"host_ip":"127.0.0.1","host":6379,"container":6379,"#,
            r#""protocol":"tcp"}],"url":null,"since":"1970-01-12T13:46:40Z","restarts":2,"waiting_for":null},"#,
            r#"{"service":"web","role":"data","state":"missing","image":"redis:7-alpine","#,
            r#""container":null,"ports":[],"url":null,"since":null,"restarts":0,"waiting_for":null}]}"#,
        );

        assert_eq!(project().json(), expected);
    }
}

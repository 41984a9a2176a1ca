//! What the engine says of a container, in the domain's nouns.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bollard::models::{
    ContainerInspectResponse, ContainerState as EngineState, ContainerStateStatusEnum,
    HealthStatusEnum,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::{
    BoundPort, ContainerId, ContainerState, Health, ImageId, ImageRef, ObservedContainer, Protocol,
    ServiceName,
};

/// Reads an inspect answer; `None` where it lacks an id.
pub(super) fn observed(answer: ContainerInspectResponse) -> Option<ObservedContainer> {
    let config = answer.config.unwrap_or_default();
    let labels: std::collections::BTreeMap<_, _> =
        config.labels.unwrap_or_default().into_iter().collect();
    let name = answer
        .name
        .unwrap_or_default()
        .trim_start_matches('/')
        .to_owned();
    // A container that Compose did not make stands under its own name.
    let service = labels
        .get("com.docker.compose.service")
        .and_then(|service| ServiceName::new(service.as_str()).ok())
        .or_else(|| ServiceName::new(name.as_str()).ok())?;
    let number = labels
        .get("com.docker.compose.container-number")
        .and_then(|number| number.parse().ok())
        .unwrap_or(1);
    let network = answer.network_settings.unwrap_or_default();
    let mounts = answer.mounts.unwrap_or_default();
    Some(ObservedContainer {
        id: ContainerId::new(answer.id?),
        name,
        service,
        number,
        image: ImageRef::new(config.image.unwrap_or_default()),
        image_id: ImageId::new(answer.image.unwrap_or_default()),
        state: state(&answer.state.unwrap_or_default()),
        restarts: answer
            .restart_count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or_default(),
        labels,
        ports: bound_ports(network.ports.unwrap_or_default()),
        addresses: network
            .networks
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, endpoint)| Some((name, address(endpoint.ip_address.as_deref())?)))
            .collect(),
        volumes: mounts
            .into_iter()
            .filter(|mount| mount.typ.as_deref() == Some("volume"))
            .filter_map(|mount| Some((mount.destination?, mount.name?)))
            .collect(),
    })
}

fn state(state: &EngineState) -> ContainerState {
    use ContainerStateStatusEnum as Status;
    let code = state.exit_code.unwrap_or_default();
    match state.status.unwrap_or(Status::EMPTY) {
        Status::CREATED => ContainerState::Created,
        Status::RUNNING | Status::STOPPING => ContainerState::Running {
            since: moment(state.started_at.as_deref()).unwrap_or(SystemTime::UNIX_EPOCH),
            health: health(state),
        },
        Status::PAUSED => ContainerState::Paused,
        Status::RESTARTING => ContainerState::Restarting { code },
        Status::EXITED => ContainerState::Exited {
            code,
            out_of_memory: state.oom_killed.unwrap_or_default(),
            at: moment(state.finished_at.as_deref()),
        },
        Status::EMPTY | Status::REMOVING | Status::DEAD => ContainerState::Dead,
    }
}

fn health(state: &EngineState) -> Option<Health> {
    let health = state.health.as_ref()?;
    match health.status? {
        // A pause ends the engine's checks, and it calls that unhealthy until the first check afterwards: nothing failed.
        HealthStatusEnum::UNHEALTHY if health.failing_streak == Some(0) => Some(Health::Starting),
        HealthStatusEnum::STARTING => Some(Health::Starting),
        HealthStatusEnum::HEALTHY => Some(Health::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => None,
    }
}

fn bound_ports(ports: bollard::models::PortMap) -> Vec<BoundPort> {
    let mut bound: Vec<_> = ports
        .into_iter()
        .filter_map(|(key, bindings)| Some((container_port(&key)?, bindings?)))
        .flat_map(|((container, protocol), bindings)| {
            bindings.into_iter().filter_map(move |binding| {
                Some(BoundPort {
                    host_ip: address(binding.host_ip.as_deref())?,
                    host: binding.host_port?.parse().ok()?,
                    container,
                    protocol,
                })
            })
        })
        .collect();
    bound.sort();
    bound
}

fn container_port(key: &str) -> Option<(u16, Protocol)> {
    let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return None,
    };
    Some((port.parse().ok()?, protocol))
}

fn address(text: Option<&str>) -> Option<IpAddr> {
    text?.parse().ok()
}

/// The engine writes year 1 for "never".
fn moment(text: Option<&str>) -> Option<SystemTime> {
    let moment = OffsetDateTime::parse(text?, &Rfc3339).ok()?;
    let nanoseconds = u64::try_from(moment.unix_timestamp_nanos()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds))
}

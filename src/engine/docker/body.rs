//! A container's settings as the engine's create call takes them.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, DeviceMapping, DeviceRequest, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, NetworkingConfig, PortBinding, PortMap,
    ResourcesUlimits, RestartPolicy as EngineRestartPolicy, RestartPolicyNameEnum,
};

use super::attachment::Attachments;
use super::client::Api;
use super::mounts::mounts;
use crate::domain::{
    ContainerSettings, ContainerSpec, Healthcheck, HostPort, Logging, PublishedPort, RestartPolicy,
};
use crate::engine::EngineError;

/// The first API whose engines run checks faster while a container starts.
const START_INTERVAL: Api = Api(1, 44);

/// The body of a create call.
///
/// # Errors
/// [`EngineError::Unsupported`] for a setting that this engine can't apply.
pub(super) fn body(
    spec: &ContainerSpec,
    attachments: &Attachments,
    api: Api,
) -> Result<ContainerCreateBody, EngineError> {
    let settings = &spec.settings;
    let (exposed, bindings) = ports(settings);
    Ok(ContainerCreateBody {
        image: Some(spec.image.as_str().to_owned()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        cmd: settings.command.clone(),
        entrypoint: settings.entrypoint.clone().map(cleared_if_empty),
        env: Some(environment(settings)),
        user: settings.user.clone(),
        working_dir: settings.working_dir.clone(),
        hostname: settings.hostname.clone(),
        domainname: settings.domainname.clone(),
        tty: Some(settings.tty),
        open_stdin: Some(settings.stdin_open),
        exposed_ports: (!exposed.is_empty()).then_some(exposed),
        healthcheck: settings
            .healthcheck
            .as_ref()
            .map(|check| healthcheck(check, api)),
        stop_signal: settings.stop_signal.clone(),
        stop_timeout: settings
            .stop_grace
            .map(|grace| grace.as_millis().div_ceil(1000))
            .and_then(|seconds| i64::try_from(seconds).ok()),
        host_config: Some(host_config(spec, attachments, bindings, api)?),
        networking_config: (!attachments.at_create.is_empty()).then(|| NetworkingConfig {
            endpoints_config: Some(attachments.at_create.clone()),
        }),
        ..Default::default()
    })
}

fn host_config(
    spec: &ContainerSpec,
    attachments: &Attachments,
    bindings: PortMap,
    api: Api,
) -> Result<HostConfig, EngineError> {
    let settings = &spec.settings;
    let resources = &settings.resources;
    let mounts = mounts(spec, api)?;
    Ok(HostConfig {
        binds: some(mounts.binds),
        mounts: some(mounts.mounts),
        port_bindings: (!bindings.is_empty()).then_some(bindings),
        network_mode: attachments.mode.clone(),
        links: attachments
            .at_create
            .is_empty()
            .then(|| some(settings.links.clone()))
            .flatten(),
        restart_policy: Some(restart_policy(settings.restart)),
        init: settings.init,
        log_config: log_config(&settings.logging),
        memory: signed(resources.memory),
        memory_reservation: signed(resources.memory_reservation),
        memory_swap: resources.memory_swap,
        nano_cpus: signed(resources.nano_cpus),
        cpu_shares: signed(resources.cpu_shares),
        cpuset_cpus: resources.cpuset.clone(),
        pids_limit: resources.pids,
        shm_size: signed(settings.shm_size),
        ulimits: some(settings.ulimits.iter().map(ulimit).collect()),
        ipc_mode: settings.ipc.clone(),
        pid_mode: settings.pid.clone(),
        uts_mode: settings.uts.clone(),
        cgroupns_mode: settings.cgroup.as_deref().and_then(cgroup_mode),
        cgroup_parent: settings.cgroup_parent.clone(),
        cap_add: some(settings.cap_add.clone()),
        cap_drop: some(settings.cap_drop.clone()),
        privileged: Some(settings.privileged),
        security_opt: some(settings.security_opt.clone()),
        sysctls: map(&settings.sysctls),
        readonly_rootfs: Some(settings.read_only),
        devices: some(settings.devices.iter().map(device).collect()),
        device_cgroup_rules: some(settings.device_cgroup_rules.clone()),
        device_requests: settings.gpus.map(|count| vec![gpus(count)]),
        dns: some(settings.dns.iter().map(ToString::to_string).collect()),
        dns_search: some(settings.dns_search.clone()),
        dns_options: some(settings.dns_opt.clone()),
        extra_hosts: some(settings.extra_hosts.clone()),
        group_add: some(settings.group_add.clone()),
        userns_mode: settings.userns_mode.clone(),
        runtime: settings.runtime.clone(),
        annotations: map(&settings.annotations),
        oom_score_adj: settings.oom_score_adj,
        oom_kill_disable: settings.oom_kill_disable,
        volumes_from: some(settings.volumes_from.clone()),
        storage_opt: map(&settings.storage_opt),
        ..Default::default()
    })
}

/// The engine takes an empty entrypoint for "the image's"; one empty word clears it.
fn cleared_if_empty(entrypoint: Vec<String>) -> Vec<String> {
    if entrypoint.is_empty() {
        vec![String::new()]
    } else {
        entrypoint
    }
}

fn environment(settings: &ContainerSettings) -> Vec<String> {
    settings
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={}", value.expose()))
        .collect()
}

/// Both maps are needed: bindings without exposed ports are ignored in silence.
fn ports(settings: &ContainerSettings) -> (Vec<String>, PortMap) {
    let mut exposed: Vec<String> = settings
        .expose
        .iter()
        .map(|port| with_protocol(port))
        .collect();
    let mut bindings = PortMap::new();
    for port in &settings.ports {
        let key = format!("{}/{}", port.container, port.protocol);
        if !exposed.contains(&key) {
            exposed.push(key.clone());
        }
        bindings
            .entry(key)
            .or_default()
            .get_or_insert_with(Vec::new)
            .push(binding(port));
    }
    (exposed, bindings)
}

fn with_protocol(port: &str) -> String {
    if port.contains('/') {
        port.to_owned()
    } else {
        format!("{port}/tcp")
    }
}

/// A port without an address is published on loopback: a development stack is nobody else's business.
fn binding(port: &PublishedPort) -> PortBinding {
    PortBinding {
        host_ip: Some(
            port.host_ip
                .map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string()),
        ),
        host_port: Some(match port.host {
            HostPort::Any => String::new(),
            HostPort::Fixed(port) => port.to_string(),
            HostPort::Range(first, last) => format!("{first}-{last}"),
        }),
    }
}

fn healthcheck(check: &Healthcheck, api: Api) -> HealthConfig {
    let nanoseconds = |time: Option<std::time::Duration>| {
        time.and_then(|time| i64::try_from(time.as_nanos()).ok())
    };
    HealthConfig {
        test: Some(check.test.clone()),
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: check.retries.map(i64::from),
        start_period: nanoseconds(check.start_period),
        start_interval: nanoseconds(check.start_interval).filter(|_| api >= START_INTERVAL),
    }
}

fn restart_policy(policy: RestartPolicy) -> EngineRestartPolicy {
    let (name, retries) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::OnFailure { retries } => {
            (RestartPolicyNameEnum::ON_FAILURE, retries.map(i64::from))
        }
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
    };
    EngineRestartPolicy {
        name: Some(name),
        maximum_retry_count: retries,
    }
}

fn log_config(logging: &Logging) -> Option<HostConfigLogConfig> {
    let is_default = logging.driver.is_none() && logging.options.is_empty();
    (!is_default).then(|| HostConfigLogConfig {
        typ: logging.driver.clone(),
        config: Some(logging.options.clone().into_iter().collect()),
    })
}

fn ulimit(limit: &crate::domain::Ulimit) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(limit.name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    }
}

fn device(device: &crate::domain::Device) -> DeviceMapping {
    DeviceMapping {
        path_on_host: Some(device.host.clone()),
        path_in_container: Some(device.container.clone()),
        cgroup_permissions: Some(device.permissions.clone()),
    }
}

fn gpus(count: i64) -> DeviceRequest {
    DeviceRequest {
        count: Some(count),
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        ..Default::default()
    }
}

fn cgroup_mode(word: &str) -> Option<HostConfigCgroupnsModeEnum> {
    match word {
        "host" => Some(HostConfigCgroupnsModeEnum::HOST),
        "private" => Some(HostConfigCgroupnsModeEnum::PRIVATE),
        _ => None,
    }
}

fn signed(value: Option<u64>) -> Option<i64> {
    value.map(|value| i64::try_from(value).unwrap_or(i64::MAX))
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn map(values: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!values.is_empty()).then(|| values.clone().into_iter().collect())
}

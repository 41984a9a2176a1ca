//! Every attribute of a container reaches the engine: made by the tool, read back by the engine's own inspect.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::InspectContainerOptions;
use jobsprint_dev::domain::{
    ContainerId, ContainerSettings, ContainerSpec, Device, Healthcheck, HostPort, Logging, Mount,
    MountAccess, MountSource, NetworkAttachment, PlacedFile, Protocol, PublishedPort, Resources,
    RestartPolicy, Secret, Ulimit,
};
use jobsprint_dev::engine::ExecRequest;
use serde_json::{Value, json};
use support::Bed;

/// Makes a container of `settings` and gives what the engine says of it.
async fn inspected(bed: &Bed, change: impl FnOnce(&mut ContainerSpec)) -> Value {
    let image = support::tiny_image(&bed.engine).await;
    let mut spec = bed.container(&image, "web", &["sleep", "infinity"]);
    change(&mut spec);
    let id = bed.engine.create_container(&spec).await.expect("made");
    let docker = Docker::connect_with_unix_defaults().expect("the engine's socket");
    let answer = docker
        .inspect_container(id.as_str(), None::<InspectContainerOptions>)
        .await
        .expect("inspected");
    serde_json::to_value(answer).expect("an answer is JSON")
}

/// Compares all that `expected` names, and tells all that differs at once.
fn assert_reached(inspected: &Value, expected: &[(&str, Value)]) {
    let differing: Vec<_> = expected
        .iter()
        .filter(|(pointer, value)| inspected.pointer(pointer) != Some(value))
        .map(|(pointer, value)| {
            let found = inspected.pointer(pointer).unwrap_or(&Value::Null);
            format!("{pointer}: expected {value}, found {found}")
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    owned.collect()
}

async fn bed() -> Bed {
    let bed = Bed::make().await;
    bed.engine
        .create_network(&bed.network())
        .await
        .expect("made");
    bed.engine.create_volume(&bed.volume()).await.expect("made");
    bed
}

#[tokio::test]
async fn what_runs_and_as_whom_reaches_the_engine() {
    let bed = bed().await;

    let inspected = inspected(&bed, |spec| {
        let settings = &mut spec.settings;
        settings.entrypoint = Some(words(&["env"]));
        settings.command = Some(words(&["sh", "-c", "sleep 9"]));
        settings.environment.set("COLOUR", "blue");
        settings.working_dir = Some("/tmp".into());
        settings.user = Some("1000:1000".into());
        settings.hostname = Some("web".into());
        settings.domainname = Some("example.test".into());
        settings.tty = true;
        settings.stdin_open = true;
        settings.init = Some(true);
        settings.stop_signal = Some("SIGUSR1".into());
        settings.stop_grace = Some(Duration::from_millis(2500));
        settings.restart = RestartPolicy::OnFailure { retries: Some(4) };
        settings.healthcheck = Some(Healthcheck {
            test: words(&["CMD", "true"]),
            interval: Some(Duration::from_secs(5)),
            timeout: Some(Duration::from_secs(2)),
            retries: Some(7),
            start_period: Some(Duration::from_secs(9)),
            start_interval: Some(Duration::from_secs(1)),
        });
        settings.platform = Some("linux/amd64".into());
    })
    .await;

    assert_reached(
        &inspected,
        &[
            ("/Config/Entrypoint", json!(["env"])),
            ("/Config/Cmd", json!(["sh", "-c", "sleep 9"])),
            ("/Config/Env", json!(["COLOUR=blue", "PATH=/bin"])),
            ("/Config/WorkingDir", json!("/tmp")),
            ("/Config/User", json!("1000:1000")),
            ("/Config/Hostname", json!("web")),
            ("/Config/Domainname", json!("example.test")),
            ("/Config/Tty", json!(true)),
            ("/Config/OpenStdin", json!(true)),
            ("/Config/StopSignal", json!("SIGUSR1")),
            ("/Config/StopTimeout", json!(3)),
            ("/Config/Healthcheck/Test", json!(["CMD", "true"])),
            ("/Config/Healthcheck/Interval", json!(5_000_000_000_u64)),
            ("/Config/Healthcheck/Timeout", json!(2_000_000_000_u64)),
            ("/Config/Healthcheck/Retries", json!(7)),
            ("/Config/Healthcheck/StartPeriod", json!(9_000_000_000_u64)),
            ("/HostConfig/Init", json!(true)),
            ("/HostConfig/RestartPolicy/Name", json!("on-failure")),
            ("/HostConfig/RestartPolicy/MaximumRetryCount", json!(4)),
        ],
    );
}

#[tokio::test]
async fn limits_and_privileges_reach_the_engine() {
    let bed = bed().await;

    let inspected = inspected(&bed, |spec| {
        let settings = &mut spec.settings;
        settings.resources = Resources {
            memory: Some(64 << 20),
            memory_reservation: Some(32 << 20),
            memory_swap: Some(128 << 20),
            nano_cpus: Some(500_000_000),
            cpu_shares: Some(512),
            cpuset: Some("0".into()),
            pids: Some(99),
        };
        settings.ulimits = vec![Ulimit {
            name: "nofile".into(),
            soft: 1000,
            hard: 2000,
        }];
        settings.shm_size = Some(16 << 20);
        settings.logging = Logging {
            driver: Some("json-file".into()),
            options: pairs(&[("max-size", "1m")]),
        };
        settings.cap_add = words(&["NET_ADMIN"]);
        settings.cap_drop = words(&["MKNOD"]);
        settings.privileged = true;
        settings.security_opt = words(&["no-new-privileges:true"]);
        settings.sysctls = pairs(&[("net.core.somaxconn", "1024")]);
        settings.read_only = true;
        settings.devices = vec![Device {
            host: "/dev/null".into(),
            container: "/dev/nothing".into(),
            permissions: "rw".into(),
        }];
        settings.device_cgroup_rules = words(&["c 1:3 rmw"]);
        settings.group_add = words(&["27"]);
        settings.userns_mode = Some("host".into());
        settings.runtime = Some("runc".into());
        settings.oom_score_adj = Some(200);
        settings.ipc = Some("shareable".into());
        settings.pid = Some("host".into());
        settings.uts = Some("host".into());
        settings.hostname = None;
        settings.cgroup = Some("private".into());
        settings.cgroup_parent = Some("/jobsprint-test".into());
    })
    .await;

    assert_reached(
        &inspected,
        &[
            ("/HostConfig/Memory", json!(64 << 20)),
            ("/HostConfig/MemoryReservation", json!(32 << 20)),
            ("/HostConfig/MemorySwap", json!(128 << 20)),
            ("/HostConfig/NanoCpus", json!(500_000_000)),
            ("/HostConfig/CpuShares", json!(512)),
            ("/HostConfig/CpusetCpus", json!("0")),
            ("/HostConfig/PidsLimit", json!(99)),
            (
                "/HostConfig/Ulimits/0",
                json!({"Name": "nofile", "Soft": 1000, "Hard": 2000}),
            ),
            ("/HostConfig/ShmSize", json!(16 << 20)),
            (
                "/HostConfig/LogConfig",
                json!({"Type": "json-file", "Config": {"max-size": "1m"}}),
            ),
            ("/HostConfig/CapAdd", json!(["NET_ADMIN"])),
            ("/HostConfig/CapDrop", json!(["MKNOD"])),
            ("/HostConfig/Privileged", json!(true)),
            ("/HostConfig/Sysctls", json!({"net.core.somaxconn": "1024"})),
            ("/HostConfig/ReadonlyRootfs", json!(true)),
            (
                "/HostConfig/Devices/0/PathInContainer",
                json!("/dev/nothing"),
            ),
            ("/HostConfig/DeviceCgroupRules", json!(["c 1:3 rmw"])),
            ("/HostConfig/GroupAdd", json!(["27"])),
            ("/HostConfig/UsernsMode", json!("host")),
            ("/HostConfig/Runtime", json!("runc")),
            ("/HostConfig/OomScoreAdj", json!(200)),
            ("/HostConfig/IpcMode", json!("shareable")),
            ("/HostConfig/PidMode", json!("host")),
            ("/HostConfig/UTSMode", json!("host")),
            ("/HostConfig/CgroupnsMode", json!("private")),
            ("/HostConfig/CgroupParent", json!("/jobsprint-test")),
            ("/HostConfig/SecurityOpt/0", json!("no-new-privileges:true")),
        ],
    );
}

#[tokio::test]
async fn ports_names_and_networks_reach_the_engine() {
    let bed = bed().await;
    let published = |host_ip: Option<&str>, host, container, protocol| PublishedPort {
        host_ip: host_ip.map(|address| address.parse().expect("an address")),
        host,
        container,
        protocol,
        name: None,
    };

    let inspected = inspected(&bed, |spec| {
        let settings = &mut spec.settings;
        settings.ports = vec![
            published(None, HostPort::Fixed(22_080), 80, Protocol::Tcp),
            published(
                Some("0.0.0.0"),
                HostPort::Range(22_090, 22_099),
                53,
                Protocol::Udp,
            ),
            published(None, HostPort::Any, 81, Protocol::Tcp),
        ];
        settings.expose = words(&["9000", "9001/udp"]);
        settings.extra_hosts = words(&["one:10.0.0.1"]);
        settings.dns = vec!["10.0.0.53".parse().expect("an address")];
        settings.dns_search = words(&["example.test"]);
        settings.dns_opt = words(&["ndots:2"]);
        let attachment = settings
            .networks
            .get_mut("default")
            .expect("the default network");
        attachment.aliases = words(&["www"]);
    })
    .await;

    let network = bed.network().network.name;
    let aliases = inspected["NetworkSettings"]["Networks"][&network]["Aliases"].clone();
    let aliases: Vec<String> = serde_json::from_value(aliases).expect("a list of names");
    assert!(aliases.starts_with(&words(&["web", "www"])), "{aliases:?}");
    assert_reached(
        &inspected,
        &[
            (
                "/HostConfig/PortBindings/80~1tcp",
                json!([{"HostIp": "127.0.0.1", "HostPort": "22080"}]),
            ),
            (
                "/HostConfig/PortBindings/53~1udp",
                json!([{"HostIp": "0.0.0.0", "HostPort": "22090-22099"}]),
            ),
            (
                "/HostConfig/PortBindings/81~1tcp",
                json!([{"HostIp": "127.0.0.1", "HostPort": ""}]),
            ),
            ("/HostConfig/NetworkMode", json!(network)),
            ("/HostConfig/ExtraHosts", json!(["one:10.0.0.1"])),
            ("/HostConfig/Dns", json!(["10.0.0.53"])),
            ("/HostConfig/DnsSearch", json!(["example.test"])),
            ("/HostConfig/DnsOptions", json!(["ndots:2"])),
        ],
    );
    let exposed = inspected["Config"]["ExposedPorts"]
        .as_object()
        .expect("ports");
    for port in ["80/tcp", "53/udp", "81/tcp", "9000/tcp", "9001/udp"] {
        assert!(exposed.contains_key(port), "{port} is not in {exposed:?}");
    }
}

#[tokio::test]
async fn a_network_mode_stands_instead_of_networks() {
    let bed = bed().await;

    let inspected = inspected(&bed, |spec| {
        spec.settings.networks.clear();
        spec.settings.network_mode = Some("none".into());
    })
    .await;

    assert_reached(&inspected, &[("/HostConfig/NetworkMode", json!("none"))]);
}

#[tokio::test]
async fn mounts_reach_the_engine() {
    let bed = bed().await;
    let (_guard, directory) = support::scratch();
    let mount = |target: &str, source, access| Mount {
        target: target.into(),
        source,
        access,
    };
    let bind = |source: PathBuf, create| MountSource::Bind {
        source,
        create,
        propagation: None,
        selinux: None,
    };
    let made = directory.join("made");

    let inspected = inspected(&bed, |spec| {
        spec.settings.mounts = vec![
            mount("/made", bind(made.clone(), true), MountAccess::ReadOnly),
            mount(
                "/there",
                bind(directory.clone(), false),
                MountAccess::ReadWrite,
            ),
            mount(
                "/data",
                MountSource::Named {
                    volume: "data".into(),
                    no_copy: true,
                    subpath: None,
                },
                MountAccess::ReadWrite,
            ),
            mount(
                "/memory",
                MountSource::Tmpfs {
                    size: Some(1 << 20),
                    mode: Some(0o1770),
                },
                MountAccess::ReadWrite,
            ),
        ];
    })
    .await;

    let id = ContainerId::new(inspected["Id"].as_str().expect("an id"));
    bed.engine.start_container(&id).await.expect("started");
    assert!(made.is_dir(), "the engine makes a missing directory");
    assert_reached(
        &inspected,
        &[
            (
                "/HostConfig/Binds",
                json!([format!("{}:/made:ro", made.display())]),
            ),
            ("/HostConfig/Mounts/0/Type", json!("bind")),
            (
                "/HostConfig/Mounts/0/Source",
                json!(directory.display().to_string()),
            ),
            (
                "/HostConfig/Mounts/1/Source",
                json!(bed.volume().volume.name),
            ),
            ("/HostConfig/Mounts/1/VolumeOptions/NoCopy", json!(true)),
            (
                "/HostConfig/Mounts/2/TmpfsOptions",
                json!({"SizeBytes": 1 << 20, "Mode": 0o1770}),
            ),
        ],
    );
}

#[tokio::test]
async fn a_second_network_is_joined_before_the_start() {
    let bed = bed().await;
    let mut second = bed.network();
    second.network.name = format!("{}_back", bed.project);
    bed.engine.create_network(&second).await.expect("made");

    let inspected = inspected(&bed, |spec| {
        spec.settings
            .networks
            .insert("back".into(), NetworkAttachment::default());
        spec.network_names
            .insert("back".into(), second.network.name.clone());
    })
    .await;

    let networks = inspected["NetworkSettings"]["Networks"]
        .as_object()
        .expect("networks");
    assert_eq!(networks.len(), 2, "{networks:?}");
}

#[tokio::test]
async fn placed_files_are_there_with_their_owner_and_mode() {
    let bed = bed().await;
    let image = support::tiny_image(&bed.engine).await;
    let mut spec = bed.container(&image, "web", &["sleep", "infinity"]);
    spec.settings.files = vec![PlacedFile {
        target: "/run/secrets/key".into(),
        content: Secret::new("hidden"),
        uid: 1000,
        gid: 1000,
        mode: 0o400,
    }];

    let id = bed.engine.create_container(&spec).await.expect("made");
    bed.engine.start_container(&id).await.expect("started");
    let request = ExecRequest {
        command: words(&[
            "sh",
            "-c",
            "stat -c '%a %u %g' /run/secrets/key; cat /run/secrets/key",
        ]),
        ..ExecRequest::default()
    };
    let ended = bed.engine.execute(&id, &request).await.expect("run");

    assert_eq!(
        String::from_utf8_lossy(&ended.stdout),
        "400 1000 1000\nhidden"
    );
}

#[tokio::test]
async fn a_subpath_of_a_volume_is_refused_where_the_engine_knows_none() {
    let bed = bed().await;
    let facts = bed.engine.facts().await.expect("facts");
    let image = support::tiny_image(&bed.engine).await;
    let mut spec = bed.container(&image, "web", &["sleep", "infinity"]);
    spec.settings.mounts = vec![Mount {
        target: "/data".into(),
        source: MountSource::Named {
            volume: "data".into(),
            no_copy: false,
            subpath: Some("inside".into()),
        },
        access: MountAccess::ReadWrite,
    }];

    let created = bed.engine.create_container(&spec).await;

    let refused = created.map_err(|error| error.to_string());
    let expected =
        "this container engine can't mount a `subpath` of a volume: that needs engine 26 or newer";
    if facts.api < (1, 45) {
        assert_eq!(refused, Err(expected.to_owned()));
    } else {
        assert!(refused.is_ok(), "{refused:?}");
    }
}

#[tokio::test]
async fn an_empty_entrypoint_clears_the_images() {
    let bed = bed().await;

    let inspected = inspected(&bed, |spec| {
        spec.settings = ContainerSettings {
            entrypoint: Some(Vec::new()),
            ..spec.settings.clone()
        };
    })
    .await;

    assert_reached(&inspected, &[("/Config/Cmd", json!(["sleep", "infinity"]))]);
}

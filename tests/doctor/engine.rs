//! Faults of the engine and its machine.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::Command;

use serde_json::json;

use crate::patient::{Patient, diagnosed};
use crate::proxy::Proxy;

/// Loads an empty image for a mainframe under the name in `$1`: an import makes only such as the engine can run.
const FOREIGN: &str = r#"set -e
place=$(mktemp -d); trap 'rm -r "$place"' EXIT; cd "$place"
tar -cf layer.tar -T /dev/null
layer=$(sha256sum layer.tar | cut -d ' ' -f 1)
printf '{"architecture":"s390x","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" > config.json
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$1" > manifest.json
tar -cf - manifest.json config.json layer.tar | docker load"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_machine_is_green() {
    let patient = Patient::healthy().await;
    patient.run(&["up"]);

    patient.doctor(&[]).is_green();
}

#[tokio::test]
async fn an_engine_that_is_not_there() {
    let patient = Patient::healthy().await;

    let found = patient.doctor_at("unix:///nowhere/engine.sock");

    found.finds(
        "problem",
        "engine.reachable",
        &["/nowhere/engine.sock", "unset DOCKER_HOST"],
    );
    assert_eq!(found.code, Some(20));
}

#[tokio::test]
async fn an_address_that_is_none() {
    let patient = Patient::healthy().await;

    patient.doctor_at("gopher://box").finds(
        "problem",
        "engine.reachable",
        &["DOCKER_HOST", "gopher"],
    );
}

#[tokio::test]
async fn a_docker_context_that_does_not_exist() {
    let patient = Patient::healthy().await;
    let mut command = patient.command(&["--output", "json", "doctor"]);
    command
        .env_remove("DOCKER_HOST")
        .env("DOCKER_CONTEXT", "gone");

    diagnosed(&mut command).finds(
        "problem",
        "engine.reachable",
        &["`gone`", "docker context ls"],
    );
}

#[tokio::test]
async fn an_engine_that_accepts_and_never_answers() {
    let patient = Patient::healthy().await;
    let socket = patient.path().join("deaf.sock");
    let _deaf = UnixListener::bind(&socket).expect("bound");

    patient
        .doctor_at(&format!("unix://{}", socket.display()))
        .finds(
            "problem",
            "engine.answers",
            &["does not answer", "systemctl restart"],
        );
}

#[tokio::test]
async fn an_engine_that_this_user_may_not_speak_to() {
    let patient = Patient::healthy().await;
    let everyone = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(patient.path(), everyone).expect("opened");
    let program = patient.path().join("tool");
    std::fs::copy(env!("CARGO_BIN_EXE_jobsprint-dev"), &program).expect("copied");
    let socket = patient.path().join("private.sock");
    let _private = UnixListener::bind(&socket).expect("bound");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).expect("closed");
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--clear-groups", "--"])
        .arg(program)
        .args(["--output", "json", "doctor"])
        .current_dir(patient.path())
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .env("HOME", patient.path());

    diagnosed(&mut command).finds(
        "problem",
        "engine.permission",
        &["no permission", "usermod -aG docker"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_too_old() {
    let patient = Patient::healthy().await;
    let old = Proxy::telling("/version", |version| version["ApiVersion"] = json!("1.24"));

    patient.doctor_at(&old.address()).finds(
        "problem",
        "engine.api",
        &["API 1.24", "1.40", "newer engine"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rootless_engine_and_a_low_port() {
    let patient = Patient::with("ports: [\"127.0.0.1:981:80\"]").await;
    let rootless = Proxy::telling("/info", |info| {
        info["SecurityOptions"] = json!(["name=seccomp,profile=default", "name=rootless"]);
    });

    patient.doctor_at(&rootless.address()).finds(
        "problem",
        "engine.rootless",
        &["below 1024", "`a` publishes 981", "sysctl"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_without_cgroups() {
    let patient = Patient::healthy().await;
    let bare = Proxy::telling("/info", |info| info["CgroupDriver"] = json!("none"));

    patient.doctor_at(&bare.address()).finds(
        "warning",
        "engine.cgroup",
        &["no effect", "cgroup driver: none"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_driver_that_copies_everything() {
    let patient = Patient::healthy().await;
    let slow = Proxy::telling("/info", |info| info["Driver"] = json!("vfs"));

    patient
        .doctor_at(&slow.address())
        .finds("warning", "engine.storage", &["vfs", "overlay2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_memory_for_what_the_stack_reserves() {
    let patient = Patient::with("mem_limit: 2g\nmem_reservation: 1g").await;
    let small = Proxy::telling("/info", |info| info["MemTotal"] = json!(512 << 20));

    patient.doctor_at(&small.address()).finds(
        "problem",
        "engine.memory",
        &[
            "needs 1.0 GB",
            "536.8 MB",
            "`a` takes 1.0 GB (reserved)",
            "more memory",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_memory_for_what_the_stack_took_when_it_ran() {
    let hungry = "command: [sh, -c, 'dd if=/dev/zero of=/dev/shm/f bs=1M count=48; exec sleep infinity']\n\
                  x-jobsprint: { ready: log records out }\nshm_size: 64m";
    let patient = Patient::with(hungry).await;
    patient.run(&["up"]);
    patient.run(&["down", "--yes"]);
    let small = Proxy::telling("/info", |info| info["MemTotal"] = json!(32 << 20));

    patient.doctor_at(&small.address()).finds(
        "problem",
        "engine.memory",
        &["the stack needs 5", "`a` takes 5", "at its last starts"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_disagree() {
    let patient = Patient::healthy().await;
    let past = Proxy::telling("/info", |info| {
        info["SystemTime"] = json!("2020-01-01T00:00:00Z");
    });

    patient.doctor_at(&past.address()).finds(
        "problem",
        "engine.clock",
        &["behind this one", "set-ntp"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_forwards_nothing() {
    let patient = Patient::healthy().await;
    let closed = Proxy::telling("/info", |info| info["IPv4Forwarding"] = json!(false));

    patient.doctor_at(&closed.address()).finds(
        "problem",
        "engine.forwarding",
        &["ip_forward = 0", "sysctl"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_range_left() {
    let patient = Patient::healthy().await;
    let full = Proxy::telling("/networks", |networks| {
        let more = (0..40).map(|number| {
            let subnet = format!("172.{}.0.0/16", 17 + number);
            json!({ "Name": format!("n{number}"), "Id": format!("{number}"), "IPAM": { "Config": [{ "Subnet": subnet }] } })
        });
        networks.as_array_mut().expect("a list").extend(more);
    });

    patient.doctor_at(&full.address()).finds(
        "problem",
        "engine.pools",
        &["no address range", "docker network prune"],
    );
}

#[tokio::test]
async fn a_proxy_that_swallows_localhost() {
    let patient = Patient::healthy().await;
    let mut command = patient.command(&["--output", "json", "doctor"]);
    command
        .env("HTTPS_PROXY", "http://proxy:3128")
        .env("NO_PROXY", "corp");

    diagnosed(&mut command).finds(
        "warning",
        "engine.proxy",
        &["NO_PROXY lacks localhost", "NO_PROXY=corp"],
    );
}

#[tokio::test]
async fn a_proxy_that_the_engine_does_not_know() {
    let patient = Patient::healthy().await;
    let mut command = patient.command(&["--output", "json", "doctor"]);
    command
        .env("HTTPS_PROXY", "http://proxy:3128")
        .env("NO_PROXY", "localhost");

    diagnosed(&mut command).finds(
        "warning",
        "engine.proxy",
        &["without a proxy", "daemon.json"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_engine() {
    let patient = Patient::healthy().await;
    let full = Proxy::telling("/info", |info| info["DockerRootDir"] = json!("/mnt"));
    let script = format!(
        "mount -t tmpfs -o size=1m none /mnt && head -c 900000 /dev/zero > /mnt/f && DOCKER_HOST={} exec \"$@\"",
        full.address()
    );

    patient.doctor_in(&["unshare", "-m"], &script).finds(
        "problem",
        "engine.disk",
        &[
            "free in /mnt",
            "images take",
            "volumes take",
            "the build cache takes",
            "docker builder prune",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_for_another_machine() {
    let patient = Patient::healthy().await;
    let foreign = Proxy::telling("/tiny:3/json", |image| {
        image["Architecture"] = json!("s390x");
    });

    patient.doctor_at(&foreign.address()).finds(
        "problem",
        "engine.architecture",
        &["linux/s390x", "--build"],
    );
}

#[tokio::test]
async fn an_image_that_was_made_for_another_machine() {
    let bed = crate::support::Bed::make().await;
    let image = format!("{}-foreign:1", bed.project);
    let made = Command::new("sh")
        .args(["-c", FOREIGN, "sh", &image])
        .output();
    let made = made.expect("sh starts");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    let compose = format!("services:\n  a:\n    image: {image}\n");
    let patient = Patient::of(bed, &compose);

    let found = patient.doctor(&[]);

    let gone = Command::new("docker")
        .args(["image", "rm", &image])
        .output();
    assert!(gone.expect("docker starts").status.success());
    found.finds(
        "problem",
        "engine.architecture",
        &[&format!("{image} is for linux/s390x"), "up --build"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_cannot_find_each_other() {
    let bed = crate::support::Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let service = format!("{{ image: \"{image}\", stop_grace_period: 0s");
    let compose = format!(
        "services:\n  a: {service}, volumes: [\"./resolv.conf:/etc/resolv.conf:ro\"] }}\n  b: {service} }}\n"
    );
    let patient = Patient::of(bed, &compose);
    patient.write("resolv.conf", "nameserver 127.0.0.1\n");
    patient.run(&["up"]);

    patient.doctor(&[]).finds(
        "problem",
        "engine.names",
        &[
            "`a` can't find `b` by its name",
            "its name servers: 127.0.0.1",
            "--force-recreate a",
        ],
    );
    patient.write(
        "compose.yaml",
        &compose.replace(", volumes: [\"./resolv.conf:/etc/resolv.conf:ro\"]", ""),
    );
    patient.run(&["up"]);
    patient.doctor(&[]).is_well("engine.names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_without_a_name_server() {
    let patient = Patient::with("volumes: [\"./resolv.conf:/etc/resolv.conf:ro\"]").await;
    patient.write("resolv.conf", "# nobody\n");
    patient.run(&["up"]);

    patient.doctor(&[]).finds(
        "problem",
        "engine.names",
        &[
            "`a` can look up no names",
            "resolv.conf",
            "--force-recreate a",
        ],
    );
}

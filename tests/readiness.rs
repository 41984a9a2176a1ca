//! Services that are ready late, lie, or lose their engine: what `up` says of them, on a real engine.

#[path = "support/own_engine.rs"]
mod own_engine;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "world/shipped.rs"]
mod shipped;
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use jobsprint_dev::domain::ImageRef;
use own_engine::OwnEngine;
use proxy::{Calls, Fault, Proxy};
use support::Bed;

/// The tool at work on this Compose file.
fn tool(directory: &Path, project: &str, compose: &str, words: &[&str]) -> Command {
    fs::write(directory.join("compose.yaml"), compose).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
    command
        .args(["-p", project, "--output", "plain"])
        .args(words)
        .current_dir(directory)
        .env("XDG_STATE_HOME", directory.join("state"))
        .stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn up(bed: &Bed, service: &str, words: &[&str]) -> (Option<i32>, String) {
    up_at(bed, None, service, words).await
}

/// The same, through a proxy.
async fn up_at(
    bed: &Bed,
    proxy: Option<&Proxy>,
    service: &str,
    words: &[&str],
) -> (Option<i32>, String) {
    support::tiny_image(&bed.engine).await;
    let (_directory, path) = support::scratch();
    let compose = format!(
        "services:\n  app:\n    image: jobsprint-dev-test/tiny:3\n    init: true\n{service}"
    );
    let words = [&["up"], words].concat();
    let mut command = tool(&path, bed.project.as_str(), &compose, &words);
    command.envs(proxy.map(|proxy| ("DOCKER_HOST", proxy.address())));
    let output = tokio::task::block_in_place(|| command.output());
    let output = output.expect("the tool starts");
    (output.status.code(), text(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_says_nothing_and_listens_after_45_seconds_is_waited_for() {
    let bed = Bed::make().await;
    let service = "    command: [sh, -c, 'sleep 45; exec httpd -f -p 80']\n    expose: ['80']\n    x-jobsprint: { ready: tcp }\n";

    let (code, said) = up(&bed, service, &[]).await;

    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("waiting: TCP: connection refused"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_log_that_no_follower_is_told_of_is_seen_all_the_same() {
    let bed = Bed::make().await;
    let deaf = Proxy::start(
        Fault::RefuseCalls {
            method: "GET",
            path: "follow=true",
            status: "500 Internal Server Error",
            message: "too many open files",
        },
        Calls::All,
    );
    let service = "    command: [sh, -c, 'sleep 1; echo begun; exec sleep 60']\n    x-jobsprint: { ready: log begun }\n";

    let (code, said) = up_at(&bed, Some(&deaf), service, &["--timeout", "30s"]).await;

    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_that_lies_is_not_asked_where_the_file_names_a_probe() {
    let (green, red) = (Bed::make().await, Bed::make().await);
    let lie = |script: &str, check: &str| {
        format!(
            "    command: [sh, -c, '{script}']\n    expose: ['80']\n    x-jobsprint: {{ ready: tcp }}\n    \
             healthcheck: {{ test: [CMD, '{check}'], interval: 1s, retries: 1 }}\n"
        )
    };
    let (closed, open) = (
        lie("exec sleep 60", "true"),
        lie("exec httpd -f -p 80", "false"),
    );

    let (sick, well) = tokio::join!(
        up(&green, &closed, &["--timeout", "4s"]),
        up(&red, &open, &[]),
    );

    assert_eq!(sick.0, Some(30), "{}", sick.1);
    assert!(sick.1.contains("TCP: connection refused"), "{}", sick.1);
    assert_eq!(well.0, Some(0), "{}", well.1);
}

const SLOW_POSTGRES: &str = "
services:
  postgres:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: jobsprint, POSTGRES_PASSWORD: s3cret-value }
    volumes: ['./init:/docker-entrypoint-initdb.d:ro']
    x-jobsprint: { ready: postgres }
";

/// Brings a postgres with ten seconds of init scripts up, and asks for what the scripts made, the moment it is called ready.
fn ask_when_ready(project: &str) -> String {
    let (_directory, path) = support::scratch();
    fs::create_dir(path.join("init")).expect("a directory");
    let script = "select pg_sleep(10); create table done as select 1 as one;";
    fs::write(path.join("init/slow.sql"), script).expect("a file");
    let output = tool(&path, project, SLOW_POSTGRES, &["up"]).output();
    let output = output.expect("the tool starts");
    assert!(output.status.success(), "{}", text(&output));
    let asked = ["exec", "-T", "postgres", "--", "psql", "-U", "jobsprint"];
    let words = [&asked[..], &["-Atc", "select one from done"]].concat();
    let output = tool(&path, project, SLOW_POSTGRES, &words).output();
    text(&output.expect("the tool starts"))
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_never_ready_before_ten_seconds_of_init_scripts_are_done_in_twenty_runs() {
    const AT_ONCE: usize = 5;
    let image = ImageRef::new("postgres:15-alpine");
    shipped::ensure(&Bed::make().await.engine, &image).await;

    for _ in 0..20 / AT_ONCE {
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            runs.spawn(async {
                let bed = Bed::make().await;
                let project = bed.project.to_string();
                let answer = tokio::task::spawn_blocking(move || ask_when_ready(&project));
                answer.await.expect("no panic")
            });
        }
        for answer in runs.join_all().await {
            assert_eq!(answer.trim(), "1");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_flaps_is_waited_for_and_one_that_never_stops_flapping_is_told() {
    let (once, always) = (Bed::make().await, Bed::make().await);
    // The mark outlives a restart: the container's own layer is kept.
    let crashes_once = "    restart: on-failure\n    expose: ['80']\n    x-jobsprint: { ready: tcp }\n    \
                        command: [sh, -c, 'test -e /been && exec httpd -f -p 80; touch /been; exit 3']\n";
    let crashes_always = "    restart: always\n    expose: ['80']\n    x-jobsprint: { ready: tcp }\n    \
                          command: [sh, -c, 'httpd -p 80; echo lost my way; exit 3']\n";

    let (mended, lost) = tokio::join!(
        up(&once, crashes_once, &[]),
        up(&always, crashes_always, &[])
    );

    assert_eq!(mended.0, Some(0), "{}", mended.1);
    assert_eq!(lost.0, Some(31), "{}", lost.1);
    for part in [
        "keeps crashing: it ended 3 times",
        "exit code 3",
        "lost my way",
    ] {
        assert!(lost.1.contains(part), "`{part}` is not in:\n{}", lost.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_ready_and_ends_while_others_boot_is_a_failure() {
    let bed = Bed::make().await;
    let services = "    expose: ['80']\n    x-jobsprint: { ready: tcp }\n    \
                    command: [sh, -c, 'httpd -p 80; sleep 2; echo no licence; exit 4']\n  \
                    slow:\n    image: jobsprint-dev-test/tiny:3\n    init: true\n    expose: ['80']\n    \
                    x-jobsprint: { ready: tcp }\n    command: [sh, -c, 'sleep 6; exec httpd -f -p 80']\n";

    let (code, said) = up(&bed, services, &[]).await;

    assert_eq!(code, Some(31), "{said}");
    let told = said.find("`app` was ready, and ended: exit code 4");
    let other = said.find("slow  ready in");
    assert!(told.is_some() && told < other, "{said}");
    assert!(said.contains("`app` exited: exit code 4"), "{said}");
    assert!(said.contains("no licence"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_the_kernel_kills_for_its_memory_is_told_so() {
    let bed = Bed::make().await;
    let hungry = "    mem_limit: 8m\n    memswap_limit: 8m\n    expose: ['80']\n    x-jobsprint: { ready: tcp }\n    \
                  command: [sh, -c, 'exec tail /dev/zero']\n";

    let (code, said) = up(&bed, hungry, &[]).await;

    assert_eq!(code, Some(31), "{said}");
    assert!(said.contains("out of memory"), "{said}");
}

const SLOW: &str = "
services:
  slow:
    image: jobsprint-dev-test/tiny:3
    network_mode: none
    init: true
    command: [sh, -c, 'echo begun; sleep 3; echo all done; exec sleep infinity']
    x-jobsprint: { ready: log all done }
";

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_in_the_middle_is_told_and_the_next_run_carries_on() {
    let (_directory, path) = support::scratch();
    let mut own = OwnEngine::start(&path);
    let engine = own.connected().await;
    support::tiny_image(&engine).await;
    let address = own.address();
    let run = |words: &[&str]| {
        let mut command = tool(&path, "ended", SLOW, words);
        command.env("DOCKER_HOST", &address);
        command
    };

    let first = run(&["up"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    let project = jobsprint_dev::domain::ProjectName::new("ended").expect("a name");
    let began = Instant::now();
    while !engine
        .observe(&project, &[])
        .await
        .expect("it answers")
        .containers
        .iter()
        .any(jobsprint_dev::domain::ObservedContainer::is_running)
    {
        assert!(began.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    own.end();
    let output = first.wait_with_output().expect("it ends");
    let said = text(&output);
    assert!(matches!(output.status.code(), Some(20 | 31)), "{said}");
    assert!(!said.contains("panicked"), "{said}");

    let own = OwnEngine::start(&path);
    own.connected().await;
    let again = run(&["up"]).output().expect("the tool starts");
    assert!(again.status.success(), "{}", text(&again));
    let down = run(&["down"]).output().expect("the tool starts");
    assert!(down.status.success(), "{}", text(&down));
}

//! What goes wrong in a project, each with its own words, exit code and hint; and what an interrupt leaves behind.

#[path = "support/proxy.rs"]
mod proxy;
#[path = "world/shipped.rs"]
mod shipped;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::proxy::{Calls, Fault, Proxy};
use jobsprint_dev::domain::{ObservedContainer, ProjectName};
use support::Bed;

/// A project in a directory of its own.
struct Project {
    directory: tempfile::TempDir,
    name: ProjectName,
}

impl Project {
    fn new(name: &ProjectName, compose: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("compose.yaml"), compose).expect("a file");
        Self {
            directory,
            name: name.clone(),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .args(["-p", self.name.as_str(), "--output", "plain"])
            .args(words)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Said {
        Said::of(&self.command(words).output().expect("the tool starts"))
    }

    fn begin(&self, words: &[&str]) -> Child {
        self.command(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the tool starts")
    }
}

/// What a run said, and its exit code.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            text: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    #[track_caller]
    fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for part in parts {
            assert!(
                self.text.contains(part),
                "`{part}` is not in:\n{}",
                self.text
            );
        }
        for foreign in ["panicked", "stack backtrace", "{\"message\""] {
            assert!(!self.text.contains(foreign), "{}", self.text);
        }
    }

    #[track_caller]
    fn works(&self) {
        assert_eq!(self.code, Some(0), "{}", self.text);
    }
}

#[tokio::test]
async fn a_file_that_is_not_yaml_is_shown_with_line_and_column() {
    let bed = Bed::make().await;
    let project = Project::new(&bed.project, "services:\n  a:\n    image: x\n   b: 1\n");

    project
        .run(&["up"])
        .fails(10, &["compose.yaml:4:4", "   b: 1", "not valid YAML"]);
}

#[tokio::test]
async fn an_unknown_key_comes_with_a_suggestion() {
    let bed = Bed::make().await;
    let project = Project::new(
        &bed.project,
        "services:\n  a:\n    image: x\n    port: [\"1:1\"]\n",
    );

    project
        .run(&["up"])
        .fails(10, &["compose.yaml:4:5", "`port`", "did you mean `ports`"]);
}

#[tokio::test]
async fn an_unset_required_variable_is_named_with_its_message() {
    let bed = Bed::make().await;
    let project = Project::new(
        &bed.project,
        "services:\n  a:\n    image: ${IMAGE_OF_A:?say which}\n",
    );

    project.run(&["up"]).fails(
        10,
        &["required variable IMAGE_OF_A is missing a value: say which"],
    );
}

#[tokio::test]
async fn a_missing_build_directory_is_the_projects_fault() {
    let bed = Bed::make().await;
    let project = Project::new(&bed.project, "services:\n  a:\n    build: ./gone\n");

    project.run(&["up"]).fails(
        10,
        &["there is no directory", "/gone", "hint: correct `build`"],
    );
}

#[tokio::test]
async fn an_image_that_nobody_has_ends_with_21() {
    let bed = Bed::make().await;
    let project = Project::new(
        &bed.project,
        "services:\n  a:\n    image: jobsprint-dev-test/nobody-has-it:1\n    pull_policy: never\n",
    );

    project
        .run(&["up"])
        .fails(21, &["jobsprint-dev-test/nobody-has-it:1"]);
}

#[tokio::test]
async fn a_taken_port_names_the_process_that_holds_it() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let held = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = held.local_addr().expect("bound").port();
    let compose =
        format!("services:\n  a:\n    image: {image}\n    ports: [\"127.0.0.1:{port}:80\"]\n");
    let project = Project::new(&bed.project, &compose);

    let holder = format!("(pid {})", std::process::id());
    project
        .run(&["up"])
        .fails(60, &[&format!("port {port}"), &holder, "hint: "]);
}

#[tokio::test]
async fn a_service_that_exits_at_once_is_shown_with_its_last_words() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    command: [sh, -c, \"echo no such option; exit 3\"]\n    \
         x-jobsprint: {{ ready: tcp }}\n    expose: [\"80\"]\n"
    );
    let project = Project::new(&bed.project, &compose);

    project
        .run(&["up"])
        .fails(31, &["`a`", "exit code 3", "no such option", "hint: "]);
}

#[tokio::test]
async fn a_service_that_never_listens_ends_with_30_and_says_what_it_was_asked() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    x-jobsprint: {{ ready: \"http /up\" }}\n    expose: [\"80\"]\n"
    );
    let project = Project::new(&bed.project, &compose);

    project
        .run(&["up", "--timeout", "3s"])
        .fails(30, &["`a`", "connection refused"]);
}

#[tokio::test]
async fn what_waits_on_a_failure_is_listed() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  db:\n    image: {image}\n    command: [sh, -c, exit 1]\n    healthcheck: {{ test: [CMD, \"true\"] }}\n  \
         api:\n    image: {image}\n    depends_on: {{ db: {{ condition: service_healthy }} }}\n"
    );
    let project = Project::new(&bed.project, &compose);

    project
        .run(&["up"])
        .fails(31, &["skipped: api (it waits for db)"]);
}

#[tokio::test]
async fn a_failing_migration_ends_with_40_and_its_last_lines() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let postgres = jobsprint_dev::domain::ImageRef::new("postgres:15-alpine");
    shipped::ensure(&bed.engine, &postgres).await;
    let compose = format!(
        "services:\n  db:\n    image: {postgres}\n    x-jobsprint: {{ role: data, ready: postgres }}\n    \
         environment: {{ POSTGRES_USER: app, POSTGRES_PASSWORD: swordfish-1, POSTGRES_DB: app }}\n  \
         api:\n    image: {image}\n    stop_grace_period: 0s\n    \
         x-jobsprint: {{ migrate: {{ run: [sh, -c, \"echo no such column; exit 3\"] }} }}\n"
    );
    let project = Project::new(&bed.project, &compose);

    project
        .run(&["up"])
        .fails(40, &["`api`", "exit code 3", "no such column", "hint: "]);
}

#[tokio::test]
async fn a_dependency_cycle_is_shown_whole() {
    let bed = Bed::make().await;
    let project = Project::new(
        &bed.project,
        "services:\n  a: { image: x, depends_on: [b] }\n  b: { image: x, depends_on: [a] }\n",
    );

    let said = project.run(&["up"]);

    said.fails(10, &["in a circle", "`a` -> `b` -> `a`"]);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_a_usage_error() {
    let bed = Bed::make().await;
    let project = Project::new(&bed.project, "services:\n  a: { image: x }\n");

    project
        .run(&["up", "b"])
        .fails(2, &["no such service `b`", "the services are a"]);
}

#[tokio::test]
async fn an_engine_that_is_not_there_ends_with_20() {
    let bed = Bed::make().await;
    let project = Project::new(&bed.project, "services:\n  a: { image: x }\n");
    let output = project
        .command(&["up"])
        .env("DOCKER_HOST", "unix:///nowhere/engine.sock")
        .output()
        .expect("the tool starts");

    Said::of(&output).fails(20, &["DOCKER_HOST", "/nowhere/engine.sock", "hint: "]);
}

/// Six services that take a while to be ready, one after the other.
fn slow(image: &jobsprint_dev::domain::ImageRef) -> String {
    let service = |number: u32| {
        let after = match number.checked_sub(1) {
            Some(before) => {
                format!("    depends_on: {{ s{before}: {{ condition: service_healthy }} }}\n")
            }
            None => String::new(),
        };
        format!(
            "  s{number}:\n    image: {image}\n    stop_grace_period: 0s\n    healthcheck: \
             {{ test: [CMD-SHELL, \"test -f /ok || (sleep 0.2; touch /ok)\"] }}\n{after}"
        )
    };
    let services: Vec<String> = (0..6).map(service).collect();
    format!("services:\n{}", services.concat())
}

#[tokio::test]
async fn a_container_that_somebody_paused_goes_on() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    stop_grace_period: 0s\n    ports: [\"127.0.0.1:{port}:80\"]\n    \
         x-jobsprint: {{ ready: started }}\n"
    );
    let project = Project::new(&bed.project, &compose);
    project.run(&["up"]).works();
    let seen = async || {
        let observed = bed.engine.observe(&bed.project, &[]).await;
        observed.expect("it answers").containers.remove(0)
    };
    let before = seen().await;
    let paused = bed.engine.pause_container(&before.id).await;
    paused.expect("it runs");

    project.run(&["up"]).works();

    let after = seen().await;
    assert!(after.is_running());
    assert_eq!(after.id, before.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_a_killed_run_made_late_is_put_aside() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let project = Project::new(&bed.project, &slow(&image));
    project.run(&["up", "s0"]).works();

    let answer = make_network(&format!("{}_default", bed.project), &bed.project);
    project.run(&["up"]).works();

    // Newer engines refuse the second one themselves.
    assert!(
        answer.contains(" 201 ") || answer.contains(" 409 "),
        "{answer}"
    );
    let observed = bed.engine.observe(&bed.project, &[]).await;
    let observed = observed.expect("it answers");
    assert_eq!(observed.networks.len(), 1);
    assert_eq!(observed.containers.len(), 6);
    assert!(
        observed
            .containers
            .iter()
            .all(ObservedContainer::is_running)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_the_engine_miscounts_stays_with_a_word_and_fails_nobody() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let compose = format!("services:\n  web: {{ image: '{image}', init: true }}\n");
    let project = Project::new(&bed.project, &compose);
    project.run(&["up"]).works();
    let miscounting = Proxy::start(
        Fault::RefuseCalls {
            method: "DELETE",
            path: "/networks/",
            status: "403 Forbidden",
            message: "error while removing network: network web id 1 has active endpoints",
        },
        Calls::All,
    );
    let mut down = project.command(&["down"]);
    down.env("DOCKER_HOST", miscounting.address());

    let said = tokio::task::block_in_place(|| down.output());
    let said = Said::of(&said.expect("the tool starts"));
    project.run(&["down"]).works();

    said.works();
    assert!(
        said.text
            .contains("stays: the engine counts a user of it that isn't there"),
        "{}",
        said.text
    );
    let observed = bed.engine.observe(&bed.project, &[]).await;
    assert!(observed.expect("it answers").networks.is_empty());
}

/// Asks the engine for a network as a client does that doesn't look first; its answer.
fn make_network(name: &str, project: &ProjectName) -> String {
    let label = format!("\"com.docker.compose.project\":\"{project}\"");
    let body = format!("{{\"Name\":\"{name}\",\"Labels\":{{{label}}}}}");
    let mut engine = UnixStream::connect("/var/run/docker.sock").expect("it listens");
    write!(
        engine,
        "POST /networks/create HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it takes it");
    let mut answer = String::new();
    engine.read_to_string(&mut answer).expect("it answers");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_moment_is_carried_on_by_the_next() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let project = Project::new(&bed.project, &slow(&image));

    for moment in [50, 150, 300, 600, 900] {
        let mut run = project.begin(&["up"]);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        run.kill().expect("it was started");
        run.wait().expect("it ends");
    }
    project.run(&["up"]).works();
    let again = project.run(&["up"]);

    again.works();
    assert!(again.text.contains("nothing to do"), "{}", again.text);
    let observed = bed
        .engine
        .observe(&bed.project, &[])
        .await
        .expect("it answers");
    assert_eq!(observed.containers.len(), 6);
    assert_eq!(observed.networks.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_wait_at_once_with_130() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    x-jobsprint: {{ ready: \"http /up\" }}\n    expose: [\"80\"]\n"
    );
    let project = Project::new(&bed.project, &compose);
    let mut run = project.begin(&["up"]);
    // Interrupted once it waits: its container runs.
    let engine = Arc::clone(&bed.engine);
    loop {
        let observed = engine.observe(&bed.project, &[]).await.expect("it answers");
        if observed
            .containers
            .iter()
            .any(jobsprint_dev::domain::ObservedContainer::is_running)
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let interrupted = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();

    assert!(interrupted.expect("kill starts").success());
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_runs_at_once_one_works_and_the_others_find_nothing_to_do() {
    let bed = Bed::make().await;
    let image = support::tiny_image(&bed.engine).await;
    let project = Project::new(&bed.project, &slow(&image));

    let runs: Vec<Child> = (0..20)
        .map(|_| {
            project
                .command(&["up"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the tool starts")
        })
        .collect();
    let said: Vec<Said> = runs
        .into_iter()
        .map(|run| Said::of(&run.wait_with_output().expect("it ends")))
        .collect();

    said.iter().for_each(Said::works);
    let idle = said
        .iter()
        .filter(|said| said.text.contains("nothing to do"))
        .count();
    assert_eq!(idle, 19);
}

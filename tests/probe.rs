//! Readiness on a real engine: never too early, hardly too late, and never silent about why.

mod world;

use std::time::{Duration, Instant};

use jobsprint_dev::domain::{FailureKind, Healthcheck, Readiness, RestartPolicy};
use jobsprint_dev::probe::{Answer, Until};
use world::{World, postgres, service, shell};

#[tokio::test]
async fn postgres_is_ready_by_a_login_as_the_apps_own_user() {
    let mut world = World::new().await;

    let (_, waited) = world.up(&postgres()).await;

    waited.unwrap();
    let reasons = world.reasons();
    assert!(
        reasons
            .iter()
            .any(|reason| reason.starts_with("postgres: ")),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn postgres_is_not_ready_while_init_scripts_run_in_its_temporary_server() {
    let world = World::new().await;
    let mut postgres = postgres();
    postgres.container.files = vec![jobsprint_dev::domain::PlacedFile {
        target: "/docker-entrypoint-initdb.d/slow.sql".into(),
        content: "SELECT pg_sleep(3); CREATE TABLE made_last ();".into(),
        uid: 0,
        gid: 0,
        mode: 0o644,
    }];

    let (id, waited) = world.up(&postgres).await;

    assert!(waited.unwrap() > Duration::from_secs(3));
    let asked = jobsprint_dev::engine::ExecRequest {
        command: [
            "psql",
            "-h",
            "127.0.0.1",
            "-U",
            "jobsprint",
            "-c",
            "TABLE made_last",
        ]
        .map(ToOwned::to_owned)
        .to_vec(),
        environment: postgres_password(),
        ..Default::default()
    };
    let executed = world.engine.execute(&id, &asked).await.unwrap();
    assert_eq!(
        executed.code,
        0,
        "{}",
        String::from_utf8_lossy(&executed.stderr)
    );
}

fn postgres_password() -> jobsprint_dev::domain::Environment {
    let mut environment = jobsprint_dev::domain::Environment::default();
    environment.set("PGPASSWORD", "s3cret-pg");
    environment
}

#[tokio::test]
async fn a_wrong_postgres_password_is_told_at_once() {
    let world = World::new().await;
    let (id, waited) = world.up(&postgres()).await;
    waited.unwrap();
    let mut changed = postgres();
    changed
        .container
        .environment
        .set("POSTGRES_PASSWORD", "another");

    let engine_events = world.pulse.subscribe();
    let failure = world
        .wait(&changed, &id, Until::Ready, engine_events)
        .await
        .unwrap_err();

    assert_eq!(failure.kind, FailureKind::NotReady);
    assert_eq!(
        failure.message,
        "`postgres` can't become ready: postgres: password authentication failed for user \"jobsprint\""
    );
    assert!(failure.hints[0].contains("`.env`"), "{:?}", failure.hints);
}

#[tokio::test]
async fn redis_is_ready_with_its_password() {
    let world = World::new().await;
    let mut redis = service("redis", "redis:7-alpine", Readiness::Redis);
    let command = ["redis-server", "--requirepass", "s3cret"];
    redis.container.command = Some(command.map(ToOwned::to_owned).to_vec());
    let (id, waited) = world.up(&redis).await;
    waited.unwrap();

    let command = ["redis-server", "--requirepass", "other"];
    redis.container.command = Some(command.map(ToOwned::to_owned).to_vec());
    let target = world.target(&redis, &id).await;
    let answer = world.prober().once(&target).await;

    let reason = "redis: the password is wrong".to_owned();
    assert_eq!(answer, Answer::Impossible(reason));
}

#[tokio::test]
async fn a_broker_is_ready_once_it_opens_the_apps_virtual_host() {
    let mut world = World::new().await;
    let image = "rabbitmq:3.12-management-alpine";
    let mut rabbitmq = service("rabbitmq", image, Readiness::Amqp);
    let environment = &mut rabbitmq.container.environment;
    environment.set("RABBITMQ_DEFAULT_USER", "jobsprint");
    environment.set("RABBITMQ_DEFAULT_PASS", "s3cret");
    let (id, waited) = world.up(&rabbitmq).await;
    waited.unwrap();
    assert!(
        world
            .reasons()
            .contains(&"AMQP: connection refused".to_owned())
    );

    rabbitmq
        .container
        .environment
        .set("RABBITMQ_DEFAULT_PASS", "other");
    let target = world.target(&rabbitmq, &id).await;
    let answer = world.prober().once(&target).await;

    let reason = "AMQP: the broker refuses the user `jobsprint` or its password".to_owned();
    assert_eq!(answer, Answer::Impossible(reason));
}

#[tokio::test]
async fn http_is_ready_by_its_status() {
    let world = World::new().await;
    let mut nginx = service("nginx", "nginx:1.24-alpine", http("/"));
    nginx.container.expose = vec!["80/tcp".to_owned()];
    let (id, waited) = world.up(&nginx).await;
    waited.unwrap();

    nginx.ready = http("/nothing-here");
    let target = world.target(&nginx, &id).await;

    let reason = "HTTP 404 from /nothing-here".to_owned();
    assert_eq!(world.prober().once(&target).await, Answer::NotYet(reason));
}

fn http(path: &str) -> Readiness {
    Readiness::Http {
        path: path.to_owned(),
        port: Some(80),
    }
}

#[tokio::test]
async fn a_line_of_the_log_is_seen_when_it_is_written() {
    let world = World::new().await;
    let pattern = "listening on port [0-9]+".to_owned();
    let script = "sleep 1; echo listening on port 80; sleep 60";
    let service = shell("app", Readiness::Log { pattern }, script);

    let (_, waited) = world.up(&service).await;

    let took = waited.unwrap();
    assert!(
        took > Duration::from_millis(700) && took < Duration::from_secs(3),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_healthcheck_is_run_at_once_and_not_after_the_engines_interval() {
    let world = World::new().await;
    let mut service = shell(
        "app",
        Readiness::Healthcheck,
        "sleep 1; touch /ready; sleep 60",
    );
    service.container.healthcheck = Some(check("test -e /ready"));

    let (_, waited) = world.up(&service).await;

    assert!(waited.unwrap() < Duration::from_secs(5));
}

fn check(script: &str) -> Healthcheck {
    Healthcheck {
        test: ["CMD-SHELL", script].map(ToOwned::to_owned).to_vec(),
        interval: Some(Duration::from_secs(30)),
        ..Healthcheck::default()
    }
}

#[tokio::test]
async fn a_healthcheck_whose_program_is_missing_is_told_at_once() {
    let world = World::new().await;
    let mut service = shell("app", Readiness::Healthcheck, "sleep 60");
    service.container.healthcheck = Some(check("curl -f http://localhost/"));

    let (_, waited) = world.up(&service).await;

    let failure = waited.unwrap_err();
    assert!(failure.message.contains("curl: not found"), "{failure}");
}

#[tokio::test]
async fn a_service_that_exits_is_told_at_once_with_its_last_words() {
    let world = World::new().await;
    let script = "sleep 0.5; echo the config is missing >&2; exit 3";
    let port = Some(80);
    let service = shell("app", Readiness::Tcp { port }, script);
    let began = Instant::now();

    let (_, waited) = world.up(&service).await;

    let failure = waited.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Exited);
    assert_eq!(failure.message, "`app` exited: exit code 3");
    assert_eq!(
        failure.details,
        [
            "last answer of its probe: TCP: connection refused",
            "last 1 lines of its log:",
            "  the config is missing",
        ]
    );
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_crash_loop_is_told_from_a_single_restart() {
    let world = World::new().await;
    let port = Some(80);
    let mut looping = shell("looping", Readiness::Tcp { port }, "exit 1");
    looping.container.restart = RestartPolicy::Always;
    let once = "test -e /again && sleep 1 && touch /ready && sleep 60; touch /again; exit 1";
    let mut restarted = shell("restarted", Readiness::Healthcheck, once);
    restarted.container.healthcheck = Some(check("test -e /ready"));
    restarted.container.restart = RestartPolicy::Always;

    let (looped, recovered) = tokio::join!(world.up(&looping), world.up(&restarted));

    let failure = looped.1.unwrap_err();
    assert_eq!(
        failure.message,
        "`looping` keeps crashing: it ended 3 times, last with exit code 1"
    );
    recovered.1.unwrap();
}

#[tokio::test]
async fn a_one_shot_is_waited_for_until_it_ends() {
    let world = World::new().await;
    let good = shell("good", Readiness::Started, "sleep 0.3");
    let bad = shell("bad", Readiness::Started, "sleep 0.3; exit 4");
    let (good_events, bad_events) = (world.pulse.subscribe(), world.pulse.subscribe());
    let (good_id, bad_id) = (world.start(&good).await, world.start(&bad).await);

    let (done, failed) = tokio::join!(
        world.wait(&good, &good_id, Until::Complete, good_events),
        world.wait(&bad, &bad_id, Until::Complete, bad_events),
    );

    done.unwrap();
    assert_eq!(failed.unwrap_err().message, "`bad` exited: exit code 4");
}

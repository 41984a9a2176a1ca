//! The laws that every engine obeys; what else the tool builds on, it builds on these.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jobsprint_dev::domain::{
    ContainerId, ContainerState, Environment, ImageRef, Mount, MountAccess, MountSource,
};
use jobsprint_dev::engine::{
    Engine, EngineError, EngineEventKind, ExecRequest, FakeEngine, LogRequest, Removal,
};
use jobsprint_dev::event::LogStream;
use support::Bed;

/// A world to try a law in: an engine, a project with its network, an image that idles.
struct World {
    bed: Bed,
    image: ImageRef,
}

const IDLE: &[&str] = &["sleep", "infinity"];
const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

impl World {
    async fn real() -> Self {
        let engine = support::engine().await;
        let image = support::tiny_image(&engine).await;
        Self::of(Bed::on(engine), image).await
    }

    async fn fake() -> Self {
        let engine = FakeEngine::of(
            "image jobsprint-dev-test/tiny:3\nimage jobsprint-dev-test/tiny:3 lacks /bin/absent",
        );
        let image = ImageRef::new("jobsprint-dev-test/tiny:3");
        Self::of(Bed::on(Arc::new(engine)), image).await
    }

    async fn of(bed: Bed, image: ImageRef) -> Self {
        let network = bed.network();
        bed.engine.create_network(&network).await.expect("made");
        Self { bed, image }
    }

    fn engine(&self) -> &dyn Engine {
        self.bed.engine.as_ref()
    }
}

macro_rules! laws {
    ($($law:ident),* $(,)?) => {
        mod on_a_real_engine {
            $(#[tokio::test] async fn $law() { super::$law(super::World::real().await).await })*
        }

        mod on_the_fake_engine {
            $(#[tokio::test] async fn $law() { super::$law(super::World::fake().await).await })*
        }
    };
}

laws! {
    a_container_that_is_made_is_observed_with_its_labels,
    a_committed_container_is_an_image_until_it_is_removed,
    a_project_is_found_by_a_label_of_its_network_alone,
    a_name_in_use_is_refused,
    a_container_needs_an_image_that_is_here,
    a_container_needs_a_network_that_is_there,
    starting_and_stopping_twice_is_no_error,
    a_paused_container_is_seen_as_such_until_it_goes_on,
    a_container_that_stands_cannot_be_paused,
    what_is_gone_is_removed_without_error,
    a_network_with_containers_is_in_use,
    a_second_network_of_a_name_is_refused,
    a_volume_outlives_its_container,
    an_anonymous_volume_is_kept_or_goes_as_asked,
    a_container_that_ends_keeps_its_exit_code,
    events_tell_of_start_and_death,
    one_off_containers_are_not_observed,
    images_that_are_here_are_observed,
    an_engine_tells_of_itself_and_its_images,
    a_file_of_a_container_is_there_or_not,
}

async fn a_container_that_is_made_is_observed_with_its_labels(world: World) {
    let spec = world.bed.container(&world.image, "web", IDLE);

    let id = world.engine().create_container(&spec).await.expect("made");
    let observed = world
        .engine()
        .observe(&world.bed.project, &[])
        .await
        .expect("observed");

    let [container] = observed.containers.as_slice() else {
        panic!("one container, not {:?}", observed.containers);
    };
    assert_eq!(container.id, id);
    assert_eq!(container.name, spec.name);
    assert_eq!(container.service.as_str(), "web");
    assert_eq!(container.number, 1);
    assert_eq!(container.image, world.image);
    assert_eq!(container.labels, spec.labels);
    assert_eq!(container.state, ContainerState::Created);
    assert_eq!(observed.networks[0].name, world.bed.network().network.name);
}

async fn an_engine_tells_of_itself_and_its_images(world: World) {
    let gone = ImageRef::new("jobsprint-dev-test/nobody-has-it:1");

    let survey = world.engine().survey().await.expect("told");
    let here = world.engine().image_traits(&world.image).await;
    let missing = world.engine().image_traits(&gone).await;

    assert!(survey.memory > 0 && !survey.storage.is_empty() && !survey.root.is_empty());
    let listed = |(name, _): &(String, u64)| name == world.image.as_str();
    assert!(survey.images.iter().any(listed), "{:?}", survey.images);
    let platform = here.expect("asked").expect("it is here").platform;
    assert!(platform.starts_with("linux/"), "{platform}");
    assert_eq!(missing, Ok(None));
}

async fn a_file_of_a_container_is_there_or_not(world: World) {
    let spec = world.bed.container(&world.image, "web", IDLE);
    let id = world.engine().create_container(&spec).await.expect("made");
    let absent = ContainerId::new("jobsprint-dev-test-absent");

    let shell = world.engine().has_file(&id, "/bin/sh").await;
    let other = world.engine().has_file(&id, "/bin/absent").await;
    let nowhere = world.engine().has_file(&absent, "/bin/sh").await;

    assert_eq!(shell, Ok(true));
    assert_eq!(other, Ok(false));
    assert_eq!(
        nowhere,
        Err(EngineError::NotFound {
            kind: "container",
            name: absent.to_string()
        })
    );
}

async fn a_committed_container_is_an_image_until_it_is_removed(world: World) {
    let spec = world.bed.container(&world.image, "web", IDLE);
    let id = world.engine().create_container(&spec).await.expect("made");
    let image = ImageRef::new(format!("jobsprint-dev-test/{}:kept", world.bed.project));
    let labels = [("dev.jobsprint.test".to_owned(), "kept".to_owned())].into();

    let committed = world.engine().commit(&id, &image, &labels).await;
    let found = world.engine().images_with("dev.jobsprint.test").await;
    world.engine().remove_image(&image).await.expect("removed");
    world
        .engine()
        .remove_image(&image)
        .await
        .expect("gone is fine");

    assert_eq!(committed, Ok(()));
    assert_eq!(found.expect("listed")[&image]["dev.jobsprint.test"], "kept");
    assert_eq!(world.engine().image(&image).await, Ok(None));
}

async fn a_project_is_found_by_a_label_of_its_network_alone(world: World) {
    let found = world.engine().projects_with("com.docker.compose.network");
    assert!(
        found
            .await
            .expect("listed")
            .contains(world.bed.project.as_str())
    );
}

async fn a_name_in_use_is_refused(world: World) {
    let spec = world.bed.container(&world.image, "web", IDLE);
    world.engine().create_container(&spec).await.expect("made");

    let again = world.engine().create_container(&spec).await;

    assert_eq!(
        again,
        Err(EngineError::NameTaken {
            kind: "container",
            name: spec.name
        })
    );
}

async fn a_container_needs_an_image_that_is_here(world: World) {
    let absent = ImageRef::new("jobsprint-dev-test/absent:1");
    let spec = world.bed.container(&absent, "web", IDLE);

    let refused = world.engine().create_container(&spec).await;

    assert_eq!(
        refused,
        Err(EngineError::NotFound {
            kind: "image",
            name: absent.to_string()
        })
    );
}

async fn a_container_needs_a_network_that_is_there(world: World) {
    let mut spec = world.bed.container(&world.image, "web", IDLE);
    let nowhere = format!("{}_nowhere", world.bed.project);
    spec.network_names.insert("default".into(), nowhere.clone());

    let started = async {
        let id = world.engine().create_container(&spec).await?;
        world.engine().start_container(&id).await
    };

    assert_eq!(
        started.await,
        Err(EngineError::NotFound {
            kind: "network",
            name: nowhere
        })
    );
}

async fn starting_and_stopping_twice_is_no_error(world: World) {
    let engine = world.engine();
    let spec = world.bed.container(&world.image, "web", IDLE);
    let id = engine.create_container(&spec).await.expect("made");

    engine.start_container(&id).await.expect("started");
    engine.start_container(&id).await.expect("it runs already");
    let running = engine
        .container(id.as_str())
        .await
        .expect("observed")
        .expect("there");
    engine.stop_container(&id, AT_ONCE).await.expect("stopped");
    engine
        .stop_container(&id, AT_ONCE)
        .await
        .expect("it stands already");
    let stopped = engine
        .container(id.as_str())
        .await
        .expect("observed")
        .expect("there");

    assert!(running.is_running());
    assert!(
        running
            .addresses
            .contains_key(&world.bed.network().network.name)
    );
    assert!(
        matches!(stopped.state, ContainerState::Exited { code: 137, .. }),
        "{:?}",
        stopped.state
    );
}

async fn a_paused_container_is_seen_as_such_until_it_goes_on(world: World) {
    let engine = world.engine();
    let spec = world.bed.container(&world.image, "web", IDLE);
    let id = engine.create_container(&spec).await.expect("made");
    engine.start_container(&id).await.expect("started");

    for _ in 0..2 {
        engine.pause_container(&id).await.expect("paused");
    }
    let paused = engine.container(id.as_str()).await.expect("observed");
    for _ in 0..2 {
        engine.unpause_container(&id).await.expect("goes on");
    }
    let running = engine.container(id.as_str()).await.expect("observed");

    assert_eq!(paused.expect("there").state, ContainerState::Paused);
    assert!(running.expect("there").is_running());
}

async fn a_container_that_stands_cannot_be_paused(world: World) {
    let engine = world.engine();
    let spec = world.bed.container(&world.image, "web", IDLE);
    let id = engine.create_container(&spec).await.expect("made");

    let refused = engine.pause_container(&id).await;

    assert!(
        matches!(&refused, Err(EngineError::Refused { reason, .. }) if reason.contains("is not running")),
        "{refused:?}"
    );
}

async fn what_is_gone_is_removed_without_error(world: World) {
    let engine = world.engine();
    let spec = world.bed.container(&world.image, "web", IDLE);
    let id = engine.create_container(&spec).await.expect("made");

    for _ in 0..2 {
        engine
            .remove_container(&id, Removal::WithVolumes)
            .await
            .expect("removed, or gone");
        engine
            .remove_volume("jobsprint-dev-test-never-made")
            .await
            .expect("never there");
    }

    assert_eq!(engine.container(id.as_str()).await, Ok(None));
}

async fn a_network_with_containers_is_in_use(world: World) {
    let engine = world.engine();
    let spec = world.bed.container(&world.image, "web", IDLE);
    let id = engine.create_container(&spec).await.expect("made");
    engine.start_container(&id).await.expect("started");
    let name = world.bed.network().network.name;
    let network = engine
        .network(&name)
        .await
        .expect("observed")
        .expect("there");

    let refused = engine.remove_network(&network).await;

    assert_eq!(
        refused,
        Err(EngineError::InUse {
            kind: "network",
            name: network.to_string()
        })
    );
}

async fn a_second_network_of_a_name_is_refused(world: World) {
    let spec = world.bed.network();

    let again = world.engine().create_network(&spec).await;

    assert_eq!(
        again,
        Err(EngineError::NameTaken {
            kind: "network",
            name: spec.network.name
        })
    );
}

async fn a_volume_outlives_its_container(world: World) {
    let engine = world.engine();
    let volume = world.bed.volume();
    engine.create_volume(&volume).await.expect("made");
    let mut spec = world.bed.container(&world.image, "db", IDLE);
    spec.settings.mounts = vec![Mount {
        target: "/data".into(),
        source: MountSource::Named {
            volume: "data".into(),
            no_copy: false,
            subpath: None,
        },
        access: MountAccess::ReadWrite,
    }];

    let id = engine.create_container(&spec).await.expect("made");
    let mounted = engine
        .container(id.as_str())
        .await
        .expect("observed")
        .expect("there");
    let in_use = engine.remove_volume(&volume.volume.name).await;
    engine
        .remove_container(&id, Removal::WithVolumes)
        .await
        .expect("removed");

    assert_eq!(mounted.volumes.get("/data"), Some(&volume.volume.name));
    assert_eq!(
        in_use,
        Err(EngineError::InUse {
            kind: "volume",
            name: volume.volume.name.clone()
        })
    );
    assert_eq!(engine.volume(&volume.volume.name).await, Ok(true));
    engine
        .remove_volume(&volume.volume.name)
        .await
        .expect("nobody uses it now");
    assert_eq!(engine.volume(&volume.volume.name).await, Ok(false));
}

async fn an_anonymous_volume_is_kept_or_goes_as_asked(world: World) {
    let engine = world.engine();
    let mut spec = world.bed.container(&world.image, "db", IDLE);
    spec.settings.mounts = vec![Mount {
        target: "/data".into(),
        source: MountSource::Anonymous { no_copy: false },
        access: MountAccess::ReadWrite,
    }];

    let first = engine.create_container(&spec).await.expect("made");
    let observed = engine
        .container(first.as_str())
        .await
        .expect("observed")
        .expect("there");
    let kept = observed.volumes["/data"].clone();
    engine
        .remove_container(&first, Removal::KeepVolumes)
        .await
        .expect("removed");
    assert_eq!(engine.volume(&kept).await, Ok(true));

    spec.inherited_volumes = [("/data".to_owned(), kept.clone())].into();
    let second = engine.create_container(&spec).await.expect("made");
    let observed = engine
        .container(second.as_str())
        .await
        .expect("observed")
        .expect("there");
    assert_eq!(observed.volumes["/data"], kept);

    engine
        .remove_container(&second, Removal::KeepVolumes)
        .await
        .expect("removed");
    spec.inherited_volumes.clear();
    let third = engine.create_container(&spec).await.expect("made");
    let observed = engine
        .container(third.as_str())
        .await
        .expect("observed")
        .expect("there");
    let lost = observed.volumes["/data"].clone();
    engine
        .remove_container(&third, Removal::WithVolumes)
        .await
        .expect("removed");
    assert_eq!(engine.volume(&lost).await, Ok(false));
}

async fn a_container_that_ends_keeps_its_exit_code(world: World) {
    let engine = world.engine();
    let mut events = engine.events(&world.bed.project).await.expect("subscribed");
    let spec = world
        .bed
        .container(&world.image, "job", &["sh", "-c", "exit 3"]);

    let id = engine.create_container(&spec).await.expect("made");
    engine.start_container(&id).await.expect("started");
    loop {
        let event = events
            .next()
            .await
            .expect("the stream goes on")
            .expect("an event");
        if let EngineEventKind::Died { code } = event.kind {
            assert_eq!(code, 3);
            break;
        }
    }

    let ended = engine
        .container(id.as_str())
        .await
        .expect("observed")
        .expect("there");
    assert!(matches!(
        ended.state,
        ContainerState::Exited {
            code: 3,
            out_of_memory: false,
            ..
        }
    ));
}

async fn events_tell_of_start_and_death(world: World) {
    let engine = world.engine();
    let mut events = engine.events(&world.bed.project).await.expect("subscribed");
    let spec = world.bed.container(&world.image, "web", IDLE);

    let id = engine.create_container(&spec).await.expect("made");
    engine.start_container(&id).await.expect("started");
    engine.stop_container(&id, AT_ONCE).await.expect("stopped");
    engine
        .remove_container(&id, Removal::WithVolumes)
        .await
        .expect("removed");

    let mut told = Vec::new();
    while told.last() != Some(&EngineEventKind::Removed) {
        let event = events
            .next()
            .await
            .expect("the stream goes on")
            .expect("an event");
        assert_eq!((event.service.as_str(), &event.container), ("web", &id));
        told.push(event.kind);
    }
    assert_eq!(
        told,
        [
            EngineEventKind::Created,
            EngineEventKind::Started,
            EngineEventKind::Died { code: 137 },
            EngineEventKind::Removed,
        ]
    );
}

async fn one_off_containers_are_not_observed(world: World) {
    let mut spec = world.bed.container(&world.image, "web", IDLE);
    spec.labels
        .insert("com.docker.compose.oneoff".into(), "True".into());

    let id = world.engine().create_container(&spec).await.expect("made");
    let observed = world
        .engine()
        .observe(&world.bed.project, &[])
        .await
        .expect("observed");

    assert!(observed.containers.is_empty());
    world
        .engine()
        .remove_container(&id, Removal::WithVolumes)
        .await
        .expect("removed");
}

async fn images_that_are_here_are_observed(world: World) {
    let absent = ImageRef::new("jobsprint-dev-test/absent:1");
    let asked = [world.image.clone(), absent.clone()];

    let observed = world
        .engine()
        .observe(&world.bed.project, &asked)
        .await
        .expect("observed");

    let id = world.engine().image(&world.image).await.expect("observed");
    assert_eq!(observed.images.get(&world.image), id.as_ref());
    assert_eq!(observed.images.get(&absent), None);
    assert_eq!(world.engine().image(&absent).await, Ok(None));
}

/// Laws of processes, which only a real engine runs.
mod processes {
    use super::*;

    async fn running(world: &World, command: &[&str]) -> jobsprint_dev::domain::ContainerId {
        let spec = world.bed.container(&world.image, "web", command);
        let id = world.engine().create_container(&spec).await.expect("made");
        world.engine().start_container(&id).await.expect("started");
        id
    }

    fn command(words: &[&str]) -> ExecRequest {
        ExecRequest {
            command: words.iter().map(|&word| word.to_owned()).collect(),
            ..ExecRequest::default()
        }
    }

    #[tokio::test]
    async fn a_command_runs_with_its_input_environment_and_exit_code() {
        let world = World::real().await;
        let id = running(&world, IDLE).await;
        let mut environment = Environment::default();
        environment.set("COLOUR", "blue");
        let request = ExecRequest {
            environment,
            working_dir: Some("/tmp".into()),
            stdin: Some("from stdin".into()),
            ..command(&["sh", "-c", "pwd; echo $COLOUR; cat; echo bad >&2; exit 7"])
        };

        let ended = world.engine().execute(&id, &request).await.expect("run");

        assert_eq!(ended.code, 7);
        assert_eq!(
            String::from_utf8_lossy(&ended.stdout),
            "/tmp\nblue\nfrom stdin"
        );
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "bad\n");
    }

    #[tokio::test]
    async fn a_command_in_a_stopped_container_is_refused() {
        let world = World::real().await;
        let spec = world.bed.container(&world.image, "web", IDLE);
        let id = world.engine().create_container(&spec).await.expect("made");

        let refused = world.engine().execute(&id, &command(&["true"])).await;

        assert!(
            matches!(refused, Err(EngineError::Refused { call: "exec", .. })),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_long_log_line_is_one_line_and_streams_are_told_apart() {
        let world = World::real().await;
        let script = "head -c 50000 /dev/zero | tr '\\0' x; echo; echo oops >&2; printf unfinished";
        let mut events = world
            .engine()
            .events(&world.bed.project)
            .await
            .expect("subscribed");
        let id = running(&world, &["sh", "-c", script]).await;
        while !matches!(events.next().await, Some(Ok(event)) if matches!(event.kind, EngineEventKind::Died { .. }))
        {
        }

        let lines = world
            .engine()
            .logs(&id, &LogRequest::default())
            .await
            .expect("read");
        let mut lines: Vec<_> = lines.map(|line| line.expect("a line")).collect().await;

        lines.sort_by_key(|line| std::cmp::Reverse(line.text.len()));
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.stream, line.text.len()))
            .collect();
        assert_eq!(
            told,
            [
                (LogStream::Stdout, 50_000),
                (LogStream::Stdout, 10),
                (LogStream::Stderr, 4)
            ]
        );
        assert!(lines.iter().all(|line| line.at.ends_with('Z')), "{lines:?}");
    }

    #[tokio::test]
    async fn files_go_in_and_come_out_again() {
        let world = World::real().await;
        let id = running(&world, IDLE).await;
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, "greeting", b"hello".as_slice())
            .expect("in memory");

        let tar = archive.into_inner().expect("in memory").into();
        world
            .engine()
            .upload(&id, "/tmp", tar)
            .await
            .expect("uploaded");
        let pieces = world
            .engine()
            .download(&id, "/tmp/greeting")
            .await
            .expect("downloaded");
        let pieces: Vec<_> = pieces.map(|piece| piece.expect("a piece")).collect().await;

        let whole = pieces.concat();
        let mut archive = tar::Archive::new(whole.as_slice());
        let mut entry = archive
            .entries()
            .expect("a tar")
            .next()
            .expect("an entry")
            .expect("whole");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).expect("text");
        assert_eq!(text, "hello");
    }

    #[tokio::test]
    async fn a_volume_goes_over_to_another_as_one_stream() {
        let world = World::real().await;
        let mut spec = world.bed.container(&world.image, "from", IDLE);
        spec.settings.mounts = vec![Mount {
            target: "/kept".to_owned(),
            source: MountSource::Named {
                volume: "data".to_owned(),
                no_copy: false,
                subpath: None,
            },
            access: MountAccess::ReadWrite,
        }];
        let engine = Arc::clone(&world.bed.engine);
        engine
            .create_volume(&world.bed.volume())
            .await
            .expect("made");
        let from = engine.create_container(&spec).await.expect("made");
        engine.start_container(&from).await.expect("started");
        let write = "seq 1 500000 > /kept/numbers && chmod 640 /kept/numbers";
        let request = ExecRequest {
            command: ["sh", "-c", write].map(str::to_owned).into(),
            ..ExecRequest::default()
        };
        assert_eq!(engine.execute(&from, &request).await.expect("ran").code, 0);
        let to = world.bed.container(&world.image, "to", IDLE);
        let to = engine.create_container(&to).await.expect("made");

        let stream = engine.download(&from, "/kept").await.expect("opened");
        let stream = stream.map(|piece| piece.map_err(std::io::Error::other));
        engine
            .unpack(&to, "/tmp", stream.boxed())
            .await
            .expect("unpacked");

        engine.start_container(&to).await.expect("started");
        let request = ExecRequest {
            command: [
                "sh",
                "-c",
                "stat -c %a /tmp/kept/numbers && grep -c 0 /tmp/kept/numbers",
            ]
            .map(str::to_owned)
            .into(),
            ..ExecRequest::default()
        };
        let seen = engine.execute(&to, &request).await.expect("ran");
        assert_eq!(String::from_utf8_lossy(&seen.stdout), "640\n197375\n");
    }

    #[tokio::test]
    async fn a_running_container_shows_signs_of_life() {
        let world = World::real().await;
        let id = running(&world, &["sh", "-c", "while :; do :; done"]).await;

        let usage = world.engine().usage(&id).await.expect("measured");

        assert!(usage.cpu > 0, "{usage:?}");
    }

    #[tokio::test]
    async fn a_signal_reaches_the_first_process() {
        let world = World::real().await;
        let mut events = world
            .engine()
            .events(&world.bed.project)
            .await
            .expect("subscribed");
        let script = "trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done";
        let id = running(&world, &["sh", "-c", script]).await;
        let follow = LogRequest {
            follow: true,
            ..LogRequest::default()
        };
        let mut log = world.engine().logs(&id, &follow).await.expect("followed");
        let ready = log.next().await.expect("a line").expect("a line");
        assert_eq!(ready.text, "ready");

        world
            .engine()
            .signal_container(&id, "SIGUSR1")
            .await
            .expect("sent");

        loop {
            let event = events
                .next()
                .await
                .expect("the stream goes on")
                .expect("an event");
            if let EngineEventKind::Died { code } = event.kind {
                assert_eq!(code, 9);
                return;
            }
        }
    }

    #[tokio::test]
    async fn a_port_that_another_holds_is_named() {
        let world = World::real().await;
        let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = holder.local_addr().expect("bound").port();
        let mut spec = world.bed.container(&world.image, "web", IDLE);
        spec.settings.ports = vec![jobsprint_dev::domain::PublishedPort {
            host_ip: None,
            host: jobsprint_dev::domain::HostPort::Fixed(port),
            container: 80,
            protocol: jobsprint_dev::domain::Protocol::Tcp,
            name: None,
        }];

        let id = world.engine().create_container(&spec).await.expect("made");
        let refused = world.engine().start_container(&id).await;

        assert_eq!(refused, Err(EngineError::PortTaken { port }));
    }
}

use super::*;
use crate::domain::{Dependency, ImageSource, ProjectName};

fn name(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

fn service(role: Role, called: &str, ready: Readiness, needs: &[(&str, Condition)]) -> Service {
    let mut service = Service::new(name(called), ImageSource::named(called));
    (service.role, service.ready) = (role, ready);
    service.depends_on = needs
        .iter()
        .map(|(needed, condition)| {
            let dependency = Dependency {
                condition: *condition,
                ..Dependency::default()
            };
            (name(needed), dependency)
        })
        .collect();
    service
}

/// A gateway that waits for its database, speaks of its broker, and is spoken of by a proxy.
fn shop() -> Stack {
    let mut api = service(
        Role::App,
        "api",
        Readiness::Started,
        &[("postgres", Condition::Healthy)],
    );
    api.container
        .environment
        .set("BROKER", "amqp://me@rabbitmq:5672");
    api.container.restart = RestartPolicy::Always;
    let services = [
        service(Role::Data, "postgres", Readiness::Postgres, &[]),
        service(Role::Data, "rabbitmq", Readiness::Amqp, &[]),
        api,
        service(
            Role::App,
            "proxy",
            Readiness::Started,
            &[("api", Condition::Started)],
        ),
    ];
    Stack {
        project: ProjectName::new("shop").unwrap(),
        working_dir: "/shop".into(),
        config_files: Vec::new(),
        services: services
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect(),
        disabled: BTreeMap::new(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        bases: BTreeMap::new(),
        seeds: None,
    }
}

#[test]
fn every_fault_is_tried_once_and_a_few_runs_see_most_kinds() {
    let stack = shop();

    let told: Vec<String> = trials(&stack, &stack.services.keys().cloned().collect())
        .iter()
        .map(|trial| format!("{}; {}", trial.start, trial.later))
        .collect();

    assert_eq!(
        told,
        [
            "`postgres` is slow to initialise; `postgres` is killed",
            "`rabbitmq` is restarted while it boots; all containers are restarted in random order",
            "the name `api` resolves late; `rabbitmq` is killed",
            "every service has half a core; all containers are restarted in random order",
            "`rabbitmq` is slow to initialise; `postgres` is killed",
            "the name `postgres` resolves late; all containers are restarted in random order",
            "the name `rabbitmq` resolves late; `rabbitmq` is killed",
        ]
    );
}

#[test]
fn a_service_that_waits_for_nothing_it_speaks_of_is_told_the_lines() {
    let failed = BTreeMap::from([(name("api"), vec!["it ended: exit code 1".to_owned()])]);

    let known = unlucky_start(&shop(), &StartFault::Slow(name("rabbitmq")), &failed);
    let unknown = unlucky_start(&shop(), &StartFault::Starved, &failed);

    let lines = "add these lines\nservices:\n  api:\n    depends_on:\n      rabbitmq: { condition: service_healthy }";
    for found in [&known, &unknown] {
        assert_eq!(found[0].mend.as_ref().unwrap().command, lines);
        assert_eq!(found[0].evidence, ["it ended: exit code 1"]);
    }
}

#[test]
fn where_it_waits_already_the_probe_is_to_blame() {
    let failed = BTreeMap::from([(name("api"), Vec::new())]);

    let found = unlucky_start(&shop(), &StartFault::Slow(name("postgres")), &failed);

    let command = &found[0].mend.as_ref().unwrap().command;
    assert!(
        command.ends_with("  postgres:\n    x-jobsprint: { ready: postgres }"),
        "{command}"
    );
}

#[test]
fn a_fault_is_built_into_the_copy_where_it_can_be() {
    let (copy, original) = (shop(), shop());

    let slow = afflicted(&copy, &original, &StartFault::Slow(name("postgres")));
    let starved = afflicted(&copy, &original, &StartFault::Starved);

    let script = &slow.service(&name("postgres")).unwrap().container.files[0];
    assert_eq!(script.content.expose(), "select pg_sleep(5);\n");
    let api = &starved.service(&name("api")).unwrap().container;
    assert_eq!(api.resources.nano_cpus, Some(500_000_000));
    assert_eq!(api.restart, RestartPolicy::OnFailure { retries: None });
}

#[test]
fn nothing_is_put_into_a_directory_that_somebody_mounted() {
    let mut database = service(Role::Data, "postgres", Readiness::Postgres, &[]);
    assert!(takes_scripts(&database));

    database.container.mounts = vec![crate::domain::Mount {
        target: "/docker-entrypoint-initdb.d".to_owned(),
        source: crate::domain::MountSource::Anonymous { no_copy: false },
        access: crate::domain::MountAccess::default(),
    }];

    assert!(!takes_scripts(&database));
}

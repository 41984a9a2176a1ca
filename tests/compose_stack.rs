//! The stack that ships, read from its own Compose file.

use std::collections::BTreeMap;
use std::path::Path;

use jobsprint_dev::app::files::Disk;
use jobsprint_dev::composefile::{LoadRequest, Loaded, load};
use jobsprint_dev::domain::{
    BaseImage, Condition, Migrate, Readiness, ReplaceMode, Role, ServiceName, WatchAction,
};

fn shipped() -> Loaded {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let secrets = [
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "RABBITMQ_PASSWORD",
        "N8N_ENCRYPTION_KEY",
        "JWT_SECRET",
    ];
    let request = LoadRequest {
        files: vec![root.join("compose/docker-compose.yml")],
        environment: secrets
            .iter()
            .map(|name| ((*name).to_owned(), "x".to_owned()))
            .collect(),
        current_dir: root.to_owned(),
        ..LoadRequest::default()
    };
    load(&request, &Disk).unwrap_or_else(|faults| panic!("the shipped stack loads: {faults}"))
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a service's name")
}

#[test]
fn it_has_seven_services_three_of_which_keep_data() {
    let stack = shipped().stack;

    let roles: BTreeMap<&str, Role> = stack
        .services
        .values()
        .map(|service| (service.name.as_str(), service.role))
        .collect();
    let expected = [
        ("api-gateway", Role::App),
        ("frontend", Role::App),
        ("n8n", Role::App),
        ("nginx", Role::App),
        ("postgres", Role::Data),
        ("rabbitmq", Role::Data),
        ("redis", Role::Data),
    ];
    assert_eq!(roles, BTreeMap::from(expected));
    assert_eq!(stack.project.as_str(), "jobsprint");
}

#[test]
fn the_gateway_waits_for_the_data_services_and_restarts_in_place() {
    let stack = shipped().stack;

    let gateway = &stack.services[&name("api-gateway")];
    let waits: Vec<(&str, Condition)> = gateway
        .depends_on
        .iter()
        .map(|(name, dependency)| (name.as_str(), dependency.condition))
        .collect();
    assert_eq!(
        waits,
        [
            ("postgres", Condition::Healthy),
            ("rabbitmq", Condition::Healthy),
            ("redis", Condition::Healthy)
        ]
    );
    assert_eq!(
        gateway.ready,
        Readiness::Http {
            path: "/ready".to_owned(),
            port: None
        }
    );
    assert_eq!(gateway.replace, ReplaceMode::Process);
    assert!(
        matches!(&gateway.migrate, Some(Migrate::Command { run, .. }) if run.join(" ") == "npm run migrate")
    );
    assert!(
        matches!(&gateway.watch[0].action, WatchAction::SyncRestart { target } if target == "/app/src")
    );
}

#[test]
fn an_empty_depends_on_waits_for_nothing() {
    assert!(
        shipped().stack.services[&name("frontend")]
            .depends_on
            .is_empty()
    );
}

#[test]
fn base_images_and_seeds_are_found_beside_the_file() {
    let stack = shipped().stack;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));

    assert!(
        stack
            .bases
            .values()
            .any(|base| matches!(base, BaseImage::Bootstrap { suite } if suite == "bookworm"))
    );
    assert!(stack.bases.values().any(
        |base| matches!(base, BaseImage::Build(build) if build.context == root.join("compose/images/node"))
    ));
    assert_eq!(stack.seeds, Some(root.join("seeds")));
}

#[test]
fn nothing_in_it_calls_for_a_warning() {
    let warnings = shipped().warnings;

    assert!(
        warnings.is_empty(),
        "{:?}",
        warnings
            .iter()
            .map(jobsprint_dev::composefile::Diagnostic::headline)
            .collect::<Vec<_>>()
    );
}

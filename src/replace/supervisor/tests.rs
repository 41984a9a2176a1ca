use super::*;

use crate::engine::FakeEngine;
use crate::plan::{self, SUPERVISOR_VERSION};
use sha2::{Digest, Sha256};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn spec(entrypoint: Option<&[&str]>, command: Option<&[&str]>) -> ContainerSpec {
    let mut service = plan::fixture::service("web");
    service.replace = crate::domain::ReplaceMode::Process;
    service.container.entrypoint = entrypoint.map(words);
    service.container.command = command.map(words);
    plan::fixture::spec(&service)
}

/// What runs under the supervisor: the words after its name, then the command.
fn run(spec: &ContainerSpec, image: &ImageCommand) -> Option<String> {
    let settings = supervised(spec, image)?.settings;
    let entrypoint = settings.entrypoint.expect("set");
    assert_eq!(entrypoint[..2], words(&["/bin/sh", "-c"]));
    assert_eq!(entrypoint[3], "jobsprint-dev");
    let command = settings.command.expect("set");
    Some(
        [&entrypoint[4..], &["+".to_owned()], &command]
            .concat()
            .join(" "),
    )
}

#[test]
fn entrypoint_and_command_are_what_the_engine_would_have_run() {
    let image = ImageCommand {
        entrypoint: words(&["docker-entrypoint.sh"]),
        command: words(&["node", "server.js"]),
        ..ImageCommand::default()
    };
    let nothing = ImageCommand::default();

    let table = [
        (
            spec(None, None),
            &image,
            Some("docker-entrypoint.sh + node server.js"),
        ),
        (
            spec(None, Some(&["npm", "start"])),
            &image,
            Some("docker-entrypoint.sh + npm start"),
        ),
        (spec(Some(&["tini", "--"]), None), &image, Some("tini -- +")),
        (
            spec(Some(&["tini", "--"]), Some(&["a"])),
            &image,
            Some("tini -- + a"),
        ),
        (spec(Some(&[]), Some(&["a"])), &image, Some("+ a")),
        (
            spec(None, Some(&[])),
            &image,
            Some("docker-entrypoint.sh + node server.js"),
        ),
        (spec(None, None), &nothing, None),
    ];

    for (spec, image, expected) in table {
        assert_eq!(run(&spec, image).as_deref(), expected);
    }
}

#[test]
fn its_text_has_the_version_that_the_config_hash_knows() {
    let digest = Sha256::digest(script().as_bytes());
    let start = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);

    // Another text is another supervisor: containers with the old one are to be replaced by a new version.
    assert_eq!((SUPERVISOR_VERSION, start), ("2", 0xc15e_e325));
}

#[tokio::test]
async fn an_image_without_a_shell_gets_a_container_without_a_supervisor() {
    let spec = spec(None, Some(&["serve"]));
    let sentence = format!("image {0}\nimage {0} lacks /bin/sh", spec.image);
    let engine = FakeEngine::of(&sentence);

    create(&engine, &without_network(spec.clone()))
        .await
        .expect("made");

    let made = engine.spec(&spec.name).expect("there");
    assert!(!made.labels.contains_key(SUPERVISOR));
    assert_eq!(made.settings.command, Some(words(&["serve"])));
    assert_eq!(made.settings.entrypoint, None);
}

#[tokio::test]
async fn an_image_with_a_shell_gets_the_supervisor_and_says_so() {
    let spec = spec(None, Some(&["serve"]));
    let engine = FakeEngine::of(&format!("image {}", spec.image));

    create(&engine, &without_network(spec.clone()))
        .await
        .expect("made");

    let made = engine.spec(&spec.name).expect("there");
    assert_eq!(made.labels.get(SUPERVISOR).map(String::as_str), Some("2"));
    assert_eq!(made.settings.command, Some(words(&["serve"])));
    assert_eq!(made.settings.init, Some(false));
}

fn without_network(mut spec: ContainerSpec) -> ContainerSpec {
    spec.settings.networks.clear();
    spec
}

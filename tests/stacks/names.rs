//! Which name a stack gets, and whose a name is.

use std::fs;
use std::path::Path;

use crate::repository::{Repository, model, text, tool, well};

fn name(directory: &Path, words: &[&str], variables: &[(&str, &str)]) -> String {
    let model = model(directory, words, variables);
    model["name"].as_str().expect("a name").to_owned()
}

/// The port that a variable feeds.
fn port(directory: &Path, words: &[&str], variables: &[(&str, &str)]) -> u16 {
    let model = model(directory, words, variables);
    let port = &model["services"]["web"]["ports"][0]["published"];
    let port = port.as_str().expect("a port as Compose writes it");
    port.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_given_outright_is_kept_and_the_files_own_is_where_a_worktrees_begins() {
    let repository = Repository::new().await;
    let (main, pay) = (repository.main(), repository.worktree("Pay.2"));
    let base = &repository.name;
    let plain = repository.ports[0];
    let by_shell = [("COMPOSE_PROJECT_NAME", "outright")];

    assert_eq!(name(&main, &[], &[]), *base);
    assert_eq!(port(&main, &[], &[]), plain);
    assert_eq!(
        name(&main, &["--stack", "demo"], &[]),
        format!("{base}-demo")
    );
    assert_eq!(name(&pay, &[], &[]), format!("{base}-pay2"));
    assert_ne!(port(&pay, &[], &[]), plain);
    assert_eq!(
        name(&pay, &["--stack", "demo"], &[]),
        format!("{base}-pay2-demo")
    );
    assert_eq!(name(&pay, &["-p", "outright"], &[]), "outright");
    assert_eq!(port(&pay, &["-p", "outright"], &[]), plain);
    assert_eq!(name(&pay, &[], &by_shell), "outright");
    assert_eq!(port(&pay, &[], &by_shell), plain);
    assert_eq!(name(&pay, &["--stack", "demo"], &by_shell), "outright-demo");
    fs::write(pay.join(".env"), "COMPOSE_PROJECT_NAME=by-env\n").expect("written");
    assert_eq!(name(&pay, &[], &[]), "by-env");
    assert_eq!(name(&pay, &["-p", "outright"], &[]), "outright");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_a_person_gives_goes_before_the_blocks() {
    let repository = Repository::new().await;
    let pay = repository.worktree("pay");
    let own = port(&pay, &[], &[]);

    assert_eq!(port(&pay, &[], &[("WEB_PORT", "7001")]), 7001);
    fs::write(pay.join(".env"), "WEB_PORT=7002\n").expect("written");
    assert_eq!(port(&pay, &[], &[]), 7002);
    fs::remove_file(pay.join(".env")).expect("removed");
    assert_eq!(port(&pay, &[], &[]), own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_and_a_stack_named_at_once_are_a_contradiction() {
    let repository = Repository::new().await;

    let ran = tool(&repository.main(), &["-p", "x", "status", "--stack", "y"]);
    let odd = tool(&repository.main(), &["--stack", "Odd Name", "status"]);

    assert_eq!(ran.status.code(), Some(2));
    assert!(
        text(&ran.stderr).contains("give one of them"),
        "{}",
        text(&ran.stderr)
    );
    assert_eq!(odd.status.code(), Some(2));
    assert!(
        text(&odd.stderr).contains("lower-case letters"),
        "{}",
        text(&odd.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_of_the_same_name_that_another_directory_made_is_never_touched() {
    let repository = Repository::new().await;
    let main = repository.main();
    let other = repository.home.path().join("clone");
    fs::create_dir(&other).expect("made");
    fs::copy(main.join("compose.yaml"), other.join("compose.yaml")).expect("copied");
    well(&main, &["up"]);
    let before = repository.observe(&repository.name).await;

    let verbs: [&[&str]; 10] = [
        &["up"],
        &["down"],
        &["down", "--volumes", "--yes"],
        &["stop"],
        &["restart"],
        &["status"],
        &["logs"],
        &["exec", "web", "--", "true"],
        &["snapshot", "save", "mine"],
        &["setup", "--yes"],
    ];
    let mut answers = Vec::new();
    for verb in verbs {
        let ran = tool(&other, verb);
        answers.push((verb, ran.status.code(), text(&ran.stderr)));
    }
    let looked = tool(&other, &["-p", &repository.name, "status"]);

    let real = main.canonicalize().expect("it is there");
    let belongs = format!(
        "the stack `{}` belongs to another directory: `{}`",
        repository.name,
        real.display()
    );
    for (verb, code, said) in answers {
        assert_eq!(code, Some(10), "{verb:?}: {said}");
        assert!(said.contains(&belongs), "{verb:?}: {said}");
        assert!(said.contains("--stack NAME"), "{verb:?}: {said}");
    }
    assert_eq!(repository.observe(&repository.name).await, before);
    assert!(looked.status.success(), "{}", text(&looked.stderr));

    // Also its data alone is its own; and a name of one's own is the way out.
    well(&main, &["down"]);
    let up = tool(&other, &["up"]);
    assert!(text(&up.stderr).contains(&belongs), "{}", text(&up.stderr));
    well(&other, &["--stack", "clone", "up"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_was_moved_takes_its_stack_along() {
    let repository = Repository::new().await;
    let main = repository.main();
    well(&main, &["up"]);
    let moved = repository.home.path().join("moved");
    fs::rename(&main, &moved).expect("renamed");

    well(&moved, &["up"]);
    well(&moved, &["down"]);

    fs::rename(&moved, &main).expect("renamed back");
    assert!(
        repository
            .observe(&repository.name)
            .await
            .containers
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environments_addresses_follow_the_ports() {
    let repository = Repository::new().await;
    let pay = repository.worktree("pay");
    let plain = repository.ports[0];
    fs::create_dir(pay.join("templates")).expect("made");
    let schema =
        format!("# @type=port\nWEB_PORT={plain}\n\nWEB_URL=http://localhost:${{WEB_PORT}}\n");
    fs::write(pay.join("templates/.env.schema"), schema).expect("written");
    let written = format!("WEB_PORT={plain}\nWEB_URL=http://localhost:{plain}/x\n");
    fs::write(pay.join(".env"), &written).expect("written");
    let own = port(&pay, &[], &[]);

    let listed = well(&pay, &["env", "list"]);

    assert!(listed.contains(&format!("WEB_PORT={own}\n")), "{listed}");
    let address = format!("http://localhost:{own}/x");
    assert!(listed.contains(&address), "{listed}");
    let kept = fs::read_to_string(pay.join(".env")).expect("read");
    assert_eq!(kept, written, "what stands in it is nobody's to alter");
}

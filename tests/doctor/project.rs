//! Faults of the project's files and objects.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use jobsprint_dev::domain::{ContainerId, ContainerState, ImageRef, Volume, VolumeSpec};

use crate::patient::Patient;
use crate::support::Bed;

fn mode(patient: &Patient, file: &str) -> u32 {
    let found = fs::metadata(patient.path().join(file)).expect("there");
    found.permissions().mode() & 0o777
}

#[tokio::test]
async fn a_compose_file_that_is_wrong() {
    let patient = Patient::of(Bed::make().await, "services:\n  a:\n    imagee: x\n");

    let found = patient.doctor(&[]);

    found.finds("problem", "project.files", &["compose.yaml:3:5", "imagee"]);
    assert_eq!(found.code, Some(10));
}

#[tokio::test]
async fn a_project_without_a_compose_file() {
    let patient = Patient::healthy().await;
    fs::remove_file(patient.path().join("compose.yaml")).expect("removed");

    patient.doctor(&[]).finds("problem", "project.files", &[]);
}

#[tokio::test]
async fn a_missing_env_is_made() {
    let patient = Patient::healthy().await;
    let schema =
        "# The password.\n# @required @sensitive @generate=alnum(32)\nPOSTGRES_PASSWORD=\n";
    patient.write("templates/.env.schema", schema);

    patient
        .doctor(&[])
        .finds("problem", "project.env", &["no `.env`", "env init"]);
    patient.doctor(&["--fix"]);

    patient.doctor(&[]).is_well("project.env");
    let text = fs::read_to_string(patient.path().join(".env")).expect("made");
    assert!(text.contains("POSTGRES_PASSWORD="), "{text}");
}

#[tokio::test]
async fn a_value_that_breaks_the_contract_of_the_env() {
    let patient = Patient::healthy().await;
    let schema = "# The port.\n# @required @type=port\nWEB_PORT=8080\n\n\
                  # A token.\n# @required @sensitive @type=string(minLength=12)\nTOKEN=\n";
    patient.write("templates/.env.schema", schema);
    patient.write(".env", "WEB_PORT=eighty\nTOKEN=swordfish\n");

    let found = patient.doctor(&[]);

    found.finds(
        "problem",
        "project.env",
        &[
            "`WEB_PORT` must be",
            "env set WEB_PORT",
            "`TOKEN` must be",
            "env set TOKEN",
        ],
    );
    assert_eq!(found.code, Some(50));
    assert!(!found.said.contains("swordfish"), "{}", found.said);
}

#[tokio::test]
async fn an_env_that_everybody_may_read() {
    let patient = Patient::healthy().await;
    patient.write(".env", "A=1\n");
    fs::set_permissions(
        patient.path().join(".env"),
        fs::Permissions::from_mode(0o644),
    )
    .expect("set");

    patient
        .doctor(&[])
        .finds("warning", "project.env-mode", &["644", "chmod 600 .env"]);
    patient.doctor(&["--fix"]).is_well("project.env-mode");
    assert_eq!(mode(&patient, ".env"), 0o600);
}

#[tokio::test]
async fn an_env_that_is_read_only() {
    let patient = Patient::healthy().await;
    patient.write(".env", "A=1\n");
    fs::set_permissions(
        patient.path().join(".env"),
        fs::Permissions::from_mode(0o400),
    )
    .expect("set");

    patient
        .doctor(&[])
        .finds("problem", "project.env-mode", &["read-only", "400"]);
    patient.doctor(&["--fix"]).is_well("project.env-mode");
}

#[tokio::test]
async fn a_mounted_directory_that_is_not_there() {
    let patient = Patient::with("volumes: [\"./uploads:/uploads\"]").await;

    patient
        .doctor(&[])
        .finds("warning", "project.paths", &["/uploads", "mkdir -p"]);
    patient.doctor(&["--fix"]).is_well("project.paths");
    assert!(patient.path().join("uploads").is_dir());
}

#[tokio::test]
async fn several_faults_of_one_kind_are_all_mended() {
    let patient = Patient::with(
        "volumes: [\"./one:/one\", \"./two:/two\", \"./a.sh:/a.sh:ro\", \"./b.sh:/b.sh:ro\"]",
    )
    .await;
    patient.write("a.sh", "#!/bin/sh\r\n");
    patient.write("b.sh", "#!/bin/sh\r\n");

    let found = patient.doctor(&[]);
    found.finds("warning", "project.paths", &["/one; mkdir -p", "/two"]);
    found.finds("problem", "project.line-ends", &["a.sh; sed -i", "b.sh"]);

    let mended = patient.doctor(&["--fix"]);
    mended.is_well("project.paths");
    mended.is_well("project.line-ends");
}

#[tokio::test]
async fn sources_that_are_not_there() {
    let patient = Patient::of(Bed::make().await, "services:\n  a:\n    build: ./app\n");

    patient
        .doctor(&[])
        .finds("problem", "project.paths", &["is built from", "/app"]);
}

#[tokio::test]
async fn a_recipe_that_is_not_there() {
    let patient = Patient::of(Bed::make().await, "services:\n  a:\n    build: ./app\n");
    patient.write("app/main.js", "1\n");

    patient
        .doctor(&[])
        .finds("problem", "project.paths", &["app/Dockerfile"]);
}

#[tokio::test]
async fn a_script_with_windows_line_ends() {
    let patient = Patient::with("volumes: [\"./start.sh:/start.sh:ro\"]").await;
    patient.write("start.sh", "#!/bin/sh\r\necho hello\r\n");

    patient.doctor(&[]).finds(
        "problem",
        "project.line-ends",
        &["start.sh", "2 lines end in CR LF", "sed -i"],
    );
    patient.doctor(&["--fix"]).is_well("project.line-ends");
    let text = fs::read_to_string(patient.path().join("start.sh")).expect("there");
    assert_eq!(text, "#!/bin/sh\necho hello\n");
}

#[tokio::test]
async fn a_command_that_is_not_executable() {
    let patient =
        Patient::with("entrypoint: [/start.sh]\nvolumes: [\"./start.sh:/start.sh:ro\"]").await;
    patient.write("start.sh", "#!/bin/sh\nexec sleep 1000\n");

    patient
        .doctor(&[])
        .finds("problem", "project.modes", &["start.sh", "644", "chmod +x"]);
    patient.doctor(&["--fix"]).is_well("project.modes");
    assert_eq!(mode(&patient, "start.sh"), 0o755);
}

#[tokio::test]
async fn a_huge_context_without_a_dockerignore() {
    let patient = Patient::of(Bed::make().await, "services:\n  a:\n    build: ./app\n");
    patient.write("app/Dockerfile", "FROM scratch\n");
    patient.write("app/node_modules/big", "");
    let big = fs::File::create(patient.path().join("app/node_modules/big")).expect("made");
    big.set_len(80 << 20).expect("sparse");

    patient.doctor(&[]).finds(
        "warning",
        "project.contexts",
        &["node_modules 83.8 MB", ".dockerignore"],
    );
    patient.doctor(&["--fix"]).is_well("project.contexts");
}

#[tokio::test]
async fn a_certificate_that_is_missing() {
    let patient = Patient::with("volumes: [\"./.jobsprint/tls:/tls:ro\"]").await;

    patient
        .doctor(&[])
        .finds("problem", "project.certificate", &["localhost.crt"]);
    patient.doctor(&["--fix"]).is_well("project.certificate");
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_its_key() {
    let patient = Patient::with("volumes: [\"./.jobsprint/tls:/tls:ro\"]").await;
    let key = patient.path().join(".jobsprint/tls/localhost.key");
    patient.doctor(&["--fix"]).is_well("project.certificate");
    let first = fs::read(&key).expect("made");
    fs::remove_file(&key).expect("removed");
    patient.doctor(&["--fix"]).is_well("project.certificate");
    fs::write(&key, first).expect("the other's key");

    patient.doctor(&[]).finds(
        "problem",
        "project.certificate",
        &["doesn't fit its key", "localhost.crt"],
    );
    patient.doctor(&["--fix"]).is_well("project.certificate");
}

#[tokio::test]
async fn a_volume_of_somebody_else() {
    let bed = Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let name = format!("{}_data", bed.project);
    let stranger = VolumeSpec {
        volume: Volume {
            name: name.clone(),
            ..Volume::default()
        },
    };
    bed.engine.create_volume(&stranger).await.expect("made");
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    volumes: [\"data:/data\"]\nvolumes: {{ data: }}\n"
    );
    let patient = Patient::of(bed, &compose);

    let found = patient.doctor(&[]);

    patient
        .bed
        .engine
        .remove_volume(&name)
        .await
        .expect("removed");
    found.finds(
        "problem",
        "project.volumes",
        &[&name, "docker volume inspect"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_of_a_service_that_is_gone() {
    let patient = Patient::healthy().await;
    patient.run(&["up"]);
    let compose = fs::read_to_string(patient.path().join("compose.yaml")).expect("there");
    patient.write("compose.yaml", &compose.replace("  a:", "  b:"));

    patient
        .doctor(&[])
        .finds("warning", "project.orphans", &["-a-1", "--remove-orphans"]);
    patient.doctor(&["--fix"]).is_well("project.orphans");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ended_by_itself() {
    let patient = Patient::with("command: [sh, -c, \"sleep 0.3; exit 3\"]").await;
    patient.command(&["up"]).output().expect("it starts");
    loop {
        let observed = patient
            .bed
            .engine
            .observe(&patient.bed.project, &[])
            .await
            .expect("told");
        if !observed.containers.is_empty() && !observed.containers[0].is_running() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    patient.doctor(&[]).finds(
        "warning",
        "project.services",
        &["`a` ended: exit code 3", "logs a"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_again_and_again() {
    let patient = Patient::with("command: [sh, -c, \"exit 4\"]\nrestart: always").await;
    patient.command(&["up"]).output().expect("it starts");
    let name = format!("{}-a-1", patient.bed.project);
    loop {
        let found = patient.bed.engine.container(&name).await.expect("told");
        let found = found.expect("made");
        // The engine waits twice as long each time: by now for seconds.
        if found.restarts >= 5 && matches!(found.state, ContainerState::Restarting { .. }) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let found = patient.doctor(&[]);

    found.finds(
        "problem",
        "project.services",
        &["exit code was 4", "logs a"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_somebody_paused() {
    let patient = Patient::healthy().await;
    patient.run(&["up"]);
    let name = ContainerId::new(format!("{}-a-1", patient.bed.project));
    patient
        .bed
        .engine
        .pause_container(&name)
        .await
        .expect("paused");

    patient.doctor(&[]).finds(
        "warning",
        "project.services",
        &["`a` is paused", "docker unpause"],
    );
    patient
        .bed
        .engine
        .unpause_container(&name)
        .await
        .expect("goes on");
    patient.doctor(&[]).is_well("project.services");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_of_an_image_that_is_no_longer_the_one_of_its_name() {
    let bed = Bed::make().await;
    let tiny = crate::support::tiny_image(&bed.engine).await;
    let image = ImageRef::new(format!("{}-moving:1", bed.project));
    bed.engine.tag(&tiny, &image).await.expect("tagged");
    let compose = format!("services:\n  a:\n    image: {image}\n    stop_grace_period: 0s\n");
    let patient = Patient::of(bed, &compose);
    patient.run(&["up"]);
    patient.doctor(&[]).is_well("project.containers");
    let labels = BTreeMap::from([("made".to_owned(), "anew".to_owned())]);
    let name = ContainerId::new(format!("{}-a-1", patient.bed.project));
    let (engine, committed) = (&patient.bed.engine, ImageRef::new(image.as_str()));
    engine.remove_image(&image).await.ok();
    engine
        .commit(&name, &committed, &labels)
        .await
        .expect("made anew");

    let found = patient.doctor(&[]);

    patient.run(&["down", "--yes"]);
    patient.bed.engine.remove_image(&image).await.ok();
    found.finds(
        "warning",
        "project.containers",
        &["`a` runs an older image", "jobsprint-dev up a"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_older_than_its_sources() {
    let bed = Bed::make().await;
    let tiny = crate::support::tiny_image(&bed.engine).await;
    let patient = Patient::of(
        bed,
        "services:\n  a:\n    build: ./app\n    stop_grace_period: 0s\n",
    );
    patient.write("app/Dockerfile", &format!("FROM {tiny}\nCOPY main.js /\n"));
    patient.write("app/main.js", "1\n");
    patient.run(&["up"]);
    patient.doctor(&[]).is_well("project.images");
    let file = fs::File::options()
        .write(true)
        .open(patient.path().join("app/main.js"));
    let later = SystemTime::now() + Duration::from_mins(1);
    file.expect("there").set_modified(later).expect("set");

    let found = patient.doctor(&[]);

    std::process::Command::new("docker")
        .args(["image", "rm", "-f", &format!("{}-a", patient.bed.project)])
        .output()
        .ok();
    found.finds(
        "warning",
        "project.images",
        &["app/main.js changed", "up --build a"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_keeps_an_older_password() {
    let bed = Bed::make().await;
    let postgres = ImageRef::new("postgres:15-alpine");
    crate::shipped::ensure(&bed.engine, &postgres).await;
    let compose = format!(
        "services:\n  db:\n    image: {postgres}\n    x-jobsprint: {{ role: data, ready: postgres }}\n    \
         environment: {{ POSTGRES_USER: app, POSTGRES_PASSWORD: swordfish-1, POSTGRES_DB: app }}\n"
    );
    let patient = Patient::of(bed, &compose);
    patient.run(&["up"]);
    patient.write("compose.yaml", &compose.replace("swordfish-1", "marlin-2"));

    let found = patient.doctor(&[]);

    found.finds(
        "problem",
        "project.passwords",
        &["`db` refuses", "jobsprint-dev up"],
    );
    assert!(!found.said.contains("marlin-2"), "{}", found.said);
}

//! What a stack begins with: the stores as an earlier run left them, where that is what this run would come to.

use std::fs;
use std::process::Command;

use crate::checkout::text;
use crate::stores::{COUNT, Stores};

const BEGUN: &str = "the stores begin with";

#[tokio::test(flavor = "multi_thread")]
async fn the_second_run_finds_all_three_stores_migrated_and_seeded_with_its_own_passwords() {
    let stores = Stores::with_broker().await;

    let (_, first) = stores.works(&["--", "true"]);
    let (queues, second) = stores.works(&[
        "--in",
        "rabbitmq",
        "--",
        "rabbitmqctl",
        "--quiet",
        "list_queues",
        "name",
    ]);

    assert!(first.contains("kept the stores as a template"), "{first}");
    assert!(!first.contains(BEGUN), "{first}");
    assert!(second.contains("the stores begin with the template of an earlier run"));
    // Each store tells by itself what it has.
    for nothing_due in [
        "postgres  migrations: nothing to do",
        "postgres  seeds: nothing to do",
        "redis     seeds: nothing to do",
        "rabbitmq  seeds: nothing to do",
    ] {
        assert!(second.contains(nothing_due), "{nothing_due}: {second}");
    }
    assert_eq!(queues.lines().last(), Some("jobs"), "{queues}");
    assert_eq!(stores.templates().len(), 1);
    assert!(stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_does_to_its_stack_is_not_in_the_next_one() {
    let stores = Stores::new().await;
    let mut wiping = COUNT;
    wiping[9] = "DELETE FROM jobs";

    stores.works(&wiping);
    stores.works(&wiping);
    let (count, told) = stores.works(&COUNT);

    assert_eq!(count, "2\n");
    assert!(told.contains(BEGUN), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_belongs_to_whom_it_belonged() {
    let stores = Stores::new().await;
    let compose = stores.checkout.directory.path().join("compose.yaml");
    let file = fs::read_to_string(&compose).expect("read");
    let script = "if test -e /kept/first; then stat -c '%u:%g %a' /kept > /tmp/seen; \
                  else touch /kept/first; chmod 750 /kept; chown 1234:1235 /kept; fi; exec sleep infinity";
    let writer = format!(
        "  writer:\n    image: redis:7-alpine\n    entrypoint: [sh, -c, \"{script}\"]\n    \
         volumes: [\"kept:/kept\"]\n    x-jobsprint: {{ ready: started }}\n"
    );
    let file = file
        .replacen("volumes: { db", &format!("{writer}volumes: {{ db"), 1)
        .replacen("queue: {}", "queue: {}, kept: {}", 1);
    stores.write("compose.yaml", &file);
    stores.works(&["--", "true"]);

    let (seen, told) = stores.works(&["--in", "writer", "--", "cat", "/tmp/seen"]);

    assert_eq!(seen, "1234:1235 750\n");
    assert!(told.contains(BEGUN), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_migrations_that_a_template_lacks_are_applied() {
    let stores = Stores::new().await;
    stores.works(&["--", "true"]);
    stores.write("migrations/002_more.sql", "INSERT INTO jobs VALUES (3);");

    let (count, told) = stores.works(&COUNT);

    assert_eq!(count, "3\n");
    assert!(
        told.contains("begin with a template that lacks one migration"),
        "{told}"
    );
    assert!(
        told.contains("002_more.sql") && !told.contains("001_jobs.sql"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_only_an_empty_table_takes_is_applied_from_nothing() {
    let stores = Stores::new().await;
    stores.works(&["--", "true"]);
    let strict = "DO $$ BEGIN IF EXISTS (SELECT FROM jobs) THEN RAISE 'has rows'; END IF; END $$;";
    stores.write("migrations/002_strict.sql", strict);

    let (count, told) = stores.works(&COUNT);

    assert!(told.contains("begin with a template that lacks one migration"));
    assert!(
        told.contains("trying without the template that the stores began with"),
        "{told}"
    );
    assert_eq!(count, "2\n");
    assert!(stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_files_and_a_word_on_the_command_line_begin_with_nothing() {
    let stores = Stores::new().await;
    stores.works(&["--", "true"]);

    let (_, without) = stores.works(&["--no-template", "--", "true"]);
    stores.write(
        "migrations/001_jobs.sql",
        "CREATE TABLE jobs (id int, pay int);",
    );
    let (_, changed) = stores.works(&["--", "true"]);
    stores.write(
        "seeds/postgres/010_jobs.sql",
        "INSERT INTO jobs (id) VALUES (1);",
    );
    let (_, reseeded) = stores.works(&["--", "true"]);

    for told in [without, changed, reseeded] {
        assert!(!told.contains(BEGUN), "{told}");
        assert!(told.contains("001_jobs.sql"), "{told}");
    }
    assert_eq!(stores.templates().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_of_another_version_is_not_used_and_thrown_away() {
    let stores = Stores::new().await;
    stores.works(&["--", "true"]);
    let manifest = stores.templates()[0].join("template.json");
    let of_now = fs::read_to_string(&manifest).expect("written");
    fs::write(&manifest, of_now.replace("\"format\": 1", "\"format\": 0")).expect("written");

    let (count, told) = stores.works(&COUNT);

    assert!(!told.contains(BEGUN), "{told}");
    assert_eq!(count, "2\n");
    // The new one has the old one's place.
    let anew = fs::read_to_string(&manifest).expect("written anew");
    assert!(anew.contains("\"format\": 1"), "{anew}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_template_is_thrown_away() {
    let stores = Stores::new().await;
    stores.works(&["--", "true"]);
    fs::write(stores.templates()[0].join("0.tar.zst"), b"torn").expect("written");

    let (count, told) = stores.works(&COUNT);

    assert!(
        !told.contains(BEGUN) && told.contains("kept the stores"),
        "{told}"
    );
    assert_eq!(count, "2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_the_template_and_not_the_run() {
    let stores = Stores::new().await;
    let program = env!("CARGO_BIN_EXE_jobsprint-dev");
    let user = if rustix::process::geteuid().is_root() {
        "-m"
    } else {
        "-rm"
    };
    let script = "mount -t tmpfs -o size=600k none \"$1\" && exec \"$2\" ci -- ls -A \"$1/jobsprint-dev/templates\"";

    let ran = Command::new("unshare")
        .args([user, "sh", "-c", script, "sh"])
        .arg(stores.state.path())
        .arg(program)
        .current_dir(stores.checkout.directory.path())
        .env("XDG_STATE_HOME", stores.state.path())
        .output()
        .expect("unshare starts");

    let told = text(&ran.stderr);
    assert!(ran.status.success(), "{told}");
    assert!(
        told.contains("no template is kept") && told.contains("no space left on the disk"),
        "{told}"
    );
    assert_eq!(text(&ran.stdout), "", "nothing half-made");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_runs_that_save_at_once_one_template_stays_and_serves() {
    let stores = Stores::new().await;

    let runs: Vec<_> = (0..3)
        .map(|_| stores.command(&["--", "true"]).spawn().expect("started"))
        .collect();
    for run in runs {
        let ended = run.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", text(&ended.stderr));
    }
    let (count, told) = stores.works(&COUNT);

    assert_eq!(stores.templates().len(), 1);
    assert!(told.contains(BEGUN), "{told}");
    assert_eq!(count, "2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_told_and_the_copies_have_the_templates() {
    let stores = Stores::new().await;
    stores.works(&["--", "true"]);
    let values = fs::read_to_string(stores.templates()[0].join("values.json")).expect("written");
    let values: serde_json::Value = serde_json::from_str(&values).expect("JSON");
    let password = values["DB_PASSWORD"].as_str().expect("generated");

    let (said, told) = stores.works(&["--in", "postgres", "--", "printenv", "POSTGRES_PASSWORD"]);

    assert_eq!(said.trim(), password);
    assert!(!told.contains(password), "{told}");
}

//! A project with a bit of everything: a store, migrations, seeds, secrets, a snapshot, a backup.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jobsprint_dev::domain::ImageRef;

use crate::patient::Patient;
use crate::support::Bed;

const SCHEMA: &str = "\
# The store's password.
# @required @sensitive @generate=alnum(32) @type=string(minLength=8)
DB_PASSWORD=

# A token.
# @required @sensitive @generate=alnum(32) @type=string(minLength=8)
TOKEN=

# Where mail goes.
# @required @example=smtp.example.org
MAIL_HOST=
";

/// The passphrase of values that are shared.
pub const PASSPHRASE: &str = "correct horse battery";

/// The shop, up and ready, with all that its verbs work upon.
pub async fn open() -> Patient {
    let bed = Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let postgres = ImageRef::new("postgres:15-alpine");
    crate::shipped::ensure(&bed.engine, &postgres).await;
    let compose = format!(
        "services:\n  db:\n    image: {postgres}\n    stop_grace_period: 1s\n    volumes: [\"db:/var/lib/postgresql/data\"]\n    \
         environment: {{ POSTGRES_USER: app, POSTGRES_PASSWORD: \"${{DB_PASSWORD}}\", POSTGRES_DB: app }}\n    \
         ports: [\"127.0.0.1:{}:5432\"]\n    command: [postgres, -c, shared_preload_libraries=pg_stat_statements]\n    \
         x-jobsprint: {{ role: data, ready: postgres, migrate: {{ directory: ./migrations }} }}\n  \
         a:\n    image: {image}\n    stop_grace_period: 0s\n    command: [sh, -c, 'echo hello; exec sleep infinity']\n    \
         environment: {{ TOKEN: \"${{TOKEN}}\" }}\nvolumes: {{ db: }}\nx-jobsprint: {{ seeds: ./seeds }}\n",
        crate::host::free_port()
    );
    let shop = Patient::of(bed, &compose);
    shop.write("templates/.env.schema", SCHEMA);
    shop.write(".env", "SPARE=1\nMAIL_HOST=smtp.example.org\n");
    let statistics = "create extension pg_stat_statements;\n";
    shop.write("migrations/0001_statistics.sql", statistics);
    shop.write(
        "migrations/0002_jobs.sql",
        "create table jobs (title text);\n-- Down Migration\ndrop table jobs;\n",
    );
    shop.write(
        "seeds/postgres/010_jobs.sql",
        "insert into jobs values ('welder');\n",
    );
    let made = Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(shop.path())
        .status();
    assert!(made.expect("git starts").success());
    shop.run(&["env", "init", "--yes"]);
    shop.run(&["up"]);
    shop.run(&["snapshot", "save", "kept"]);
    shop.run(&["snapshot", "save", "other"]);
    shop.run(&["snapshot", "save", "spare"]);
    shop.run(&["backup"]);
    let dumps = fs::read_dir(shop.path().join(".jobsprint/backups")).expect("there");
    let dump = dumps
        .map(|entry| entry.expect("read").path())
        .find(|path| path.extension().is_some_and(|end| end == "dump"))
        .expect("a backup was made");
    fs::copy(dump, shop.path().join("kept.dump")).expect("copied");
    let words = ["ci", "--artifacts", "capsules", "--", "false"];
    let failed = shop.command(&words).status().expect("it starts");
    assert_eq!(failed.code(), Some(1));
    let mut capsules = fs::read_dir(shop.path().join("capsules")).expect("there");
    let capsule = capsules.next().expect("one was left").expect("read").path();
    fs::rename(capsule, shop.path().join("capsule")).expect("renamed");
    let words = ["env", "export", "--encrypted", "shared.age"];
    let mut export = shop.command(&words);
    let exported = export.env("JOBSPRINT_PASSPHRASE", PASSPHRASE).status();
    assert!(exported.expect("it starts").success());
    shop
}

/// All of a shop's files; what snapshots keep is only linked, since nobody writes into it and it is large.
pub fn copy(from: &Path, to: &Path) {
    let script = "tar -C \"$1\" --exclude=./.jobsprint/snapshots -cf - . | tar -C \"$2\" -xpf - \\
                  && cp -al \"$1/.jobsprint/snapshots\" \"$2/.jobsprint/\"";
    let copied = Command::new("sh")
        .args(["-c", script, "sh"])
        .args([from, to])
        .status();
    assert!(copied.expect("sh starts").success());
}

/// The tool in a copy of the shop at `place`, with `engine` as its engine, and with a state of its own: the lock of one run would make the next one wait.
pub fn command(shop: &Patient, words: &[&str], place: &Path, engine: &str) -> Command {
    let tool = shop.command(&[&["--output", "plain"], words].concat());
    // An engine that the tool itself has started on this machine is nobody's to stop here.
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg("if [ -d /var/lib/jobsprint-dev ]; then mount -t tmpfs none /var/lib/jobsprint-dev; fi; exec \"$@\"")
        .arg("sh")
        .arg(tool.get_program())
        .args(tool.get_args())
        .current_dir(place)
        .env("DOCKER_HOST", engine)
        .env("XDG_STATE_HOME", place.join("state"))
        .env("JOBSPRINT_PASSPHRASE", PASSPHRASE)
        .env("CI", "1")
        .stdin(Stdio::null());
    command
}

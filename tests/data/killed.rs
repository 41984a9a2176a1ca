//! Runs that are killed at any moment: nothing is half done, and the next run makes it whole.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jobsprint_dev::data::{DataOutcome, migrate};
use jobsprint_dev::domain::Migrate;
use jobsprint_dev::engine::ExecRequest;

use super::database::Database;
use super::moments::{KILLS, moments};

const COMPOSE: &str = "
services:
  postgres:
    image: postgres:15-alpine
    network_mode: bridge
    environment: { POSTGRES_USER: jobsprint, POSTGRES_PASSWORD: s3cret-pg, POSTGRES_DB: jobsprint }
    x-jobsprint: { role: data, ready: postgres, migrate: { directory: ./migrations } }
x-jobsprint: { seeds: ./seeds }
";

impl Database {
    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .current_dir(self.project.path())
            .args(["-p", self.world.project.as_str()])
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end, and says how long it took.
    fn run(&self, words: &[&str]) -> Duration {
        let began = Instant::now();
        let output = self.program(words).output().unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        began.elapsed()
    }

    /// Runs the program and kills it after this time.
    fn kill(&self, words: &[&str], after: Duration) {
        let mut child = self.program(words).stderr(Stdio::null()).spawn().unwrap();
        sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn runs_that_are_killed_at_thirty_moments_leave_nothing_half_done() {
    let database = Database::new().await;
    database.write("compose.yaml", COMPOSE);
    let two_tables = |number: usize| {
        format!("CREATE TABLE a{number} (); SELECT pg_sleep(0.02); CREATE TABLE b{number} ();")
    };
    let tables = "SELECT count(*) FILTER (WHERE tablename ~ '^a\\d'), count(*) FILTER (WHERE tablename ~ '^b\\d')
        FROM pg_tables WHERE schemaname = 'public'";

    database.write("migrations/0001_rows.sql", "CREATE TABLE rows (n int);");
    let whole = database.run(&["migrate"]);
    for (number, moment) in (1..).zip(moments(whole)) {
        let name = format!("migrations/{:04}_two.sql", number + 1);
        database.write(&name, two_tables(number));
        database.kill(&["migrate"], moment);
        let both = database.ask(tables).await;
        let (a, b) = both.split_once('|').unwrap();
        assert_eq!(a, b, "a migration was kept by half");
    }
    database.run(&["migrate"]);
    assert_eq!(
        database.ask(tables).await,
        format!("{KILLS}|{KILLS}"),
        "the next run applies the rest"
    );

    for (number, moment) in (1..).zip(moments(whole)) {
        let insert =
            "INSERT INTO rows VALUES (1); SELECT pg_sleep(0.02); INSERT INTO rows VALUES (2);";
        database.write(&format!("seeds/postgres/{number:03}.sql"), insert);
        database.kill(&["seed"], moment);
        let rows = database.ask("SELECT count(*) % 2 FROM rows").await;
        assert_eq!(rows, "0", "a seed was kept by half");
    }
    database.run(&["seed"]);
    let rows = (2 * KILLS).to_string();
    assert_eq!(database.ask("SELECT count(*) FROM rows").await, rows);

    // A reset makes its template first where a seed is new, and clones it in a tenth of that time where none is.
    let reset = ["reset", "--yes", "--no-snapshot"];
    let making = database.run(&reset);
    let cloning = database.run(&reset);
    database.ask("DELETE FROM rows").await;
    let made_anew = KILLS / 3;
    for (number, moment) in (1..).zip(moments(making)).take(made_anew) {
        let seed = format!("seeds/postgres/new{number:03}.sql");
        database.write(&seed, "INSERT INTO rows VALUES (1), (2);");
        database.kill(&reset, moment);
    }
    for moment in moments(cloning).skip(made_anew) {
        database.kill(&reset, moment);
    }
    database.run(&reset);
    let rows = (2 * (KILLS + made_anew)).to_string();
    assert_eq!(database.ask("SELECT count(*) FROM rows").await, rows);
    assert_eq!(
        database.ask(tables).await,
        format!("{KILLS}|{KILLS}"),
        "a reset ends where migrations and seeds end"
    );
}

#[tokio::test]
async fn a_command_that_a_killed_run_left_running_is_ended_before_the_next() {
    let database = Database::new().await;
    let mut app = database.service.clone();
    let command = |words: &[&str]| Migrate::Command {
        run: words.iter().map(ToString::to_string).collect(),
        inputs: Vec::new(),
    };
    app.migrate = Some(command(&["sleep", "300"]));
    let context = database.context();
    let left = async || {
        let request = ExecRequest {
            command: [
                "sh",
                "-c",
                "grep -ls JOBSPRINT_DEV_COMMAND= /proc/[0-9]*/environ | wc -l",
            ]
            .map(ToOwned::to_owned)
            .to_vec(),
            ..ExecRequest::default()
        };
        let ran = database.world.engine.execute(&database.id, &request);
        String::from_utf8(ran.await.unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned()
    };
    let until_it_runs = async { while left().await == "0" {} };
    tokio::select! {
        ended = migrate(&context, &app) => panic!("it ended: {ended:?}"),
        running = tokio::time::timeout(Duration::from_mins(1), until_it_runs) => running.unwrap(),
    }
    assert_ne!(left().await, "0", "the engine goes on with it");

    app.migrate = Some(command(&["true"]));
    let migrated = migrate(&database.context(), &app).await;

    assert_eq!(migrated, Ok(DataOutcome::Ran(1)));
    assert_eq!(left().await, "0");
}

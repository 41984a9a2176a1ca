//! Migrations and seeds against a real postgres: what is due runs once, whole or not at all.

mod database;
mod killed;
mod migrations;
#[path = "../support/moments.rs"]
mod moments;
mod stores;
#[path = "../world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use database::Database;
use jobsprint_dev::data::{
    Again, DataOutcome, ResetOutcome, backup, backups, migrate, reset, restore, seed_service,
};
use jobsprint_dev::domain::{DumpForm, Failure, FailureKind, Packing};
use jobsprint_dev::engine::ExecRequest;

#[tokio::test]
async fn a_migration_runs_once_and_again_when_its_inputs_change() {
    let database = Database::new().await;
    database.write("migrations/001.js", "one");
    let app =
        database.app("CREATE TABLE IF NOT EXISTS ran (n serial); INSERT INTO ran DEFAULT VALUES");

    assert_eq!(
        migrate(&database.context(), &app).await,
        Ok(DataOutcome::Ran(1))
    );
    assert_eq!(
        migrate(&database.context(), &app).await,
        Ok(DataOutcome::NothingDue)
    );

    database.write("migrations/002.js", "two");
    assert_eq!(
        migrate(&database.context(), &app).await,
        Ok(DataOutcome::Ran(1))
    );
    assert_eq!(database.ask("SELECT count(*) FROM ran").await, "2");
}

#[tokio::test]
async fn a_wiped_database_makes_everything_due_again() {
    let database = Database::new().await;
    database.write("migrations/001.js", "one");
    let app = database.app("SELECT 1");
    assert_eq!(
        migrate(&database.context(), &app).await,
        Ok(DataOutcome::Ran(1))
    );

    database.ask("DROP SCHEMA jobsprint_dev CASCADE").await;

    assert_eq!(
        migrate(&database.context(), &app).await,
        Ok(DataOutcome::Ran(1))
    );
}

#[tokio::test]
async fn a_failing_migration_shows_its_last_lines_and_is_due_again() {
    let database = Database::new().await;
    database.write("migrations/001.js", "one");
    let app = database.app("SELECT nope");

    for _ in 0..2 {
        let error = migrate(&database.context(), &app).await.unwrap_err();
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::Data);
        assert_eq!(
            failure.message,
            "the migration of `postgres` failed: `psql -U jobsprint -v ON_ERROR_STOP=1 -c SELECT nope` ended with exit code 1"
        );
        assert_eq!(failure.details[0], "ERROR:  column \"nope\" does not exist");
    }
}

#[tokio::test]
async fn two_runs_at_once_apply_a_migration_once() {
    let database = Database::new().await;
    database.write("migrations/001.js", "one");
    let app = database.app("CREATE TABLE made_once (); SELECT pg_sleep(0.3)");
    let context = database.context();

    let (one, other) = tokio::join!(migrate(&context, &app), migrate(&context, &app));

    let mut outcomes = [one.unwrap(), other.unwrap()];
    outcomes.sort_by_key(|outcome| *outcome == DataOutcome::NothingDue);
    assert_eq!(outcomes, [DataOutcome::Ran(1), DataOutcome::NothingDue]);
}

#[tokio::test]
async fn a_seed_command_runs_once() {
    let database = Database::new().await;
    let app = database.app("SELECT 1");

    assert_eq!(
        seed_service(&database.context(), &app, Again::WhereChanged).await,
        Ok(DataOutcome::Ran(1))
    );
    assert_eq!(
        seed_service(&database.context(), &app, Again::WhereChanged).await,
        Ok(DataOutcome::NothingDue)
    );
}

#[tokio::test]
async fn with_nothing_due_the_work_on_data_takes_no_time() {
    let database = Database::new().await;
    database.write("migrations/001.js", "one");
    database.write("seeds/postgres/010_a.sql", "SELECT 1;");
    let app = database.app("SELECT 1");
    migrate(&database.context(), &app).await.unwrap();
    database.seed().await.unwrap();
    let context = database.context();

    let mut times = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        assert_eq!(migrate(&context, &app).await, Ok(DataOutcome::NothingDue));
        assert_eq!(database.seed().await, Ok(DataOutcome::NothingDue));
        times.push(began.elapsed());
    }

    times.sort();
    println!("migrate and seed with nothing due: {times:?}");
    // Two logins without optimisation, beside other tests: a release build takes a tenth of it.
    assert!(times[0] < Duration::from_secs(1), "{times:?}");
}

#[tokio::test]
async fn seeds_are_applied_in_order_and_once() {
    let database = Database::new().await;
    database.write(
        "seeds/postgres/020_jobs.csv",
        "title,id\nWelder,1\n\"Nurse, night\",2\n",
    );
    database.write(
        "seeds/postgres/010_schema.sql",
        "\u{feff}-- made first\r\nBEGIN;\r\nCREATE TABLE jobs (id int PRIMARY KEY, title text NOT NULL);\r\nCOMMIT;\r\n",
    );

    assert_eq!(database.seed().await, Ok(DataOutcome::Ran(2)));
    assert_eq!(database.seed().await, Ok(DataOutcome::NothingDue));

    assert_eq!(
        database.ask("SELECT id, title FROM jobs ORDER BY id").await,
        "1|Welder\n2|Nurse, night"
    );
}

#[tokio::test]
async fn a_file_of_rows_that_changed_replaces_rows_by_primary_key() {
    let database = Database::new().await;
    database.write(
        "seeds/postgres/010.sql",
        "CREATE TABLE jobs (id int PRIMARY KEY, title text)",
    );
    database.write("seeds/postgres/020_jobs.csv", "id,title\n1,old\n");
    database.seed().await.unwrap();

    database.write("seeds/postgres/020_jobs.csv", "id,title\n1,new\n2,more\n");
    assert_eq!(database.seed().await, Ok(DataOutcome::Ran(1)));

    assert_eq!(
        database
            .ask("SELECT string_agg(title, ' ' ORDER BY id) FROM jobs")
            .await,
        "new more"
    );
}

#[tokio::test]
async fn a_failing_statement_is_shown_with_its_place_and_nothing_of_the_file_stays() {
    let database = Database::new().await;
    let sql = "CREATE TABLE jobs (id int);\n\nINSERT INTO jobs VALUES (1);\n  SELCT 2;\n";
    database.write("seeds/postgres/010_jobs.sql", sql);

    let failure = database.seed().await.unwrap_err();

    assert_eq!(failure.kind, FailureKind::Data);
    assert_eq!(
        failure.message,
        "`seeds/postgres/010_jobs.sql` failed at line 4, column 3: syntax error at or near \"SELCT\""
    );
    assert_eq!(
        failure.details,
        [
            " --> seeds/postgres/010_jobs.sql:4:3",
            "  |",
            "4 |   SELCT 2;",
            "  |   ^",
        ]
    );
    assert_eq!(
        database.ask("SELECT to_regclass('jobs') IS NULL").await,
        "t"
    );
}

#[tokio::test]
async fn a_statement_that_fails_at_run_time_is_found_without_postgres_naming_its_place() {
    let database = Database::new().await;
    let sql = "CREATE TABLE jobs (id int PRIMARY KEY);\nINSERT INTO jobs VALUES (1);\nINSERT INTO jobs VALUES (1);\n";
    database.write("seeds/postgres/010_jobs.sql", sql);

    let failure = database.seed().await.unwrap_err();

    assert_eq!(
        failure.message,
        "`seeds/postgres/010_jobs.sql` failed at line 3, column 1: duplicate key value violates unique constraint \"jobs_pkey\""
    );
    assert_eq!(failure.details[4], "detail: Key (id)=(1) already exists.");
}

#[tokio::test]
async fn a_bad_row_is_shown_with_its_line_and_column() {
    let database = Database::new().await;
    database.write(
        "seeds/postgres/010.sql",
        "CREATE TABLE jobs (id int, title text, pay int)",
    );
    database.write(
        "seeds/postgres/020_jobs.csv",
        "id,title,pay\n1,Welder,30\n2,\"a, b\",lots\n",
    );

    let failure = database.seed().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`seeds/postgres/020_jobs.csv` failed at line 3, column 10: invalid input syntax for type integer: \"lots\""
    );

    database.write(
        "seeds/postgres/020_jobs.csv",
        "id,title,pay\n1,Welder,30\n2,short\n",
    );
    let failure = database.seed().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`seeds/postgres/020_jobs.csv` failed at line 3, column 1: missing data for column \"pay\""
    );
    database.write(
        "seeds/postgres/020_jobs.csv",
        b"id,title,pay\n1,Welder,30\n2,M\xc3\xbcller \xfc,40\n",
    );
    let failure = database.seed().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`seeds/postgres/020_jobs.csv` failed at line 3, column 10: invalid byte sequence for encoding \"UTF8\": 0xfc"
    );
    assert_eq!(database.ask("SELECT count(*) FROM jobs").await, "0");
}

#[tokio::test]
async fn files_that_are_not_sql_are_refused_with_the_reason() {
    let database = Database::new().await;
    database.write("seeds/postgres/010.sql", b"SELECT 1;\nSELECT '\xff';\n");
    let failure = database.seed().await.unwrap_err();
    assert!(
        failure.message.ends_with("line 2, column 9 is not UTF-8"),
        "{failure}"
    );

    database.write("seeds/postgres/010.sql", "SELECT 1;\n\\i other.sql\n");
    let failure = database.seed().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`seeds/postgres/010.sql` failed at line 2, column 1: commands of psql are not SQL"
    );
}

#[tokio::test]
async fn a_reset_goes_back_to_migrated_and_seeded_while_others_are_connected() {
    let mut database = Database::new().await;
    database.write("migrations/001.js", "one");
    database.write("seeds/postgres/010_jobs.csv", "id\n1\n2\n");
    let migrates = database.app("CREATE TABLE IF NOT EXISTS jobs (id int PRIMARY KEY)");
    database.service.migrate = migrates.migrate;
    // psql itself obeys PGDATABASE, as the tool sets it for the template.
    let service = database.service.clone();
    migrate(&database.context(), &service).await.unwrap();
    database.seed().await.unwrap();
    let busy = ExecRequest {
        command: [
            "sh",
            "-c",
            "while :; do psql -U jobsprint -c 'SELECT pg_sleep(1)'; done",
        ]
        .map(ToOwned::to_owned)
        .to_vec(),
        ..ExecRequest::default()
    };
    let _others = database
        .world
        .engine
        .open_exec(&database.id, &busy)
        .await
        .unwrap();
    database
        .ask("DELETE FROM jobs; CREATE TABLE stray ()")
        .await;

    let first = reset(&database.context(), &service).await;
    assert_eq!(first, Ok(ResetOutcome::FromNewTemplate));
    database.ask("INSERT INTO jobs VALUES (3)").await;
    let began = Instant::now();
    let second = reset(&database.context(), &service).await;

    assert_eq!(second, Ok(ResetOutcome::FromTemplate));
    println!("a reset from a template took {:?}", began.elapsed());
    assert_eq!(database.ask("SELECT count(*) FROM jobs").await, "2");
    assert_eq!(
        database.ask("SELECT to_regclass('stray') IS NULL").await,
        "t"
    );
    assert_eq!(
        migrate(&database.context(), &service).await,
        Ok(DataOutcome::NothingDue)
    );
    assert_eq!(database.seed().await, Ok(DataOutcome::NothingDue));
}

#[tokio::test]
async fn a_failing_reset_leaves_the_database_as_it_was() {
    let mut database = Database::new().await;
    database.write("migrations/001.js", "one");
    let migrates = database.app("SELECT nope");
    database.service.migrate = migrates.migrate;
    database.ask("CREATE TABLE kept ()").await;

    let failure = reset(&database.context(), &database.service)
        .await
        .unwrap_err();

    assert!(
        failure
            .to_string()
            .starts_with("the migration of `postgres` failed")
    );
    assert_eq!(
        database.ask("SELECT to_regclass('kept') IS NOT NULL").await,
        "t"
    );
}

#[tokio::test]
async fn a_backup_is_restored_whole() {
    let database = Database::new().await;
    let context = database.context();
    database
        .ask("CREATE TABLE jobs (id int); INSERT INTO jobs VALUES (1), (2)")
        .await;
    let directory = database.project.path().join("backups");

    let now = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let kind = (DumpForm::Custom, Packing::Gzip);
    let made = backup(&context, &database.service, &directory, kind, now)
        .await
        .unwrap();
    assert_eq!(made.name, "jobsprint-20270115T080000Z");
    assert_eq!(
        backups(&directory).unwrap().backups,
        std::slice::from_ref(&made)
    );

    let counts = jobsprint_dev::data::verify(&context, &database.service, &made.path)
        .await
        .unwrap();
    assert_eq!(counts, [("public.jobs".to_owned(), 2)].into());

    database.ask("DROP TABLE jobs; CREATE TABLE stray ()").await;
    restore(&context, &database.service, &made.path)
        .await
        .unwrap();
    assert_eq!(database.ask("SELECT count(*) FROM jobs").await, "2");
    assert_eq!(
        database.ask("SELECT to_regclass('stray') IS NULL").await,
        "t"
    );
}

#[tokio::test]
async fn a_backup_of_any_kind_is_restored_and_a_damaged_or_newer_one_is_refused() {
    let database = Database::new().await;
    let context = database.context();
    let directory = database.project.path().join("backups");
    database
        .ask("CREATE TABLE jobs AS SELECT n FROM generate_series(1, 5000) n")
        .await;
    let mut now = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let mut made = Vec::new();
    for form in [DumpForm::Custom, DumpForm::Plain] {
        for packing in [Packing::Gzip, Packing::Zstd, Packing::None] {
            now += time::Duration::hours(1);
            let kind = (form, packing);
            let one = backup(&context, &database.service, &directory, kind, now).await;
            made.push(one.unwrap());
        }
    }
    assert_eq!(backups(&directory).unwrap().backups, made);

    for one in &made {
        database.ask("TRUNCATE jobs").await;
        restore(&context, &database.service, &one.path)
            .await
            .unwrap();
        let rows = database.ask("SELECT count(*) FROM jobs").await;
        assert_eq!(rows, "5000", "{}", one.path.display());
    }

    database.ask("TRUNCATE jobs").await;
    let refused = async |path: &std::path::Path| {
        let refused = restore(&context, &database.service, path).await;
        refused.unwrap_err().to_string()
    };
    let mut bytes = std::fs::read(&made[0].path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&made[0].path, bytes).unwrap();
    let told = refused(&made[0].path).await;
    assert!(told.ends_with("the checksums differ"), "{told}");
    let bytes = std::fs::read(&made[4].path).unwrap();
    let cut = database.write("cut.sql.zst", &bytes[..bytes.len() / 2]);
    let told = refused(&cut).await;
    assert!(told.starts_with("cannot use `"), "{told}");
    let newer = database.write(
        "newer.sql",
        "-- Dumped from database version 99.1\nSELECT 1;\n",
    );
    let told = refused(&newer).await;
    assert!(
        told.contains("it was dumped from postgres 99, and this server is 15"),
        "{told}"
    );
    assert_eq!(database.ask("SELECT count(*) FROM jobs").await, "0");
}

#[tokio::test]
async fn a_full_disk_leaves_no_half_of_a_backup() {
    let database = Database::new().await;
    let directory = database.project.path().join("backups");
    std::fs::create_dir(&directory).unwrap();
    let small = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&directory)
        .status();
    assert!(small.unwrap().success(), "this test needs root");
    database
        .ask("CREATE TABLE jobs AS SELECT md5(n::text) FROM generate_series(1, 50000) n")
        .await;

    let kind = (DumpForm::Custom, Packing::None);
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let made = backup(
        &database.context(),
        &database.service,
        &directory,
        kind,
        now,
    )
    .await;
    let left = std::fs::read_dir(&directory).unwrap().count();
    let unmounted = std::process::Command::new("umount")
        .arg(&directory)
        .status();

    assert!(unmounted.unwrap().success());
    let told = made.unwrap_err().to_string();
    assert!(told.ends_with("no space left on the disk"), "{told}");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_dump_of_pg_dump_through_gzip_is_restored_even_where_it_names_its_database() {
    let database = Database::new().await;
    let context = database.context();
    database.ask("CREATE TABLE jobs (id int, title text); INSERT INTO jobs VALUES (1, 'CREATE DATABASE x;')").await;
    let request = ExecRequest {
        command: ["sh", "-c", "pg_dump -U jobsprint --create jobsprint | gzip"]
            .map(ToOwned::to_owned)
            .to_vec(),
        ..ExecRequest::default()
    };
    let dumped = database
        .world
        .engine
        .execute(&database.id, &request)
        .await
        .unwrap();
    let whole = database.write("whole.sql.gz", &dumped.stdout);
    let cut = database.write("cut.sql.gz", &dumped.stdout[..dumped.stdout.len() / 2]);
    database.ask("INSERT INTO jobs VALUES (2, 'late')").await;

    let failure = Failure::from(
        restore(&context, &database.service, &cut)
            .await
            .unwrap_err(),
    );
    assert!(
        failure
            .message
            .starts_with("the restore of `postgres` failed"),
        "{failure}"
    );
    assert_eq!(database.ask("SELECT count(*) FROM jobs").await, "2");

    restore(&context, &database.service, &whole).await.unwrap();
    assert_eq!(
        database.ask("SELECT id, title FROM jobs").await,
        "1|CREATE DATABASE x;"
    );
}

#[tokio::test]
async fn a_database_that_a_killed_run_left_closed_is_opened_again() {
    let database = Database::new().await;
    let close = ExecRequest {
        command: [
            "psql",
            "-U",
            "jobsprint",
            "-d",
            "postgres",
            "-c",
            "ALTER DATABASE jobsprint ALLOW_CONNECTIONS false",
        ]
        .map(ToOwned::to_owned)
        .to_vec(),
        ..ExecRequest::default()
    };
    let engine = &database.world.engine;
    engine.execute(&database.id, &close).await.unwrap();
    database.write("seeds/postgres/010.sql", "CREATE TABLE jobs ()");

    assert_eq!(database.seed().await, Ok(DataOutcome::Ran(1)));
}

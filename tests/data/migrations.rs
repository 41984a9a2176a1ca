//! Directories of SQL migrations: applied whole, in order, once; told, undone and verified.

use std::fs;

use jobsprint_dev::data::{
    DataOutcome, ResetOutcome, migrate, migrate_down, migrate_to, reset, verify_migrations,
};
use jobsprint_dev::domain::{Failure, FailureKind};

use super::database::Database;

const COMPANIES: &str = "CREATE TABLE companies (id int PRIMARY KEY);\n";
const JOBS: &str = "CREATE TABLE jobs (id int PRIMARY KEY);\n";

/// A file's name and its bytes.
type File<'a> = (&'a str, &'a [u8]);
/// Files, the message's end, and the details.
type Case<'a> = (&'a [File<'a>], &'a str, &'a [&'a str]);

impl Database {
    async fn up(&self) -> Result<DataOutcome, Failure> {
        let migrated = migrate(&self.sql_context(), &self.with_sql()).await;
        migrated.map_err(Failure::from)
    }

    async fn tables(&self) -> String {
        self.ask("SELECT string_agg(tablename, ' ' ORDER BY 1) FROM pg_tables WHERE schemaname = 'public'")
            .await
    }
}

#[tokio::test]
async fn sql_files_are_applied_once_and_in_order_and_undone_by_what_stands_beside_them() {
    let database = Database::new().await;
    database.write("migrations/0001_companies.sql", COMPANIES);
    database.write("migrations/0002_jobs.sql", JOBS);
    database.write("migrations/0002_jobs.down.sql", "DROP TABLE jobs;");
    let (context, service) = (database.sql_context(), database.with_sql());

    assert_eq!(
        migrate_to(&context, &service, Some(1)).await,
        Ok(DataOutcome::Ran(1))
    );
    assert_eq!(
        database.standing().await,
        "applied migrations/0001_companies.sql\npending migrations/0002_jobs.sql"
    );
    assert_eq!(database.up().await, Ok(DataOutcome::Ran(1)));
    assert_eq!(database.up().await, Ok(DataOutcome::NothingDue));
    assert_eq!(database.tables().await, "companies jobs");

    // As after a change of branch: the file is gone, and what undoes it is still known.
    fs::remove_file(database.project.path().join("migrations/0002_jobs.sql")).unwrap();
    fs::remove_file(
        database
            .project
            .path()
            .join("migrations/0002_jobs.down.sql"),
    )
    .unwrap();
    assert_eq!(
        database.standing().await,
        "applied migrations/0001_companies.sql\nmissing migrations/0002_jobs.sql"
    );
    assert_eq!(
        migrate_down(&context, &service, 1).await,
        Ok(DataOutcome::Ran(1))
    );
    assert_eq!(database.tables().await, "companies");
    let refused = Failure::from(migrate_down(&context, &service, 1).await.unwrap_err());
    assert_eq!(
        refused.message,
        "`migrations/0001_companies.sql` can't be undone"
    );
    let refused = Failure::from(migrate_to(&context, &service, Some(7)).await.unwrap_err());
    assert_eq!(refused.message, "there is no migration 7 in `migrations`");
}

#[tokio::test]
async fn a_file_that_changed_after_it_was_applied_is_refused_with_what_changed() {
    let database = Database::new().await;
    database.write("migrations/0001_companies.sql", COMPANIES);
    assert_eq!(database.up().await, Ok(DataOutcome::Ran(1)));
    let with_other_line_ends = COMPANIES.replace('\n', "\r\n");
    database.write("migrations/0001_companies.sql", with_other_line_ends);
    assert_eq!(database.up().await, Ok(DataOutcome::NothingDue));

    database.write(
        "migrations/0001_companies.sql",
        "CREATE TABLE companies (id bigint PRIMARY KEY);\n",
    );
    database.write("migrations/0002_jobs.sql", JOBS);

    let failure = database.up().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Data);
    assert_eq!(
        failure.message,
        "`migrations/0001_companies.sql` was changed after it was applied"
    );
    assert_eq!(
        failure.details,
        [
            "- CREATE TABLE companies (id int PRIMARY KEY);",
            "+ CREATE TABLE companies (id bigint PRIMARY KEY);",
        ]
    );
    assert_eq!(database.tables().await, "companies");
    assert_eq!(
        database.standing().await,
        "changed migrations/0001_companies.sql\npending migrations/0002_jobs.sql"
    );
}

#[tokio::test]
async fn two_runs_at_once_apply_each_sql_file_once() {
    let database = Database::new().await;
    database.write(
        "migrations/0001_slow.sql",
        "CREATE TABLE made_once (); SELECT pg_sleep(0.3);",
    );
    let (context, service) = (database.sql_context(), database.with_sql());

    let (one, other) = tokio::join!(migrate(&context, &service), migrate(&context, &service));

    let mut outcomes = [one.unwrap(), other.unwrap()];
    outcomes.sort_by_key(|outcome| *outcome == DataOutcome::NothingDue);
    assert_eq!(outcomes, [DataOutcome::Ran(1), DataOutcome::NothingDue]);
}

#[tokio::test]
async fn bad_files_are_told_clearly_and_nothing_of_them_is_kept() {
    let database = Database::new().await;
    database.write("migrations/0001_companies.sql", COMPANIES);
    assert_eq!(database.up().await, Ok(DataOutcome::Ran(1)));
    let table: [Case<'_>; 6] = [
        (
            &[(
                "0002_bad.sql",
                b"CREATE TABLE a ();\nCREATE TABLE b ();\nCREATE TABLE c (\n  id int,\n  idd);\n",
            )],
            "`migrations/0002_bad.sql` failed at line 5, column 6: syntax error at or near \")\"",
            &[
                " --> migrations/0002_bad.sql:5:6",
                "  |",
                "3 | CREATE TABLE c (",
                "4 |   id int,",
                "5 |   idd);",
                "  |      ^",
            ],
        ),
        (
            &[(
                "0002_bad.sql",
                b"CREATE TABLE a (id int UNIQUE);\r\nINSERT INTO a VALUES (1);\r\nINSERT INTO a VALUES (1);\r\n",
            )],
            "`migrations/0002_bad.sql` failed at line 3, column 1: duplicate key value violates unique constraint \"a_id_key\"",
            &[
                " --> migrations/0002_bad.sql:3:1",
                "  |",
                "3 | INSERT INTO a VALUES (1);",
                "  | ^",
                "detail: Key (id)=(1) already exists.",
            ],
        ),
        (
            &[
                ("0002_a.sql", b"CREATE TABLE a ();"),
                ("0002_b.sql", b"CREATE TABLE b ();"),
            ],
            "`0002_a.sql` and `0002_b.sql` have the same number 2",
            &[],
        ),
        (
            &[
                ("0002_a.sql", b"CREATE TABLE a ();"),
                ("0004_b.sql", b"CREATE TABLE b ();"),
            ],
            "there is no migration 3 between `0002_a.sql` and `0004_b.sql`",
            &[],
        ),
        (
            &[("0002_latin.sql", b"SELECT 1;\nSELECT '\xff';")],
            "line 2, column 9 is not UTF-8",
            &[],
        ),
        (
            &[("0002_psql.sql", b"CREATE TABLE a ();\n\\i other.sql\n")],
            "`migrations/0002_psql.sql` failed at line 2, column 1: commands of psql are not SQL",
            &[
                " --> migrations/0002_psql.sql:2:1",
                "  |",
                "2 | \\i other.sql",
                "  | ^",
            ],
        ),
    ];

    for (files, message, details) in table {
        for (name, text) in files {
            database.write(&format!("migrations/{name}"), text);
        }
        let failure = database.up().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Data);
        assert!(failure.message.ends_with(message), "{failure}");
        assert_eq!(failure.details, details);
        assert_eq!(database.tables().await, "companies", "{message}");
        for (name, _) in files {
            fs::remove_file(database.project.path().join("migrations").join(name)).unwrap();
        }
        assert_eq!(database.up().await, Ok(DataOutcome::NothingDue));
    }
}

#[tokio::test]
async fn a_file_without_a_transaction_goes_on_where_it_failed() {
    let database = Database::new().await;
    database.write("migrations/0001_companies.sql", COMPANIES);
    let name = "migrations/0002_index.sql";
    let begun = "-- no-transaction\nCREATE TABLE once ();\nCREATE INDEX CONCURRENTLY known ON companies (id);\n";
    database.write(
        name,
        format!("{begun}CREATE INDEX CONCURRENTLY bad ON companies (nope);\n"),
    );

    let failure = database.up().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`migrations/0002_index.sql` failed at line 4, column 1: column \"nope\" does not exist"
    );
    assert!(
        database
            .standing()
            .await
            .ends_with("cut off migrations/0002_index.sql")
    );

    database.write(
        name,
        format!("{begun}CREATE INDEX CONCURRENTLY good ON companies (id);\n"),
    );
    assert_eq!(database.up().await, Ok(DataOutcome::Ran(1)));
    assert_eq!(database.up().await, Ok(DataOutcome::NothingDue));
}

#[tokio::test]
async fn what_the_migrations_make_is_compared_with_the_live_database_and_a_reset_brings_it_back() {
    let database = Database::new().await;
    database.write("migrations/0001_companies.sql", COMPANIES);
    database.write("seeds/postgres/010_companies.csv", "id\n1\n");
    let (context, service) = (database.sql_context(), database.with_sql());
    assert_eq!(database.up().await, Ok(DataOutcome::Ran(1)));
    assert_eq!(database.seed().await, Ok(DataOutcome::Ran(1)));
    assert_eq!(verify_migrations(&context, &service).await, Ok(()));

    database
        .ask("ALTER TABLE companies ADD COLUMN stray text")
        .await;

    let failure = Failure::from(verify_migrations(&context, &service).await.unwrap_err());
    assert_eq!(
        failure.message,
        "the database `jobsprint` differs from what its migrations make"
    );
    assert!(
        failure.details.contains(&"+     stray text".to_owned()),
        "{:?}",
        failure.details
    );
    assert_eq!(
        reset(&context, &service).await,
        Ok(ResetOutcome::FromNewTemplate)
    );
    assert_eq!(verify_migrations(&context, &service).await, Ok(()));
    assert_eq!(database.up().await, Ok(DataOutcome::NothingDue));
    assert_eq!(database.ask("SELECT count(*) FROM companies").await, "1");
}

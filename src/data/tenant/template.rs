//! Templates of tenants: a database that is cloned, and beside it what redis and the broker had.
//!
//! Each is made of a tenant's part as its first run left it, by a dump: nobody's session is ended for it. What a template
//! was made of stands in its database's comment, which is written last: one without is half-made, and nobody's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::database::{CLONING, KEEPER};
use super::number::TEMPLATES;
use super::part::store;
use super::{broker, number};
use crate::data::admin::{Admin, quoted};
use crate::data::backup::client_environment;
use crate::data::template::Inputs;
use crate::data::{DataContext, DataError};
use crate::domain::{Readiness, Service};
use crate::engine::ExecRequest;

/// How a template's database is named, before its key.
const PREFIX: &str = "jobsprint_template_";
/// Restores as the role that owns what is in templates, whole or not at all.
const COPY: &str = "pg_dump --no-owner --no-acl --format=custom --compress=0 | \
    PGOPTIONS=\"-c role=$KEEPER\" pg_restore --no-owner --no-acl --exit-on-error --single-transaction -d \"$TARGET\"";

/// What a template was made of, and what it has beside its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) inputs: Inputs,
    pub(super) redis: Option<u32>,
    pub(super) broker: Option<Value>,
}

/// A template that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedTemplate {
    pub(super) database: String,
    pub(super) record: Record,
    /// How many migrations it lacks.
    pub behind: usize,
}

/// The best template that there is for `inputs`.
///
/// # Errors
/// [`DataError`] where the server can't be asked.
pub async fn find_template(
    context: &DataContext,
    own: &Service,
    inputs: &Inputs,
) -> Result<Option<SharedTemplate>, DataError> {
    let admin = Admin::open(context, store(context, own)?).await?;
    let all = all(&admin).await?;
    admin.leave();
    let found = all.into_iter().filter_map(|(database, record)| {
        let record = record?;
        Some(SharedTemplate {
            behind: record.inputs.behind(inputs)?,
            database,
            record,
        })
    });
    Ok(found.min_by_key(|found| found.behind))
}

/// Throws a template away.
///
/// # Errors
/// [`DataError`] where the server refuses.
pub async fn discard_template(
    context: &DataContext,
    own: &Service,
    template: &SharedTemplate,
) -> Result<(), DataError> {
    let admin = Admin::open(context, store(context, own)?).await?;
    throw_away(&admin, &template.database).await?;
    admin.close().await;
    Ok(())
}

/// Keeps what a tenant has as a template of `inputs`, unless there is one or somebody else is at it; says whether it did.
///
/// # Errors
/// [`DataError`]; nothing half-made is ever used.
///
/// # Panics
/// Never: what a template was made of can be written as JSON.
pub async fn keep_template(
    context: &DataContext,
    own: &[Service],
    inputs: &Inputs,
) -> Result<bool, DataError> {
    let of = |ready: &Readiness| own.iter().find(|one| one.ready == *ready);
    let Some(database) = of(&Readiness::Postgres) else {
        return Ok(false);
    };
    let server = store(context, database)?;
    let admin = Admin::open(context, server).await?;
    let name = format!("{PREFIX}{}", inputs.key());
    if !lock(&admin, &name).await? {
        return Ok(false);
    }
    let known = all(&admin).await?;
    if known
        .iter()
        .any(|(one, record)| *one == name && record.is_some())
    {
        return Ok(false);
    }
    make_room(&admin, &known).await?;
    restore(context, &admin, (server, database), &name).await?;
    let mut record = Record {
        inputs: inputs.clone(),
        redis: None,
        broker: None,
    };
    if let Some(redis) = of(&Readiness::Redis) {
        let server = store(context, redis)?;
        let taken: Vec<u32> = all(&admin)
            .await?
            .into_iter()
            .filter_map(|(_, record)| record?.redis)
            .collect();
        let mut numbers = number::of_templates(context, server).await?;
        let Some(free) = numbers.find(|number| !taken.contains(number)) else {
            return Ok(false);
        };
        number::keep(context, server, redis, free).await?;
        record.redis = Some(free);
    }
    if let Some(own) = of(&Readiness::Amqp) {
        record.broker = Some(broker::keep(context, store(context, own)?, own).await?);
    }
    let note = serde_json::to_string(&record).expect("text, lists and numbers");
    admin.set_note(&name, &note).await?;
    admin.close().await;
    Ok(true)
}

/// Makes the database and fills it with what the tenant's has.
async fn restore(
    context: &DataContext,
    admin: &Admin,
    (server, own): (&Service, &Service),
    name: &str,
) -> Result<(), DataError> {
    let role = format!(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{KEEPER}') THEN \
         CREATE ROLE {KEEPER}; END IF; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    admin.run("making the templates' role", &role).await?;
    admin.make(name).await?;
    let owner = |owner: &str| format!("ALTER DATABASE {} OWNER TO {owner}", quoted(name));
    admin
        .run("making a template", &owner(&quoted(KEEPER)))
        .await?;
    let source = crate::data::session::login(own).database;
    let mut environment = client_environment(server, &source);
    environment.set("TARGET", name);
    environment.set("KEEPER", KEEPER);
    let request = ExecRequest {
        command: ["sh", "-c", COPY].map(str::to_owned).into(),
        environment,
        ..ExecRequest::default()
    };
    let ran = context
        .engine
        .execute(context.container(server)?, &request)
        .await?;
    if ran.code != 0 {
        let said = String::from_utf8_lossy(&ran.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        admin.drop(name).await?;
        return Err(DataError::Store {
            service: own.name.clone(),
            doing: "keeping a template",
            reason: last.unwrap_or("pg_dump failed").trim().to_owned(),
        });
    }
    // Else what a clone's new owner is given would take the template's database along.
    admin.run("making a template", &owner("CURRENT_USER")).await
}

/// Every template's database, the oldest first, each with its record where it is whole.
async fn all(admin: &Admin) -> Result<Vec<(String, Option<Record>)>, DataError> {
    let sql = format!(
        "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database \
         WHERE starts_with(datname, '{PREFIX}') ORDER BY oid"
    );
    let rows = admin.session().client.query_typed(&sql, &[]).await;
    let rows = rows.map_err(|error| DataError::database("looking for templates", &error))?;
    let read = |note: Option<String>| serde_json::from_str(&note?).ok();
    Ok(rows
        .iter()
        .map(|row| (row.get(0), read(row.get(1))))
        .collect())
}

/// Throws the oldest templates away, so that one more fits.
async fn make_room(admin: &Admin, known: &[(String, Option<Record>)]) -> Result<(), DataError> {
    let whole: Vec<&String> = known
        .iter()
        .filter(|(_, record)| record.is_some())
        .map(|(name, _)| name)
        .collect();
    let most = TEMPLATES as usize - 1;
    for name in whole.iter().take(whole.len().saturating_sub(most)) {
        throw_away(admin, name).await?;
    }
    for (name, _) in known.iter().filter(|(_, record)| record.is_none()) {
        // Left half-made by a run that was killed, unless somebody is still at it.
        if lock(admin, name).await? {
            throw_away(admin, name).await?;
        }
    }
    Ok(())
}

/// Drops a template once nobody clones it.
async fn throw_away(admin: &Admin, name: &str) -> Result<(), DataError> {
    let lock = format!("SELECT pg_advisory_lock({CLONING})");
    admin.run("waiting for a template", &lock).await?;
    let dropped = admin.drop(name).await;
    let unlock = format!("SELECT pg_advisory_unlock({CLONING})");
    admin.run("giving up a template", &unlock).await?;
    dropped
}

/// Whether nobody else makes this template; the session's end gives it back.
async fn lock(admin: &Admin, name: &str) -> Result<bool, DataError> {
    let sql = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
    let rows = admin.session().client.query(sql, &[&name]).await;
    let rows = rows.map_err(|error| DataError::database("taking a lock", &error))?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

//! A tenant's database and role.

use postgres_protocol::password::scram_sha_256;

use crate::data::admin::{Admin, quoted};
use crate::data::session::{Session, login};
use crate::data::{DataContext, DataError};
use crate::domain::Service;

/// The role that owns what is in a template, and that nobody logs in as.
pub(super) const KEEPER: &str = "jobsprint_template";
/// Held, shared, by whoever clones a template; alone by whoever throws one away. `jobspart` in ASCII.
pub(super) const CLONING: i64 = i64::from_be_bytes(*b"jobspart");

/// Makes the role and its database, of a template where one is given.
pub(super) async fn make(
    context: &DataContext,
    store: &Service,
    own: &Service,
    template: Option<&str>,
) -> Result<(), DataError> {
    let admin = Admin::open(context, store).await?;
    let login = login(own);
    let role = quoted(&login.user);
    // The server's log gets a verifier, never the password.
    let password = login.password.map_or_else(String::new, |password| {
        format!(
            " PASSWORD '{}'",
            scram_sha_256(password.expose().as_bytes())
        )
    });
    let made = format!("CREATE ROLE {role} LOGIN{password}");
    admin.run("making a tenant's role", &made).await?;
    let name = quoted(&login.database);
    let mut sql = format!("CREATE DATABASE {name} OWNER {role}");
    if let Some(template) = template {
        let lock = format!("SELECT pg_advisory_lock_shared({CLONING})");
        admin.run("waiting for a template", &lock).await?;
        sql = format!("{sql} TEMPLATE {}", quoted(template));
    }
    admin.run("making a tenant's database", &sql).await?;
    let private = format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC");
    admin.run("closing a tenant's database", &private).await?;
    if template.is_some() {
        let within = admin.login_to(&login.database);
        let session = Session::open_as(context, store, &within).await?;
        let sql = format!("REASSIGN OWNED BY {KEEPER} TO {role}");
        let given = session.client.batch_execute(&sql).await;
        given.map_err(|error| DataError::database("giving a tenant its tables", &error))?;
        session.leave();
    }
    admin.leave();
    Ok(())
}

/// Drops the database and the role.
pub(super) async fn drop(
    context: &DataContext,
    store: &Service,
    own: &Service,
) -> Result<(), DataError> {
    let admin = Admin::open(context, store).await?;
    let login = login(own);
    // A statement of an owner that was killed goes on in the server.
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
        AND application_name = 'jobsprint-dev' AND position($1 IN query) > 0";
    let name = quoted(&login.database);
    let ended = admin.session().client.query(end, &[&name]).await;
    ended.map_err(|error| DataError::database("ending sessions", &error))?;
    admin.drop(&login.database).await?;
    let sql = format!("DROP ROLE IF EXISTS {}", quoted(&login.user));
    admin.quietly("dropping a tenant's role", &sql).await?;
    admin.close().await;
    Ok(())
}

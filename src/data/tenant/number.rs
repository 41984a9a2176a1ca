//! A tenant's database of redis, which has a number, and its user, who may do all there that reaches nobody else.

use crate::data::redis_session::{RedisSession, Reply};
use crate::data::{DataContext, DataError};
use crate::domain::{RedisLogin, Service};

/// So many numbers, the last ones, are for templates.
pub(super) const TEMPLATES: u32 = 4;
/// Commands that tests use though redis calls them dangerous: each works on the user's own database alone.
const OWN: [&str; 6] = [
    "+keys", "+flushdb", "+sort", "+sort_ro", "+restore", "+info",
];
/// Commands that reach other databases.
const OTHERS: [&str; 3] = ["-select", "-move", "-swapdb"];
/// Copies all of the database `ARGV[1]` into `ARGV[2]`.
const COPY: &str = r"
redis.call('SELECT', ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*')) do
  redis.call('COPY', key, key, 'DB', ARGV[2], 'REPLACE')
end
return 0
";
const MAKING: &str = "making a tenant's database";

/// Makes the user, and the database empty or a copy of another.
pub(super) async fn make(
    context: &DataContext,
    store: &Service,
    own: &Service,
    template: Option<u32>,
) -> Result<(), DataError> {
    let login = login_of(own);
    let mut session = RedisSession::open(context, store).await?;
    let count = count(&mut session).await?;
    if login.database + TEMPLATES >= count {
        return Err(DataError::Store {
            service: store.name.clone(),
            doing: MAKING,
            reason: format!("all of its {count} databases are taken"),
        });
    }
    session.select(login.database).await?;
    session.done(MAKING, &["FLUSHDB"]).await?;
    if let Some(template) = template {
        copy(&mut session, template, login.database).await?;
    }
    let user = login.user.unwrap_or_default();
    let password = login.password.map_or_else(
        || "nopass".to_owned(),
        |password| format!(">{}", password.expose()),
    );
    let select = format!("+select|{}", login.database);
    let mut words = vec![
        "ACL", "SETUSER", &user, "reset", "on", &password, "~*", "&*",
    ];
    words.extend(["+@all", "-@admin", "-@dangerous"]);
    words.extend(OWN);
    words.extend(OTHERS);
    words.push(&select);
    session.done("making a tenant's user", &words).await
}

/// Drops the user with all its sessions, and empties the database.
pub(super) async fn drop(
    context: &DataContext,
    store: &Service,
    own: &Service,
) -> Result<(), DataError> {
    let login = login_of(own);
    let mut session = RedisSession::open(context, store).await?;
    let user = login.user.unwrap_or_default();
    let dropping = "dropping a tenant's user";
    session.done(dropping, &["ACL", "DELUSER", &user]).await?;
    if login.database < count(&mut session).await? {
        session.select(login.database).await?;
        session
            .done("emptying a tenant's database", &["FLUSHDB"])
            .await?;
    }
    Ok(())
}

/// Copies a tenant's database into the number of a template.
pub(super) async fn keep(
    context: &DataContext,
    store: &Service,
    own: &Service,
    template: u32,
) -> Result<(), DataError> {
    let mut session = RedisSession::open(context, store).await?;
    session.select(template).await?;
    session.done("keeping a template", &["FLUSHDB"]).await?;
    copy(&mut session, login_of(own).database, template).await
}

/// The numbers that templates may have.
pub(super) async fn of_templates(
    context: &DataContext,
    store: &Service,
) -> Result<std::ops::Range<u32>, DataError> {
    let mut session = RedisSession::open(context, store).await?;
    let count = count(&mut session).await?;
    Ok(count.saturating_sub(TEMPLATES)..count)
}

async fn copy(session: &mut RedisSession, from: u32, to: u32) -> Result<(), DataError> {
    let (from, to) = (from.to_string(), to.to_string());
    session
        .done("copying a database", &["EVAL", COPY, "0", &from, &to])
        .await
}

async fn count(session: &mut RedisSession) -> Result<u32, DataError> {
    let reply = session
        .ask("counting its databases", &["CONFIG", "GET", "databases"])
        .await?;
    let count = match reply {
        Reply::List(all) => all.into_iter().nth(1),
        _ => None,
    };
    Ok(match count {
        Some(Reply::Text(Some(count))) => count.parse().unwrap_or_default(),
        _ => 0,
    })
}

fn login_of(own: &Service) -> RedisLogin {
    RedisLogin::of(own, &|_| None)
}

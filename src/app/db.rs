//! `db`: a store's own client, URL, dump and log, without knowing where it lives.

use std::fmt::Write as _;
use std::path::Path;

use super::data::{Store, unless_interrupted};
use super::project::Project;
use super::session::Session;
use super::{exec, logs};
use crate::data;
use crate::domain::{
    AmqpLogin, DbRequest, DbVerb, Exec, Failure, FailureKind, HostPort, Logs, Phase, PostgresLogin,
    Readiness, RedisLogin, Reveal, Role, Scope, Secret, Service, percent_encoded,
};
use crate::report;

/// Does what is asked.
pub(super) async fn run(session: &mut Session, request: DbRequest) -> Result<u8, Failure> {
    let project = Project::load(session, &request.scope)?;
    let store = |named: Option<&str>| chosen(&project, named).cloned();
    let scope = request.scope;
    match request.verb {
        DbVerb::Shell(arguments) => {
            let store = store(request.store.as_deref())?;
            let client = client(&store, arguments)?;
            exec::run(session, command(scope, &store, client, Phase::Do)).await
        }
        DbVerb::Dump => {
            let store = store(None)?;
            let mut client = client(&store, vec!["--no-owner".to_owned()])?;
            "pg_dump".clone_into(&mut client.command[0]);
            exec::run(session, command(scope, &store, client, Phase::Skip)).await
        }
        DbVerb::Url(reveal) => {
            let url = url(&store(request.store.as_deref())?, reveal)?;
            report::print(&format!("{url}\n"));
            Ok(0)
        }
        DbVerb::Top(limit) => top(session, &scope, limit).await,
        DbVerb::Logs { follow } => {
            let services = match request.store {
                Some(named) => vec![named],
                None => stores(&project)
                    .map(|store| store.name.to_string())
                    .collect(),
            };
            let request = Logs {
                scope: Scope { services, ..scope },
                follow,
                ..Logs::default()
            };
            logs::run(session, request).await
        }
    }
}

/// The statements that took longest.
async fn top(session: &Session, scope: &Scope, limit: u16) -> Result<u8, Failure> {
    let store = Store::open(session, scope).await?;
    let asked = data::busiest(&store.context, &store.database, limit.into());
    let Some(statements) = unless_interrupted(session, asked).await? else {
        let service = &store.database.name;
        let message = format!("`{service}` keeps no count of its statements");
        return Err(Failure::new(FailureKind::Data, message)
            .hint("give it `command: [postgres, -c, shared_preload_libraries=pg_stat_statements]`")
            .hint(
                "then once `jobsprint-dev db shell -- -c 'CREATE EXTENSION pg_stat_statements'`",
            ));
    };
    if session.manner.mode == report::Mode::Json {
        let value = serde_json::json!({ "schema": 1, "statements": statements });
        report::print(&format!("{value}\n"));
        return Ok(0);
    }
    let mut text = format!(
        "{:>12}  {:>10}  {:>10}  {:>10}  STATEMENT\n",
        "TOTAL MS", "MEAN MS", "CALLS", "ROWS"
    );
    for one in statements {
        let (total, mean) = (one.total_ms, one.mean_ms);
        writeln!(
            text,
            "{total:>12.1}  {mean:>10.2}  {:>10}  {:>10}  {}",
            one.calls, one.rows, one.text
        )
        .expect("a String takes all that is written");
    }
    report::print(&text);
    Ok(0)
}

/// A store's client: its command, and what it takes from the environment.
struct Client {
    command: Vec<String>,
    environment: Vec<(String, String)>,
}

fn stores(project: &Project) -> impl Iterator<Item = &Service> {
    let services = project.stack.services.values();
    services.filter(|service| service.role == Role::Data)
}

/// The store of this name, else the stack's postgres.
fn chosen<'a>(project: &'a Project, named: Option<&str>) -> Result<&'a Service, Failure> {
    let found = match named {
        Some(named) => stores(project).find(|store| store.name.as_str() == named),
        None => stores(project).find(|store| store.ready == Readiness::Postgres),
    };
    found.ok_or_else(|| {
        let known: Vec<String> = stores(project)
            .map(|store| format!("`{}`", store.name))
            .collect();
        let named = named.unwrap_or("postgres");
        Failure::new(FailureKind::Usage, format!("no such store `{named}`"))
            .hint(format!("the stores are {}", known.join(", ")))
    })
}

fn client(store: &Service, arguments: Vec<String>) -> Result<Client, Failure> {
    let (program, environment): (&str, Vec<(&str, String)>) = match store.ready {
        Readiness::Postgres => {
            let login = PostgresLogin::of(store, &read);
            let mut environment = vec![("PGUSER", login.user), ("PGDATABASE", login.database)];
            environment.extend(
                login
                    .password
                    .map(|password| ("PGPASSWORD", exposed(&password))),
            );
            ("psql", environment)
        }
        Readiness::Redis => {
            let password = RedisLogin::of(store, &read).password;
            let environment = password.map(|password| ("REDISCLI_AUTH", exposed(&password)));
            ("redis-cli", environment.into_iter().collect())
        }
        Readiness::Amqp => ("rabbitmqctl", Vec::new()),
        _ => return Err(unknown(store)),
    };
    let mut command = vec![program.to_owned()];
    command.extend(arguments);
    let environment = environment.into_iter();
    Ok(Client {
        command,
        environment: environment
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    })
}

fn command(scope: Scope, store: &Service, client: Client, terminal: Phase) -> Exec {
    Exec {
        scope,
        service: store.name.to_string(),
        command: client.command,
        user: None,
        working_dir: None,
        environment: client.environment,
        terminal,
    }
}

fn url(store: &Service, reveal: Reveal) -> Result<String, Failure> {
    let shown = |password: &Secret| match reveal {
        Reveal::Hidden => "***".to_owned(),
        Reveal::Shown => percent_encoded(password.expose()),
    };
    let place = |port| place(store, port);
    Ok(match store.ready {
        Readiness::Postgres => {
            let login = PostgresLogin::of(store, &read);
            let password = login.password.as_ref().map(shown);
            let password = password.map_or_else(String::new, |password| format!(":{password}"));
            format!(
                "postgresql://{}{password}@{}/{}",
                percent_encoded(&login.user),
                place(5432)?,
                percent_encoded(&login.database)
            )
        }
        Readiness::Redis => {
            let password = RedisLogin::of(store, &read).password;
            let login = password.as_ref().map(shown);
            let login = login.map_or_else(String::new, |password| format!(":{password}@"));
            format!("redis://{login}{}", place(6379)?)
        }
        Readiness::Amqp => {
            let login = AmqpLogin::of(store, &read);
            let vhost = match login.vhost.as_str() {
                "/" => String::new(),
                vhost => format!("/{}", percent_encoded(vhost)),
            };
            let user = percent_encoded(&login.user);
            format!(
                "amqp://{user}:{}@{}{vhost}",
                shown(&login.password),
                place(5672)?
            )
        }
        _ => return Err(unknown(store)),
    })
}

/// Where the store's port is on this machine.
fn place(store: &Service, port: u16) -> Result<String, Failure> {
    let published = store
        .container
        .ports
        .iter()
        .find(|found| found.container == port);
    if let Some(HostPort::Fixed(host)) = published.map(|found| found.host) {
        return Ok(format!("localhost:{host}"));
    }
    let message = format!("`{}` publishes no fixed port for {port}", store.name);
    Err(Failure::new(FailureKind::Project, message)
        .hint(format!("use `jobsprint-dev db shell {}`", store.name)))
}

fn unknown(store: &Service) -> Failure {
    let message = format!("`{}` is no store that this verb knows", store.name);
    Failure::new(FailureKind::Usage, message)
        .hint("it knows services with `ready: postgres`, `redis` or `amqp`")
}

fn exposed(password: &Secret) -> String {
    password.expose().to_owned()
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

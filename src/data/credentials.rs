//! Passwords that a store's volume keeps from its first start: changed in place, through the store's own local door.
//!
//! The new value never stands in a command line: postgres gets a SCRAM verifier and `rabbitmqctl` the value, both by stdin.

use bytes::Bytes;

use crate::domain::{
    AmqpLogin, ContainerId, Failure, FailureKind, PostgresLogin, Readiness, Secret, Service,
};
use crate::engine::{Engine, ExecRequest, Executed};

/// How a store's password is changed from inside its container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    command: Vec<String>,
    stdin: Bytes,
    /// The operating system's user; `None` for the container's.
    user: Option<&'static str>,
}

/// Gives a store the password that its service's settings have now. The caller verifies it by a login.
///
/// # Errors
/// Why it can't be changed in place (exit code 50), with the ways out.
pub async fn mend(
    engine: &dyn Engine,
    service: &Service,
    container: &ContainerId,
) -> Result<(), Failure> {
    let mut reason = "it keeps none that can be changed from inside".to_owned();
    for change in changes(service, &|path| std::fs::read_to_string(path).ok()) {
        let request = ExecRequest {
            command: change.command,
            user: change.user.map(str::to_owned),
            stdin: Some(change.stdin),
            ..ExecRequest::default()
        };
        match engine.execute(container, &request).await {
            Ok(ran) if ran.code == 0 => return Ok(()),
            Ok(ran) => reason = last_words(&ran),
            // An engine that fails the one way fails the others, and each may take its time.
            Err(error) => return Err(unmended(service, &error.to_string())),
        }
    }
    Err(unmended(service, &reason))
}

/// The ways to change it, the likeliest first.
fn changes(service: &Service, read: crate::domain::ReadFile) -> Vec<Change> {
    match service.ready {
        Readiness::Postgres => {
            let login = PostgresLogin::of(service, read);
            let Some(password) = &login.password else {
                return Vec::new();
            };
            // As the container's user where local logins are trusted, as the server's where they are `peer`.
            [None, Some("postgres")]
                .map(|user| alter_role(&login.user, password, user))
                .into()
        }
        Readiness::Amqp => {
            let login = AmqpLogin::of(service, read);
            let words = ["rabbitmqctl", "--quiet", "change_password", "--"];
            let mut command = words.map(str::to_owned).to_vec();
            command.push(login.user);
            vec![Change {
                command,
                stdin: Bytes::from(format!("{}\n", login.password.expose())),
                user: None,
            }]
        }
        _ => Vec::new(),
    }
}

fn alter_role(role: &str, password: &Secret, user: Option<&'static str>) -> Change {
    let verifier = postgres_protocol::password::scram_sha_256(password.expose().as_bytes());
    let quoted = role.replace('"', "\"\"");
    let statement = format!("ALTER ROLE \"{quoted}\" PASSWORD '{verifier}';\n");
    let words = [
        "psql",
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        "postgres",
    ];
    let mut command = words.map(str::to_owned).to_vec();
    command.push("-U".to_owned());
    command.push(role.to_owned());
    Change {
        command,
        stdin: Bytes::from(statement),
        user,
    }
}

fn last_words(ran: &Executed) -> String {
    let said = String::from_utf8_lossy(&ran.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(
        || format!("the command ended with exit code {}", ran.code),
        |line| line.trim().to_owned(),
    )
}

fn unmended(service: &Service, reason: &str) -> Failure {
    let name = &service.name;
    Failure::new(
        FailureKind::Environment,
        format!("`{name}` refuses the password of `.env`: its volume keeps another, which can't be changed in place: {reason}"),
    )
    .hint("give the old value back: earlier versions of `.env` are in `.jobsprint/backups/env`")
    .hint("or start over with an empty volume: `jobsprint-dev down --volumes`, then `jobsprint-dev setup` (its data is lost)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ImageSource, ServiceName};

    fn service(ready: Readiness, environment: &[(&str, &str)]) -> Service {
        let name = ServiceName::new("store").unwrap();
        let mut service = Service::new(name, ImageSource::named("store"));
        service.ready = ready;
        for (name, value) in environment {
            service.container.environment.set(*name, *value);
        }
        service
    }

    #[test]
    fn no_command_line_holds_the_password() {
        let stores = [
            service(
                Readiness::Postgres,
                &[("POSTGRES_PASSWORD", "s3cret-value")],
            ),
            service(
                Readiness::Amqp,
                &[("RABBITMQ_DEFAULT_PASS", "s3cret-value")],
            ),
        ];

        for store in stores {
            let changes = changes(&store, &|_| None);
            assert!(!changes.is_empty());
            for change in changes {
                assert!(!change.command.join(" ").contains("s3cret-value"));
            }
        }
    }

    #[test]
    fn postgres_gets_a_verifier_so_that_its_log_never_holds_the_password() {
        let change = alter_role("a\"b", &Secret::new("s3cret-value"), None);

        let sent = String::from_utf8(change.stdin.to_vec()).unwrap();
        assert!(
            sent.starts_with("ALTER ROLE \"a\"\"b\" PASSWORD 'SCRAM-SHA-256$"),
            "{sent}"
        );
        assert!(!sent.contains("s3cret-value"));
    }

    #[test]
    fn a_service_without_such_a_password_has_nothing_to_change() {
        assert_eq!(changes(&service(Readiness::Started, &[]), &|_| None), []);
        assert_eq!(changes(&service(Readiness::Postgres, &[]), &|_| None), []);
    }
}

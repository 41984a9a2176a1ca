//! The words of `x-jobsprint.ready`.

use crate::domain::Readiness;

/// Reads `postgres`, `redis`, `amqp`, `http [:PORT]/PATH`, `tcp [:PORT]`, `log REGEX`, `healthcheck` or `started`.
///
/// The error says what was expected.
pub(super) fn parse(words: &str) -> Result<Readiness, String> {
    let (kind, rest) = words
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((words.trim(), ""));
    let rest = rest.trim();
    match (kind, rest) {
        ("postgres", "") => Ok(Readiness::Postgres),
        ("redis", "") => Ok(Readiness::Redis),
        ("amqp", "") => Ok(Readiness::Amqp),
        ("healthcheck", "") => Ok(Readiness::Healthcheck),
        ("started", "") => Ok(Readiness::Started),
        ("tcp", "") => Ok(Readiness::Tcp { port: None }),
        ("tcp", port) => Ok(Readiness::Tcp {
            port: Some(port_of(port)?),
        }),
        ("http", target) => http(target),
        ("log", "") => Err("`log` takes a regular expression".to_owned()),
        ("log", pattern) => match regex::Regex::new(pattern) {
            Ok(_) => Ok(Readiness::Log {
                pattern: pattern.to_owned(),
            }),
            Err(_) => Err(format!("`{pattern}` is not a regular expression")),
        },
        _ => Err(format!("`{words}` is no readiness probe")),
    }
}

fn http(target: &str) -> Result<Readiness, String> {
    let (port, path) = match target.find('/') {
        Some(slash) => (target[..slash].trim(), &target[slash..]),
        None => (target, "/"),
    };
    let port = if port.is_empty() {
        None
    } else {
        Some(port_of(port)?)
    };
    Ok(Readiness::Http {
        path: path.to_owned(),
        port,
    })
}

fn port_of(text: &str) -> Result<u16, String> {
    let digits = text.strip_prefix(':').unwrap_or(text);
    digits
        .parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| format!("`{text}` is not a port"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_probe_reads_back_as_it_is_shown() {
        for words in [
            "postgres",
            "redis",
            "amqp",
            "http /ready",
            "http :80/x",
            "tcp",
            "tcp :99",
            "log up.*now",
            "healthcheck",
            "started",
        ] {
            assert_eq!(
                parse(words).map(|probe| probe.to_string()).as_deref(),
                Ok(words)
            );
        }
        assert!(parse("postgre").is_err());
        assert!(parse("tcp 99999").is_err());
        assert!(parse("log (").is_err());
    }
}

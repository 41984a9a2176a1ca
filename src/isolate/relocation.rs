//! Where an isolated stack's host ports went, and the texts that mention them.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// How the host's published ports are reached from where the command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The address that ports are bound to.
    pub bind: IpAddr,
    /// The name or address that they are called by.
    pub host: String,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            host: "localhost".to_owned(),
        }
    }
}

/// From each host port of the files to the one that was chosen instead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relocation {
    /// By the files' port.
    pub ports: BTreeMap<u16, u16>,
    /// How they are reached.
    pub reach: Reach,
}

/// The names by which a URL means this machine.
const LOCAL: [&str; 4] = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"];

impl Relocation {
    /// `text` with each URL that names a port of this machine made to name the chosen one.
    ///
    /// An address without a scheme (`127.0.0.1:4000`) stays: inside a container it is the container's own.
    #[must_use]
    pub fn rewrite(&self, text: &str) -> String {
        let mut rewritten = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("://") {
            let (before, after) = rest.split_at(at + 3);
            rewritten.push_str(before);
            let end = after
                .find(|c: char| {
                    matches!(c, '/' | '?' | '#' | ',' | ';' | '"' | '\'') || c.is_whitespace()
                })
                .unwrap_or(after.len());
            let (authority, tail) = after.split_at(end);
            let scheme = before
                .trim_end_matches("://")
                .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '-')
                .next()
                .unwrap_or_default();
            rewritten.push_str(
                &self
                    .authority(authority, scheme)
                    .unwrap_or_else(|| authority.to_owned()),
            );
            rest = tail;
        }
        rewritten.push_str(rest);
        rewritten
    }

    /// `user:password@localhost:5432` with the chosen port; `None` where it names none that moved.
    fn authority(&self, authority: &str, scheme: &str) -> Option<String> {
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (format!("{login}@"), address),
            None => (String::new(), authority),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => {
                (host, port.parse().ok()?)
            }
            _ => (address, default_port(scheme)?),
        };
        if !LOCAL.contains(&host) && !host.ends_with(".localhost") {
            return None;
        }
        let chosen = self.ports.get(&port)?;
        let host = if self.reach == Reach::default() {
            host
        } else {
            &self.reach.host
        };
        Some(format!("{login}{host}:{chosen}"))
    }
}

/// The port of a URL that names none.
fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "postgres" | "postgresql" => 5432,
        "redis" => 6379,
        "amqp" => 5672,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relocation() -> Relocation {
        Relocation {
            ports: BTreeMap::from([(5432, 20_001), (80, 20_002), (3000, 20_003)]),
            reach: Reach::default(),
        }
    }

    #[test]
    fn urls_of_this_machine_follow_their_ports() {
        let text = "postgresql://jobsprint:p%40ss@localhost:5432/jobsprint?sslmode=disable";
        let origins = "http://localhost,http://127.0.0.1:3000;https://example.com:3000";

        assert_eq!(
            relocation().rewrite(text),
            "postgresql://jobsprint:p%40ss@localhost:20001/jobsprint?sslmode=disable"
        );
        assert_eq!(
            relocation().rewrite(origins),
            "http://localhost:20002,http://127.0.0.1:20003;https://example.com:3000"
        );
    }

    #[test]
    fn what_names_another_host_another_port_or_no_scheme_stays() {
        for text in [
            "redis://redis:6379",
            "http://localhost:9999/",
            "127.0.0.1:5432",
            "a://",
        ] {
            assert_eq!(relocation().rewrite(text), text);
        }
    }

    #[test]
    fn a_remote_engine_is_called_by_its_own_name() {
        let mut remote = relocation();
        remote.reach.host = "10.0.0.7".to_owned();

        assert_eq!(
            remote.rewrite("http://localhost:3000/x"),
            "http://10.0.0.7:20003/x"
        );
    }
}

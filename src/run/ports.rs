//! The host's ports: which are free, and who holds the others.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use crate::domain::{HostPort, Protocol, PublishedPort};

/// Who holds a port, as far as the system tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process's id.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Its command line, with what looks like a secret left out.
    pub command: String,
}

/// A port that a service wants and somebody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPort {
    /// The address asked for.
    pub address: SocketAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// Who holds it.
    pub holder: Option<Holder>,
}

/// Which of these published ports can't be bound now.
#[must_use]
pub fn taken_ports(ports: &[PublishedPort]) -> Vec<TakenPort> {
    ports
        .iter()
        .filter_map(|port| match port.host {
            HostPort::Fixed(host) => {
                let ip = port.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
                Some((SocketAddr::new(ip, host), port.protocol))
            }
            HostPort::Any | HostPort::Range(..) => None,
        })
        .filter(|(address, protocol)| !is_free(*address, *protocol))
        .map(|(address, protocol)| TakenPort {
            address,
            protocol,
            holder: holder_of(address.port()),
        })
        .collect()
}

/// Whether a port can be bound at this address. SCTP can't be tried, and counts as free.
#[must_use]
pub fn is_free(address: SocketAddr, protocol: Protocol) -> bool {
    let tried = match protocol {
        Protocol::Tcp => TcpListener::bind(address).map(drop),
        Protocol::Udp => UdpSocket::bind(address).map(drop),
        Protocol::Sctp => return true,
    };
    // Any refusal but "in use" (a port below 1024 without permission, say) is not this check's to judge:
    // the engine binds with its own rights.
    !tried.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

/// The process that listens on a TCP port, where Linux's `/proc` tells.
#[must_use]
pub fn holder_of(port: u16) -> Option<Holder> {
    let inodes = listening_inodes(port);
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let name = std::fs::read_to_string(process.path().join("comm")).ok()?;
        holds_any(&process.path(), &inodes).then(|| Holder {
            pid,
            name: name.trim().to_owned(),
            command: command_line(&process.path()),
        })
    })
}

/// A process's arguments: the first few, and of those that name a secret only the name.
fn command_line(process: &Path) -> String {
    const LONGEST: usize = 120;
    let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&arguments).into_owned();
    let mut hidden = false;
    let words = text
        .split('\0')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let lower = word.to_lowercase();
            let secret = ["pass", "secret", "token", "key", "://"]
                .iter()
                .any(|part| lower.contains(part));
            let shown = match (hidden, secret, word.split_once('=')) {
                (true, ..) => "***".to_owned(),
                (false, true, Some((name, _))) => format!("{name}=***"),
                (false, true, None) if lower.contains("://") => "***".to_owned(),
                _ => word.to_owned(),
            };
            // `--password swordfish`: the value is the next word.
            hidden = secret && word.starts_with('-') && !word.contains('=');
            shown
        });
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() > LONGEST {
        line.chars().take(LONGEST).chain(['…']).collect()
    } else {
        line
    }
}

fn holds_any(process: &Path, inodes: &BTreeSet<String>) -> bool {
    let Ok(files) = std::fs::read_dir(process.join("fd")) else {
        return false;
    };
    files.flatten().any(|file| {
        std::fs::read_link(file.path())
            .is_ok_and(|target| inodes.contains(target.to_string_lossy().as_ref()))
    })
}

/// Socket links (`socket:[inode]`) of TCP listeners on `port`, from `/proc/net/tcp{,6}` (see proc(5)).
fn listening_inodes(port: u16) -> BTreeSet<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            (local.ends_with(&suffix) && *state == LISTEN).then(|| format!("socket:[{inode}]"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_this_process_holds_is_taken_and_names_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");

        let holder = holder_of(address.port());

        assert!(!is_free(address, Protocol::Tcp));
        assert_eq!(holder.map(|holder| holder.pid), Some(std::process::id()));
    }
}

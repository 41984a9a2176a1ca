//! Whether this process is itself in a container of the engine, as a CI job is that has the engine's socket mounted.

use std::net::IpAddr;
use std::time::Duration;

use bollard::Docker;

/// The engine answers within this time, or isn't asked further.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the engine's published ports are found from in there: the gateway of the container's network. `None`
/// outside, and where the container shares the machine's own network.
pub(super) async fn gateway(docker: &Docker) -> Option<IpAddr> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let id = own_id(&mounts)?;
    // A container of another engine, such as one that this engine itself runs in, is unknown to it.
    let call = docker.inspect_container(id, None);
    let found = tokio::time::timeout(PATIENCE, call).await.ok()?.ok()?;
    let networks = found.network_settings?.networks?;
    if networks.contains_key("host") {
        return None;
    }
    let mut gateways = networks.into_values().filter_map(|network| network.gateway);
    gateways.find_map(|gateway| gateway.parse().ok())
}

/// The id of the container that this mount table (proc(5), `mountinfo`) is of: engines mount files over
/// `/etc/hostname` and the like from the directory that they keep for it.
fn own_id(mounts: &str) -> Option<&str> {
    mounts
        .lines()
        .filter(|line| line.contains(" /etc/host"))
        .find_map(|line| {
            let (_, rest) = line.split_once("/containers/")?;
            let id = rest.split('/').next()?;
            let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_id.then_some(id)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_id_stands_in_its_mounts_and_a_machine_has_none() {
        let id = "0123456789abcdef".repeat(4);
        let line = format!(
            "529 516 0:46 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/sda rw\n"
        );

        assert_eq!(own_id(&line), Some(id.as_str()));
        assert_eq!(
            own_id("22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"),
            None
        );
    }
}

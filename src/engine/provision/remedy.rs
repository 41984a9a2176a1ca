//! Decides what mends an absent engine. Pure: facts in, steps out.

use super::{Machine, Privilege};
use crate::engine::Absence;

/// What is done about an absent engine, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The distribution's engine package is installed.
    Install,
    /// It is started through systemd.
    StartService,
    /// It is started as a background daemon.
    StartDaemon,
}

/// Why the tool can't mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Only the person can.
    #[error(transparent)]
    Absence(#[from] Absence),
    /// The engine isn't installed, and this is no Debian or Ubuntu.
    #[error(
        "no container engine is installed, and this system has no `apt-get` to install one with"
    )]
    UnknownDistribution,
    /// Neither root nor `sudo`.
    #[error("starting the container engine needs root, and `sudo` is not to be had")]
    NoPrivilege,
}

/// The steps that bring an engine up on `machine`, where `absence` is what was found.
///
/// # Errors
/// [`Obstacle`] where none would.
pub fn remedy(absence: Absence, machine: Machine) -> Result<Vec<Remedy>, Obstacle> {
    if !matches!(absence, Absence::NotInstalled | Absence::NotRunning) {
        return Err(absence.into());
    }
    if !machine.has_engine && !machine.has_apt {
        return Err(Obstacle::UnknownDistribution);
    }
    if machine.privilege == Privilege::None {
        return Err(Obstacle::NoPrivilege);
    }
    let install = (!machine.has_engine).then_some(Remedy::Install);
    let start = if machine.has_systemd {
        Remedy::StartService
    } else {
        Remedy::StartDaemon
    };
    Ok(install.into_iter().chain([start]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE_CONTAINER: Machine = Machine {
        has_apt: true,
        has_systemd: false,
        has_engine: false,
        privilege: Privilege::Root,
    };

    #[test]
    fn a_bare_debian_gets_the_package_and_a_daemon() {
        assert_eq!(
            remedy(Absence::NotInstalled, BARE_CONTAINER),
            Ok(vec![Remedy::Install, Remedy::StartDaemon])
        );
    }

    #[test]
    fn an_installed_engine_is_started_by_systemd_where_that_runs() {
        let workstation = Machine {
            has_systemd: true,
            has_engine: true,
            privilege: Privilege::Sudo,
            ..BARE_CONTAINER
        };

        assert_eq!(
            remedy(Absence::NotRunning, workstation),
            Ok(vec![Remedy::StartService])
        );
    }

    #[test]
    fn without_root_nothing_is_tried() {
        let machine = Machine {
            privilege: Privilege::None,
            ..BARE_CONTAINER
        };

        assert_eq!(
            remedy(Absence::NotInstalled, machine),
            Err(Obstacle::NoPrivilege)
        );
    }

    #[test]
    fn what_only_the_person_can_mend_is_left_to_them() {
        let refused = Absence::NoPermission {
            socket: "/var/run/docker.sock".into(),
        };

        assert_eq!(
            remedy(refused.clone(), BARE_CONTAINER),
            Err(Obstacle::Absence(refused))
        );
    }

    #[test]
    fn another_distribution_is_told_so() {
        let fedora = Machine {
            has_apt: false,
            ..BARE_CONTAINER
        };

        assert_eq!(
            remedy(Absence::NotInstalled, fedora),
            Err(Obstacle::UnknownDistribution)
        );
    }
}

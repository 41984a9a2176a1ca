//! Who answers for an isolated stack, and until when: written on every object as labels, read back by whoever cleans up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The owner: process id, its start time, and the machine that these mean something on.
pub const LEASE: &str = "dev.jobsprint.lease";
/// When the lease ends, in seconds since 1970.
pub const EXPIRES: &str = "dev.jobsprint.lease.expires";
/// The directory that the owner worked in.
pub const DIRECTORY: &str = "dev.jobsprint.lease.directory";
/// The CI system's name for the run, where there is one.
pub const RUN: &str = "dev.jobsprint.lease.run";

/// A process, told apart from every other one: ids are given out again, to other boots and other namespaces too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// The process's id.
    pub pid: u32,
    /// When it started, in the kernel's ticks since the boot.
    pub started: u64,
    /// The boot's id.
    pub boot: String,
    /// The namespace of process ids.
    pub namespace: String,
    /// The machine's id; `-` where it has none, as in most containers.
    pub machine: String,
}

impl Holder {
    /// No process: what it holds stays until its lease is over, whoever looks.
    #[must_use]
    pub fn nobody() -> Self {
        let nowhere = || "-".to_owned();
        Self {
            pid: 0,
            started: 0,
            boot: nowhere(),
            namespace: nowhere(),
            machine: nowhere(),
        }
    }

    /// Whether it is no process.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        *self == Self::nobody()
    }
}

/// A lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The owner.
    pub holder: Holder,
    /// When it ends where nobody can tell whether the owner lives.
    pub expires: SystemTime,
    /// Where the owner worked.
    pub directory: PathBuf,
    /// The CI run.
    pub run: Option<String>,
}

/// How a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// Its owner is at work, or may be.
    Held,
    /// Its owner is gone.
    Abandoned,
    /// Nobody can tell of its owner, and its time is over.
    Expired,
}

impl Lease {
    /// The labels that say it.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        let Holder {
            pid,
            started,
            boot,
            namespace,
            machine,
        } = &self.holder;
        let mut labels = BTreeMap::from([
            (
                LEASE.to_owned(),
                format!("{pid} {started} {boot} {namespace} {machine}"),
            ),
            (EXPIRES.to_owned(), seconds(self.expires).to_string()),
            (DIRECTORY.to_owned(), self.directory.display().to_string()),
        ]);
        if let Some(run) = &self.run {
            labels.insert(RUN.to_owned(), run.clone());
        }
        labels
    }

    /// The lease that an object's labels tell of; `None` where they tell of none that can be understood.
    #[must_use]
    pub fn of(labels: &BTreeMap<String, String>) -> Option<Self> {
        let mut words = labels.get(LEASE)?.split(' ');
        let holder = Holder {
            pid: words.next()?.parse().ok()?,
            started: words.next()?.parse().ok()?,
            boot: words.next()?.to_owned(),
            namespace: words.next()?.to_owned(),
            machine: words.next()?.to_owned(),
        };
        let expires: u64 = labels.get(EXPIRES)?.parse().ok()?;
        Some(Self {
            holder,
            expires: UNIX_EPOCH.checked_add(Duration::from_secs(expires))?,
            directory: labels.get(DIRECTORY).map(PathBuf::from).unwrap_or_default(),
            run: labels.get(RUN).cloned(),
        })
    }

    /// How it stands, seen by `here`; `lives` tells whether the process of this id and start time runs.
    pub fn standing(
        &self,
        here: &Holder,
        lives: impl FnOnce(u32, u64) -> bool,
        now: SystemTime,
    ) -> Standing {
        let holder = &self.holder;
        if !holder.is_nobody() && holder.boot == here.boot && holder.namespace == here.namespace {
            return if lives(holder.pid, holder.started) {
                Standing::Held
            } else {
                Standing::Abandoned
            };
        }
        let is_this_machine = holder.machine == here.machine && holder.machine != "-";
        if is_this_machine && holder.boot != here.boot {
            // The machine was started anew since.
            return Standing::Abandoned;
        }
        if now >= self.expires {
            Standing::Expired
        } else {
            Standing::Held
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        Lease {
            holder: Holder {
                pid: 42,
                started: 1_000,
                boot: "boot-1".to_owned(),
                namespace: "pid:[1]".to_owned(),
                machine: "laptop".to_owned(),
            },
            expires: UNIX_EPOCH + Duration::from_secs(5_000),
            directory: PathBuf::from("/home/ada/shop"),
            run: Some("77".to_owned()),
        }
    }

    fn before() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(4_999)
    }

    #[test]
    fn a_lease_is_read_back_from_its_labels() {
        assert_eq!(Lease::of(&lease().labels()), Some(lease()));
        assert_eq!(Lease::of(&BTreeMap::new()), None);
    }

    #[test]
    fn on_the_owners_own_machine_the_process_decides_and_not_the_clock() {
        let long_after = UNIX_EPOCH + Duration::from_mins(150);

        let lives = lease().standing(&lease().holder, |_, _| true, long_after);
        let gone = lease().standing(&lease().holder, |_, _| false, before());

        assert_eq!(lives, Standing::Held);
        assert_eq!(gone, Standing::Abandoned);
    }

    #[test]
    fn a_process_id_given_out_again_is_not_the_owner() {
        let asked = lease().standing(&lease().holder, |_, started| started == 7_777, before());

        assert_eq!(asked, Standing::Abandoned);
    }

    #[test]
    fn what_nobody_holds_stays_until_its_lease_is_over() {
        let kept = Lease {
            holder: Holder::nobody(),
            ..lease()
        };
        let kept = Lease::of(&kept.labels()).unwrap();
        let here = lease().holder;

        let before = kept.standing(&here, |_, _| false, before());
        let after = kept.standing(&here, |_, _| true, kept.expires);

        assert!(kept.holder.is_nobody() && !here.is_nobody());
        assert_eq!((before, after), (Standing::Held, Standing::Expired));
    }

    #[test]
    fn a_reboot_ends_every_lease_of_this_machine() {
        let mut here = lease().holder;
        here.boot = "boot-2".to_owned();

        assert_eq!(
            lease().standing(&here, |_, _| true, before()),
            Standing::Abandoned
        );
    }

    #[test]
    fn another_machines_owner_is_believed_until_the_lease_expires() {
        let here = Holder {
            boot: "boot-9".to_owned(),
            machine: "runner".to_owned(),
            ..lease().holder
        };
        let after = UNIX_EPOCH + Duration::from_secs(5_000);

        assert_eq!(
            lease().standing(&here, |_, _| false, before()),
            Standing::Held
        );
        assert_eq!(
            lease().standing(&here, |_, _| false, after),
            Standing::Expired
        );
    }

    #[test]
    fn containers_of_one_machine_cannot_judge_each_others_processes() {
        let mut here = lease().holder;
        here.namespace = "pid:[2]".to_owned();

        assert_eq!(
            lease().standing(&here, |_, _| false, before()),
            Standing::Held
        );
    }
}

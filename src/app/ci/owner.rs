//! This process, and whether another one lives, as `/proc` tells (proc(5)).

use std::fs;

use crate::isolate::Holder;

/// This process, as a lease names it.
pub(in crate::app) fn this_process() -> Holder {
    let read = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            "-".to_owned()
        } else {
            text.to_owned()
        }
    };
    let pid = std::process::id();
    let namespace = fs::read_link("/proc/self/ns/pid");
    Holder {
        pid,
        started: started(pid).unwrap_or_default(),
        boot: read("/proc/sys/kernel/random/boot_id"),
        namespace: namespace.map_or_else(|_| "-".to_owned(), |link| link.display().to_string()),
        machine: read("/etc/machine-id"),
    }
}

/// Whether the process of this id that started then still runs.
pub(in crate::app) fn lives(pid: u32, at: u64) -> bool {
    started(pid) == Some(at)
}

/// When a process started, in ticks since the boot; `None` where it is gone or a zombie.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold any; the fields after it begin with the third.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let is_gone = matches!(fields.next(), Some("Z" | "X"));
    let started = fields.nth(18)?.parse().ok()?;
    (!is_gone).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_twin_of_another_time_does_not() {
        let here = this_process();

        assert!(lives(here.pid, here.started));
        assert!(!lives(here.pid, here.started + 1));
    }
}

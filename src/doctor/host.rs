//! What is judged of the machine.

use super::engine::bytes;
use super::{Facts, HostFacts, PortSeen, PortUser, Space};
use crate::domain::{FailureKind, Verdict};

/// Watches that a checkout with its dependencies takes.
const WATCHES: u64 = 65_536;
/// Watchers that an editor, a bundler and this tool take.
const WATCHERS: u64 = 128;
/// Open files that a stack's sockets and logs take.
const OPEN_FILES: u64 = 512;
/// Backups and logs take this much in a day.
const LITTLE: u64 = 1 << 30;
/// Less than this, and not even `.env` can be written safely.
const NOTHING: u64 = 32 << 20;
/// Files that a checkout's dependencies take.
const FEW_FILES: u64 = 1_000;
/// Memory below which the kernel soon starts to kill.
const LITTLE_MEMORY: u64 = 256 << 20;

pub(super) fn judge(facts: &Facts) -> Vec<Verdict> {
    let host = &facts.host;
    let mut verdicts: Vec<Verdict> = host.ports.iter().map(port).collect();
    if verdicts.is_empty() && host.wanted > 0 {
        let text = format!("{} ports of the stack are free or its own", host.wanted);
        verdicts.push(Verdict::ok("host.ports", text));
    }
    verdicts.push(localhost(host));
    verdicts.extend(inotify(host));
    verdicts.extend(open_files(host));
    let place = facts.project.root.display().to_string();
    verdicts.extend(
        host.project_space
            .map(|space| disk("host.disk", &place, space)),
    );
    if let Some((directory, space)) = &host.temporary {
        verdicts.push(disk(
            "host.temporary",
            &directory.display().to_string(),
            *space,
        ));
    }
    verdicts.extend(memory(host));
    verdicts.push(filesystem(facts));
    verdicts
}

fn port(seen: &PortSeen) -> Verdict {
    let (number, service) = (seen.port, &seen.service);
    let taken = |by: &str| {
        let reason = format!("port {number}, which `{service}` publishes, is taken by {by}");
        Verdict::problem("host.ports", FailureKind::Port, reason)
    };
    match &seen.user {
        PortUser::Process { pid, name, command } => taken(&format!("`{name}` (pid {pid})"))
            .shown(format!("pid {pid}: {command}"))
            .mend(format!(
                "kill {pid}; or take other ports with `jobsprint-dev up --remap-ports`"
            )),
        PortUser::Container {
            name,
            project,
            directory,
        } => {
            let verdict = taken(&format!("the container `{name}` of the stack `{project}`"));
            match directory {
                Some(directory) => verdict
                    .shown(format!("its files are in {}", directory.display()))
                    .mend(format!("jobsprint-dev -p {project} --project-directory {} down; or take other ports with `jobsprint-dev up --remap-ports`", directory.display())),
                None => verdict.mend(format!("docker stop {name}")),
            }
        }
        PortUser::Unknown => {
            taken("another process").mend(format!("see which with `ss -ltnp 'sport = :{number}'`"))
        }
    }
}

fn localhost(host: &HostFacts) -> Verdict {
    let addresses: Vec<String> = host.localhost.iter().map(ToString::to_string).collect();
    let mend = "sudo sh -c \"echo '127.0.0.1 localhost' >> /etc/hosts\"";
    if host.localhost.iter().any(std::net::IpAddr::is_ipv4) {
        return Verdict::ok(
            "host.localhost",
            format!("localhost is {}", addresses.join(", ")),
        );
    }
    let reason = if addresses.is_empty() {
        "`localhost` means nothing on this machine"
    } else {
        "`localhost` means an IPv6 address alone, and the stack publishes on 127.0.0.1"
    };
    Verdict::problem("host.localhost", FailureKind::Project, reason)
        .shown(format!("localhost: {}", addresses.join(", ")))
        .mend(mend)
}

fn inotify(host: &HostFacts) -> Option<Verdict> {
    let (watches, instances) = host.inotify?;
    let low = |reason: String, key: &str, value: u64| {
        Verdict::warning("host.inotify", reason)
            .shown(format!("{watches} watches, {instances} watchers"))
            .mend(format!("sudo sysctl fs.inotify.{key}={value}"))
    };
    Some(if watches < WATCHES {
        let reason =
            format!("only {watches} files may be watched: changes in a large checkout go unseen");
        low(reason, "max_user_watches", 524_288)
    } else if instances < WATCHERS {
        let reason =
            format!("only {instances} watchers may run: editors and this tool compete for them");
        low(reason, "max_user_instances", 512)
    } else {
        Verdict::ok("host.inotify", format!("{watches} files may be watched"))
    })
}

fn open_files(host: &HostFacts) -> Option<Verdict> {
    let limit = host.open_files?;
    Some(if limit < OPEN_FILES {
        let reason =
            format!("a process may have only {limit} files open: streams of many services break");
        Verdict::warning("host.open-files", reason)
            .shown(format!("ulimit -n: {limit}"))
            .mend("ulimit -n 4096")
    } else {
        Verdict::ok("host.open-files", format!("{limit} files may be open"))
    })
}

fn disk(check: &'static str, place: &str, space: Space) -> Verdict {
    let free = bytes(space.free);
    let fact = format!("{free} of {} are free in {place}", bytes(space.total));
    let mend = format!("see what takes the space with `du -xh {place} | sort -h | tail`");
    if space.free < NOTHING {
        let reason = format!("the disk of `{place}` is full");
        return Verdict::problem(check, FailureKind::Project, reason)
            .shown(fact)
            .mend(mend);
    }
    match space.files {
        Some(files) if files < FEW_FILES => {
            let reason = format!("only {files} more files can be made in `{place}`");
            Verdict::problem(check, FailureKind::Project, reason)
                .shown(fact)
                .mend(format!(
                    "see where they are with `du --inodes -x {place} | sort -h | tail`"
                ))
        }
        _ if space.free < LITTLE => {
            let reason = format!("the disk of `{place}` has {free} left");
            Verdict::warning(check, reason).shown(fact).mend(mend)
        }
        _ => Verdict::ok(check, format!("{free} are free in {place}")),
    }
}

fn memory(host: &HostFacts) -> Option<Verdict> {
    let available = host.memory?;
    Some(if available < LITTLE_MEMORY {
        Verdict::warning(
            "host.memory",
            format!("only {} of memory are available", bytes(available)),
        )
        .shown("MemAvailable of /proc/meminfo")
        .mend("see who takes it with `ps aux --sort -rss | head`")
    } else {
        Verdict::ok(
            "host.memory",
            format!("{} of memory are available", bytes(available)),
        )
    })
}

fn filesystem(facts: &Facts) -> Verdict {
    let (host, root) = (&facts.host, facts.project.root.display());
    let is_wsl = host.kernel.to_lowercase().contains("microsoft");
    if is_wsl && facts.project.root.starts_with("/mnt") {
        let reason = format!(
            "the project lies on a Windows drive (`{root}`): files are slow, and changes go unseen"
        );
        return Verdict::warning("host.filesystem", reason)
            .shown(host.kernel.trim())
            .mend(format!(
                "move it into the Linux filesystem: `cp -a {root} ~/`"
            ));
    }
    let remote = ["9p", "nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "vboxsf"];
    if remote.contains(&host.filesystem.as_str()) {
        let reason = format!(
            "the project lies on a network drive ({}): changes by others go unseen",
            host.filesystem
        );
        return Verdict::warning("host.filesystem", reason)
            .shown(format!("{root} is on {}", host.filesystem))
            .mend("move it to a local disk");
    }
    Verdict::ok(
        "host.filesystem",
        format!("the project lies on {}", host.filesystem),
    )
}

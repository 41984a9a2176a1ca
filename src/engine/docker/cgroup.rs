//! What a container takes, as the kernel that it shares with this process tells it: in no time, where an engine's own answer
//! takes it some 20 ms of a core.
//!
//! Format: <https://docs.kernel.org/admin-guide/cgroup-v2.html>, and `cgroup-v1/memory.html` and `cgroup-v1/cpuacct.html` beside it.

use std::fs;
use std::path::Path;

use crate::engine::Usage;

/// Where the system has its control groups.
pub(super) const ROOT: &str = "/sys/fs/cgroup";

/// The usage of the container of this id, below `root`; `None` where its group isn't found there.
pub(super) fn usage(root: &Path, id: &str) -> Option<Usage> {
    if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None; // a name
    }
    // The engine's two drivers, cgroupfs and systemd, call it so.
    let names = [
        format!("docker/{id}"),
        format!("system.slice/docker-{id}.scope"),
    ];
    let mut found = names
        .iter()
        .filter_map(|name| second(root, name).or_else(|| first(root, name)));
    found.next()
}

/// In the second version's one hierarchy.
fn second(root: &Path, name: &str) -> Option<Usage> {
    let group = root.join(name);
    let memory = number(&group.join("memory.current"))?;
    let micros = field(&group.join("cpu.stat"), "usage_usec")?;
    Some(Usage {
        cpu: micros.saturating_mul(1000),
        memory: memory.saturating_sub(field(&group.join("memory.stat"), "inactive_file")?),
    })
}

/// In the first version's hierarchies, one for each resource.
fn first(root: &Path, name: &str) -> Option<Usage> {
    let group = root.join("memory").join(name);
    let memory = number(&group.join("memory.usage_in_bytes"))?;
    let cpu = number(&root.join("cpuacct").join(name).join("cpuacct.usage"))?;
    // Files that the kernel may forget at any time are no need.
    let files = field(&group.join("memory.stat"), "total_inactive_file")?;
    Some(Usage {
        cpu,
        memory: memory.saturating_sub(files),
    })
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A number behind its name, on a line of its own.
fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(found, _)| *found == name)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4ae0e756d1972e87ede83f1d3bff0d60bdf51ca9d518ca91b8281dd65ae169b7";

    /// Control groups with these files.
    fn groups(files: &[(String, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn both_versions_tell_the_same() {
        let expected = Some(Usage {
            cpu: 1_500_000_000,
            memory: 7_000_000,
        });
        let scope = format!("system.slice/docker-{ID}.scope");
        let second = groups(&[
            (format!("{scope}/memory.current"), "8000000\n"),
            (
                format!("{scope}/memory.stat"),
                "anon 5000000\ninactive_file 1000000\n",
            ),
            (
                format!("{scope}/cpu.stat"),
                "usage_usec 1500000\nuser_usec 1\n",
            ),
        ]);
        let first = groups(&[
            (
                format!("memory/docker/{ID}/memory.usage_in_bytes"),
                "8000000\n",
            ),
            (
                format!("memory/docker/{ID}/memory.stat"),
                "inactive_file 1\ntotal_inactive_file 1000000\n",
            ),
            (format!("cpuacct/docker/{ID}/cpuacct.usage"), "1500000000\n"),
        ]);

        assert_eq!(usage(second.path(), ID), expected);
        assert_eq!(usage(first.path(), ID), expected);
    }

    #[test]
    fn a_group_that_is_elsewhere_or_half_there_tells_nothing() {
        let half = groups(&[(format!("docker/{ID}/memory.current"), "8000000\n")]);

        assert_eq!(usage(half.path(), ID), None);
        assert_eq!(usage(half.path(), "../.."), None);
        assert_eq!(usage(Path::new("/nowhere"), ID), None);
    }
}

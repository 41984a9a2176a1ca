//! The checks of the machine.

use super::{Explanation, LOOK, check};

pub(super) const HOST: &[Explanation] = &[
    check(
        "host.ports",
        "Whether the stack's ports are free.",
        &["another stack", "a database of the machine itself"],
        &["jobsprint-dev up --remap-ports"],
    ),
    check(
        "host.localhost",
        "Whether `localhost` means 127.0.0.1.",
        &["an edited /etc/hosts"],
        LOOK,
    ),
    check(
        "host.inotify",
        "Whether enough files can be watched.",
        &["the distribution's small default"],
        &["sudo sysctl fs.inotify.max_user_watches=524288"],
    ),
    check(
        "host.open-files",
        "Whether enough files can be open.",
        &["a small `ulimit -n`"],
        &["ulimit -n 4096"],
    ),
    check(
        "host.disk",
        "Whether there is room for the project.",
        &["backups", "dependencies of many checkouts"],
        LOOK,
    ),
    check(
        "host.temporary",
        "Whether there is room for temporary files.",
        &["a small tmpfs"],
        LOOK,
    ),
    check(
        "host.memory",
        "Whether memory is available now.",
        &["other programs"],
        LOOK,
    ),
    check(
        "host.filesystem",
        "Whether changes of files can be seen, and quickly.",
        &["a Windows drive under WSL", "a network drive"],
        LOOK,
    ),
];

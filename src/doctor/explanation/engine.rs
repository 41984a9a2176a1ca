//! The checks of the engine.

use super::{Explanation, LOOK, check};

pub(super) const ENGINE: &[Explanation] = &[
    check(
        "engine.reachable",
        "Whether an engine answers at the address that DOCKER_HOST, the docker context or the usual places give.",
        &["no engine runs", "a wrong DOCKER_HOST"],
        &["jobsprint-dev engine ensure"],
    ),
    check(
        "engine.permission",
        "Whether this user may use the engine's socket.",
        &[
            "the user isn't in the group `docker`",
            "the login is older than the membership",
        ],
        &["sudo usermod -aG docker $USER"],
    ),
    check(
        "engine.answers",
        "Whether the engine answers in time.",
        &["it hangs", "its disk is full or slow"],
        &["sudo systemctl restart docker"],
    ),
    check(
        "engine.api",
        "Whether the engine's API is new enough.",
        &["an engine older than 19.03"],
        LOOK,
    ),
    check(
        "engine.rootless",
        "Whether a rootless engine can publish the stack's ports.",
        &["ports below 1024 belong to root"],
        LOOK,
    ),
    check(
        "engine.cgroup",
        "Whether limits of memory and CPU have an effect.",
        &["a rootless engine without delegated cgroups"],
        LOOK,
    ),
    check(
        "engine.storage",
        "Whether the storage driver is a good one.",
        &["an engine inside a container falls back to `vfs`"],
        LOOK,
    ),
    check(
        "engine.disk",
        "Whether there is room for images, volumes and logs.",
        &["old images", "build cache", "logs without rotation"],
        &["docker system df -v", "docker builder prune"],
    ),
    check(
        "engine.memory",
        "Whether the engine's machine has the memory that the stack's services took at their last starts, or reserve.",
        &["a small virtual machine"],
        LOOK,
    ),
    check(
        "engine.clock",
        "Whether the engine's clock agrees with this machine's.",
        &["a virtual machine that slept"],
        &["sudo timedatectl set-ntp true"],
    ),
    check(
        "engine.forwarding",
        "Whether packets get from containers to the world.",
        &["a hardened kernel configuration"],
        &["sudo sysctl net.ipv4.ip_forward=1"],
    ),
    check(
        "engine.pools",
        "Whether an address range is left for another network.",
        &["networks of projects that are gone"],
        &["docker network prune"],
    ),
    check(
        "engine.proxy",
        "Whether the proxy settings of this shell and of the engine go together.",
        &["NO_PROXY lacks localhost", "the engine has no proxy"],
        LOOK,
    ),
    check(
        "engine.architecture",
        "Whether the images are for the engine's machine.",
        &["an image pulled on another machine's terms (`platform`)"],
        &["jobsprint-dev up --build"],
    ),
    check(
        "engine.names",
        "Whether containers can look up names, and each other's.",
        &[
            "a mount over /etc/resolv.conf",
            "services in different networks",
        ],
        LOOK,
    ),
];

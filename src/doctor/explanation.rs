//! What an exit code, an error's name or a check means, at length.

/// One thing that can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The exit code, where it has one.
    pub code: Option<u8>,
    /// The name, as in JSON events and verdicts.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub means: &'static str,
    /// The usual causes, most frequent first.
    pub causes: &'static [&'static str],
    /// What to type next: three at most.
    pub next: &'static [&'static str],
}

const fn code(
    code: u8,
    name: &'static str,
    means: &'static str,
    causes: &'static [&'static str],
    next: &'static [&'static str],
) -> Explanation {
    Explanation {
        code: Some(code),
        name,
        means,
        causes,
        next,
    }
}

const fn check(
    name: &'static str,
    means: &'static str,
    causes: &'static [&'static str],
    next: &'static [&'static str],
) -> Explanation {
    Explanation {
        code: None,
        name,
        means,
        causes,
        next,
    }
}

const LOOK: &[&str] = &["jobsprint-dev doctor"];
const MEND: &[&str] = &["jobsprint-dev doctor --fix"];

/// All of them: exit codes first, then the checks of `doctor`.
pub const EXPLANATIONS: &[Explanation] = &[
    code(
        0,
        "Ok",
        "All went well.",
        &["nothing to do also counts as well"],
        &["jobsprint-dev status"],
    ),
    code(
        1,
        "Bug",
        "The tool itself failed: it met something that its makers thought impossible.",
        &[
            "a state of the engine that nobody has seen before",
            "a fault in the tool",
        ],
        &["jobsprint-dev doctor", "jobsprint-dev bundle"],
    ),
    code(
        2,
        "Usage",
        "The words on the command line don't fit together.",
        &[
            "a service, snapshot or option that doesn't exist",
            "an option of another verb",
        ],
        &["jobsprint-dev --help", "jobsprint-dev config --services"],
    ),
    code(
        10,
        "Project",
        "The project's own files are wrong: nothing was touched.",
        &[
            "a typing error in the Compose file: the message names file, line and column",
            "a path that is not there",
            "services that depend on each other in a circle",
        ],
        &["jobsprint-dev config", "jobsprint-dev doctor"],
    ),
    code(
        20,
        "Engine",
        "The container engine can't be reached, or refused a call.",
        &[
            "it is not installed or not running",
            "this user may not use its socket",
            "DOCKER_HOST or a docker context points elsewhere",
            "its disk is full",
            "it hangs: it accepts connections and never answers",
        ],
        &["jobsprint-dev engine ensure", "jobsprint-dev doctor"],
    ),
    code(
        21,
        "Image",
        "An image can't be obtained: neither here, nor from a registry, nor by a recipe.",
        &[
            "a typing error in its name",
            "a registry that can't be reached or wants a login",
            "a build step that failed: its last lines are shown",
            "too many pulls from one address (429)",
        ],
        &[
            "jobsprint-dev doctor",
            "docker login",
            "jobsprint-dev up --build",
        ],
    ),
    code(
        30,
        "NotReady",
        "A service runs, and its readiness probe did not pass in time.",
        &[
            "it waits for something that its `depends_on` doesn't name",
            "its probe asks for the wrong path or port",
            "the machine is slow, and `--timeout` short",
        ],
        &[
            "jobsprint-dev logs SERVICE",
            "jobsprint-dev status",
            "jobsprint-dev report startup",
        ],
    ),
    code(
        31,
        "Exited",
        "A service ended, or ends again and again.",
        &[
            "its command or entrypoint is wrong (126, 127)",
            "it was killed for want of memory (137)",
            "it can't reach what it depends on, and gives up",
            "its files have Windows line ends",
        ],
        &["jobsprint-dev logs SERVICE", "jobsprint-dev doctor"],
    ),
    code(
        40,
        "Data",
        "A migration or a seed failed; what it had done in its transaction was taken back.",
        &[
            "a statement that the database refuses: the place is shown",
            "data that the migration didn't expect",
        ],
        &[
            "jobsprint-dev migrate",
            "jobsprint-dev db shell",
            "jobsprint-dev reset",
        ],
    ),
    code(
        50,
        "Environment",
        "Values of the environment are missing or wrong.",
        &[
            "`.env` is not there",
            "a placeholder was never replaced",
            "a value that its kind doesn't allow",
        ],
        &[
            "jobsprint-dev env check",
            "jobsprint-dev env init",
            "jobsprint-dev env explain NAME",
        ],
    ),
    code(
        60,
        "Port",
        "A port that the stack publishes is taken by somebody else.",
        &[
            "another stack runs",
            "a database was installed on the machine itself",
            "a process of an earlier session still runs",
        ],
        &["jobsprint-dev doctor", "jobsprint-dev up --remap-ports"],
    ),
    code(
        130,
        "Interrupted",
        "You interrupted it (Ctrl-C); what was under way was left in order.",
        &["the same command carries on where it stopped"],
        &["jobsprint-dev up"],
    ),
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
        "Whether the engine's machine has the memory that the stack's services reserve or use.",
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
    check(
        "project.files",
        "Whether the Compose files are understood.",
        &["a typing error", "an unset variable"],
        &["jobsprint-dev config"],
    ),
    check(
        "project.env",
        "Whether the environment has what the schema asks for.",
        &["`.env` was never made", "a new variable"],
        &["jobsprint-dev env check", "jobsprint-dev doctor --fix"],
    ),
    check(
        "project.env-mode",
        "Whether `.env` is its owner's alone, and can be written.",
        &["it was copied"],
        MEND,
    ),
    check(
        "project.paths",
        "Whether what the files mount and build from is there.",
        &[
            "a directory that git doesn't keep",
            "a submodule that wasn't fetched",
        ],
        MEND,
    ),
    check(
        "project.line-ends",
        "Whether scripts have Unix line ends.",
        &["git's core.autocrlf on Windows"],
        MEND,
    ),
    check(
        "project.modes",
        "Whether what is run as a command is executable.",
        &[
            "git's core.fileMode is off",
            "a copy through a Windows drive",
        ],
        MEND,
    ),
    check(
        "project.contexts",
        "Whether build contexts are small.",
        &["no .dockerignore"],
        MEND,
    ),
    check(
        "project.state",
        "Whether the tool can write its own state.",
        &["an earlier run with sudo"],
        LOOK,
    ),
    check(
        "project.leftovers",
        "Whether a killed run left temporary files.",
        &["a run was killed while it wrote `.env`"],
        MEND,
    ),
    check(
        "project.certificate",
        "Whether the certificate for localhost is good.",
        &["it has expired"],
        MEND,
    ),
    check(
        "project.volumes",
        "Whether volumes of the stack's names are the project's own.",
        &["a volume made by hand"],
        LOOK,
    ),
    check(
        "project.name",
        "Whether another checkout uses the project's name.",
        &["a second clone"],
        LOOK,
    ),
    check(
        "project.orphans",
        "Whether containers are left of services that are gone.",
        &["a service was renamed"],
        &["jobsprint-dev up --remove-orphans"],
    ),
    check(
        "project.services",
        "Whether a service crashed.",
        &["see its log"],
        &["jobsprint-dev logs SERVICE"],
    ),
    check(
        "project.passwords",
        "Whether the stores take the logins of `.env`.",
        &["a password was changed, and the volume keeps the old one"],
        &["jobsprint-dev up"],
    ),
    check(
        "project.images",
        "Whether images are as new as their sources.",
        &["sources changed since the last build"],
        &["jobsprint-dev up --build"],
    ),
    check(
        "project.containers",
        "Whether containers run the images of today.",
        &["an image was built or pulled since"],
        &["jobsprint-dev up"],
    ),
    check(
        "prove.start",
        "Whether every service starts where another is late, restarts while it boots, or all are short of CPU.",
        &[
            "a `depends_on` that nobody wrote down",
            "a probe that says ready too early",
        ],
        &["jobsprint-dev doctor --prove"],
    ),
    check(
        "prove.recovery",
        "Whether a running stack is whole again after a data service was killed, or all were restarted.",
        &["a service that doesn't connect again, or ends and is restarted by nobody"],
        &["jobsprint-dev doctor --prove"],
    ),
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

/// What `asked` means: an exit code, or a name in any case.
#[must_use]
pub fn explanation(asked: &str) -> Option<&'static Explanation> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    EXPLANATIONS.iter().find(|one| match asked.parse::<u8>() {
        Ok(code) => one.code == Some(code),
        Err(_) => plain(one.name) == plain(asked),
    })
}

/// The names that can be asked about.
pub fn explained() -> impl Iterator<Item = &'static str> {
    EXPLANATIONS.iter().map(|one| one.name)
}

impl Explanation {
    /// The text at length.
    #[must_use]
    pub fn text(&self) -> String {
        let title = match self.code {
            Some(code) => format!("{} (exit code {code})", self.name),
            None => format!("{} (a check of `jobsprint-dev doctor`)", self.name),
        };
        let lines = |before: &str, all: &[&str]| {
            let lines = all.iter().map(|one| format!("{before}{one}\n"));
            lines.collect::<Vec<_>>().concat()
        };
        format!(
            "{title}\n\n{}\n\nUsual causes:\n{}\n{}",
            self.means,
            lines("  - ", self.causes),
            lines("next: ", self.next)
        )
    }

    /// One line of the list.
    #[must_use]
    pub fn line(&self) -> String {
        let code = self.code.map(|code| code.to_string()).unwrap_or_default();
        format!("{code:>4}  {:<20}  {}\n", self.name, self.means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_in_any_case_are_known() {
        assert_eq!(explanation("60").map(|one| one.name), Some("Port"));
        assert_eq!(explanation("not-ready").map(|one| one.code), Some(Some(30)));
        assert_eq!(explanation("HOST.PORTS").map(|one| one.code), Some(None));
        assert_eq!(explanation("7"), None);
    }

    #[test]
    fn each_ends_in_three_commands_at_most() {
        for one in EXPLANATIONS {
            assert!((1..=3).contains(&one.next.len()), "{}", one.name);
            assert!(
                one.next.iter().all(|next| next.contains(' ')),
                "{}",
                one.name
            );
        }
    }
}

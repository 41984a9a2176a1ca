//! The exit codes.

use super::{Explanation, code};

pub(super) const CODES: &[Explanation] = &[
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
];

//! The checks of the project.

use super::{Explanation, LOOK, MEND, check};

pub(super) const PROJECT: &[Explanation] = &[
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
        "project.records",
        "Whether the records in `.jobsprint/` can be read: other ports, times and memory of starts, what volumes keep, what snapshots and backups hold.",
        &[
            "a full disk",
            "a file edited by hand",
            "a newer version wrote it",
        ],
        MEND,
    ),
    check(
        "project.leftovers",
        "Whether a killed run left temporary files.",
        &["a run was killed while it wrote `.env`"],
        MEND,
    ),
    check(
        "project.kept",
        "Whether snapshots, backups and templates take much room.",
        &["snapshots that nobody needs any more", "backups of months"],
        &["jobsprint-dev snapshot list", "jobsprint-dev backup prune"],
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
];

//! What is judged of the project's containers, volumes and images.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::gathered;
use crate::doctor::{EngineSeen, ProjectFacts};
use crate::domain::{ContainerState, Deed, ExitCause, FailureKind, Observed, Stack, Verdict};

pub(super) fn volumes(project: &ProjectFacts) -> Verdict {
    let judged = project.foreign.iter().map(|name| {
        Verdict::problem(
            "project.volumes",
            FailureKind::Project,
            format!("the volume `{name}` was not made by this project: its data and its password are another's"),
        )
        .shown("its label com.docker.compose.project is not this project")
        .mend(format!("look into it with `docker volume inspect {name}`; where nobody needs it, `docker volume rm {name}`"))
    });
    gathered(
        "project.volumes",
        "volumes are the project's own",
        judged.collect(),
    )
}

pub(super) fn namesakes(stack: &Stack, project: &ProjectFacts) -> Verdict {
    let judged = project.namesakes.iter().map(|directory| {
        let directory = directory.display();
        Verdict::problem(
            "project.name",
            FailureKind::Project,
            format!("another checkout uses the project name `{}`: each would replace the other's containers", stack.project),
        )
        .shown(format!("its containers were made from {directory}"))
        .mend(format!("take another name here with `jobsprint-dev -p NAME up`, or take that one down: `cd {directory} && jobsprint-dev down`"))
    });
    gathered(
        "project.name",
        "no other checkout uses the project's name",
        judged.collect(),
    )
}

pub(super) fn orphans(stack: &Stack, observed: &Observed) -> Verdict {
    let gone: Vec<String> = observed
        .containers
        .iter()
        .filter(|found| {
            !stack.services.contains_key(&found.service)
                && !stack.disabled.contains_key(&found.service)
        })
        .map(|found| found.name.clone())
        .collect();
    if gone.is_empty() {
        return Verdict::ok(
            "project.orphans",
            "no container is left of a service that is gone",
        );
    }
    Verdict::warning(
        "project.orphans",
        format!(
            "containers are left of services that the files no longer have: {}",
            gone.join(", ")
        ),
    )
    .fix(
        "jobsprint-dev up --remove-orphans",
        Deed::RemoveContainers(gone),
    )
}

pub(super) fn services(stack: &Stack, observed: &Observed) -> Verdict {
    let judged = observed
        .containers
        .iter()
        .filter(|found| stack.services.contains_key(&found.service))
        .filter_map(|found| {
            let service = &found.service;
            let logs = format!("jobsprint-dev logs {service}");
            match &found.state {
                ContainerState::Exited {
                    code,
                    out_of_memory,
                    ..
                } if *code != 0 && !matches!(code, 130 | 137 | 143) || *out_of_memory => {
                    let cause = ExitCause {
                        code: *code,
                        out_of_memory: *out_of_memory,
                    };
                    Some(
                        Verdict::warning("project.services", format!("`{service}` ended: {cause}"))
                            .shown(&found.name)
                            .mend(logs),
                    )
                }
                ContainerState::Restarting { code } => Some(
                    Verdict::problem(
                        "project.services",
                        FailureKind::Exited,
                        format!(
                            "`{service}` is crash-looping: it ended {} times",
                            found.restarts
                        ),
                    )
                    .shown(format!("its last exit code was {code}"))
                    .mend(logs),
                ),
                ContainerState::Paused => {
                    let name = &found.name;
                    Some(
                        Verdict::warning("project.services", format!("`{service}` is paused"))
                            .mend(format!("docker unpause {name}")),
                    )
                }
                _ => None,
            }
        });
    gathered("project.services", "no service crashed", judged.collect())
}

pub(super) fn passwords(project: &ProjectFacts) -> Verdict {
    let judged = project.refused.iter().map(|(service, reason)| {
        Verdict::problem(
            "project.passwords",
            FailureKind::Environment,
            format!("`{service}` refuses the login of `.env`: its volume keeps an older password"),
        )
        .shown(reason)
        .mend("jobsprint-dev up")
    });
    gathered(
        "project.passwords",
        "the stores take the logins of `.env`",
        judged.collect(),
    )
}

/// Images that were built before their sources changed.
pub(super) fn images(stack: &Stack, project: &ProjectFacts, engine: &EngineSeen) -> Verdict {
    let judged = project.contexts.iter().filter_map(|context| {
        let service = stack.service(&context.service)?;
        let made = engine.images.get(&service.image.reference)?.made?;
        let (file, changed) = context.newest.as_ref()?;
        let age = changed.duration_since(made).ok()?;
        let name = &service.name;
        (age.as_secs() > 1).then(|| {
            Verdict::warning(
                "project.images",
                format!("the image of `{name}` is older than its sources"),
            )
            .shown(format!(
                "{} changed {} s after it was built",
                relative(file, &project.root),
                age.as_secs()
            ))
            .mend(format!("jobsprint-dev up --build {name}"))
        })
    });
    gathered(
        "project.images",
        "images are as new as their sources",
        judged.collect(),
    )
}

/// Containers that run another image than the one that now has the name.
pub(super) fn outdated(stack: &Stack, observed: &Observed) -> Verdict {
    let judged = observed.containers.iter().filter_map(|found| {
        let service = stack.service(&found.service)?;
        let now = observed.images.get(&service.image.reference)?;
        (found.is_running() && *now != found.image_id).then(|| {
            Verdict::warning(
                "project.containers",
                format!(
                    "`{}` runs an older image than `{}` is now",
                    service.name, service.image.reference
                ),
            )
            .shown(format!(
                "{} runs {}",
                found.name,
                short(found.image_id.as_str())
            ))
            .mend(format!("jobsprint-dev up {}", service.name))
        })
    });
    gathered(
        "project.containers",
        "containers run the images of today",
        judged.collect(),
    )
}

fn short(id: &str) -> &str {
    let digest = id.strip_prefix("sha256:").unwrap_or(id);
    digest.get(..12).unwrap_or(digest)
}

fn relative(file: &Path, root: &Path) -> String {
    let shown = file.strip_prefix(root).unwrap_or(file);
    String::from_utf8_lossy(shown.as_os_str().as_bytes()).into_owned()
}

//! What is judged of the project.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::engine::bytes;
use super::{EngineSeen, Facts, PathUse, ProjectFacts};
use crate::domain::{
    ContainerState, Deed, ExitCause, FailureKind, Level, Observed, Stack, Verdict,
};

/// A context above this makes every build slow.
const HUGE: u64 = 50 << 20;
/// What `.dockerignore` starts with where nobody wrote one.
const ALWAYS_IGNORED: [&str; 2] = [".git", "node_modules"];
/// Entries at a context's top that are made by tools, and never belong in an image.
const MADE_BY_TOOLS: [&str; 7] = [
    "node_modules",
    ".git",
    "target",
    "dist",
    "coverage",
    ".venv",
    "__pycache__",
];

pub(super) fn judge(facts: &Facts) -> Vec<Verdict> {
    let project = &facts.project;
    let mut verdicts = Vec::new();
    let stack = match &project.stack {
        None => return verdicts,
        Some(Err(failure)) => {
            let mut verdict =
                Verdict::problem("project.files", failure.kind, failure.message.clone());
            verdict.evidence.clone_from(&failure.details);
            let hint = failure.hints.first().cloned();
            let hint = hint.unwrap_or_else(|| {
                "correct it, then see what is understood: `jobsprint-dev config`".to_owned()
            });
            verdicts.push(verdict.mend(hint));
            verdicts.extend(environment(project));
            return verdicts;
        }
        Some(Ok(stack)) => stack,
    };
    let understood = match stack.services.len() {
        1 => "1 service is understood".to_owned(),
        count => format!("{count} services are understood"),
    };
    verdicts.push(Verdict::ok("project.files", understood));
    verdicts.extend(environment(project));
    verdicts.push(permissions(project));
    verdicts.push(paths(project));
    verdicts.push(line_ends(project));
    verdicts.push(modes(project));
    verdicts.push(contexts(project));
    verdicts.push(own_state(project));
    verdicts.push(leftovers(project));
    verdicts.extend(certificate(project));
    verdicts.push(volumes(project));
    verdicts.push(namesakes(stack, project));
    if let Some(observed) = &project.observed {
        verdicts.push(orphans(stack, observed));
        verdicts.push(services(stack, observed));
        verdicts.push(passwords(project));
        if let Ok(engine) = &facts.engine {
            verdicts.push(images(stack, project, engine));
            verdicts.push(outdated(stack, observed));
        }
    }
    verdicts
}

/// `all` as one verdict: the first is the headline, the others its evidence.
fn gathered(check: &'static str, well: &str, mut all: Vec<Verdict>) -> Verdict {
    if all.is_empty() {
        return Verdict::ok(check, well);
    }
    all.sort_by_key(|verdict| verdict.level);
    let mut rest = all.into_iter();
    let mut first = rest.next().expect("it isn't empty");
    first.evidence.extend(rest.map(|other| other.reason));
    first
}

fn environment(project: &ProjectFacts) -> Vec<Verdict> {
    if project.environment.is_empty() {
        return vec![Verdict::ok(
            "project.env",
            "the environment has all that the stack needs",
        )];
    }
    let judged = project.environment.iter().map(|fault| {
        let verdict = match fault.level {
            Level::Problem => {
                Verdict::problem("project.env", FailureKind::Environment, &fault.message)
            }
            _ => Verdict::warning("project.env", &fault.message),
        };
        if fault.hint.contains("env init") {
            verdict.fix(&fault.hint, Deed::CompleteEnv)
        } else {
            verdict.mend(&fault.hint)
        }
    });
    judged.collect()
}

fn permissions(project: &ProjectFacts) -> Verdict {
    let path = project.root.join(".env");
    match project.env_mode {
        Some(mode) if mode & 0o200 == 0 => Verdict::problem(
            "project.env-mode",
            FailureKind::Environment,
            "`.env` is read-only: missing values can't be added",
        )
        .shown(format!("its mode is {:o}", mode & 0o777))
        .fix("chmod 600 .env", Deed::SetMode { path, mode: 0o600 }),
        Some(mode) if mode & 0o077 != 0 => Verdict::warning(
            "project.env-mode",
            "`.env` holds secrets, and others on this machine may read it",
        )
        .shown(format!("its mode is {:o}", mode & 0o777))
        .fix("chmod 600 .env", Deed::SetMode { path, mode: 0o600 }),
        _ => Verdict::ok("project.env-mode", "`.env` is its owner's alone"),
    }
}

fn paths(project: &ProjectFacts) -> Verdict {
    let judged = project.missing.iter().map(|missing| {
        let path = missing.path.display();
        let service = &missing.service;
        match missing.usage {
            PathUse::Mount => Verdict::warning(
                "project.paths",
                format!("`{service}` mounts `{path}`, which is not there: the engine would make it, as root's"),
            )
            .fix(format!("mkdir -p {path}"), Deed::MakeDirectory(missing.path.clone())),
            PathUse::Context => Verdict::problem(
                "project.paths",
                FailureKind::Project,
                format!("`{service}` is built from `{path}`, which is not there"),
            )
            .mend(format!("correct `build` of `{service}`, or check its sources out to {path}")),
            PathUse::Dockerfile => Verdict::problem(
                "project.paths",
                FailureKind::Project,
                format!("the recipe `{path}` of `{service}` is not there"),
            )
            .mend(format!("write it, or correct `build.dockerfile` of `{service}`")),
        }
    });
    let mut all: Vec<Verdict> = judged.collect();
    // Each has a deed of its own; with several, one headline would hide the others' deeds.
    if all.len() > 1
        && project
            .missing
            .iter()
            .all(|one| one.usage == PathUse::Mount)
    {
        let reasons: Vec<String> = all
            .iter()
            .skip(1)
            .map(|other| other.reason.clone())
            .collect();
        all.truncate(1);
        all[0].evidence.extend(reasons);
    }
    gathered(
        "project.paths",
        "every path that the files name is there",
        all,
    )
}

fn line_ends(project: &ProjectFacts) -> Verdict {
    let judged = project.scripts.iter().filter(|script| script.carriage_returns > 0).map(|script| {
        let path = script.path.display();
        Verdict::problem(
            "project.line-ends",
            FailureKind::Project,
            format!("the script `{path}` has Windows line ends: Linux looks for an interpreter that ends in a carriage return"),
        )
        .shown(format!("{} lines end in CR LF", script.carriage_returns))
        .fix(format!("sed -i 's/\\r$//' {path}"), Deed::UnixLines(script.path.clone()))
    });
    gathered(
        "project.line-ends",
        "scripts have Unix line ends",
        judged.collect(),
    )
}

fn modes(project: &ProjectFacts) -> Verdict {
    let judged = project.scripts.iter().filter_map(|script| {
        let mode = script.not_executable?;
        let path = script.path.display();
        let deed = Deed::SetMode {
            path: script.path.clone(),
            mode: mode | 0o111,
        };
        Some(
            Verdict::problem(
                "project.modes",
                FailureKind::Project,
                format!("`{path}` is run as a command, and isn't executable"),
            )
            .shown(format!("its mode is {:o}", mode & 0o777))
            .fix(format!("chmod +x {path}"), deed),
        )
    });
    gathered(
        "project.modes",
        "what is run as a command is executable",
        judged.collect(),
    )
}

fn contexts(project: &ProjectFacts) -> Verdict {
    let judged = project
        .contexts
        .iter()
        .filter(|context| !context.has_ignore && context.bytes > HUGE)
        .map(|context| {
            let largest = context
                .largest
                .iter()
                .map(|(name, size)| format!("{name} {}", bytes(*size)));
            let made = context.largest.iter().map(|(name, _)| name.as_str());
            let mut lines: Vec<String> = made
                .filter(|name| MADE_BY_TOOLS.contains(name))
                .map(str::to_owned)
                .collect();
            for name in ALWAYS_IGNORED {
                if !lines.iter().any(|line| line == name) {
                    lines.push(name.to_owned());
                }
            }
            let file = context.path.join(".dockerignore");
            let command = format!("printf '{}\\n' > {}", lines.join("\\n"), file.display());
            Verdict::warning(
                "project.contexts",
                format!(
                    "`{}` sends {} to the engine at each build, and has no `.dockerignore`",
                    context.service,
                    bytes(context.bytes)
                ),
            )
            .shown(format!(
                "the largest: {}",
                largest.collect::<Vec<_>>().join(", ")
            ))
            .fix(command, Deed::WriteIgnore { path: file, lines })
        });
    gathered(
        "project.contexts",
        "build contexts are small",
        judged.collect(),
    )
}

fn own_state(project: &ProjectFacts) -> Verdict {
    let judged = project.unwritable.iter().map(|(path, reason)| {
        let path = path.display();
        Verdict::problem(
            "project.state",
            FailureKind::Project,
            format!("the tool can't write to `{path}`"),
        )
        .shown(reason)
        .mend(format!("sudo chown -R \"$USER\" {path}"))
    });
    gathered(
        "project.state",
        "the tool's own state can be written",
        judged.collect(),
    )
}

fn leftovers(project: &ProjectFacts) -> Verdict {
    let judged = project.leftovers.iter().map(|path| {
        let shown = path.display();
        Verdict::warning(
            "project.leftovers",
            format!("a killed run left `{shown}` behind, which may hold secrets"),
        )
        .fix(format!("rm {shown}"), Deed::RemoveFile(path.clone()))
    });
    gathered(
        "project.leftovers",
        "no killed run left files behind",
        judged.collect(),
    )
}

fn certificate(project: &ProjectFacts) -> Option<Verdict> {
    Some(if project.certificate? {
        Verdict::ok(
            "project.certificate",
            "the certificate for localhost is good",
        )
    } else {
        Verdict::problem(
            "project.certificate",
            FailureKind::Project,
            "the certificate for localhost is missing, has expired or doesn't fit its key",
        )
        .shown(".jobsprint/tls/localhost.crt")
        .fix("jobsprint-dev setup", Deed::MakeCertificate)
    })
}

fn volumes(project: &ProjectFacts) -> Verdict {
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

fn namesakes(stack: &Stack, project: &ProjectFacts) -> Verdict {
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

fn orphans(stack: &Stack, observed: &Observed) -> Verdict {
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

fn services(stack: &Stack, observed: &Observed) -> Verdict {
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

fn passwords(project: &ProjectFacts) -> Verdict {
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
fn images(stack: &Stack, project: &ProjectFacts, engine: &EngineSeen) -> Verdict {
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
fn outdated(stack: &Stack, observed: &Observed) -> Verdict {
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

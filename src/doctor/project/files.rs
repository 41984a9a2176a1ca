//! What is judged of the project's files.

use super::gathered;
use crate::doctor::engine::bytes;
use crate::doctor::{KeptSeen, Loss, PathUse, ProjectFacts};
use crate::domain::{Deed, FailureKind, Level, Verdict};

/// A context above this makes every build slow.
const HUGE: u64 = 50 << 20;
/// Kept data above this is worth a look.
const MUCH: u64 = 5 << 30;
/// Of what is of no use any more, this is worth a look.
const SPENT: u64 = 256 << 20;
/// So many of the largest are named.
const LARGEST: usize = 3;
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

pub(super) fn environment(project: &ProjectFacts) -> Vec<Verdict> {
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

pub(super) fn permissions(project: &ProjectFacts) -> Verdict {
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

pub(super) fn paths(project: &ProjectFacts) -> Verdict {
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
    gathered(
        "project.paths",
        "every path that the files name is there",
        judged.collect(),
    )
}

pub(super) fn line_ends(project: &ProjectFacts) -> Verdict {
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

pub(super) fn modes(project: &ProjectFacts) -> Verdict {
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

pub(super) fn contexts(project: &ProjectFacts) -> Verdict {
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

pub(super) fn own_state(project: &ProjectFacts) -> Verdict {
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

pub(super) fn records(project: &ProjectFacts) -> Verdict {
    let judged = project.broken_records.iter().map(|broken| {
        let path = broken.path.display();
        let told = |lost: &str| format!("the record `{path}` can't be used: {lost}");
        let warning = |lost: &str| Verdict::warning("project.records", told(lost));
        let aside = format!("mv {path} {path}.broken");
        let verdict = match &broken.loss {
            Loss::Forgotten => {
                warning("what it kept is forgotten").fix(aside, Deed::PutAside(broken.path.clone()))
            }
            Loss::Snapshot { name } => warning(&format!("the snapshot `{name}` can't be restored"))
                .mend(format!(
                    "where nobody needs it, `jobsprint-dev snapshot delete {name}`"
                )),
            Loss::Backup => warning("whether its dump is whole can't be told").mend(format!(
                "{aside}; `jobsprint-dev backup verify FILE` looks into the dump"
            )),
            Loss::Branch => warning("nobody knows which branch's data is live")
                .mend(format!("jobsprint-dev snapshot save NAME; {aside}")),
            Loss::Unfinished => {
                let lost = "what a run was in the midst of is unknown, and no other goes on";
                Verdict::problem("project.records", FailureKind::Data, told(lost))
                    .mend(format!("{aside}; jobsprint-dev snapshot restore NAME"))
            }
        };
        verdict.shown(format!("{path}: {}", broken.reason))
    });
    gathered(
        "project.records",
        "the tool's records can be read",
        judged.collect(),
    )
}

pub(super) fn leftovers(project: &ProjectFacts) -> Verdict {
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

/// What the tool keeps and a person may let go.
pub(super) fn kept(project: &ProjectFacts) -> Verdict {
    let whole: u64 = project.kept.iter().map(|kept| kept.bytes).sum();
    let spent: u64 = project.kept.iter().map(|kept| kept.spent).sum();
    if whole < MUCH && spent < SPENT {
        let text = match whole {
            0 => "no snapshots, backups and templates are kept".to_owned(),
            _ => format!("what is kept of data takes {}", bytes(whole)),
        };
        return Verdict::ok("project.kept", text);
    }
    let counts = |kept: &&KeptSeen| whole >= MUCH || kept.spent > 0;
    let mut kept: Vec<&KeptSeen> = project.kept.iter().filter(counts).collect();
    // What is of no use goes first.
    kept.sort_by(|one, other| {
        (other.spent, other.bytes, &one.what).cmp(&(one.spent, one.bytes, &other.what))
    });
    let reason = match spent {
        0..SPENT => format!("snapshots, backups and templates take {}", bytes(whole)),
        _ => format!("{} are kept that are of no use any more", bytes(spent)),
    };
    let verdict = Verdict::warning("project.kept", reason);
    let shown = kept.iter().take(LARGEST);
    let verdict = shown.fold(verdict, |verdict, one| {
        verdict.shown(format!("{} {}", one.what, bytes(one.bytes)))
    });
    let mut commands: Vec<&str> = Vec::new();
    for one in &kept {
        if !commands.contains(&one.prune.as_str()) && commands.len() < LARGEST {
            commands.push(&one.prune);
        }
    }
    verdict.mend(commands.join("; "))
}

pub(super) fn certificate(project: &ProjectFacts) -> Option<Verdict> {
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

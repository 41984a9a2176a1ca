//! Build contexts and scripts, walked within a bound.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::doctor::{ContextSeen, ScriptSeen};
use crate::domain::{MountSource, Service, Stack};
use crate::images::IgnoreRules;

/// How long all walks together may take.
const WALK: Duration = Duration::from_millis(600);
/// How much of a file is read for its line ends.
const HEAD: u64 = 64 << 10;
/// A larger file is no script.
const LARGEST_SCRIPT: u64 = 1 << 20;

/// The files beneath a directory, breadth first, until time is up.
fn walk(top: &Path, until: Instant, skip: &dyn Fn(&Path) -> bool) -> Vec<(PathBuf, fs::Metadata)> {
    let mut files = Vec::new();
    let mut waiting = std::collections::VecDeque::from([top.to_owned()]);
    while let Some(directory) = waiting.pop_front() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(found) = entry.metadata() else {
                continue;
            };
            if skip(&path) {
                continue;
            }
            if found.is_dir() {
                waiting.push_back(path);
            } else if found.is_file() {
                files.push((path, found));
            }
        }
        if Instant::now() > until {
            break;
        }
    }
    files
}

/// The stack's build contexts, each directory once.
pub(super) fn contexts(stack: &Stack) -> Vec<ContextSeen> {
    let until = Instant::now() + WALK;
    let mut seen: BTreeMap<PathBuf, ContextSeen> = BTreeMap::new();
    for service in stack.services.values() {
        // An image that a registry may have isn't built from here unless it must be.
        let recipe = service
            .image
            .build
            .as_ref()
            .filter(|_| !service.image.named);
        let Some(build) = recipe.filter(|build| build.context.is_dir()) else {
            continue;
        };
        if !seen.contains_key(&build.context) {
            seen.insert(
                build.context.clone(),
                context(service, &build.context, until),
            );
        }
    }
    seen.into_values().collect()
}

fn context(service: &Service, top: &Path, until: Instant) -> ContextSeen {
    let ignore = fs::read_to_string(top.join(".dockerignore")).ok();
    let rules = ignore
        .as_deref()
        .map(IgnoreRules::parse)
        .unwrap_or_default();
    let relative = |path: &Path| {
        let inside = path.strip_prefix(top).unwrap_or(path);
        inside.to_string_lossy().into_owned()
    };
    let skip = |path: &Path| rules.excludes(&relative(path)) && !rules.may_include_beneath();
    let mut entries: BTreeMap<String, u64> = BTreeMap::new();
    let mut newest: Option<(PathBuf, SystemTime)> = None;
    for (path, found) in walk(top, until, &skip) {
        let inside = relative(&path);
        let first = inside.split('/').next().unwrap_or_default().to_owned();
        // What tools change by themselves says nothing about the sources.
        if !matches!(first.as_str(), ".git" | "node_modules" | ".dockerignore")
            && let Ok(changed) = found.modified()
            && newest.as_ref().is_none_or(|(_, newest)| changed > *newest)
        {
            newest = Some((path, changed));
        }
        *entries.entry(first).or_default() += found.len();
    }
    let bytes = entries.values().sum();
    let mut largest: Vec<(String, u64)> = entries.into_iter().collect();
    largest.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    largest.truncate(4);
    ContextSeen {
        service: service.name.clone(),
        path: top.to_owned(),
        bytes,
        has_ignore: ignore.is_some(),
        largest,
        newest,
    }
}

/// The scripts of mounts and contexts that can't run as they are.
pub(super) fn scripts(stack: &Stack) -> Vec<ScriptSeen> {
    let until = Instant::now() + WALK;
    let mut seen: BTreeMap<PathBuf, ScriptSeen> = BTreeMap::new();
    let dependencies = |path: &Path| {
        path.ends_with("node_modules") || path.ends_with(".git") || path.ends_with("target")
    };
    for service in stack.services.values() {
        let mut files = Vec::new();
        for (source, _) in binds(service) {
            match fs::metadata(source) {
                Ok(found) if found.is_file() => files.push((source.to_owned(), found)),
                Ok(found) if found.is_dir() => files.extend(walk(source, until, &dependencies)),
                _ => {}
            }
        }
        if let Some(build) = &service.image.build {
            files.extend(walk(&build.context, until, &dependencies));
        }
        for (path, found) in files {
            let returns = carriage_returns(&path, &found);
            let mode = found.permissions().mode();
            let blocked = is_command(service, &path) && mode & 0o111 == 0;
            if returns > 0 || blocked {
                let script = ScriptSeen {
                    carriage_returns: returns,
                    not_executable: blocked.then_some(mode & 0o7777),
                    path: path.clone(),
                };
                seen.insert(path, script);
            }
        }
    }
    seen.into_values().collect()
}

/// What a service mounts from the host: source and target.
fn binds(service: &Service) -> impl Iterator<Item = (&Path, &str)> {
    service
        .container
        .mounts
        .iter()
        .filter_map(|mount| match &mount.source {
            MountSource::Bind { source, .. } => Some((source.as_path(), mount.target.as_str())),
            _ => None,
        })
}

/// Whether the service runs this mounted file by its own name.
fn is_command(service: &Service, path: &Path) -> bool {
    let settings = &service.container;
    let entrypoint = settings.entrypoint.iter().flatten().next();
    let first = entrypoint.or_else(|| settings.command.iter().flatten().next());
    let Some(program) = first else {
        return false;
    };
    binds(service).any(|(source, target)| {
        let inside = path.strip_prefix(source).ok();
        inside.is_some_and(|inside| {
            // Joining nothing would add a slash.
            let place = if inside.as_os_str().is_empty() {
                PathBuf::from(target)
            } else {
                Path::new(target).join(inside)
            };
            place == Path::new(program)
        })
    })
}

/// How many lines of a script end in CR LF; 0 for what is no script.
fn carriage_returns(path: &Path, found: &fs::Metadata) -> usize {
    if found.len() > LARGEST_SCRIPT || found.len() < 3 {
        return 0;
    }
    let named = path.extension().is_some_and(|end| end == "sh");
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() || !(named || head.starts_with(b"#!")) {
        return 0;
    }
    head.windows(2).filter(|pair| *pair == b"\r\n").count()
}

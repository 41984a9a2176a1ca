//! One service of the tree to the domain's [`Service`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{
    Condition, Dependency, Environment, Home, Hook, Migrate, Necessity, OnRestart, Readiness,
    ReplaceMode, Role, Secret, SeedCommand, Service, ServiceName, WatchAction, WatchRule, Watching,
};

use super::read::{flag, number, text, time};
use super::{Lowering, list, readiness};
use crate::composefile::node::{Entry, Node};

/// Time between SIGTERM and SIGKILL of a restart in place, where the file gives none.
const GRACE: Duration = Duration::from_secs(2);

impl Lowering<'_, '_> {
    pub(super) fn service(&mut self, name: ServiceName, node: &Node) -> Service {
        let words = node.get("x-jobsprint");
        let word = |key: &str| words.and_then(|words| text(words, key));
        let image = self.image(&name, node);
        let container = self.container(node);
        let ready = self.readiness(
            words,
            container
                .healthcheck
                .as_ref()
                .is_some_and(|check| !check.is_disabled()),
        );
        let seed = words.and_then(|words| words.get("seed"));
        let restart = word("restart");
        let mut service = Service {
            role: if word("role").as_deref() == Some("data") {
                Role::Data
            } else {
                Role::App
            },
            image,
            home: Home::Own,
            container_name: text(node, "container_name"),
            replicas: number(node, "scale")
                .or_else(|| {
                    node.get("deploy")
                        .and_then(|deploy| number(deploy, "replicas"))
                })
                .unwrap_or(1),
            depends_on: self.dependencies(node),
            ready,
            replace: ReplaceMode::default(),
            grace: words
                .and_then(|words| time(words, "grace"))
                .unwrap_or(GRACE),
            migrate: self.migrate(words),
            seed: seed.map(|seed| SeedCommand {
                run: list(seed, "run"),
                inputs: inputs(seed),
            }),
            url: word("url"),
            necessity: if words.is_some_and(|words| flag(words, "optional")) {
                Necessity::Optional
            } else {
                Necessity::Required
            },
            watch: watch_rules(node),
            watching: match words
                .and_then(|words| words.get("watch"))
                .and_then(Node::as_bool)
            {
                Some(false) => Watching::Off,
                Some(true) | None => Watching::On,
            },
            check: words
                .map(|words| list(words, "check"))
                .filter(|command| !command.is_empty()),
            profiles: list(node, "profiles"),
            post_start: hooks(node, "post_start"),
            pre_stop: hooks(node, "pre_stop"),
            attach: node.get("attach").and_then(Node::as_bool).unwrap_or(true),
            container,
            name,
        };
        service.replace = match restart.as_deref() {
            Some("process") => ReplaceMode::Process,
            None if service.restarts_on_change() => ReplaceMode::Process,
            Some(_) | None => ReplaceMode::Container,
        };
        service
    }

    fn migrate(&mut self, words: Option<&Node>) -> Option<Migrate> {
        let node = words?.get("migrate")?;
        let run = list(node, "run");
        match (text(node, "directory"), run.is_empty()) {
            (Some(directory), true) => return Some(Migrate::Directory(directory.into())),
            (None, false) => {
                let inputs = inputs(node);
                return Some(Migrate::Command { run, inputs });
            }
            (Some(_), false) => self.loader.fault(
                Some(node.place),
                "`migrate` has both `run` and `directory`",
                "one of them was expected",
                Some("two services may have one each"),
            ),
            (None, true) => self.loader.fault(
                Some(node.place),
                "`migrate` has neither `run` nor `directory`",
                "`run: [npm, run, migrate]`, or `directory: ./migrations` was expected",
                None,
            ),
        }
        None
    }

    fn readiness(&mut self, words: Option<&Node>, has_healthcheck: bool) -> Readiness {
        let fallback = if has_healthcheck {
            Readiness::Healthcheck
        } else {
            Readiness::Started
        };
        let Some(node) = words.and_then(|words| words.get("ready")) else {
            return fallback;
        };
        readiness::parse(node.as_text().unwrap_or_default()).unwrap_or_else(|why| {
            let label = "one of `postgres`, `redis`, `amqp`, `http [:PORT]/PATH`, `tcp [:PORT]`, `log REGEX`, `healthcheck`, `started` was expected";
            self.loader.fault(Some(node.place), why, label, None);
            fallback
        })
    }

    fn dependencies(&self, node: &Node) -> BTreeMap<ServiceName, Dependency> {
        let entries = node
            .get("depends_on")
            .map(Node::entries)
            .unwrap_or_default()
            .iter();
        let is_enabled = |entry: &&Entry| self.root.at(&["services", &entry.key]).is_some();
        let lowered = |entry: &Entry| {
            Some((
                ServiceName::new(entry.key.as_str()).ok()?,
                dependency(&entry.value),
            ))
        };
        entries.filter(is_enabled).filter_map(lowered).collect()
    }
}

/// The files and directories that a task depends on.
fn inputs(task: &Node) -> Vec<PathBuf> {
    let inputs = list(task, "inputs").into_iter();
    inputs.map(PathBuf::from).collect()
}

fn dependency(node: &Node) -> Dependency {
    Dependency {
        condition: match text(node, "condition").as_deref() {
            Some("service_healthy") => Condition::Healthy,
            Some("service_completed_successfully") => Condition::Completed,
            _ => Condition::Started,
        },
        necessity: if flag(node, "required") {
            Necessity::Required
        } else {
            Necessity::Optional
        },
        on_restart: if flag(node, "restart") {
            OnRestart::Follow
        } else {
            OnRestart::Stay
        },
    }
}

fn watch_rules(node: &Node) -> Vec<WatchRule> {
    let rules = node
        .at(&["develop", "watch"])
        .map(Node::items)
        .unwrap_or_default();
    rules.iter().filter_map(watch_rule).collect()
}

fn watch_rule(node: &Node) -> Option<WatchRule> {
    let target = text(node, "target").unwrap_or_default();
    let action = match text(node, "action")?.as_str() {
        "sync" => WatchAction::Sync { target },
        "restart" => WatchAction::Restart,
        "rebuild" => WatchAction::Rebuild,
        "sync+restart" => WatchAction::SyncRestart { target },
        "sync+exec" => WatchAction::SyncExec {
            target,
            exec: node.get("exec").map(hook).unwrap_or_default(),
        },
        _ => return None,
    };
    Some(WatchRule {
        path: text(node, "path")?.into(),
        action,
        ignore: list(node, "ignore"),
        include: list(node, "include"),
        initial_sync: flag(node, "initial_sync"),
    })
}

fn hooks(node: &Node, key: &str) -> Vec<Hook> {
    node.get(key)
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .map(hook)
        .collect()
}

fn hook(node: &Node) -> Hook {
    Hook {
        command: list(node, "command"),
        user: text(node, "user"),
        working_dir: text(node, "working_dir"),
        environment: environment(node),
        privileged: flag(node, "privileged"),
    }
}

/// The variables under `environment` that have a value.
pub(super) fn environment(node: &Node) -> Environment {
    let variables = super::read::text_map(node, "environment");
    Environment::new(
        variables
            .into_iter()
            .map(|(name, value)| (name, Secret::new(value)))
            .collect(),
    )
}

//! The stores that tenants share: those of the stack, without whatever is one tenant's alone.

use std::collections::{BTreeMap, BTreeSet};

use super::lodger::{hosts, is_store};
use crate::domain::{MountSource, Network, NetworkAttachment, Readiness, Service, Stack};

/// The key of their network.
const NETWORK: &str = "default";
/// So many databases a redis that is shared has.
const DATABASES: &str = "databases 1024";
/// Several apps of each tenant hold sessions.
const SESSIONS: [&str; 2] = ["-c", "max_connections=400"];

/// The stores of `stack` as a stack of their own.
#[must_use]
pub fn shared(stack: &Stack) -> Stack {
    let mut shared = stack.clone();
    shared.services.retain(|_, service| is_store(service));
    shared.disabled.clear();
    shared.seeds = None;
    shared.networks = BTreeMap::from([(NETWORK.to_owned(), Network::default())]);
    let names: BTreeSet<_> = shared.services.keys().cloned().collect();
    let mut volumes = BTreeSet::new();
    for store in shared.services.values_mut() {
        let mut aliases = hosts(store);
        aliases.remove(store.name.as_str());
        let attachment = NetworkAttachment {
            aliases: aliases.into_iter().collect(),
            ..NetworkAttachment::default()
        };
        store.container.networks = BTreeMap::from([(NETWORK.to_owned(), attachment)]);
        store.depends_on.retain(|name, _| names.contains(name));
        store.migrate = None;
        store.seed = None;
        let mounts = store.container.mounts.iter();
        volumes.extend(mounts.filter_map(|mount| match &mount.source {
            MountSource::Named { volume, .. } => Some(volume.clone()),
            _ => None,
        }));
        widen(store);
    }
    shared.volumes.retain(|key, _| volumes.contains(key));
    shared
}

/// Lets a store take many tenants, where its command is one that is known.
fn widen(store: &mut Service) {
    let command = &mut store.container.command;
    match store.ready {
        Readiness::Postgres => {
            let command = command.get_or_insert_with(|| vec!["postgres".to_owned()]);
            let first = command.first();
            if first.is_some_and(|word| word == "postgres" || word.starts_with('-')) {
                command.extend(SESSIONS.map(str::to_owned));
            }
        }
        Readiness::Redis => {
            let command = command.get_or_insert_with(|| vec!["redis-server".to_owned()]);
            widen_redis(command);
        }
        _ => {}
    }
}

fn widen_redis(command: &mut Vec<String>) {
    let is_server = command
        .first()
        .is_some_and(|word| word == "redis-server" || word.starts_with("--"));
    if is_server {
        let words = DATABASES.split(' ');
        let (option, count) = (words.clone().next(), words.clone().nth(1));
        command.extend(option.map(|option| format!("--{option}")));
        command.extend(count.map(str::to_owned));
        return;
    }
    let Some(script) = command.last_mut() else {
        return;
    };
    // `redis-server - <<EOF`: its settings follow in the shell's text.
    let Some(begin) = script.find("redis-server - <<") else {
        if script.contains("redis-server") && !script.trim_end().contains('\n') {
            let end = script.trim_end().len();
            script.insert_str(end, &format!(" --{DATABASES}"));
        }
        return;
    };
    if let Some(line) = script[begin..].find('\n') {
        script.insert_str(begin + line + 1, &format!("{DATABASES}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_gets_many_databases_however_it_is_started() {
        let widened = |words: &[&str]| {
            let mut command = words.iter().map(|&word| word.to_owned()).collect();
            widen_redis(&mut command);
            command
        };

        assert_eq!(
            widened(&["redis-server", "--save", ""])[3..],
            ["--databases", "1024"]
        );
        assert_eq!(
            widened(&["sh", "-c", "exec redis-server --requirepass \"$P\""])[2],
            "exec redis-server --requirepass \"$P\" --databases 1024"
        );
        assert_eq!(
            widened(&["sh", "-c", "exec redis-server - <<EOF\ndir /data\nEOF\n"])[2],
            "exec redis-server - <<EOF\ndatabases 1024\ndir /data\nEOF\n"
        );
        assert_eq!(widened(&["my-start"]), ["my-start"]);
    }
}

//! The list of all verbs, as the command line itself has them.

use clap::{Command, CommandFactory as _};

use super::arguments::Arguments;

/// Every verb that can be typed, subcommands with their parents' names: `snapshot save`. Those that the tool runs by itself are left out.
#[must_use]
pub fn verbs() -> Vec<String> {
    let mut found = Vec::new();
    gather(&Arguments::command(), "", &mut found);
    found.sort();
    found
}

fn gather(parent: &Command, path: &str, found: &mut Vec<String>) {
    for command in parent.get_subcommands() {
        if command.is_hide_set() {
            continue;
        }
        let path = format!("{path} {}", command.get_name());
        let path = path.trim_start();
        if !command.is_subcommand_required_set() {
            found.push(path.to_owned());
        }
        gather(command, path, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_stands_with_its_parent_and_alone_only_where_it_does_something() {
        let verbs = verbs();
        println!("{verbs:?}");

        for typed in ["up", "snapshot save", "seed", "seed status", "env rotate"] {
            assert!(verbs.iter().any(|verb| verb == typed), "{typed}");
        }
        for other in [
            "env",
            "stacks guard",
            "snapshot-guard",
            "snapshot-sweep",
            "snapshot-agent",
        ] {
            assert!(verbs.iter().all(|verb| verb != other), "{other}");
        }
    }
}

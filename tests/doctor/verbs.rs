//! Every verb that can be typed, as words that do something in the shop, and how each ends where no engine can be worked with.

use jobsprint_dev::cli::verbs;

/// How a verb ends where the engine fails it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// It can do nothing: exit code 20.
    Failed,
    /// It asks no engine, or only tells what it finds.
    Well,
    /// It asks no engine, and has nothing to do here: exit code 2.
    Idle,
    /// It can do nothing: exit code 20; and where it can, there is nothing to do: exit code 2.
    Needless,
    /// An engine that tells its version is enough for it: exit code 0, else 20.
    Acquainted,
}

/// A verb, and what becomes of it.
pub type Row = (&'static [&'static str], Ends);

/// All of them, in an order that makes sense on a running shop.
pub const VERBS: &[Row] = &[
    (&["engine", "status"], Ends::Acquainted),
    (&["engine", "ensure"], Ends::Acquainted),
    (&["setup", "--yes"], Ends::Failed),
    (&["up"], Ends::Failed),
    (&["up", "--dry-run"], Ends::Failed),
    (&["up", "--force-recreate", "a"], Ends::Failed),
    (&["status"], Ends::Failed),
    (&["doctor"], Ends::Failed),
    (&["doctor", "--fix"], Ends::Failed),
    (&["doctor", "--prove", "--runs", "1", "a"], Ends::Failed),
    (&["bundle", "bundle.tar.gz"], Ends::Well),
    (&["explain", "20"], Ends::Well),
    (&["config"], Ends::Well),
    (&["completions", "bash"], Ends::Well),
    (&["report", "startup"], Ends::Well),
    (&["logs"], Ends::Failed),
    (&["logs", "-f"], Ends::Failed),
    (&["exec", "-T", "a", "--", "true"], Ends::Failed),
    (&["env", "check"], Ends::Well),
    (&["env", "diff"], Ends::Failed),
    (&["env", "explain", "TOKEN"], Ends::Well),
    (&["env", "get", "TOKEN"], Ends::Well),
    (&["env", "init", "--yes"], Ends::Well),
    (&["env", "list"], Ends::Well),
    (&["env", "print"], Ends::Well),
    (&["env", "export", "--encrypted", "team.age"], Ends::Well),
    (&["env", "import", "shared.age"], Ends::Well),
    (&["env", "set", "TOKEN", "twelve-letters"], Ends::Failed),
    (&["env", "unset", "SPARE"], Ends::Well),
    (&["env", "rotate", "TOKEN"], Ends::Failed),
    (&["env", "rotate", "DB_PASSWORD"], Ends::Failed),
    (&["migrate"], Ends::Failed),
    (&["migrate", "status"], Ends::Failed),
    (&["migrate", "verify"], Ends::Failed),
    (&["migrate", "new", "add pay"], Ends::Well),
    (&["seed"], Ends::Failed),
    (&["seed", "--fresh"], Ends::Failed),
    (&["seed", "status"], Ends::Failed),
    (&["migrate", "down"], Ends::Failed),
    (&["db", "shell", "db", "--", "-c", "select 1"], Ends::Failed),
    (&["db", "url", "db"], Ends::Well),
    (&["db", "dump"], Ends::Failed),
    (&["db", "top"], Ends::Failed),
    (&["db", "logs"], Ends::Failed),
    (&["backup"], Ends::Failed),
    (&["backup", "list"], Ends::Well),
    (&["backup", "verify", "kept.dump"], Ends::Failed),
    (&["backup", "prune"], Ends::Well),
    (&["restore", "kept.dump", "--yes"], Ends::Failed),
    (&["snapshot", "save", "two"], Ends::Failed),
    (&["snapshot", "list"], Ends::Well),
    (&["snapshot", "diff", "kept", "other"], Ends::Well),
    (&["snapshot", "rename", "other", "third"], Ends::Well),
    (&["snapshot", "delete", "spare"], Ends::Well),
    (&["snapshot", "--auto-branch"], Ends::Failed),
    (&["snapshot", "restore", "kept", "--yes"], Ends::Failed),
    (&["reset", "--yes"], Ends::Failed),
    (&["ci", "--", "true"], Ends::Failed),
    (&["ci", "replay", "capsule", "--", "true"], Ends::Failed),
    (&["stacks", "list"], Ends::Failed),
    (&["stacks", "gc"], Ends::Failed),
    (&["stacks", "rm", "nobodys-ci-0000aa"], Ends::Needless),
    (&["watch"], Ends::Failed),
    (&["watch", "--detach"], Ends::Acquainted),
    (&["watch", "--explain", "compose.yaml"], Ends::Well),
    (&["watch", "status"], Ends::Well),
    (&["watch", "logs"], Ends::Idle),
    (&["watch", "stop"], Ends::Well),
    (&["restart", "a"], Ends::Failed),
    (&["stop"], Ends::Failed),
    (&["down", "--yes"], Ends::Failed),
    (&["engine", "stop"], Ends::Well),
];

#[test]
fn no_verb_of_the_command_line_is_left_out() {
    let all = verbs();
    let path = |words: &[&str]| {
        let path = (1..=words.len())
            .rev()
            .map(|count| words[..count].join(" "));
        path.into_iter().find(|path| all.contains(path))
    };

    let told: Vec<String> = VERBS
        .iter()
        .map(|(words, _)| path(words).unwrap_or_else(|| panic!("{words:?} is no verb")))
        .collect();

    let left_out: Vec<&String> = all.iter().filter(|verb| !told.contains(verb)).collect();
    assert!(
        left_out.is_empty(),
        "put a row into the table for {left_out:?}"
    );
}

//! `watch --explain PATH`: what a change there would do, or what leaves it aside.

use std::fmt::Write;
use std::path::Path;

use crate::watch::{Interest, Rules, Word};

/// The answer for `path`, absolute.
pub(super) fn explain(rules: &Rules, path: &Path) -> String {
    let words: Vec<(&Interest, Word)> = rules.words_on(path).collect();
    let mut text = String::new();
    for (interest, word) in &words {
        let root = interest.root.display();
        let line = match word {
            Word::Counts => format!("{} (watched: {root})", interest.purpose),
            Word::LeftAside(reason) => {
                format!("left aside: {reason} (else: {})", interest.purpose)
            }
            Word::Elsewhere => continue,
        };
        writeln!(text, "{line}").expect("a String takes all text");
    }
    if words.is_empty() {
        let path = path.display();
        writeln!(text, "nothing: no rule and no mount covers `{path}`")
            .expect("a String takes all text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{WatchAction, WatchRule};
    use crate::plan::fixture;
    use crate::watch::Surroundings;

    #[test]
    fn a_path_is_explained_by_its_rule_or_by_what_leaves_it_aside() {
        let mut api = fixture::service("api");
        api.watch.push(WatchRule {
            path: "/shop/src".into(),
            action: WatchAction::SyncRestart {
                target: "/app/src".to_owned(),
            },
            ignore: vec!["**/*.test.js".to_owned()],
            include: Vec::new(),
            initial_sync: false,
        });
        let rules = Rules::of(&fixture::stack([api]), &Surroundings::default());

        let explained = ["src/a.js", "src/a.test.js", "README.md"]
            .map(|name| explain(&rules, &Path::new("/shop").join(name)));

        assert_eq!(
            explained,
            [
                "api: sync to /app/src and restart, by its rule (watched: /shop/src)\n",
                "left aside: the rule's `ignore` names it \
                 (else: api: sync to /app/src and restart, by its rule)\n",
                "nothing: no rule and no mount covers `/shop/README.md`\n",
            ]
        );
    }
}

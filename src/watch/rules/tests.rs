use std::fs;

use super::*;
use crate::domain::{
    Build, Hook, ImageSource, Migrate, Mount, MountAccess, SeedCommand, WatchAction, WatchRule,
};
use crate::plan::fixture;
use crate::watch::{Errand, Replacement, Work};

/// A project on the disk, with one service `api` to be described.
struct Shop {
    place: tempfile::TempDir,
    api: Service,
}

impl Shop {
    fn new() -> Self {
        Self {
            place: tempfile::tempdir().expect("a directory"),
            api: fixture::service("api"),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn rule(&mut self, path: &str, action: WatchAction) {
        let path = self.at(path);
        self.api.watch.push(WatchRule {
            path,
            action,
            ignore: Vec::new(),
            include: Vec::new(),
            initial_sync: false,
        });
    }

    fn mount(&mut self, source: &str, target: &str) {
        self.api.container.mounts.push(Mount {
            target: target.to_owned(),
            source: MountSource::Bind {
                source: self.at(source),
                create: true,
                propagation: None,
                selinux: None,
            },
            access: MountAccess::ReadWrite,
        });
    }

    fn built(&mut self) {
        self.api.image = ImageSource {
            named: false,
            build: Some(Build {
                context: self.at("api"),
                ..Build::default()
            }),
            ..ImageSource::named("shop-api")
        };
    }

    fn rules(&self) -> Rules {
        let around = Surroundings {
            home: self.place.path().to_owned(),
            model: BTreeSet::from([self.at("compose.yaml"), self.at(".env")]),
            chosen: BTreeSet::new(),
        };
        Rules::of(&fixture::stack([self.api.clone()]), &around)
    }

    fn duties(&self, files: &[(&str, Presence)]) -> Duties {
        let now = Instant::now();
        let found: Vec<(PathBuf, Presence)> = files
            .iter()
            .map(|(name, presence)| (self.at(name), *presence))
            .collect();
        self.rules().duties(&found, now, now)
    }

    /// What a change of this one file does to the service's running code.
    fn replacement(&self, file: &str) -> Option<Replacement> {
        let duties = self.duties(&[(file, Presence::Present)]);
        duties.services.values().next().map(|work| work.replacement)
    }
}

fn sync(target: &str) -> WatchAction {
    WatchAction::Sync {
        target: target.to_owned(),
    }
}

fn work(duties: &Duties) -> &Work {
    duties.services.values().next().expect("there is some")
}

#[test]
fn a_file_is_copied_to_its_place_below_the_target() {
    let mut shop = Shop::new();
    shop.rule("api/src", sync("/app/src/"));

    let duties = shop.duties(&[
        ("api/src/lib/a.js", Presence::Present),
        ("api/src/b.js", Presence::Gone),
        ("api/other.js", Presence::Present),
    ]);

    let work = work(&duties);
    let source = shop.at("api/src/lib/a.js");
    assert_eq!(work.copies.get("/app/src/lib/a.js"), Some(&source));
    assert_eq!(work.copies.len(), 1);
    assert_eq!(work.deletions, BTreeSet::from(["/app/src/b.js".to_owned()]));
    assert_eq!(work.replacement, Replacement::Keep);
}

#[test]
fn a_rule_on_a_file_copies_it_to_the_very_target() {
    let mut shop = Shop::new();
    shop.rule("web/index.html", sync("/app/index.html"));

    let duties = shop.duties(&[("web/index.html", Presence::Present)]);

    assert!(work(&duties).copies.contains_key("/app/index.html"));
}

#[test]
fn each_action_does_what_it_says() {
    let mut shop = Shop::new();
    let target = || "/app".to_owned();
    let exec = Hook {
        command: vec!["reload".to_owned()],
        ..Hook::default()
    };
    shop.rule("a", WatchAction::Restart);
    shop.rule("b", WatchAction::Rebuild);
    shop.rule("c", WatchAction::SyncRestart { target: target() });
    shop.rule(
        "d",
        WatchAction::SyncExec {
            target: target(),
            exec: exec.clone(),
        },
    );
    shop.rule("e/package.json", WatchAction::Rebuild);

    assert_eq!(shop.replacement("a/x"), Some(Replacement::Restart));
    assert_eq!(shop.replacement("b/x"), Some(Replacement::Rebuild));
    assert_eq!(shop.replacement("c/x"), Some(Replacement::Restart));
    assert_eq!(shop.replacement("d/x"), Some(Replacement::Keep));
    assert_eq!(
        shop.replacement("e/package.json"),
        Some(Replacement::RebuildAndRenew)
    );
    let duties = shop.duties(&[("d/x", Presence::Present), ("d/y", Presence::Present)]);
    assert_eq!(work(&duties).hooks, [exec]);
}

#[test]
fn a_mounted_source_without_a_rule_restarts_its_service() {
    let mut shop = Shop::new();
    shop.mount("api", "/app");

    assert_eq!(shop.replacement("api/a.js"), Some(Replacement::Restart));
    assert_eq!(shop.replacement("api/node_modules/x/a.js"), None);

    shop.rule("api/src", WatchAction::Rebuild);
    assert_eq!(shop.replacement("api/a.js"), None, "its rules decide now");
}

#[test]
fn a_mounted_file_restarts_the_container_since_a_save_replaces_it() {
    let mut shop = Shop::new();
    fs::write(shop.at("nginx.conf"), "").expect("written");
    shop.mount("nginx.conf", "/etc/nginx/nginx.conf");

    assert_eq!(
        shop.replacement("nginx.conf"),
        Some(Replacement::RestartContainer)
    );
}

#[test]
fn watch_off_leaves_a_service_alone() {
    let mut shop = Shop::new();
    shop.mount("api", "/app");
    shop.rule("lib", WatchAction::Restart);
    shop.api.watching = Watching::Off;

    assert_eq!(shop.replacement("api/a.js"), None);
    assert_eq!(shop.replacement("lib/a.js"), None);
}

#[test]
fn a_data_service_is_not_restarted_by_its_own_writes() {
    let mut shop = Shop::new();
    shop.mount("data", "/var/lib/data");
    shop.api.role = Role::Data;

    assert_eq!(shop.replacement("data/1/base"), None);
}

#[test]
fn a_dockerfile_and_a_lock_file_rebuild_what_is_built_of_them() {
    let mut shop = Shop::new();
    shop.built();

    assert_eq!(
        shop.replacement("api/Dockerfile"),
        Some(Replacement::Rebuild)
    );
    assert_eq!(
        shop.replacement("api/package-lock.json"),
        Some(Replacement::RebuildAndRenew)
    );
    assert_eq!(
        shop.replacement("api/src/a.js"),
        None,
        "nothing asks for it"
    );
}

#[test]
fn files_of_the_project_and_ignore_files_are_read_again() {
    let mut shop = Shop::new();
    shop.rule("api", WatchAction::Restart);

    let duties = shop.duties(&[
        (".env", Presence::Present),
        ("api/.gitignore", Presence::Gone),
    ]);

    let expected = BTreeSet::from([shop.at(".env"), shop.at("api/.gitignore")]);
    assert_eq!(duties.model, expected);
}

#[test]
fn migrations_and_seeds_have_a_road_of_their_own() {
    let mut shop = Shop::new();
    shop.mount("api/migrations", "/migrations");
    shop.api.migrate = Some(Migrate::Command {
        run: vec!["migrate".to_owned()],
        inputs: vec![shop.at("api/migrations")],
    });
    shop.api.seed = Some(SeedCommand {
        run: vec!["seed".to_owned()],
        inputs: vec![shop.at("seed.js")],
    });

    let duties = shop.duties(&[
        ("api/migrations/4.sql", Presence::Present),
        ("seed.js", Presence::Present),
    ]);

    let work = work(&duties);
    assert_eq!(work.replacement, Replacement::Keep, "nothing restarts");
    assert_eq!(
        work.errands,
        BTreeSet::from([Errand::Migrate, Errand::Seed])
    );
}

#[test]
fn only_chosen_services_are_watched() {
    let mut shop = Shop::new();
    shop.rule("api", WatchAction::Restart);
    let around = Surroundings {
        home: shop.place.path().to_owned(),
        chosen: BTreeSet::from([ServiceName::new("web").expect("a valid name")]),
        ..Surroundings::default()
    };

    let rules = Rules::of(&fixture::stack([shop.api.clone()]), &around);

    assert!(!rules.wants(&shop.at("api/a.js")));
}

#[test]
fn a_file_that_two_rules_name_is_seen_by_both() {
    let mut shop = Shop::new();
    shop.rule("api", sync("/app"));
    shop.rule("api/config", WatchAction::Restart);

    let duties = shop.duties(&[("api/config/a.json", Presence::Present)]);

    let work = work(&duties);
    assert!(work.copies.contains_key("/app/config/a.json"));
    assert_eq!(work.replacement, Replacement::Restart);
}

#[test]
fn what_is_copied_at_the_start_restarts_only_what_a_save_of_it_would() {
    let mut shop = Shop::new();
    shop.rule("src", sync("/app/src"));
    let replacement = |shop: &mut Shop, action: WatchAction| {
        shop.api.watch[0].action = action;
        shop.api.watch[0].initial_sync = true;
        let initial = shop.rules().initial(&[shop.at("src/a.js")], Instant::now());
        let work = work(&initial);
        (work.copies.len(), work.hooks.len(), work.replacement)
    };
    let target = || "/app/src".to_owned();

    assert_eq!(
        replacement(&mut shop, sync("/app/src")),
        (1, 0, Replacement::Keep)
    );
    let restarting = WatchAction::SyncRestart { target: target() };
    assert_eq!(
        replacement(&mut shop, restarting),
        (1, 0, Replacement::RestartWhereNew)
    );
    let exec = Hook::default();
    let running = WatchAction::SyncExec {
        target: target(),
        exec,
    };
    assert_eq!(replacement(&mut shop, running), (1, 0, Replacement::Keep));
}

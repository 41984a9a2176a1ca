use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::SystemTime;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep_until, timeout};

use super::*;
use crate::domain::{WatchAction, WatchRule};
use crate::plan::fixture;
use crate::watch::{Contents, Pace, Presence, Settle, Sight, Surroundings};

/// What is true of a machine that is busy with other tests, too.
const PATIENCE: Duration = Duration::from_secs(20);

/// A watched directory `src` with the file `a.js`.
struct Field {
    place: tempfile::TempDir,
    _scout: Scout,
    reports: UnboundedReceiver<Sighting>,
    contents: Contents,
    settle: Settle,
    first: Sighting,
}

fn rules(place: &Path) -> Arc<Rules> {
    let mut api = fixture::service("api");
    api.watch.push(WatchRule {
        path: place.join("src"),
        action: WatchAction::Restart,
        ignore: Vec::new(),
        include: Vec::new(),
        initial_sync: false,
    });
    let around = Surroundings {
        home: place.to_owned(),
        ..Surroundings::default()
    };
    Arc::new(Rules::of(&fixture::stack([api]), &around))
}

impl Field {
    async fn new() -> Self {
        Self::watched(Trust::Try, |src| {
            fs::write(src.join("a.js"), "one").expect("written");
        })
        .await
    }

    async fn watched(trust: Trust, prepare: impl FnOnce(&Path)) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let (src, trial) = (place.path().join("src"), place.path().join("trial"));
        fs::create_dir_all(&src).expect("made");
        fs::create_dir_all(&trial).expect("made");
        prepare(&src);
        let (report, mut reports) = unbounded_channel();
        let scout = Scout::begin(rules(place.path()), trial, trust, report);
        let mut first = next(&mut reports).await;
        let mut covered = first.clone();
        if matches!(first, Sighting::Polling(_)) {
            covered = next(&mut reports).await;
        } else {
            first = covered.clone();
        }
        let Sighting::Covered(coverage) = covered else {
            panic!("all is watched first of all, not {covered:?}");
        };
        let contents = Contents::of(coverage.files, SystemTime::now() + PATIENCE);
        let settle = Settle::new(Pace::default());
        Self {
            place,
            _scout: scout,
            reports,
            contents,
            settle,
            first,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join("src").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).expect("written");
    }

    fn shell(&self, line: &str) {
        let done = Command::new("sh")
            .args(["-ec", line])
            .current_dir(self.place.path().join("src"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "t")
            .env("GIT_AUTHOR_EMAIL", "t@localhost")
            .env("GIT_COMMITTER_NAME", "t")
            .env("GIT_COMMITTER_EMAIL", "t@localhost")
            .output()
            .expect("a shell");
        assert!(done.status.success(), "{line}: {done:?}");
    }

    /// The next burst that changed anything: names below `src`, `-` before those that are gone.
    async fn burst(&mut self) -> Vec<String> {
        timeout(PATIENCE, async {
            loop {
                let found = self.batch().await;
                if !found.is_empty() {
                    return found;
                }
            }
        })
        .await
        .expect("a change is seen")
    }

    async fn batch(&mut self) -> Vec<String> {
        loop {
            let due = self.settle.due();
            let wake = due.unwrap_or_else(|| Instant::now() + PATIENCE);
            tokio::select! {
                biased;
                () = sleep_until(wake.into()) => {
                    if let Some(batch) = self.settle.take(Instant::now()) {
                        return self.sift(batch.changes.into_keys());
                    }
                }
                sighting = self.reports.recv() => match sighting.expect("it watches") {
                    Sighting::Changed(changes) => for change in changes {
                        self.settle.see(change, Instant::now());
                    },
                    Sighting::Missed(files) => return self.sift(files.into_iter()),
                    Sighting::Covered(_) | Sighting::Polling(_) => {}
                }
            }
        }
    }

    fn sift(&mut self, paths: impl Iterator<Item = PathBuf>) -> Vec<String> {
        let mut found = BTreeMap::new();
        for path in paths {
            found.extend(self.contents.look(&path));
        }
        let src = self.place.path().join("src");
        found
            .into_iter()
            .map(|(path, presence)| {
                let name = path.strip_prefix(&src).expect("it is below").display();
                match presence {
                    Presence::Present => name.to_string(),
                    Presence::Gone => format!("-{name}"),
                }
            })
            .collect()
    }
}

async fn next(reports: &mut UnboundedReceiver<Sighting>) -> Sighting {
    let next = timeout(PATIENCE, reports.recv()).await;
    next.expect("it reports").expect("it watches")
}

#[tokio::test]
async fn truncate_and_write_is_one_change() {
    let mut field = Field::new().await;
    field.write("a.js", "two");
    assert_eq!(field.burst().await, ["a.js"]);
}

#[tokio::test]
async fn a_save_by_rename_as_vs_code_and_jetbrains_do_it_is_one_change() {
    let mut field = Field::new().await;
    field.shell("echo two > a.js___jb_tmp___; mv a.js a.js___jb_old___; mv a.js___jb_tmp___ a.js; rm a.js___jb_old___");
    assert_eq!(field.burst().await, ["a.js"]);
}

#[tokio::test]
async fn a_save_with_a_backup_file_as_vim_does_it_is_one_change() {
    let mut field = Field::new().await;
    field
        .shell("touch .a.js.swp 4913; rm 4913; mv a.js a.js~; echo two > a.js; rm a.js~ .a.js.swp");
    assert_eq!(field.burst().await, ["a.js"]);
}

#[tokio::test]
async fn sed_in_place_is_one_change() {
    let mut field = Field::new().await;
    field.shell("sed -i s/one/two/ a.js");
    assert_eq!(field.burst().await, ["a.js"]);
}

#[tokio::test]
async fn git_stash_takes_changes_back_in_one_burst() {
    let mut field = Field::new().await;
    field.shell("git init -q .; echo base > b.js; git add -A; git commit -qm base");
    assert_eq!(field.burst().await, ["b.js"]);
    field.shell("echo x > a.js; echo x > b.js");
    assert_eq!(field.burst().await, ["a.js", "b.js"]);

    field.shell("git stash -q");

    assert_eq!(field.burst().await, ["a.js", "b.js"]);
}

#[tokio::test]
async fn the_same_text_again_is_no_change() {
    let mut field = Field::new().await;
    field.write("a.js", "one");
    field.shell("touch a.js; chmod 600 a.js");
    assert_eq!(field.batch().await, [""; 0]);

    field.write("b.js", "new");
    assert_eq!(field.burst().await, ["b.js"]);
}

#[tokio::test]
async fn files_of_new_directories_are_seen_however_deep_and_quick() {
    let mut field = Field::new().await;
    field.shell("mkdir -p lib/deep; echo 1 > lib/deep/b.js");
    assert_eq!(field.burst().await, ["lib/deep/b.js"]);

    field.write("lib/deep/b.js", "2");
    assert_eq!(field.burst().await, ["lib/deep/b.js"]);
}

#[tokio::test]
async fn a_directory_that_moves_is_seen_at_both_ends_and_followed() {
    let mut field = Field::new().await;
    field.shell("mkdir lib; echo 1 > lib/b.js");
    field.burst().await;

    field.shell("mv lib moved");
    assert_eq!(field.burst().await, ["-lib/b.js", "moved/b.js"]);

    field.write("moved/b.js", "2");
    assert_eq!(field.burst().await, ["moved/b.js"]);
}

#[tokio::test]
async fn deletes_are_seen() {
    let mut field = Field::new().await;
    field.shell("rm a.js");
    assert_eq!(field.burst().await, ["-a.js"]);
}

#[tokio::test]
async fn the_whole_watched_directory_may_go_and_come_back() {
    let mut field = Field::new().await;
    field.shell("rm -r ../src");
    assert_eq!(field.burst().await, ["-a.js"]);

    let src = field.at("");
    fs::create_dir(&src).expect("made");
    field.write("a.js", "three");

    assert_eq!(field.burst().await, ["a.js"]);
}

#[tokio::test]
async fn a_linked_file_is_seen_where_it_is_written_and_where_it_is_linked() {
    let mut field = Field::watched(Trust::Try, |src| {
        let outside = src.join("../outside");
        fs::create_dir(&outside).expect("made");
        fs::write(outside.join("real.js"), "one").expect("written");
        symlink(outside.join("real.js"), src.join("link.js")).expect("linked");
        fs::create_dir(outside.join("lib")).expect("made");
        symlink(outside.join("lib"), src.join("lib")).expect("linked");
        symlink(src, src.join("circle")).expect("linked");
    })
    .await;

    field.shell("echo two > ../outside/real.js");
    assert_eq!(field.burst().await, ["link.js"]);

    field.shell("echo two > ../outside/lib/b.js");
    assert_eq!(field.burst().await, ["lib/b.js"]);

    field.shell("echo three > ../outside/other.js; ln -sf ../outside/other.js link.js");
    assert_eq!(field.burst().await, ["link.js"]);
}

#[tokio::test]
async fn what_is_ignored_is_not_walked() {
    let field = Field::watched(Trust::Try, |src| {
        for name in ["node_modules/x", "dist/deep", "lib"] {
            fs::create_dir_all(src.join(name)).expect("made");
            fs::write(src.join(name).join("b.js"), "one").expect("written");
        }
        fs::write(src.join(".gitignore"), "dist\n").expect("written");
    })
    .await;

    // The directory above, `src` and `lib`.
    let Sighting::Covered(coverage) = field.first.clone() else {
        panic!("{:?}", field.first);
    };
    assert_eq!(coverage.directories, 3);
    let files = [field.at(".gitignore"), field.at("lib/b.js")];
    assert_eq!(coverage.files, files);
}

#[tokio::test]
async fn five_thousand_files_at_once_are_one_burst() {
    let mut field = Field::new().await;
    field
        .shell("mkdir many; i=0; while [ $i -lt 5000 ]; do echo $i > many/$i.js; i=$((i+1)); done");
    assert_eq!(field.burst().await.len(), 5_000);
}

#[tokio::test]
async fn where_nobody_tells_of_changes_they_are_looked_for() {
    let mut field = Field::watched(Trust::Poll, |src| {
        fs::write(src.join("a.js"), "one").expect("written");
    })
    .await;
    assert_eq!(field.first, Sighting::Polling(Blindness::Asked));

    field.write("a.js", "two");
    assert_eq!(field.burst().await, ["a.js"]);
    field.shell("mkdir lib; mv a.js lib/");
    assert_eq!(field.burst().await, ["-a.js", "lib/a.js"]);
}

/// Eyes of a system that watches this many directories, and tells of nothing.
struct Deaf(usize);

impl Eyes for Deaf {
    fn watch(&mut self, _: &Path) -> Result<(), Blind> {
        self.0 = self.0.checked_sub(1).ok_or(Blind::Exhausted)?;
        Ok(())
    }

    fn unwatch(&mut self, _: &Path) {}
}

/// What the watcher says first where its eyes are `eyes`, and whether it sees a change all the same.
async fn first_words(eyes: Result<Deaf, Blind>, trial: &str) -> (Sighting, bool) {
    let place = tempfile::tempdir().expect("a directory");
    let src = place.path().join("src");
    fs::create_dir(&src).expect("made");
    let (report, mut reports) = unbounded_channel();
    let (line, inbox) = mpsc::channel();
    let watch = Watch {
        inbox,
        report,
        rules: rules(place.path()),
    };
    let trial = place.path().join(trial);
    let thread = std::thread::spawn(move || watch.run(move || eyes, &trial, Trust::Try));
    let first = next(&mut reports).await;
    drop(next(&mut reports).await);

    fs::write(src.join("a.js"), "one").expect("written");
    let seen = next(&mut reports).await;

    let change = Change {
        path: src.join("a.js"),
        sight: Sight::Written,
    };
    drop(line.send(Message::End));
    thread.join().expect("it ends well");
    (first, seen == Sighting::Changed(vec![change]))
}

#[tokio::test]
async fn eyes_that_miss_the_trial_are_not_trusted() {
    let (first, sees) = first_words(Ok(Deaf(100)), "").await;
    assert_eq!((first, sees), (Sighting::Polling(Blindness::Deaf), true));
}

#[tokio::test]
async fn a_limit_of_the_system_is_told_with_what_lifts_it() {
    // A trial in a place that can't be written to proves nothing, and is passed.
    let (first, sees) = first_words(Ok(Deaf(2)), "missing").await;
    assert_eq!(
        (&first, sees),
        (&Sighting::Polling(Blindness::Exhausted), true)
    );
    assert!(
        Blindness::Exhausted
            .to_string()
            .contains("sudo sysctl fs.inotify")
    );

    let (first, sees) = first_words(Err(Blind::Exhausted), "").await;
    assert_eq!(
        (first, sees),
        (Sighting::Polling(Blindness::Exhausted), true)
    );
}

#[tokio::test]
async fn lost_notices_make_all_files_be_looked_at() {
    struct Sees;
    impl Eyes for Sees {
        fn watch(&mut self, _: &Path) -> Result<(), Blind> {
            Ok(())
        }
        fn unwatch(&mut self, _: &Path) {}
    }
    let place = tempfile::tempdir().expect("a directory");
    let src = place.path().join("src");
    fs::create_dir(&src).expect("made");
    fs::write(src.join("a.js"), "one").expect("written");
    let (report, mut reports) = unbounded_channel();
    let (line, inbox) = mpsc::channel();
    let watch = Watch {
        inbox,
        report,
        rules: rules(place.path()),
    };
    let trial = place.path().join("missing");
    let thread = std::thread::spawn(move || watch.run(|| Ok(Sees), &trial, Trust::Try));
    drop(next(&mut reports).await);

    drop(line.send(Message::Glance(Glance::Overflow)));

    let missed = next(&mut reports).await;
    assert_eq!(missed, Sighting::Missed(vec![src.join("a.js")]));
    drop(line.send(Message::End));
    thread.join().expect("it ends well");
}

//! Every verb against every fault of the wire that lets nobody work: each ends in time, with a clear message, and leaves nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::patient::Patient;
use crate::proxy::{Calls, Fault, Proxy};
use crate::shop;
use crate::verbs::{Ends, VERBS};

/// What the tool itself gives the engine for a question, and ten seconds more.
const LONGEST: Duration = Duration::from_secs(15 + 10);

/// A run under way, in a copy of the shop: what one verb does to its files is nothing to the others.
struct Run {
    child: Child,
    began: Instant,
    place: tempfile::TempDir,
}

impl Run {
    /// Begins `words` with `engine` as its engine; `place` is where the shop's copy lies.
    fn begin(shop: &Patient, words: &[&str], engine: &str) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        shop::copy(shop.path(), place.path());
        let child = shop::command(shop, words, place.path(), engine)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        Self {
            child,
            began: Instant::now(),
            place,
        }
    }

    /// Its output, once it ends; one that doesn't is ended, and has none.
    async fn end(mut self) -> (Option<Output>, tempfile::TempDir) {
        let output = ended(&mut self.child, self.began, LONGEST).await;
        (output, self.place)
    }
}

/// The output of a run that ends within `longest`; of one that doesn't, nothing.
pub async fn ended(child: &mut Child, began: Instant, longest: Duration) -> Option<Output> {
    use std::io::Read as _;

    let (mut out, mut err) = (child.stdout.take()?, child.stderr.take()?);
    let read = tokio::task::spawn_blocking(move || {
        let mut both = (Vec::new(), Vec::new());
        let errors = std::thread::spawn(move || {
            err.read_to_end(&mut both.1).ok();
            both.1
        });
        out.read_to_end(&mut both.0).ok();
        (both.0, errors.join().expect("no panic"))
    });
    let status = loop {
        if let Some(status) = child.try_wait().expect("it was started") {
            break status;
        }
        if began.elapsed() > longest {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let (stdout, stderr) = read.await.ok()?;
    Some(Output {
        status,
        stdout,
        stderr,
    })
}

/// What is wrong with how a run ended, whatever the fault was.
pub fn faults_of(words: &str, said: &str, code: Option<i32>) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(code) = code else {
        return vec!["was killed by a signal".to_owned()];
    };
    if said.contains("panicked") || code == 101 || code == 1 {
        wrong.push("panicked, or calls it a bug".to_owned());
    }
    if said.contains("{\"message\"") || said.contains("{\"Id\"") {
        wrong.push("shows the engine's own JSON".to_owned());
    }
    let is_diagnosis = words.starts_with("doctor") && !words.contains("--prove");
    let hints = said
        .lines()
        .filter(|line| line.starts_with("hint: "))
        .count();
    if code != 0 && !is_diagnosis {
        if !said.contains("error: ") {
            wrong.push("fails without an error".to_owned());
        }
        if hints == 0 {
            wrong.push("names no next command".to_owned());
        }
    }
    if hints > 3 {
        wrong.push(format!("has {hints} hints"));
    }
    wrong
}

/// The files of temporary names below `place`.
pub fn halves(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![place.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains(".jobsprint-") || name.contains(".partial") || name.contains(".new") {
                found.push(path.display().to_string());
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && name != ".git" {
                waiting.push(path);
            }
        }
    }
    found
}

/// The projects that were made for a while, by their lease.
pub async fn copies(shop: &Patient) -> BTreeSet<String> {
    let mine = format!("{}-ci-", shop.bed.project);
    let leased = shop.bed.engine.projects_with("dev.jobsprint.lease").await;
    let leased = leased.expect("the engine answers");
    leased
        .into_iter()
        .filter(|name| name.starts_with(&mine))
        .collect()
}

/// All verbs at once with `engine`: a line for each that doesn't end as it should.
async fn table(shop: &Patient, fault: &str, engine: &str) -> Vec<String> {
    let runs = VERBS.iter().map(|(words, ends)| {
        let run = Run::begin(shop, words, engine);
        async move { (words.join(" "), *ends, run.end().await) }
    });
    let mut wrong = Vec::new();
    for (words, ends, (output, place)) in join_all(runs).await {
        let case = format!("`{words}` at an engine that {fault}");
        let Some(output) = output else {
            wrong.push(format!("{case} still runs after {} s", LONGEST.as_secs()));
            continue;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        let mut faults = faults_of(&words, &said, code);
        let is_right = match ends {
            Ends::Failed | Ends::Needless => code == Some(20),
            Ends::Well => code == Some(0),
            Ends::Idle => code == Some(2),
            Ends::Acquainted => matches!(code, Some(0 | 20)),
        };
        if !is_right {
            faults.push(format!("ends with {code:?}"));
        }
        let left = halves(place.path());
        if !left.is_empty() {
            faults.push(format!("leaves {left:?}"));
        }
        wrong.extend(
            faults
                .into_iter()
                .map(|fault| format!("{case} {fault}:\n{said}")),
        );
    }
    wrong
}

/// The table of the verbs and these engines, one after the other: what the shop is at the good engine, it stays.
async fn all_end_clearly(engines: &[(&str, String)]) {
    let shop = shop::open().await;
    let before = shop.bed.engine.observe(&shop.bed.project, &[]).await;

    let mut wrong = Vec::new();
    for (fault, engine) in engines {
        wrong.extend(table(&shop, fault, engine).await);
    }

    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let after = shop.bed.engine.observe(&shop.bed.project, &[]).await;
    assert_eq!(after, before, "nothing was changed");
    assert_eq!(copies(&shop).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_says_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("closed.sock");
    drop(UnixListener::bind(&socket).expect("bound"));
    let deaf = Proxy::start(Fault::Hang, Calls::All);
    let stuck = Proxy::start(Fault::Hang, Calls::AfterVersion);

    all_end_clearly(&[
        (
            "refuses connections",
            format!("unix://{}", socket.display()),
        ),
        ("never answers", deaf.address()),
        ("hangs once it is known", stuck.address()),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_breaks_off_or_talks_nonsense() {
    let faults = [
        ("breaks off in the head", Fault::CutHead),
        ("breaks off in the body", Fault::CutBody),
        ("sends half a document", Fault::Garble),
        ("sends what is no JSON", Fault::Babble),
        ("fails inside", Fault::Refuse),
    ];
    let proxies = faults.map(|(told, fault)| (told, Proxy::start(fault, Calls::AfterVersion)));
    let engines: Vec<(&str, String)> = proxies
        .iter()
        .map(|(told, proxy)| (*told, proxy.address()))
        .collect();

    all_end_clearly(&engines).await;
}

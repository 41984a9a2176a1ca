//! Every verb against every fault of the wire to the engine: each ends in time, with a clear message, and leaves nothing.

use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::patient::Patient;
use crate::proxy::{Calls, Fault, Proxy};

/// What the tool itself gives the engine for a question, and ten seconds more.
const LONGEST: Duration = Duration::from_secs(15 + 10);

const VERBS: &[&[&str]] = &[
    &["up"],
    &["up", "--dry-run"],
    &["setup", "--yes"],
    &["down", "--yes"],
    &["stop"],
    &["restart"],
    &["status"],
    &["logs"],
    &["logs", "-f"],
    &["exec", "a", "--", "true"],
    &["migrate"],
    &["seed"],
    &["reset", "--yes"],
    &["snapshot", "list"],
    &["backup"],
    &["db", "logs"],
    &["engine", "status"],
    &["doctor"],
    &["bundle", "bundle.tar.gz"],
];

struct Run {
    words: String,
    child: Child,
    began: Instant,
    _state: tempfile::TempDir,
}

fn begin(patient: &Patient, words: &[&str], engine: &str) -> Run {
    // A state of its own: the lock of one run would make the next one wait.
    let state = tempfile::tempdir().expect("a directory");
    let child = patient
        .command(&[&["--output", "plain"], words].concat())
        .env("DOCKER_HOST", engine)
        .env("XDG_STATE_HOME", state.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    Run {
        words: words.join(" "),
        child,
        began: Instant::now(),
        _state: state,
    }
}

/// Its output, once it ends; a run that doesn't is ended, and fails the test.
async fn ended(mut run: Run) -> (String, Output) {
    while run.child.try_wait().expect("it was started").is_none() {
        if run.began.elapsed() > LONGEST {
            run.child.kill().ok();
            panic!("`{}` still runs after {} s", run.words, LONGEST.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (run.words, run.child.wait_with_output().expect("it ended"))
}

async fn all_end_clearly(fault: &str, engine: &str) {
    let patient = Patient::healthy().await;
    patient.run(&["up"]);
    let before = patient.bed.engine.observe(&patient.bed.project, &[]).await;

    let runs: Vec<Run> = VERBS
        .iter()
        .map(|words| begin(&patient, words, engine))
        .collect();

    for run in runs {
        let (words, output) = ended(run).await;
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = out + &String::from_utf8_lossy(&output.stderr);
        let case = format!("`{words}` at an engine that {fault}: {said}");
        let code = output
            .status
            .code()
            .unwrap_or_else(|| panic!("killed: {case}"));
        assert!(
            !said.contains("panicked") && code != 101 && code != 1,
            "{case}"
        );
        assert!(
            !said.contains("{\"message\"") && !said.contains("{\"Id\""),
            "{case}"
        );
        let finds = words.starts_with("doctor") || words.starts_with("bundle");
        if code != 0 && !finds {
            assert!(said.contains("error: "), "{case}");
        }
        let hints = said
            .lines()
            .filter(|line| line.starts_with("hint: "))
            .count();
        assert!(hints <= 3, "{case}");
    }
    let after = patient.bed.engine.observe(&patient.bed.project, &[]).await;
    assert_eq!(
        after, before,
        "nothing was changed by an engine that {fault}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_connections() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("closed.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("bound"));

    all_end_clearly(
        "refuses connections",
        &format!("unix://{}", socket.display()),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_answers() {
    let proxy = Proxy::start(Fault::Hang, Calls::All);

    all_end_clearly("never answers", &proxy.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hangs_once_it_is_known() {
    let proxy = Proxy::start(Fault::Hang, Calls::AfterVersion);

    all_end_clearly("hangs", &proxy.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn breaks_off_in_the_head() {
    let proxy = Proxy::start(Fault::Cut(40), Calls::AfterVersion);

    all_end_clearly("breaks off in the head", &proxy.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn breaks_off_in_the_body() {
    let proxy = Proxy::start(Fault::Cut(260), Calls::AfterVersion);

    all_end_clearly("breaks off in the body", &proxy.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_half_a_document() {
    let proxy = Proxy::start(Fault::Garble, Calls::AfterVersion);

    all_end_clearly("sends half a document", &proxy.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_inside() {
    let proxy = Proxy::start(Fault::Refuse, Calls::AfterVersion);

    all_end_clearly("fails inside", &proxy.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_engine_is_waited_for() {
    let proxy = Proxy::start(Fault::Slow(Duration::from_millis(200)), Calls::All);
    let patient = Patient::healthy().await;
    let address = proxy.address();

    for words in [&["up"][..], &["status"], &["logs"], &["down", "--yes"]] {
        let (_, output) = ended(begin(&patient, words, &address)).await;
        assert!(output.status.success(), "{words:?}: {output:?}");
    }
}

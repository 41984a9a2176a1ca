//! What a person's screen shows while a stack comes up: the real reporter in a real pseudo-terminal.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jobsprint_dev::domain::{Failure, FailureKind, ImageRef, OutputMode, ServiceName};
use jobsprint_dev::event::{
    Event, Events, ImageWay, ServiceLine, StepId, StepKind, StepSummary, Transfer,
};
use jobsprint_dev::report::{Manner, Mask, Reporter, Surroundings};

#[path = "support/terminal.rs"]
mod terminal;

use terminal::{INTERRUPT, Terminal};

const SCENE: &str = "JOBSPRINT_TEST_SCENE";

/// Plays a scene in a terminal: this very test binary, told to be the actor.
fn play(scene: &str, columns: u16, rows: u16) -> Terminal {
    let mut actor = Command::new(std::env::current_exe().expect("a running test has a path"));
    actor
        .args(["--ignored", "--exact", "actor", "--nocapture", "--quiet"])
        .env(SCENE, scene);
    Terminal::run(&actor, columns, rows)
}

/// The other side of [`play`]: not a test, so it is ignored where nobody asks for it.
#[tokio::test]
#[ignore = "the actor of the other tests; they run it"]
async fn actor() {
    let scene = std::env::var(SCENE).expect("the actor is told its scene");
    let (events, listener) = Events::channel();
    let around = Surroundings::of_this_process(|name| std::env::var(name).ok());
    let manner = Manner::decide(OutputMode::Auto, &around);
    let reporter = Reporter::start(listener, manner, Mask::none());
    begin(&events);
    match scene.as_str() {
        "ready" => {
            finish(&events);
            reporter.finish().await;
        }
        "fails" => {
            let failure = Failure::new(FailureKind::Exited, "`redis` exited with exit code 1")
                .hint("see `jobsprint-dev logs redis`");
            events.tell(Event::StepFailed {
                step: StepId(0),
                failure: failure.clone(),
            });
            events.tell(Event::StepSkipped {
                step: StepId(1),
                because: StepId(0),
            });
            events.tell(Event::Failed { failure });
            reporter.finish().await;
        }
        "panics" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            panic!("a fault of the tool itself");
        }
        "waits" => std::future::pending::<()>().await,
        other => panic!("no such scene: {other}"),
    }
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a valid name")
}

/// redis waits for its readiness, the api for redis, and an image is on its way.
fn begin(events: &Events) {
    let step = |id, kind, service: Option<&str>, title: &str, needs: Vec<StepId>| StepSummary {
        id: StepId(id),
        kind,
        service: service.map(name),
        title: title.to_owned(),
        cause: "missing".to_owned(),
        needs,
    };
    events.tell(Event::Planned {
        steps: vec![
            step(0, StepKind::Ready, Some("redis"), "wait", vec![]),
            step(1, StepKind::Start, Some("api"), "start", vec![StepId(0)]),
            step(2, StepKind::Image, None, "get image n8n:2", vec![]),
        ],
    });
    for id in [0, 2] {
        events.tell(Event::StepStarted { step: StepId(id) });
    }
    events.tell(Event::Waiting {
        service: name("redis"),
        reason: "redis is loading the dataset in memory, and says so at some length".to_owned(),
        elapsed: Duration::ZERO,
    });
    events.tell(Event::ImageProgress {
        image: ImageRef::new("n8n:2"),
        way: ImageWay::Pull,
        doing: String::new(),
        transfer: Transfer {
            done: 5_000_000,
            total: 10_000_000,
            layers_done: 2,
            layers: 4,
        },
    });
}

fn finish(events: &Events) {
    let took = Duration::from_millis(400);
    for id in [0, 2, 1] {
        events.tell(Event::StepDone {
            step: StepId(id),
            took,
            unchanged: false,
        });
    }
    let line = |service, url: Option<&str>| ServiceLine {
        service: name(service),
        state: "ready",
        url: url.map(str::to_owned),
        took: Some(took),
        note: None,
    };
    events.tell(Event::Finished {
        services: vec![
            line("api", Some("http://localhost:4000")),
            line("redis", None),
        ],
        took: Duration::from_secs(1),
        unchanged: false,
        next: vec!["jobsprint-dev logs -f".to_owned()],
    });
}

/// The lines that the reporter wrote, those of the test harness left out.
fn shown(terminal: &Terminal) -> Vec<String> {
    let harness = [
        "running ",
        "test actor",
        "test result",
        ".",
        "thread '",
        "note: ",
    ];
    terminal
        .lines()
        .into_iter()
        .filter(|line| !line.is_empty())
        .filter(|line| !harness.iter().any(|word| line.starts_with(word)))
        .collect()
}

#[test]
fn the_board_gives_way_to_the_table() {
    let mut terminal = play("ready", 80, 24);

    terminal.wait_for("next: ");
    terminal.wait_for_exit();

    assert_eq!(
        shown(&terminal),
        [
            "pulled n8n:2 in 400 ms",
            "api    ready  400 ms  http://localhost:4000",
            "redis  ready  400 ms",
            "2 services ready in 1.0 s",
            "next: jobsprint-dev logs -f",
        ]
    );
}

#[test]
fn the_board_says_what_everything_waits_for() {
    let mut terminal = play("waits", 80, 24);

    terminal.wait_for("n8n:2");

    let rows = shown(&terminal);
    assert_eq!(rows.len(), 3, "{rows:#?}");
    assert_eq!(rows[0], "· api    waiting             for redis");
    assert!(rows[1].contains("redis  starting"), "{rows:#?}");
    assert!(
        rows[2].contains("pulling 5.0 MB of 10.0 MB, 2 of 4 layers"),
        "{rows:#?}"
    );
}

#[test]
fn no_row_wraps_in_a_narrow_terminal() {
    let mut terminal = play("waits", 40, 24);

    terminal.wait_for("n8n:2");

    let rows = shown(&terminal);
    assert_eq!(rows.len(), 3, "{rows:#?}");
    assert!(rows.iter().all(|row| row.chars().count() < 40), "{rows:#?}");
    assert!(rows[1].ends_with('…'), "{rows:#?}");
}

#[test]
fn a_terminal_made_wider_shows_what_was_cut() {
    let mut terminal = play("waits", 60, 24);
    terminal.wait_for("n8n:2");

    terminal.resize(120, 24);
    terminal.wait_for("and says so at some length");
    terminal.wait_for("2 of 4 layers");

    assert_eq!(shown(&terminal).len(), 3, "{:#?}", shown(&terminal));
}

#[test]
fn a_failure_leaves_the_state_of_all_and_says_what_to_type() {
    let mut terminal = play("fails", 80, 24);

    terminal.wait_for("hint: ");
    terminal.wait_for_exit();

    assert_eq!(
        shown(&terminal),
        [
            "– api    skipped             it waits for redis",
            "✘ redis  failed",
            "error: `redis` exited with exit code 1",
            "skipped: api (it waits for redis)",
            "hint: see `jobsprint-dev logs redis`",
        ]
    );
}

#[test]
fn a_panic_and_a_signal_leave_the_cursor_visible_on_a_fresh_line() {
    for scene in ["panics", "waits"] {
        let mut terminal = play(scene, 80, 24);
        terminal.wait_for("n8n:2");

        if scene == "waits" {
            terminal.type_text(INTERRUPT);
        }
        terminal.wait_for_exit();

        let (_, row, hidden) = terminal.cursor();
        let at_cursor = terminal.lines().get(usize::from(row)).cloned();
        assert!(!hidden, "{scene}: the cursor is hidden");
        assert!(
            at_cursor
                .as_deref()
                .unwrap_or_default()
                .trim_start_matches("^C")
                .is_empty(),
            "{scene}: the cursor stands behind {at_cursor:?}"
        );
    }
}

const QUESTION: &str = "Puter app id (empty: set it later):";

/// `env init` at a terminal, in a project whose schema asks for one value.
fn asked(project: &Path) -> Terminal {
    let schema = format!(
        "# @required @sensitive @prompt=\"{}\"\nPUTER_APP_ID=\n",
        QUESTION.trim_end_matches(':')
    );
    fs::create_dir(project.join("templates")).expect("a new directory");
    fs::write(project.join("templates/.env.schema"), schema).expect("a file");
    fs::write(
        project.join("compose.yaml"),
        "services: {web: {image: web}}\n",
    )
    .expect("a file");
    let mut tool = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
    tool.args(["env", "init"]).current_dir(project);
    let mut terminal = Terminal::run(&tool, 80, 24);
    terminal.wait_for(QUESTION);
    terminal
}

#[test]
fn a_question_is_answered_at_the_terminal_and_the_answer_is_not_shown() {
    let project = tempfile::tempdir().expect("a directory");
    let mut terminal = asked(project.path());

    terminal.type_text("app-12345\n");
    let status = terminal.wait_for_exit();

    assert!(status.success(), "{:?}", terminal.lines());
    let written = fs::read_to_string(project.path().join(".env")).expect("it was made");
    assert!(written.contains("app-12345"));
    assert!(!terminal.lines().concat().contains("app-12345"));
}

#[test]
fn ctrl_c_at_a_question_ends_the_run_and_nothing_is_written() {
    let project = tempfile::tempdir().expect("a directory");
    let mut terminal = asked(project.path());

    terminal.type_text(INTERRUPT);
    let status = terminal.wait_for_exit();

    assert_eq!(status.code(), Some(130), "{:?}", terminal.lines());
    assert!(terminal.echoes(), "what is typed is no longer seen");
    assert!(!project.path().join(".env").exists());
}

//! Every verb, one after the other, at an engine that works badly: each ends in time and clearly, and the next `up` finds nothing half done.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::patient::Patient;
use crate::proxy::{Calls, Fault, Proxy};
use crate::shop;
use crate::verbs::{Ends, VERBS};
use crate::wire::{copies, ended, faults_of, halves};

/// What work may take that starts stacks of its own, on a machine that does other things too.
const WORK: Duration = Duration::from_mins(2);
/// These end with a person's Ctrl-C; they get it once they have gone on for so long.
const GO_ON: [&[&str]; 2] = [&["logs", "-f"], &["watch"]];
const WATCHED: Duration = Duration::from_secs(4);

/// What a row may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Nothing: each must end well.
    Succeed,
    /// A failure that is told clearly.
    Fail,
}

/// Whether a row has its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has.
    Run,
    /// Its verb says nothing new here.
    Skip,
}

/// All rows of the table at proxies of this fault, with `before` done ahead of each: a line for each that doesn't end as it should.
pub async fn rows(
    shop: &Patient,
    told: &str,
    fault: &Fault,
    calls: Calls,
    may: May,
    before: &dyn Fn(&Patient, &str) -> Turn,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (words, ends) in VERBS {
        if before(shop, &words.join(" ")) == Turn::Skip {
            continue;
        }
        let proxy = Proxy::start(fault.clone(), calls);
        let began = Instant::now();
        let mut child = shop::command(shop, words, shop.path(), &proxy.address())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let goes_on = GO_ON.contains(words);
        if goes_on {
            interrupt(child.id());
        }
        let output = ended(&mut child, began, WORK).await;
        let words = words.join(" ");
        let case = format!("`{words}` at an engine that {told}");
        let Some(output) = output else {
            wrong.push(format!("{case} still runs after {} s", WORK.as_secs()));
            continue;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        println!("{:>6} ms  {code:?}  {case}", began.elapsed().as_millis());
        let mut faults = faults_of(&words, &said, code.filter(|code| *code != 130).or(Some(0)));
        let is_usual = match ends {
            Ends::Idle | Ends::Needless => matches!(code, Some(0 | 2)),
            _ => code == Some(0) || goes_on && code == Some(130),
        };
        if may == May::Succeed && !is_usual {
            faults.push(format!("ends with {code:?}"));
        }
        wrong.extend(
            faults
                .into_iter()
                .map(|fault| format!("{case} {fault}:\n{said}")),
        );
    }
    wrong
}

/// Sends Ctrl-C to a process that goes on by itself, after a while.
fn interrupt(pid: u32) {
    std::thread::spawn(move || {
        std::thread::park_timeout(WATCHED);
        let pid = pid.to_string();
        Command::new("kill")
            .args(["-INT", &pid])
            .stderr(Stdio::null())
            .status()
            .ok();
    });
}

async fn all_end_clearly(told: &str, fault: Fault, calls: Calls, may: May) {
    let shop = shop::open().await;

    let wrong = rows(&shop, told, &fault, calls, may, &|_, _| Turn::Run).await;

    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(halves(shop.path()), Vec::<String>::new());
    shop.run(&["stacks", "gc"]);
    assert_eq!(copies(&shop).await, BTreeSet::new());
    shop.run(&["up"]);
    shop.doctor(&[]).has_no_problem();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_answers_slowly() {
    let slow = Fault::Slow(Duration::from_millis(150));

    all_end_clearly("answers slowly", slow, Calls::All, May::Succeed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_drops_streams() {
    all_end_clearly("drops streams", Fault::CutBody, Calls::Streams, May::Fail).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_restarts() {
    let away = Fault::Restart {
        after: 12,
        away: Duration::from_secs(2),
    };

    all_end_clearly("restarts", away, Calls::All, May::Fail).await;
}

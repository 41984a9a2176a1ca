//! One versioned JSON event a line, named as the Rust variants and fields are.
//!
//! `{"v":1,"at_ms":3200,"event":"StepDone","step":4,"took_ms":1400,"unchanged":false}`; durations are whole
//! milliseconds, ids count from 0 within a plan, and what is unknown is `null`. Fields may be added within
//! a version; a changed meaning makes a new one.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::domain::{Failure, ServiceName};
use crate::event::{Event, Phases, ServiceLine, Stamped, StepSummary, Transfer};
use crate::report::Line;

/// The version of the format.
const VERSION: u32 = 1;

/// The line that tells of `stamped`.
pub fn line(stamped: &Stamped) -> Line {
    let (name, fields) = named(&stamped.event);
    let mut object = Map::new();
    object.insert("v".to_owned(), json!(VERSION));
    object.insert("at_ms".to_owned(), millis(stamped.at));
    object.insert("event".to_owned(), json!(name));
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Line::Out(Value::Object(object).to_string())
}

fn named(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Planned { steps } => {
            let steps: Vec<Value> = steps.iter().map(step).collect();
            ("Planned", json!({ "steps": steps }))
        }
        Event::StepStarted { step } => ("StepStarted", json!({ "step": step.0 })),
        Event::StepDone {
            step,
            took,
            unchanged,
        } => (
            "StepDone",
            json!({ "step": step.0, "took_ms": millis(*took), "unchanged": unchanged }),
        ),
        Event::StepFailed { step, failure } => (
            "StepFailed",
            json!({ "step": step.0, "failure": failed(failure) }),
        ),
        Event::StepSkipped { step, because } => (
            "StepSkipped",
            json!({ "step": step.0, "because": because.0 }),
        ),
        Event::Waiting {
            service,
            reason,
            elapsed,
        } => (
            "Waiting",
            json!({ "service": service.as_str(), "reason": reason, "elapsed_ms": millis(*elapsed) }),
        ),
        Event::Ready { service, took } => (
            "Ready",
            json!({ "service": service.as_str(), "took_ms": millis(*took) }),
        ),
        Event::ImageProgress {
            image,
            way,
            doing,
            transfer,
        } => (
            "ImageProgress",
            json!({
                "image": image.as_str(),
                "way": format!("{way:?}"),
                "doing": doing,
                "transfer": transferred(*transfer),
            }),
        ),
        Event::DataProgress { what, rows } => {
            ("DataProgress", json!({ "what": what, "rows": rows }))
        }
        Event::EngineProgress { doing } => ("EngineProgress", json!({ "doing": doing })),
        Event::Generated { place, names } => {
            ("Generated", json!({ "place": place, "names": names }))
        }
        Event::Walked => ("Walked", json!({})),
        Event::Watching { .. }
        | Event::Changed { .. }
        | Event::CheckFailed { .. }
        | Event::ChangeFailed { .. } => watched(event),
        Event::Log {
            service,
            number,
            stream,
            line,
            at,
        } => (
            "Log",
            json!({
                "service": service.as_str(),
                "number": number,
                "stream": format!("{stream:?}"),
                "line": line,
                "at": at,
            }),
        ),
        Event::Directive { text } => ("Directive", json!({ "text": text })),
        Event::Notice { text } => ("Notice", json!({ "text": text })),
        Event::Warning { text } => ("Warning", json!({ "text": text })),
        Event::Failed { failure } => ("Failed", json!({ "failure": failed(failure) })),
        Event::Finished {
            services,
            took,
            unchanged,
            next,
        } => {
            let services: Vec<Value> = services.iter().map(service).collect();
            (
                "Finished",
                json!({
                    "services": services,
                    "took_ms": millis(*took),
                    "unchanged": unchanged,
                    "next": next,
                }),
            )
        }
    }
}

/// The events of `watch`.
fn watched(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Watching {
            services,
            files,
            directories,
        } => {
            let services: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
            (
                "Watching",
                json!({ "services": services, "files": files, "directories": directories }),
            )
        }
        Event::Changed {
            service,
            file,
            files,
            way,
            phases,
            took,
        } => (
            "Changed",
            json!({
                "service": service.as_str(),
                "file": file,
                "files": files,
                "way": format!("{way:?}"),
                "phases": phased(phases),
                "took_ms": millis(*took),
            }),
        ),
        Event::CheckFailed {
            service,
            file,
            files,
            output,
        } => (
            "CheckFailed",
            json!({ "service": service.as_str(), "file": file, "files": files, "output": output }),
        ),
        Event::ChangeFailed {
            service,
            file,
            files,
            failure,
        } => (
            "ChangeFailed",
            json!({
                "service": service.as_str(),
                "file": file,
                "files": files,
                "failure": failed(failure),
            }),
        ),
        _ => unreachable!("the caller sorts them out"),
    }
}

fn phased(phases: &Phases) -> Value {
    json!({
        "settle_ms": millis(phases.settle),
        "queue_ms": millis(phases.queue),
        "check_ms": phases.check.map(millis),
        "sync_ms": phases.sync.map(millis),
        "build_ms": phases.build.map(millis),
        "stop_ms": phases.stop.map(millis),
        "boot_ms": phases.boot.map(millis),
        "probe_ms": phases.probe.map(millis),
    })
}

fn step(step: &StepSummary) -> Value {
    let needs: Vec<usize> = step.needs.iter().map(|id| id.0).collect();
    json!({
        "id": step.id.0,
        "kind": format!("{:?}", step.kind),
        "service": step.service.as_ref().map(ServiceName::as_str),
        "title": step.title,
        "cause": step.cause,
        "needs": needs,
    })
}

fn failed(failure: &Failure) -> Value {
    json!({
        "kind": format!("{:?}", failure.kind),
        "message": failure.message,
        "details": failure.details,
        "hints": failure.hints,
    })
}

fn transferred(transfer: Transfer) -> Value {
    json!({
        "done": transfer.done,
        "total": transfer.total,
        "layers_done": transfer.layers_done,
        "layers": transfer.layers,
    })
}

fn service(line: &ServiceLine) -> Value {
    json!({
        "service": line.service.as_str(),
        "state": line.state,
        "url": line.url,
        "took_ms": line.took.map(millis),
        "note": line.note,
    })
}

fn millis(time: Duration) -> Value {
    json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FailureKind, ImageRef};
    use crate::event::{ChangeWay, ImageWay, LogStream, StepId, StepKind};

    fn told(event: Event) -> String {
        let at = Duration::from_millis(3_200);
        line(&Stamped { at, event }).text().to_owned()
    }

    #[test]
    #[expect(
        clippy::too_many_lines,
        reason = "the format is shown whole, in one place"
    )]
    fn every_event_is_one_line_named_as_its_variant() {
        let redis = ServiceName::new("redis").expect("a valid name");
        let step = StepId(4);
        let failure = Failure::new(FailureKind::Exited, "it exited").hint("look");
        let lines = [
            Event::Planned {
                steps: vec![StepSummary {
                    id: step,
                    kind: StepKind::Ready,
                    service: Some(redis.clone()),
                    title: "wait until redis is ready".to_owned(),
                    cause: "needed".to_owned(),
                    needs: vec![StepId(3)],
                }],
            },
            Event::StepStarted { step },
            Event::StepDone {
                step,
                took: Duration::from_millis(1_400),
                unchanged: false,
            },
            Event::StepFailed {
                step,
                failure: failure.clone(),
            },
            Event::StepSkipped {
                step,
                because: StepId(3),
            },
            Event::Waiting {
                service: redis.clone(),
                reason: "redis is loading".to_owned(),
                elapsed: Duration::from_millis(900),
            },
            Event::Ready {
                service: redis.clone(),
                took: Duration::from_millis(400),
            },
            Event::ImageProgress {
                image: ImageRef::new("redis:7-alpine"),
                way: ImageWay::Pull,
                doing: "extracting".to_owned(),
                transfer: Transfer {
                    done: 1,
                    total: 2,
                    layers_done: 3,
                    layers: 4,
                },
            },
            Event::DataProgress {
                what: "jobs.csv".to_owned(),
                rows: 12,
            },
            Event::EngineProgress {
                doing: "starting".to_owned(),
            },
            Event::Generated {
                place: ".env".to_owned(),
                names: vec!["JWT_SECRET".to_owned()],
            },
            Event::Log {
                service: redis.clone(),
                number: 1,
                stream: LogStream::Stderr,
                line: "two\twords".to_owned(),
                at: None,
            },
            Event::Directive {
                text: "::group::a".to_owned(),
            },
            Event::Notice {
                text: "a".to_owned(),
            },
            Event::Warning {
                text: "b".to_owned(),
            },
            Event::Failed { failure },
            Event::Finished {
                services: vec![ServiceLine {
                    service: redis,
                    state: "ready",
                    url: None,
                    took: Some(Duration::from_millis(400)),
                    note: None,
                }],
                took: Duration::from_millis(3_200),
                unchanged: false,
                next: vec!["jobsprint-dev logs -f".to_owned()],
            },
        ]
        .map(told);

        let expected = [
            r#""event":"Planned","steps":[{"id":4,"kind":"Ready","service":"redis","title":"wait until redis is ready","cause":"needed","needs":[3]}]}"#,
            r#""event":"StepStarted","step":4}"#,
            r#""event":"StepDone","step":4,"took_ms":1400,"unchanged":false}"#,
            r#""event":"StepFailed","step":4,"failure":{"kind":"Exited","message":"it exited","details":[],"hints":["look"]}}"#,
            r#""event":"StepSkipped","step":4,"because":3}"#,
            r#""event":"Waiting","service":"redis","reason":"redis is loading","elapsed_ms":900}"#,
            r#""event":"Ready","service":"redis","took_ms":400}"#,
            r#""event":"ImageProgress","image":"redis:7-alpine","way":"Pull","doing":"extracting","transfer":{"done":1,"total":2,"layers_done":3,"layers":4}}"#,
            r#""event":"DataProgress","what":"jobs.csv","rows":12}"#,
            r#""event":"EngineProgress","doing":"starting"}"#,
            r#""event":"Generated","place":".env","names":["JWT_SECRET"]}"#,
            r#""event":"Log","service":"redis","number":1,"stream":"Stderr","line":"two\twords","at":null}"#,
            r#""event":"Directive","text":"::group::a"}"#,
            r#""event":"Notice","text":"a"}"#,
            r#""event":"Warning","text":"b"}"#,
            r#""event":"Failed","failure":{"kind":"Exited","message":"it exited","details":[],"hints":["look"]}}"#,
            r#""event":"Finished","services":[{"service":"redis","state":"ready","url":null,"took_ms":400,"note":null}],"took_ms":3200,"unchanged":false,"next":["jobsprint-dev logs -f"]}"#,
        ]
        .map(|rest| format!(r#"{{"v":1,"at_ms":3200,{rest}"#));
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_change_tells_each_phase_and_null_for_what_was_not_done() {
        let phases = Phases {
            settle: Duration::from_millis(9),
            stop: Some(Duration::from_millis(5)),
            boot: Some(Duration::from_millis(27)),
            probe: Some(Duration::ZERO),
            ..Phases::default()
        };
        let event = Event::Changed {
            service: ServiceName::new("api").expect("a valid name"),
            file: "src/server.js".to_owned(),
            files: 1,
            way: ChangeWay::RestartedInPlace,
            phases: Box::new(phases),
            took: Duration::from_millis(41),
        };

        assert_eq!(
            told(event),
            concat!(
                r#"{"v":1,"at_ms":3200,"event":"Changed","service":"api","file":"src/server.js","files":1,"#,
                r#""way":"RestartedInPlace","phases":{"settle_ms":9,"queue_ms":0,"check_ms":null,"#,
                r#""sync_ms":null,"build_ms":null,"stop_ms":5,"boot_ms":27,"probe_ms":0},"took_ms":41}"#
            )
        );
    }
}

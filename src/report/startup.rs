//! The startup report: the critical path, what overlapped it, and where the time went.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::report::timeline::{Record, RecordedStep};
use crate::report::{table, waterfall, words};

/// A link of the chain that decided how long the run took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalStep {
    /// The step's id within the plan.
    pub id: usize,
    /// The service, else the step's title.
    pub subject: String,
    /// The kind of work.
    pub phase: String,
    /// When it began.
    pub offset: Duration,
    /// How long it took.
    pub took: Duration,
}

/// The work of a service beside the critical path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Overlap {
    subject: String,
    from: Duration,
    to: Duration,
    spare: Duration,
}

/// A run, read for its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    record: Record,
    critical: Vec<CriticalStep>,
    overlaps: Vec<Overlap>,
    phases: Vec<(String, Duration)>,
}

impl Startup {
    /// Reads a record.
    #[must_use]
    pub fn of(record: Record) -> Self {
        let critical = critical_path(&record);
        let overlaps = overlaps(&record, &critical);
        let phases = phases(&record);
        Self {
            record,
            critical,
            overlaps,
            phases,
        }
    }

    /// The chain of steps, each the last that the next one waited for, that ends with the run's last step.
    #[must_use]
    pub fn critical_path(&self) -> &[CriticalStep] {
        &self.critical
    }

    /// The report as text.
    #[must_use]
    pub fn text(&self) -> String {
        if self.critical.is_empty() {
            return "nothing was done, so nothing took time\n".to_owned();
        }
        let whole = self.whole();
        let chain: Duration = self.critical.iter().map(|step| step.took).sum();
        let work: Duration = self.phases.iter().map(|(_, took)| *took).sum();
        let mut lines = vec![
            format!(
                "the run took {}; its critical path accounts for {} of it ({})",
                words::duration(whole),
                words::duration(chain),
                words::share(chain, whole)
            ),
            String::new(),
            "critical path".to_owned(),
        ];
        lines.extend(indented(&self.critical_rows()));
        if !self.overlaps.is_empty() {
            lines.extend([String::new(), "overlapped by".to_owned()]);
            lines.extend(indented(&self.overlap_rows()));
        }
        lines.extend([
            String::new(),
            format!(
                "where the time went ({} of work in {})",
                words::duration(work),
                words::duration(whole)
            ),
        ]);
        let phases: Vec<[String; 3]> = self
            .phases
            .iter()
            .map(|(phase, took)| {
                [
                    phase.clone(),
                    words::duration(*took),
                    words::share(*took, work),
                ]
            })
            .collect();
        lines.extend(indented(&table::lines(&phases)));
        lines.join("\n") + "\n"
    }

    /// The report as JSON: `{"v":1,"took_ms":…,"critical_path":[…],"overlaps":[…],"phases":[…],"steps":[…]}`.
    #[must_use]
    pub fn json(&self) -> String {
        let critical: Vec<Value> = self
            .critical
            .iter()
            .map(|step| {
                json!({
                    "step": step.id,
                    "subject": step.subject,
                    "phase": step.phase,
                    "offset_ms": millis(step.offset),
                    "took_ms": millis(step.took),
                })
            })
            .collect();
        let overlaps: Vec<Value> = self
            .overlaps
            .iter()
            .map(|overlap| {
                json!({
                    "subject": overlap.subject,
                    "from_ms": millis(overlap.from),
                    "to_ms": millis(overlap.to),
                    "spare_ms": millis(overlap.spare),
                })
            })
            .collect();
        let phases: Vec<Value> = self
            .phases
            .iter()
            .map(|(phase, took)| json!({ "phase": phase, "took_ms": millis(*took) }))
            .collect();
        json!({
            "v": self.record.v,
            "took_ms": self.record.took_ms,
            "critical_path": critical,
            "overlaps": overlaps,
            "phases": phases,
            "steps": self.record.steps,
        })
        .to_string()
    }

    /// The run as a picture: an SVG waterfall, the critical path marked.
    #[must_use]
    pub fn svg(&self) -> String {
        waterfall::svg(&self.record, &self.critical)
    }

    /// The picture in a page of its own, with the text below.
    #[must_use]
    pub fn html(&self) -> String {
        waterfall::html(&self.svg(), &self.text())
    }

    fn whole(&self) -> Duration {
        Duration::from_millis(self.record.took_ms)
    }

    fn critical_rows(&self) -> Vec<String> {
        let head = ["offset", "took", "phase", "service"].map(str::to_owned);
        let rows = self.critical.iter().map(|step| {
            [
                words::moment(step.offset),
                words::duration(step.took),
                step.phase.clone(),
                step.subject.clone(),
            ]
        });
        table::lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }

    fn overlap_rows(&self) -> Vec<String> {
        let rows: Vec<[String; 3]> = self
            .overlaps
            .iter()
            .map(|overlap| {
                let (from, to) = (words::moment(overlap.from), words::moment(overlap.to));
                [
                    overlap.subject.clone(),
                    format!("{from} to {to}"),
                    format!("{} to spare", words::duration(overlap.spare)),
                ]
            })
            .collect();
        table::lines(&rows)
    }
}

/// From the step that ended last back through what each waited for longest. Steps that took no measurable
/// time are left out of the chain.
fn critical_path(record: &Record) -> Vec<CriticalStep> {
    let by_id: BTreeMap<usize, &RecordedStep> =
        record.steps.iter().map(|step| (step.id, step)).collect();
    let latest = |steps: &mut dyn Iterator<Item = &RecordedStep>| -> Option<usize> {
        steps
            .filter_map(|step| Some((step.ended_ms?, step.id)))
            .max()
            .map(|(_, id)| id)
    };
    let mut chain = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = latest(&mut record.steps.iter());
    while let Some(step) = next.and_then(|id| by_id.get(&id)) {
        if !seen.insert(step.id) {
            break;
        }
        if step.took() > Duration::ZERO {
            chain.push(CriticalStep {
                id: step.id,
                subject: step.subject().to_owned(),
                phase: step.phase.clone(),
                offset: Duration::from_millis(step.began_ms.unwrap_or_default()),
                took: step.took(),
            });
        }
        next = latest(&mut step.needs.iter().filter_map(|id| by_id.get(id).copied()));
    }
    chain.reverse();
    chain
}

/// The services (and steps that are nobody's) off the chain: from when to when, and how much later they could
/// have ended without making the run longer.
fn overlaps(record: &Record, critical: &[CriticalStep]) -> Vec<Overlap> {
    let on_path: BTreeSet<usize> = critical.iter().map(|step| step.id).collect();
    let latest_end = latest_ends(record);
    let mut spans: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for step in &record.steps {
        let (Some(began), Some(ended)) = (step.began_ms, step.ended_ms) else {
            continue;
        };
        if on_path.contains(&step.id) || began == ended {
            continue;
        }
        let spare = latest_end
            .get(&step.id)
            .map_or(0, |latest| latest.saturating_sub(ended));
        let span = spans.entry(step.subject()).or_insert((began, ended, spare));
        if ended >= span.1 {
            (span.1, span.2) = (ended, spare);
        }
        span.0 = span.0.min(began);
    }
    spans
        .into_iter()
        .map(|(subject, (from, to, spare))| Overlap {
            subject: subject.to_owned(),
            from: Duration::from_millis(from),
            to: Duration::from_millis(to),
            spare: Duration::from_millis(spare),
        })
        .collect()
}

/// For each step the moment by which it must end, lest something that waits for it begins later.
fn latest_ends(record: &Record) -> BTreeMap<usize, u64> {
    let mut latest = BTreeMap::new();
    for step in &record.steps {
        let dependents = record
            .steps
            .iter()
            .filter(|other| other.needs.contains(&step.id));
        let end = dependents.filter_map(|other| other.began_ms).min();
        latest.insert(step.id, end.unwrap_or(record.took_ms));
    }
    latest
}

/// The work by phase, most first.
fn phases(record: &Record) -> Vec<(String, Duration)> {
    let mut by_phase: BTreeMap<&str, Duration> = BTreeMap::new();
    for step in &record.steps {
        *by_phase.entry(&step.phase).or_default() += step.took();
    }
    let mut phases: Vec<(String, Duration)> = by_phase
        .into_iter()
        .filter(|(_, took)| *took > Duration::ZERO)
        .map(|(phase, took)| (phase.to_owned(), took))
        .collect();
    phases.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    phases
}

fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("  {line}")).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::timeline::Outcome;

    fn step(
        id: usize,
        service: &str,
        phase: &str,
        needs: &[usize],
        span: (u64, u64),
    ) -> RecordedStep {
        RecordedStep {
            id,
            phase: phase.to_owned(),
            service: Some(service.to_owned()),
            title: format!("{phase} {service}"),
            needs: needs.to_vec(),
            began_ms: Some(span.0),
            ended_ms: Some(span.1),
            outcome: Outcome::Done,
        }
    }

    /// rabbitmq boots for 8 s, postgres for 2 s beside it; the api waits for both.
    fn run() -> Record {
        Record {
            v: 1,
            took_ms: 9_500,
            steps: vec![
                step(0, "postgres", "start", &[], (0, 300)),
                step(1, "postgres", "ready", &[0], (300, 2_300)),
                step(2, "rabbitmq", "start", &[], (0, 400)),
                step(3, "rabbitmq", "ready", &[2], (400, 8_400)),
                step(4, "api", "start", &[1, 3], (8_400, 8_700)),
                step(5, "api", "ready", &[4], (8_700, 9_500)),
            ],
            answers: Vec::new(),
        }
    }

    #[test]
    fn the_critical_path_is_the_chain_that_ended_last() {
        let path: Vec<String> = Startup::of(run())
            .critical_path()
            .iter()
            .map(|step| format!("{} {}", step.subject, step.phase))
            .collect();

        assert_eq!(
            path,
            ["rabbitmq start", "rabbitmq ready", "api start", "api ready"]
        );
    }

    #[test]
    fn the_text_tells_path_overlap_and_phases() {
        assert_eq!(
            Startup::of(run()).text(),
            "\
the run took 9.5 s; its critical path accounts for 9.5 s of it (100 %)

critical path
  offset  took    phase  service
  0.0s    400 ms  start  rabbitmq
  0.4s    8.0 s   ready  rabbitmq
  8.4s    300 ms  start  api
  8.7s    800 ms  ready  api

overlapped by
  postgres  0.0s to 2.3s  6.1 s to spare

where the time went (11.8 s of work in 9.5 s)
  ready  10.8 s  92 %
  start  1.0 s   8 %
"
        );
    }

    #[test]
    fn a_run_that_did_nothing_has_no_path() {
        let record = Record {
            v: 1,
            took_ms: 80,
            steps: Vec::new(),
            answers: Vec::new(),
        };

        assert_eq!(
            Startup::of(record).text(),
            "nothing was done, so nothing took time\n"
        );
    }
}

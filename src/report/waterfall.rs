//! The picture of a run: one bar a step over a scale of seconds, the critical path outlined.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::report::startup::CriticalStep;
use crate::report::timeline::{Outcome, Record, RecordedStep};
use crate::report::words;

const LEFT: u64 = 220;
const WIDTH: u64 = 760;
const ROW: u64 = 22;
const TOP: u64 = 36;
const TICKS: u64 = 8;

const STYLE: &str = "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#222}\
.tick{stroke:#ddd}.time{fill:#777}.critical{stroke:#111;stroke-width:1.5}.failed{fill:#c62828}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.tick{stroke:#444}.critical{stroke:#fff}}";

/// The waterfall as a document of its own. Steps that took no time have no bar.
pub fn svg(record: &Record, critical: &[CriticalStep]) -> String {
    let critical: BTreeSet<usize> = critical.iter().map(|step| step.id).collect();
    let mut steps: Vec<&RecordedStep> = record
        .steps
        .iter()
        .filter(|step| step.began_ms.is_some() && step.ended_ms > step.began_ms)
        .collect();
    steps.sort_by_key(|step| (step.began_ms, step.id));
    let scale = Scale {
        whole: record.took_ms.max(1),
    };
    let rows = u64::try_from(steps.len()).unwrap_or_default();
    let (width, height) = (LEFT + WIDTH + 90, TOP + rows * ROW + 12);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"startup waterfall\">\n<style>{STYLE}</style>\n"
    );
    picture.push_str(&scale.ticks(height));
    for (place, step) in (0..).zip(&steps) {
        picture.push_str(&bar(step, TOP + place * ROW, scale, &critical));
    }
    picture.push_str("</svg>\n");
    picture
}

/// A page with the picture and the text below it.
pub fn html(svg: &str, text: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Startup report</title>\n\
         <style>:root{{color-scheme:light dark}}body{{font:14px ui-sans-serif,system-ui,sans-serif;margin:2em}}\
         svg{{max-width:100%;height:auto}}</style>\n<h1>Startup report</h1>\n{svg}<pre>{}</pre>\n</html>\n",
        escaped(text)
    )
}

#[derive(Clone, Copy)]
struct Scale {
    whole: u64,
}

impl Scale {
    fn x(self, millis: u64) -> u64 {
        LEFT + millis.min(self.whole) * WIDTH / self.whole
    }

    fn ticks(self, height: u64) -> String {
        let mut ticks = String::new();
        for tick in 0..=TICKS {
            let millis = self.whole * tick / TICKS;
            let x = self.x(millis);
            let label = words::moment(std::time::Duration::from_millis(millis));
            writeln!(
                ticks,
                "<line class=\"tick\" x1=\"{x}\" x2=\"{x}\" y1=\"24\" y2=\"{height}\"/>\
                 <text class=\"time\" x=\"{x}\" y=\"16\" text-anchor=\"middle\">{label}</text>"
            )
            .expect("a String takes all text");
        }
        ticks
    }
}

fn bar(step: &RecordedStep, y: u64, scale: Scale, critical: &BTreeSet<usize>) -> String {
    let (began, ended) = (
        step.began_ms.unwrap_or_default(),
        step.ended_ms.unwrap_or_default(),
    );
    let x = scale.x(began);
    let width = (scale.x(ended) - x).max(2);
    let class = match (step.outcome, critical.contains(&step.id)) {
        (Outcome::Failed, _) => "failed",
        (_, true) => "critical",
        (_, false) => "beside",
    };
    let label = escaped(&format!("{} {}", step.subject(), step.phase));
    let took = words::duration(step.took());
    format!(
        "<g><title>{}: {took}</title><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>\
         <rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"14\" rx=\"2\" fill=\"{}\"/>\
         <text class=\"time\" x=\"{}\" y=\"{}\">{took}</text></g>\n",
        escaped(&step.title),
        LEFT - 8,
        y + 12,
        y + 1,
        colour(&step.phase),
        x + width + 6,
        y + 12,
    )
}

fn colour(phase: &str) -> &'static str {
    match phase {
        "image" => "#8e6bbf",
        "create" | "network" | "volume" => "#7f9db9",
        "start" => "#e0a030",
        "ready" | "complete" => "#4f9d69",
        "migrate" | "seed" => "#3b82c4",
        _ => "#999999",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_bar_for_each_step_that_took_time() {
        let step = |id, title: &str, span: (u64, u64)| RecordedStep {
            id,
            phase: "ready".to_owned(),
            service: None,
            title: title.to_owned(),
            needs: Vec::new(),
            began_ms: Some(span.0),
            ended_ms: Some(span.1),
            outcome: Outcome::Done,
        };
        let record = Record {
            v: 1,
            took_ms: 1000,
            steps: vec![
                step(0, "wait for <a> & \"b\"", (0, 500)),
                step(1, "nothing", (500, 500)),
            ],
            answers: Vec::new(),
        };

        let picture = svg(&record, &[]);

        assert_eq!(picture.matches("<rect").count(), 1);
        assert!(picture.contains("wait for &lt;a&gt; &amp; &quot;b&quot;: 500 ms"));
        assert!(html(&picture, "a < b").contains("<pre>a &lt; b</pre>"));
    }
}

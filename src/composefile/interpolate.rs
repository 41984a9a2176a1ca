//! `$NAME` and `${…}` in the values of a tree, never in its keys.

use std::collections::BTreeSet;

use crate::dotenv::{Lookup, Template, TemplateError, TemplateFault};

use super::check::Finding;
use super::diagnostic::Severity;
use super::node::{Node, Value};
use super::source::Place;

/// Puts the environment's values into one file's tree.
pub(super) struct Interpolator<'a> {
    /// The file's text, to find a variable's own place.
    pub text: &'a str,
    /// Where values come from.
    pub lookup: &'a Lookup<'a>,
    /// Variables already warned of.
    pub warned: &'a mut BTreeSet<String>,
    /// What was found.
    pub findings: &'a mut Vec<Finding>,
}

impl Interpolator<'_> {
    /// Interpolates every string below `node`.
    pub(super) fn interpolate(&mut self, node: &mut Node) {
        let place = node.place;
        match &mut node.value {
            Value::Text(text) => {
                if text.contains('$')
                    && let Some(expanded) = self.expand(text, place)
                {
                    *text = expanded;
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.interpolate(item)),
            Value::Map(map) => map
                .0
                .iter_mut()
                .for_each(|entry| self.interpolate(&mut entry.value)),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
        }
    }

    fn expand(&mut self, text: &str, place: Place) -> Option<String> {
        match Template::parse(text).and_then(|template| template.expand(self.lookup)) {
            Ok(expansion) => {
                for name in expansion.unset {
                    self.warn(text, place, &name);
                }
                Some(expansion.text)
            }
            Err(error) => {
                self.fail(text, place, &error);
                None
            }
        }
    }

    fn warn(&mut self, text: &str, place: Place, name: &str) {
        if !self.warned.insert(name.to_owned()) {
            return;
        }
        let template = Template::parse(text).ok();
        let span = template.and_then(|template| {
            let named = template
                .variables()
                .into_iter()
                .find(|variable| variable.name == name)?
                .span
                .clone();
            Some(named)
        });
        let place = span.map_or(place, |span| self.within(place, text, span));
        self.findings.push(Finding {
            severity: Severity::Warning,
            message: format!("the variable `{name}` is not set: an empty string is used"),
            marks: vec![(place, "not set".to_owned())],
            help: Some(format!(
                "set it in `.env`, or give a default: `${{{name}:-…}}`"
            )),
        });
    }

    fn fail(&mut self, text: &str, place: Place, error: &TemplateError) {
        let help = match &error.fault {
            TemplateFault::Required { name, .. } => {
                format!("set `{name}` in `.env` or in the environment")
            }
            _ => "write `$$` where a plain `$` is meant".to_owned(),
        };
        self.findings.push(Finding {
            severity: Severity::Error,
            message: error.fault.to_string(),
            marks: vec![(self.within(place, text, error.span.clone()), String::new())],
            help: Some(help),
        });
    }

    /// The bytes of a part of the text, where the file writes the text as it is; else the whole scalar.
    fn within(&self, place: Place, text: &str, span: std::ops::Range<usize>) -> Place {
        let Some(written) = self.text.get(place.range()) else {
            return place;
        };
        let Some(offset) = written.find(text) else {
            return place;
        };
        let start = place.start as usize + offset + span.start;
        Place::new(place.source, start, start + span.len())
    }
}

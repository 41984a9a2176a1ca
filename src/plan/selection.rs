//! Which services a request means: those named, and all that they depend on.

use std::collections::BTreeSet;

use crate::domain::{ServiceName, Stack};

/// A service was named that the stack hasn't.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such service `{name}`")]
pub struct UnknownService {
    /// What was named.
    pub name: String,
    /// The services there are.
    pub known: Vec<String>,
}

/// The services of `names` with their dependencies, or all enabled ones where none is named.
///
/// # Errors
/// [`UnknownService`] where a name is not an enabled service's.
pub fn select(stack: &Stack, names: &[String]) -> Result<BTreeSet<ServiceName>, UnknownService> {
    if names.is_empty() {
        return Ok(stack.services.keys().cloned().collect());
    }
    let mut chosen = BTreeSet::new();
    let mut waiting: Vec<ServiceName> = Vec::new();
    for name in names {
        let known = ServiceName::new(name.clone())
            .ok()
            .filter(|name| stack.services.contains_key(name));
        match known {
            Some(name) => waiting.push(name),
            None => {
                return Err(UnknownService {
                    name: name.clone(),
                    known: stack.services.keys().map(ToString::to_string).collect(),
                });
            }
        }
    }
    while let Some(name) = waiting.pop() {
        let Some(service) = stack.services.get(&name) else {
            continue;
        };
        if chosen.insert(name) {
            waiting.extend(service.depends_on.keys().cloned());
        }
    }
    Ok(chosen)
}

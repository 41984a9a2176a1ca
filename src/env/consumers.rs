//! Who reads a variable: the services that are different when its value is.

use std::collections::{BTreeMap, BTreeSet};

use super::Kind;
use crate::domain::{Environment, Service, ServiceName, Stack};

/// A value of this kind that nobody has: put in a variable's place, it shows where the variable goes.
#[must_use]
pub fn marker(kind: &Kind, now: Option<&str>) -> String {
    let candidates = [
        "65432",
        "65433",
        "http://jobsprint-marker.invalid",
        "jobsprint-marker",
        "true",
        "false",
    ];
    let fits = |candidate: &&str| kind.accepts(candidate) && now != Some(*candidate);
    match kind {
        Kind::Choice(words) => words
            .iter()
            .find(|word| now != Some(word.as_str()))
            .cloned()
            .unwrap_or_default(),
        Kind::Text(_) => "jobsprint-marker".to_owned(),
        _ => candidates.into_iter().find(fits).unwrap_or("1").to_owned(),
    }
}

/// The services that differ between two readings of the same files, each with the names under which they see the difference.
#[must_use]
pub fn differences(before: &Stack, after: &Stack) -> BTreeMap<ServiceName, Vec<String>> {
    before
        .services
        .iter()
        .filter_map(|(name, service)| {
            let names = match after.services.get(name) {
                Some(other) => between(service, other),
                None => vec!["its profile".to_owned()],
            };
            (!names.is_empty()).then(|| (name.clone(), names))
        })
        .collect()
}

fn between(one: &Service, other: &Service) -> Vec<String> {
    let (before, after) = (&one.container.environment, &other.container.environment);
    let keys: BTreeSet<&str> = before
        .iter()
        .chain(after.iter())
        .map(|(key, _)| key)
        .collect();
    let mut names: Vec<String> = keys
        .into_iter()
        .filter(|key| before.get(key) != after.get(key))
        .map(str::to_owned)
        .collect();
    if one.container.ports != other.container.ports {
        names.push("a published port".to_owned());
    }
    if one.image != other.image {
        names.push("its image".to_owned());
    }
    if names.is_empty() && rest(one) != rest(other) {
        names.push("a setting".to_owned());
    }
    names
}

/// What reaches the container besides environment and ports.
fn rest(service: &Service) -> crate::domain::ContainerSettings {
    let mut settings = service.container.clone();
    settings.environment = Environment::default();
    settings.ports.clear();
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ImageSource;

    #[test]
    fn a_service_tells_the_names_under_which_it_sees_a_change() {
        let name = ServiceName::new("api").unwrap();
        let mut before = Service::new(name, ImageSource::named("api"));
        before.container.environment.set("DATABASE_URL", "a");
        before.container.environment.set("OTHER", "x");
        let mut after = before.clone();
        after.container.environment.set("DATABASE_URL", "b");

        assert_eq!(between(&before, &after), ["DATABASE_URL"]);
        assert_eq!(between(&before, &before), Vec::<String>::new());
    }

    #[test]
    fn a_marker_is_of_the_variables_kind_and_new() {
        assert_eq!(marker(&Kind::Port, Some("65432")), "65433");
        let words = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(marker(&Kind::Choice(words), Some("a")), "b");
        assert_eq!(marker(&Kind::default(), None), "jobsprint-marker");
    }
}

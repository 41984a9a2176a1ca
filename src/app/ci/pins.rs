//! Which images a stack ran: by id, and by what registries call them, so that the same ones run again elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::app::faults;
use crate::domain::{Failure, FailureKind, ImageRef, ImageSource, PullPolicy, Stack};
use crate::engine::Engine;

/// The images by service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Pins {
    schema: u32,
    services: BTreeMap<String, Pin>,
}

/// An image as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    /// The name that the files have for it.
    image: String,
    /// The engine's id, a digest of what is in it.
    id: String,
    /// What registries call it; none where it was built.
    digests: Vec<String>,
    /// Whether the files have a recipe for it.
    built: bool,
}

impl Pins {
    /// The images of `stack` that are here. What the engine can't tell any more is left out.
    pub async fn of(engine: &dyn Engine, stack: &Stack) -> Self {
        let mut services = BTreeMap::new();
        for service in stack.services.values() {
            let image = &service.image.reference;
            let Ok(Some(id)) = engine.image(image).await else {
                continue;
            };
            let traits = engine.image_traits(image).await.ok().flatten();
            let pin = Pin {
                image: image.to_string(),
                id: id.to_string(),
                digests: traits.map(|traits| traits.digests).unwrap_or_default(),
                built: service.image.build.is_some(),
            };
            services.insert(service.name.to_string(), pin);
        }
        Self {
            schema: 1,
            services,
        }
    }

    /// Sees that all of them are here.
    ///
    /// # Errors
    /// Which are not, and how each is got.
    pub async fn require(&self, engine: &dyn Engine, commit: Option<&str>) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for (service, pin) in &self.services {
            let here = engine.image(&ImageRef::new(pin.id.as_str())).await;
            let here = here.map_err(|error| faults::at("look at the images", error))?;
            if here.is_none() {
                lines.push(format!("`{service}` ran {} ({})", pin.image, pin.id));
                lines.push(format!("  {}", pin.way(service, commit)));
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let message = match lines.len() / 2 {
            1 => "an image of that run is not here any more".to_owned(),
            count => format!("{count} images of that run are not here any more"),
        };
        Err(Failure::new(FailureKind::Image, message)
            .details(lines)
            .hint("or take what has their names today: add `--unpinned`"))
    }

    /// Makes the stack's services run just these.
    pub fn pin(&self, stack: &mut Stack) {
        for service in stack.services.values_mut() {
            if let Some(pin) = self.services.get(service.name.as_str()) {
                service.image = ImageSource {
                    pull: PullPolicy::Never,
                    ..ImageSource::named(pin.id.as_str())
                };
            }
        }
    }
}

impl Pin {
    /// How one gets it.
    fn way(&self, service: &str, commit: Option<&str>) -> String {
        match (self.digests.first(), self.built) {
            (Some(digest), _) => format!("get it with `docker pull {digest}`"),
            (None, true) => {
                let at = commit.map_or_else(String::new, |commit| format!(" at commit {commit}"));
                format!(
                    "it was built there{at}: bring it over with `docker save` and `docker load`, or build it anew with `jobsprint-dev up --build {service}` and `--unpinned`"
                )
            }
            (None, false) => {
                "no registry has it: bring it over with `docker save` and `docker load`".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(digests: &[&str], built: bool) -> Pin {
        Pin {
            image: "redis:7".to_owned(),
            id: "sha256:1".to_owned(),
            digests: digests.iter().map(|&digest| digest.to_owned()).collect(),
            built,
        }
    }

    #[test]
    fn each_kind_of_image_has_a_way_to_it() {
        let pulled = pin(&["redis@sha256:2"], true).way("cache", None);
        let built = pin(&[], true).way("api", Some("abc"));
        let imported = pin(&[], false).way("x", None);

        assert_eq!(pulled, "get it with `docker pull redis@sha256:2`");
        assert!(built.contains("built there at commit abc"), "{built}");
        assert!(built.contains("up --build api"), "{built}");
        assert!(imported.contains("docker save"), "{imported}");
    }
}

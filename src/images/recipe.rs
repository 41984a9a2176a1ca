//! A `build` section read from disk: its Dockerfile, what it builds upon, and the context to send.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::context::{Context, FOREIGN_DOCKERFILE};
use super::dockerfile::bases;
use super::{IgnoreRules, ImageError};
use crate::domain::{Build, ImageRef};
use crate::engine::BuildRequest;

/// A recipe: all that a build needs besides the engine.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    image: ImageRef,
    build: Build,
    context: Context,
    /// The images that it builds upon.
    pub bases: BTreeSet<ImageRef>,
}

impl Recipe {
    /// Reads the Dockerfile and `.dockerignore` of `build`.
    ///
    /// # Errors
    /// [`ImageError::Recipe`] naming what can't be read.
    pub(super) fn read(image: &ImageRef, build: &Build) -> Result<Self, ImageError> {
        let wrong = |what: String| ImageError::Recipe {
            image: image.clone(),
            what,
        };
        if !build.context.is_dir() {
            let context = build.context.display();
            return Err(wrong(format!("there is no directory `{context}`")));
        }
        let (text, place) = dockerfile(build).map_err(wrong)?;
        let ignore = ignore_file(build, place.as_deref());
        let inside = place
            .as_deref()
            .and_then(|place| place.strip_prefix(&build.context).ok())
            .and_then(Path::to_str)
            .map(ToOwned::to_owned);
        let bases = bases(&text, &build.args);
        let context = Context {
            directory: build.context.clone(),
            ignore,
            foreign: inside.is_none().then_some(text),
            dockerfile: inside.unwrap_or_else(|| FOREIGN_DOCKERFILE.to_owned()),
        };
        Ok(Self {
            image: image.clone(),
            build: build.clone(),
            context,
            bases,
        })
    }

    /// The request, its context's stream begun.
    pub(super) fn request(&self, platform: Option<&str>) -> BuildRequest {
        let mut build = self.build.clone();
        if build.platforms.is_empty() {
            build.platforms.extend(platform.map(ToOwned::to_owned));
        }
        BuildRequest {
            tag: self.image.clone(),
            build,
            dockerfile: self.context.dockerfile.clone(),
            context: self.context.clone().stream(),
            labels: BTreeMap::new(),
        }
    }
}

/// The Dockerfile's text, and its file where it is one.
fn dockerfile(build: &Build) -> Result<(String, Option<PathBuf>), String> {
    if let Some(text) = &build.dockerfile_inline {
        return Ok((text.clone(), None));
    }
    let place = build
        .dockerfile
        .clone()
        .unwrap_or_else(|| build.context.join("Dockerfile"));
    match fs::read_to_string(&place) {
        Ok(text) => Ok((text, Some(place))),
        Err(error) => Err(format!("cannot read `{}`: {error}", place.display())),
    }
}

/// `Dockerfile.dockerignore` beside the Dockerfile wins over `.dockerignore` of the context.
fn ignore_file(build: &Build, dockerfile: Option<&Path>) -> IgnoreRules {
    let own = dockerfile.map(|place| {
        let mut name = place.as_os_str().to_owned();
        name.push(".dockerignore");
        PathBuf::from(name)
    });
    let text = own
        .and_then(|own| fs::read_to_string(own).ok())
        .or_else(|| fs::read_to_string(build.context.join(".dockerignore")).ok());
    IgnoreRules::parse(&text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_directory_or_dockerfile_is_named() {
        let image = ImageRef::new("app");
        let told = |build: &Build| {
            Recipe::read(&image, build)
                .expect_err("unreadable")
                .to_string()
        };
        let empty = tempfile::tempdir().expect("a temporary directory");
        let build = |context: &Path| Build {
            context: context.to_owned(),
            ..Build::default()
        };

        assert_eq!(
            told(&build(Path::new("/nowhere"))),
            "cannot build `app:latest`: there is no directory `/nowhere`"
        );
        let without = told(&build(empty.path()));
        assert!(without.contains("/Dockerfile`: No such file"), "{without}");
    }

    #[test]
    fn a_dockerfile_outside_the_context_travels_with_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let context = directory.path().join("app");
        fs::create_dir(&context).expect("made");
        let dockerfile = directory.path().join("other.Dockerfile");
        fs::write(&dockerfile, "FROM debian:bookworm-slim").expect("written");
        let build = Build {
            context,
            dockerfile: Some(dockerfile),
            ..Build::default()
        };

        let recipe = Recipe::read(&ImageRef::new("app"), &build).expect("readable");

        assert_eq!(recipe.context.dockerfile, FOREIGN_DOCKERFILE);
        assert_eq!(
            recipe.context.foreign.as_deref(),
            Some("FROM debian:bookworm-slim")
        );
        assert_eq!(recipe.bases, [ImageRef::new("debian:bookworm-slim")].into());
    }
}

//! From a request to a [`Loaded`] project: the steps in their order.

use super::loader::{Layer, Loader, resolve_environment};
use super::lower::Lowering;
use super::project::{self, failure};
use super::tidy::tidy;
use super::{
    Diagnostics, FileReader, LoadRequest, Loaded, Model, consistency, normalise, schema, support,
};
use crate::domain::ProjectName;

/// Reads the project that `request` means: found, interpolated, merged, checked and lowered.
///
/// # Errors
/// [`Diagnostics`] with every fault that was found, each with its place.
pub fn load(request: &LoadRequest, reader: &dyn FileReader) -> Result<Loaded, Diagnostics> {
    let mut found = project::find(request, reader)?;
    let mut loader = Loader::new(reader, found.environment.get("HOME").cloned());
    let project = project_name(request, &found, &mut loader)?;
    found
        .environment
        .insert("COMPOSE_PROJECT_NAME".to_owned(), project.to_string());
    let layer = Layer {
        base: found.directory.clone(),
        environment: found.environment.clone(),
        trail: Vec::new(),
    };

    let mut merged = loader.load(&found.files, &layer);
    resolve_environment(&mut merged, &layer.environment);
    let is_faulty = loader.has_faults();
    let Some(mut root) = tidy(merged, &schema::FILE).filter(|root| !root.entries().is_empty())
    else {
        if is_faulty {
            return Err(Diagnostics(loader.diagnostics().0));
        }
        return Err(failure(
            format!("`{}` is empty", found.files.join("`, `")),
            Some("define services in it"),
        ));
    };
    normalise::complete(
        &mut root,
        project.as_str(),
        &found.directory,
        &found.environment,
        &mut loader,
    );
    let disabled = normalise::split_disabled(&mut root, &found.profiles);
    consistency::check(&root, &disabled, &mut loader);
    if is_faulty {
        return Err(Diagnostics(loader.diagnostics().0));
    }
    normalise::drop_unused(&mut root);
    support::warn_of_unapplied(&root, &schema::FILE, &mut loader);
    let lowering = Lowering {
        project: &project,
        root: &root,
        variables: &found.environment,
        loader: &mut loader,
    };
    let stack = lowering.stack(&disabled, &found.directory, &found.files);

    let (errors, warnings) = loader.diagnostics();
    if !errors.is_empty() {
        return Err(Diagnostics(errors));
    }
    found.warnings.extend(warnings);
    let model = Model::new(&root, &disabled);
    Ok(Loaded {
        stack,
        model,
        warnings: found.warnings,
        environment: found.environment,
    })
}

/// The project's name: `-p`, `COMPOSE_PROJECT_NAME`, `name:` in the files, else the directory's own.
fn project_name(
    request: &LoadRequest,
    found: &project::Project,
    loader: &mut Loader,
) -> Result<ProjectName, Diagnostics> {
    let of_environment = || {
        found
            .environment
            .get("COMPOSE_PROJECT_NAME")
            .filter(|name| !name.is_empty())
            .cloned()
    };
    let imposed = request.project.clone().or_else(of_environment);
    if let Some(name) = imposed.or_else(|| loader.name(&found.files, &found.environment)) {
        return ProjectName::new(name)
            .map_err(|invalid| failure(invalid.to_string(), Some("name another with `-p`")));
    }
    let directory = found.directory.rsplit('/').next().unwrap_or_default();
    ProjectName::normalised(directory).ok_or_else(|| {
        let message = format!("the directory `{}` gives no project name", found.directory);
        failure(
            message,
            Some("name the project with `-p`, or with `name:` in the file"),
        )
    })
}

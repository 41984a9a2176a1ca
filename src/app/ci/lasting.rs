//! A stack that runs of one checkout use one after the other (`--reuse`): what the next run must know of it to take it
//! over, kept among the tool's own state and readable by its owner alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::app::session::Session;
use crate::domain::{Failure, FailureKind, ProjectName, Secret};
use crate::engine::Engine;
use crate::isolate::{Choice, Lease, Reach, Relocation, ci_project};
use crate::store::{read_record, write_record};

/// The version of its file.
const VERSION: u32 = 1;

/// What was chosen for the stack when it was made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Lasting {
    version: u32,
    /// By the variables' names.
    values: BTreeMap<String, String>,
    ports: BTreeMap<u16, u16>,
    subnets: BTreeMap<String, String>,
    /// As the objects have it: another one would ask for other containers.
    lease: BTreeMap<String, String>,
}

/// The project of the stack that runs in this checkout share.
pub(super) fn project_of(base: &ProjectName, root: &std::path::Path) -> ProjectName {
    let hash = Sha256::digest(root.as_os_str().as_encoded_bytes());
    ci_project(base, u32::from_be_bytes([0, hash[0], hash[1], hash[2]]))
}

fn place(session: &Session, project: &ProjectName) -> PathBuf {
    let directory = session.locks().with_file_name("reuse");
    directory.join(format!("{project}.json"))
}

impl Lasting {
    /// What is known of the stack, where the engine still has it.
    pub async fn find(
        session: &Session,
        engine: &dyn Engine,
        project: &ProjectName,
    ) -> Option<Self> {
        let known: Option<Self> = read_record(&place(session, project), VERSION).ok()?;
        let known = known?;
        let observed = engine.observe(project, &[]).await.ok()?;
        (!observed.containers.is_empty()).then_some(known)
    }

    /// The values that it was made with.
    pub fn values(&self) -> BTreeMap<String, Secret> {
        let values = self.values.iter();
        values
            .map(|(name, value)| (name.clone(), Secret::new(value)))
            .collect()
    }

    /// The choice that it was made by; ports and subnets that its files ask for since then are taken from `fresh`.
    pub fn choice(&self, fresh: Choice, reach: Reach) -> Choice {
        let kept = |known: &BTreeMap<u16, u16>, port: u16, fresh| {
            (port, known.get(&port).copied().unwrap_or(fresh))
        };
        let ports = fresh.relocation.ports.into_iter();
        let ports = ports.map(|(port, fresh)| kept(&self.ports, port, fresh));
        let mut subnets = fresh.subnets;
        for (key, subnet) in &mut subnets {
            if let Some(known) = self.subnets.get(key) {
                subnet.clone_from(known);
            }
        }
        Choice {
            project: fresh.project,
            relocation: Relocation {
                ports: ports.collect(),
                reach,
            },
            subnets,
            lease: Lease::of(&self.lease).unwrap_or(fresh.lease),
        }
    }

    /// Notes what was chosen.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn note(
        session: &Session,
        choice: &Choice,
        values: &BTreeMap<String, Secret>,
    ) -> Result<(), Failure> {
        let lasting = Self {
            version: VERSION,
            values: values
                .iter()
                .map(|(name, value)| (name.clone(), value.expose().to_owned()))
                .collect(),
            ports: choice.relocation.ports.clone(),
            subnets: choice.subnets.clone(),
            lease: choice.lease.labels(),
        };
        let path = place(session, &choice.project);
        let failed = |reason: String| {
            let message = format!("cannot write `{}`: {reason}", path.display());
            Failure::new(FailureKind::Project, message).hint("go without `--reuse`")
        };
        let directory = path.parent().expect("it is below the state's directory");
        fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
        let written = write_record(&path, VERSION, &lasting);
        let aside = written.map_err(|error| failed(error.to_string()))?;
        if let Some(aside) = aside {
            fs::remove_file(aside).ok(); // it was of a stack that is gone, and has that one's secrets
        }
        Ok(())
    }
}

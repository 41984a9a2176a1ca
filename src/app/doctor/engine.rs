//! What is asked of the engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::host::space;
use super::project::AtEngine;
use crate::app::hands::images_of;
use crate::doctor::{EngineSeen, LITTLE_SPACE, LookupSeen};
use crate::domain::{ObservedContainer, ServiceName, Stack};
use crate::engine::{Engine, EngineFacts, EngineSurvey, ExecRequest};

/// How long the engine may take over one question.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many containers are asked to look names up: a fault of the engine shows in all of them.
const ASKED: usize = 4;
/// Prints the name servers, and whether the name in `$1` is found; nothing where no program can look it up.
const LOOKUP: &str = r#"cat /etc/resolv.conf 2>/dev/null; echo --
[ -n "$1" ] || exit 0
if command -v getent >/dev/null; then getent hosts "$1"
elif command -v nslookup >/dev/null; then nslookup "$1"
elif command -v busybox >/dev/null; then busybox nslookup "$1"
else exit 0; fi >/dev/null 2>&1 && echo found || echo unknown"#;

/// Asks the engine all at once.
pub(super) async fn look(
    engine: &Arc<dyn Engine>,
    stack: Option<&Stack>,
    found: &AtEngine,
) -> EngineSeen {
    let running: Vec<&ObservedContainer> = found
        .observed
        .iter()
        .flat_map(|observed| &observed.containers)
        .filter(|container| container.is_running())
        .collect();
    let images = stack.map(images_of).unwrap_or_default();
    let (facts, (survey, asked), images, lookups, used) = tokio::join!(
        engine.facts(),
        survey(engine.as_ref()),
        join_all(images.into_iter().map(|image| async {
            let traits = timeout(PATIENCE, engine.image_traits(&image)).await;
            Some((image, traits.ok()?.ok()??))
        })),
        join_all(running.iter().take(ASKED).map(|container| lookup(
            engine.as_ref(),
            stack,
            container,
            &running
        ))),
        join_all(running.iter().map(|container| async {
            let usage = timeout(PATIENCE, engine.usage(&container.id)).await;
            let usage = usage.ok().and_then(Result::ok)?;
            Some((container.service.clone(), usage.memory))
        })),
    );
    let facts = facts.unwrap_or_else(|_| EngineFacts {
        version: String::new(),
        api: (0, 0),
        platform: String::new(),
        address: String::new(),
        routable: false,
        gateway: None,
    });
    let is_here = facts.address.starts_with("unix:");
    let root = survey.as_ref().ok().map(|survey| survey.root.clone());
    let space = root
        .filter(|root| is_here && !root.is_empty())
        .and_then(|root| space(Path::new(&root)));
    let mut used_memory: BTreeMap<ServiceName, u64> = BTreeMap::new();
    for (service, bytes) in used.into_iter().flatten() {
        // Of several containers of a service, the hungriest speaks for each.
        let most = used_memory.entry(service).or_default();
        *most = bytes.max(*most);
    }
    EngineSeen {
        disk_users: match space {
            Some(space) if space.free < LITTLE_SPACE => {
                let asked = timeout(PATIENCE, engine.disk_users()).await;
                asked.ok().and_then(Result::ok)
            }
            _ => None,
        },
        space,
        facts,
        survey,
        asked,
        images: images.into_iter().flatten().collect(),
        lookups: lookups.into_iter().flatten().collect(),
        used_memory,
    }
}

async fn survey(engine: &dyn Engine) -> (Result<EngineSurvey, String>, SystemTime) {
    let survey = match timeout(PATIENCE, engine.survey()).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    (survey, SystemTime::now())
}

/// How a container looks up names; `None` where nothing in it can tell.
async fn lookup(
    engine: &dyn Engine,
    stack: Option<&Stack>,
    container: &ObservedContainer,
    running: &[&ObservedContainer],
) -> Option<LookupSeen> {
    let service = stack?.service(&container.service)?;
    // Only services of the project's own networks have names for each other.
    let neighbour: Option<&ServiceName> = running
        .iter()
        .filter(|other| other.service != container.service)
        .find(|other| {
            let mut networks = other.addresses.keys();
            networks.any(|network| container.addresses.contains_key(network))
        })
        .map(|other| &other.service)
        .filter(|_| service.container.network_mode.is_none());
    let name = neighbour.map_or("", ServiceName::as_str);
    let request = ExecRequest {
        command: ["sh", "-c", LOOKUP, "sh", name].map(str::to_owned).to_vec(),
        ..ExecRequest::default()
    };
    let ran = timeout(PATIENCE, engine.execute(&container.id, &request)).await;
    let output = ran.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (configuration, word) = text.split_once("--\n")?;
    Some(LookupSeen {
        service: container.service.clone(),
        servers: configuration
            .lines()
            .filter_map(|line| line.trim().strip_prefix("nameserver"))
            .map(|server| server.trim().to_owned())
            .collect(),
        unknown: neighbour.filter(|_| word.trim() == "unknown").cloned(),
    })
}

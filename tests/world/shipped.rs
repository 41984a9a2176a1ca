//! The shipped stack's images, made from their recipes where the engine hasn't got them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jobsprint_dev::app::files::Disk;
use jobsprint_dev::composefile::{LoadRequest, load};
use jobsprint_dev::domain::{Consent, ImageRef};
use jobsprint_dev::engine::Engine;
use jobsprint_dev::event::Events;
use jobsprint_dev::images::Acquirer;
use tokio::sync::Mutex;

/// One image at a time: tests of one binary run side by side and want the same ones.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Sees to it that `image` is here; only the shipped stack's can be made.
pub async fn ensure(engine: &Arc<dyn Engine>, image: &ImageRef) {
    let _turn = ONE_AT_A_TIME.lock().await;
    if engine
        .image(image)
        .await
        .expect("the engine answers")
        .is_some()
    {
        return;
    }
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/docker-compose.yml");
    let secrets = [
        "JWT_SECRET",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "RABBITMQ_PASSWORD",
        "N8N_ENCRYPTION_KEY",
        "N8N_OWNER_PASSWORD",
    ];
    let environment: BTreeMap<String, String> = std::env::vars()
        .chain(secrets.map(|name| (name.to_owned(), "unused".to_owned())))
        .collect();
    let request = LoadRequest {
        files: vec![compose],
        project: None,
        directory: None,
        env_files: Vec::new(),
        profiles: Vec::new(),
        environment: environment.clone(),
        current_dir: env!("CARGO_MANIFEST_DIR").into(),
    };
    let stack = load(&request, &Disk)
        .expect("the shipped stack is right")
        .stack;
    let source = stack
        .services
        .values()
        .map(|service| &service.image)
        // The base is made on the way to any image that builds upon it.
        .find(|source| &source.reference == image || stack.bases.contains_key(image))
        .unwrap_or_else(|| panic!("no shipped recipe makes `{image}`"));
    let (events, _listener) = Events::channel();
    let made = Acquirer::new(Arc::clone(engine), &stack, environment)
        .with_consent(Consent::Given)
        .ensure(source, None, &events)
        .await;
    if let Err(error) = made {
        panic!("{:?}", error.into_failure());
    }
}

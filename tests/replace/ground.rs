//! A service of its own on the real engine, to be replaced in.

use std::sync::Arc;
use std::time::Duration;

use jobsprint_dev::domain::{
    ContainerId, ContainerSpec, ContainerState, ImageRef, ImageSource, ReplaceMode, Service,
    ServiceName,
};
use jobsprint_dev::engine::{Engine, ExecRequest, LogRequest};
use jobsprint_dev::plan::{SUPERVISOR, SUPERVISOR_VERSION};
use jobsprint_dev::replace::{self, Replacer};

use super::support::{self, Bed};

/// A shell of Debian's kind beside the tiny image's busybox.
pub const DEBIAN: &str = "redis:7-alpine";
/// What runs nearly everywhere this tool does.
pub const NODE: &str = "node:24-bookworm-slim";

/// How long a fact is waited for.
const LIMIT: Duration = Duration::from_secs(20);

/// A service with a container.
pub struct Ground {
    pub bed: Bed,
    pub service: Service,
    pub spec: ContainerSpec,
    pub container: ContainerId,
    pub replacer: Replacer,
}

impl Ground {
    /// A container of the tiny image that runs `script` in its shell under the supervisor.
    pub async fn tiny(script: &str) -> Self {
        let engine = support::engine().await;
        let image = support::tiny_image(&engine).await;
        Self::made(engine, &image, script, |_| {}).await
    }

    /// The same of another image.
    pub async fn of(image: &str, script: &str) -> Self {
        Self::made(
            support::engine().await,
            &ImageRef::new(image),
            script,
            |_| {},
        )
        .await
    }

    /// A container whose specification is changed before it is made.
    pub async fn with(script: &str, change: impl FnOnce(&mut ContainerSpec)) -> Self {
        let engine = support::engine().await;
        let image = support::tiny_image(&engine).await;
        Self::made(engine, &image, script, change).await
    }

    async fn made(
        engine: Arc<dyn Engine>,
        image: &ImageRef,
        script: &str,
        change: impl FnOnce(&mut ContainerSpec),
    ) -> Self {
        let here = engine.image(image).await.expect("the engine answers");
        assert!(
            here.is_some(),
            "`{image}` is not here; hint: run `jobsprint-dev setup`"
        );
        let bed = Bed::on(Arc::clone(&engine));
        let network = bed.network();
        engine.create_network(&network).await.expect("made");
        let mut spec = bed.container(image, "web", &["/bin/sh", "-c", script]);
        spec.settings.entrypoint = Some(Vec::new());
        spec.labels
            .insert(SUPERVISOR.to_owned(), SUPERVISOR_VERSION.to_owned());
        change(&mut spec);
        let container = replace::create(&*engine, &spec).await.expect("made");
        engine.start_container(&container).await.expect("started");
        let name = ServiceName::new("web").expect("valid");
        let mut service = Service::new(name, ImageSource::named(image.as_str()));
        service.replace = ReplaceMode::Process;
        Self {
            bed,
            service,
            spec,
            container,
            replacer: Replacer::new(engine),
        }
    }

    pub fn engine(&self) -> &dyn Engine {
        self.bed.engine.as_ref()
    }

    /// Runs `script` in the container's shell, and tells what it says.
    pub async fn ask(&self, script: &str) -> String {
        let request = ExecRequest {
            command: ["/bin/sh", "-c", script].map(str::to_owned).into(),
            ..ExecRequest::default()
        };
        let ended = self.engine().execute(&self.container, &request).await;
        let ended = ended.expect("the container runs");
        String::from_utf8_lossy(&ended.stdout).trim().to_owned()
    }

    /// All that the container has said.
    pub async fn said(&self) -> Vec<String> {
        use futures_util::StreamExt;
        let request = LogRequest::default();
        let logs = self.engine().logs(&self.container, &request);
        let lines = logs.await.expect("a log").collect::<Vec<_>>().await;
        lines
            .into_iter()
            .map(|line| line.expect("a line").text)
            .collect()
    }

    /// Waits until `line` was said `times` times.
    pub async fn until_said(&self, line: &str, times: usize) {
        let said = async {
            while self
                .said()
                .await
                .iter()
                .filter(|said| *said == line)
                .count()
                < times
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(LIMIT, said).await.is_ok();
        assert!(
            in_time,
            "`{line}` was not said {times} times: {:?}",
            self.said().await
        );
    }

    /// What the engine says of the container.
    pub async fn state(&self) -> ContainerState {
        let found = self.engine().container(self.container.as_str()).await;
        found.expect("observed").expect("there").state
    }

    /// Waits for the container's end and tells its exit code.
    pub async fn ended(&self) -> i64 {
        let ended = async {
            loop {
                if let ContainerState::Exited { code, .. } = self.state().await {
                    return code;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LIMIT, ended).await.expect("it ends")
    }
}

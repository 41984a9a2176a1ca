//! Builds: the request in the engine's words, its progress step by step, and a failing step's last lines.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::body_try_stream;
use bollard::moby::buildkit::v1::StatusResponse;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion};
use futures_util::stream::StreamExt;

use super::client::{Builder, DockerEngine};
use super::fault::{Subject, pull_error};
use crate::domain::ImageId;
use crate::engine::{BuildRequest, EngineError, ImageProgress};
use crate::event::Transfer;

/// How many lines of a failing step are shown.
const SHOWN: usize = 20;

impl DockerEngine {
    pub(super) async fn build_image(
        &self,
        request: BuildRequest,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<ImageId, EngineError> {
        let subject = Subject::new("build", "image", request.tag.as_str());
        let options = options(&request, self.builder)?;
        let mut words =
            self.docker
                .build_image(options, None, Some(body_try_stream(request.context)));
        let mut steps = Steps::default();
        while let Some(word) = words.next().await {
            match word {
                Ok(info) => {
                    if let Some(word) = steps.note(info) {
                        progress(word);
                    }
                }
                // A trace that can't be read is progress that isn't shown, no more.
                Err(bollard::errors::Error::JsonDataError { .. }) => {}
                Err(bollard::errors::Error::DockerStreamError { error }) => {
                    return Err(steps.failure(&request.tag, &error));
                }
                Err(error) => {
                    return Err(match self.explain(&subject, error) {
                        EngineError::Refused { reason, .. } => steps.failure(&request.tag, &reason),
                        other => other,
                    });
                }
            }
        }
        self.image_id(&request.tag)
            .await?
            .ok_or_else(|| steps.failure(&request.tag, "the engine named no image"))
    }
}

fn options(request: &BuildRequest, builder: Builder) -> Result<BuildImageOptions, EngineError> {
    let build = &request.build;
    let unsupported = |what: &str| {
        Err(EngineError::Unsupported {
            what: what.to_owned(),
        })
    };
    if !build.secrets.is_empty() {
        return unsupported("give a build `secrets` yet");
    }
    if !build.additional_contexts.is_empty() {
        return unsupported("give a build `additional_contexts` yet");
    }
    let args: HashMap<String, String> = build
        .args
        .iter()
        .map(|(name, value)| (name.clone(), value.expose().to_owned()))
        .collect();
    let labels: HashMap<String, String> = build
        .labels
        .iter()
        .chain(&request.labels)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut options = BuildImageOptionsBuilder::default()
        .dockerfile(&request.dockerfile)
        .t(request.tag.as_str())
        .rm(true)
        .forcerm(true)
        .nocache(build.no_cache)
        .buildargs(&args)
        .labels(&labels)
        .target(build.target.as_deref().unwrap_or_default())
        .platform(build.platforms.first().map_or("", String::as_str));
    if !build.cache_from.is_empty() {
        options = options.cachefrom(&build.cache_from);
    }
    if !build.extra_hosts.is_empty() {
        options = options.extrahosts(&build.extra_hosts.join("\n"));
    }
    if let Some(network) = &build.network {
        options = options.networkmode(network);
    }
    if let Some(size) = build.shm_size {
        options = options.shmsize(i32::try_from(size).unwrap_or(i32::MAX));
    }
    if build.pull {
        options = options.pull("1");
    }
    Ok(match builder {
        Builder::BuildKit => options
            .version(BuilderVersion::BuilderBuildKit)
            .session(&session()),
        Builder::Classic => options,
    }
    .build())
}

/// BuildKit takes one build a session id, ever.
fn session() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!(
        "jobsprint-dev-{}-{}-{}",
        std::process::id(),
        now.as_nanos(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// The steps of one build, and the last lines of each.
#[derive(Debug, Default)]
struct Steps {
    names: BTreeMap<String, String>,
    finished: BTreeMap<String, bool>,
    failed: Option<String>,
    output: BTreeMap<String, VecDeque<String>>,
    current: String,
}

/// The classic builder has one step at a time; its lines stand under this key.
const CLASSIC: &str = "";

impl Steps {
    /// Takes a word of the engine in; `None` where it says nothing new.
    fn note(&mut self, info: BuildInfo) -> Option<ImageProgress> {
        match info.aux {
            Some(BuildInfoAux::BuildKit(trace)) => self.note_trace(trace),
            Some(BuildInfoAux::Default(_)) => None,
            None => self.note_line(&info.stream.or(info.status)?),
        }
    }

    fn note_trace(&mut self, trace: StatusResponse) -> Option<ImageProgress> {
        let mut doing = None;
        for vertex in trace.vertexes {
            let is_over = vertex.completed.is_some() || vertex.cached;
            if !vertex.error.is_empty() {
                self.failed.get_or_insert_with(|| vertex.digest.clone());
            }
            if vertex.started.is_some() && !is_over {
                self.current.clone_from(&vertex.digest);
                doing = Some(vertex.name.clone());
            }
            self.finished.insert(vertex.digest.clone(), is_over);
            self.names.insert(vertex.digest, vertex.name);
        }
        for log in trace.logs {
            let step = self.names.get(&log.vertex).cloned().unwrap_or_default();
            let text = String::from_utf8_lossy(&log.msg).into_owned();
            for line in text.split(['\n', '\r']).map(str::trim_end) {
                if !line.trim().is_empty() {
                    self.keep(&log.vertex, line);
                    doing = Some(format!("{step}: {}", line.trim()));
                }
            }
        }
        doing.map(|doing| self.progress(doing))
    }

    fn note_line(&mut self, text: &str) -> Option<ImageProgress> {
        let mut doing = None;
        for line in text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.trim().is_empty())
        {
            if let Some((done, all)) = classic_step(line) {
                self.output.clear();
                self.names = (1..=all)
                    .map(|step| (step.to_string(), String::new()))
                    .collect();
                self.finished = (1..=all)
                    .map(|step| (step.to_string(), step < done))
                    .collect();
                line.clone_into(&mut self.current);
                doing = Some(line.to_owned());
            } else {
                self.keep(CLASSIC, line);
                doing = Some(format!("{}: {}", self.current, line.trim()));
            }
        }
        doing.map(|doing| self.progress(doing))
    }

    fn keep(&mut self, step: &str, line: &str) {
        let lines = self.output.entry(step.to_owned()).or_default();
        lines.push_back(line.to_owned());
        if lines.len() > SHOWN {
            lines.pop_front();
        }
    }

    fn progress(&self, doing: String) -> ImageProgress {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        ImageProgress {
            doing,
            transfer: Transfer {
                layers: count(self.names.len()),
                layers_done: count(self.finished.values().filter(|over| **over).count()),
                ..Transfer::default()
            },
        }
    }

    /// The failure of the build: which step, and what it said last. A base that can't be had is told as the pull that it was.
    fn failure(&self, tag: &crate::domain::ImageRef, message: &str) -> EngineError {
        let message = message.lines().next().unwrap_or_default();
        if message.contains("no space left on device") {
            return EngineError::DiskFull;
        }
        let step = self
            .failed
            .as_ref()
            .and_then(|digest| self.names.get(digest))
            .filter(|name| !name.is_empty())
            .cloned()
            .or_else(|| {
                (!self.current.is_empty() && self.failed.is_none()).then(|| self.current.clone())
            });
        let key = self.failed.as_deref().unwrap_or(CLASSIC);
        let said = self
            .output
            .get(key)
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        if let Some(base) = missing_base(message) {
            let refused = EngineError::Refused {
                call: "build",
                reason: message.to_owned(),
            };
            match pull_error(&base, refused) {
                EngineError::Refused { .. } => {}
                told => return told,
            }
        }
        let reason = match step.filter(|step| !step.starts_with("sha256:")) {
            Some(step) => format!("{step}: {}", short(message)),
            None => short(message),
        };
        EngineError::BuildFailed {
            image: tag.to_string(),
            reason,
            output: said,
        }
    }
}

/// `Step 3/9 : RUN npm ci`.
fn classic_step(line: &str) -> Option<(usize, usize)> {
    let (numbers, _) = line.strip_prefix("Step ")?.split_once(" : ")?;
    let (done, all) = numbers.split_once('/')?;
    Some((done.parse().ok()?, all.parse().ok()?))
}

/// Which base image a failed build lacked, as far as the message tells.
fn missing_base(message: &str) -> Option<String> {
    let after = message
        .split_once("failed to resolve source metadata for ")
        .or_else(|| message.split_once("failed to load cache key: "))
        .or_else(|| message.split_once("failed to do request: "))
        .or_else(|| message.split_once("pull access denied for "))
        .or_else(|| message.split_once("manifest for "));
    let looks_like_a_pull = after.is_some() || message.contains("/v2/");
    looks_like_a_pull.then(|| {
        let first = after
            .and_then(|(_, rest)| rest.split([' ', ':', ',']).next())
            .unwrap_or_default();
        match first {
            "" => "a base image".to_owned(),
            name => name.trim_start_matches("docker.io/library/").to_owned(),
        }
    })
}

/// BuildKit's message repeats the command; the exit code is what it adds.
fn short(message: &str) -> String {
    match message.rsplit_once("exit code: ") {
        Some((_, code)) => format!("exit code {code}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ImageRef;

    fn line(text: &str) -> BuildInfo {
        BuildInfo {
            stream: Some(text.into()),
            ..Default::default()
        }
    }

    #[test]
    fn a_classic_builds_failing_step_is_told_with_its_last_lines() {
        let mut steps = Steps::default();
        steps.note(line("Step 1/2 : FROM debian\n"));
        steps.note(line("Step 2/2 : RUN make\n"));
        steps.note(line("gcc: not found\n"));

        let error = steps.failure(
            &ImageRef::new("app"),
            "The command '/bin/sh -c make' returned a non-zero code: 127",
        );

        assert_eq!(
            error,
            EngineError::BuildFailed {
                image: "app:latest".into(),
                reason: "Step 2/2 : RUN make: The command '/bin/sh -c make' returned a non-zero code: 127".into(),
                output: vec!["gcc: not found".into()],
            }
        );
    }

    #[test]
    fn a_classic_step_moves_the_count_on() {
        let mut steps = Steps::default();
        steps.note(line("Step 1/4 : FROM debian\n"));

        let progress = steps
            .note(line("Step 3/4 : RUN a\n"))
            .expect("a step is news");

        assert_eq!(
            (progress.transfer.layers_done, progress.transfer.layers),
            (2, 4)
        );
    }

    #[test]
    fn every_build_has_a_session_of_its_own() {
        assert_ne!(session(), session());
    }
}

//! A base image made from the distribution's packages by `mmdebstrap`, streamed into the engine as it is made.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::ImageError;
use crate::domain::{BaseImage, Consent, ImageId, ImageRef, Stack};
use crate::engine::{Engine, is_installed, packages};
use crate::event::{Event, Events, ImageWay, Transfer};

/// What the finished root filesystem is given besides its packages.
const CUSTOMIZE: &str = include_str!("base/customize.sh");
/// The image's own settings: its command, and where the host's trust store was copied to.
const CHANGES: [&str; 2] = [
    "CMD [\"bash\"]",
    "ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
];
/// Documentation and translations, which the official slim image leaves out too.
const LEFT_OUT: [&str; 7] = [
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/groff/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
];
/// How much is read at once.
const PIECE: usize = 256 * 1024;
/// How many of its last lines a failure shows.
const SHOWN: usize = 20;

/// The base images of `stack` that are made from packages where no registry gives them, those in `here` left out: a set-up that may come to this installs the tool first.
#[must_use]
pub fn needs_bootstrap<'a>(
    stack: &'a Stack,
    here: &BTreeMap<ImageRef, ImageId>,
) -> Vec<&'a ImageRef> {
    stack
        .bases
        .iter()
        .filter(|(image, base)| {
            matches!(base, BaseImage::Bootstrap { .. }) && !here.contains_key(*image)
        })
        .map(|(image, _)| image)
        .collect()
}

/// Makes `image` from the packages of `suite`.
///
/// # Errors
/// [`ImageError::BootstrapMissing`] where the tool is missing and may not be installed, [`ImageError::Bootstrap`] where it fails.
pub(super) async fn bootstrap(
    engine: &dyn Engine,
    image: &ImageRef,
    suite: &str,
    consent: Consent,
    events: &Events,
) -> Result<ImageId, ImageError> {
    if !is_installed("mmdebstrap") {
        packages::install(&["mmdebstrap", "debian-archive-keyring"], consent, events)
            .await
            .map_err(|error| ImageError::BootstrapMissing {
                image: image.clone(),
                reason: error.to_string(),
            })?;
    }
    let failed = |reason: String, output: Vec<String>| ImageError::Bootstrap {
        image: image.clone(),
        reason,
        output,
    };
    let hook = hook().map_err(|error| failed(error.to_string(), Vec::new()))?;
    let mut child = command(suite, &hook)
        .spawn()
        .map(Running)
        .map_err(|error| failed(error.to_string(), Vec::new()))?;
    let said = listen(&mut child.0, image, events);
    let output = child.0.stdout.take().expect("its output is piped");
    let changes = CHANGES.map(str::to_owned);
    let imported = engine.import(image, tar(output, child), &changes).await;
    let last_lines: Vec<String> = said
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .cloned()
        .collect();
    imported.map_err(|error| failed(error.to_string(), last_lines))
}

/// The program, asked to end where nobody waits for it any more: killed, it would leave its half-made root filesystem behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // A program that has been waited for has no id.
        let process = self
            .0
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(process) = process {
            kill_process(process, Signal::TERM).ok();
        }
    }
}

/// The hook as an executable file, gone with its guard.
fn hook() -> io::Result<tempfile::TempPath> {
    let file = tempfile::Builder::new().suffix(".sh").tempfile()?;
    std::fs::write(file.path(), CUSTOMIZE)?;
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o755))?;
    // An open file can't be executed: only its path is kept.
    Ok(file.into_temp_path())
}

fn command(suite: &str, hook: &Path) -> Command {
    let mut command = Command::new("mmdebstrap");
    command
        .args([
            "--variant=apt",
            "--mode=auto",
            "--components=main",
            "--format=tar",
        ])
        .arg("--include=ca-certificates")
        .args(LEFT_OUT.map(|rule| format!("--dpkgopt={rule}")))
        .args([
            "--aptopt=Acquire::Languages \"none\"",
            "--aptopt=Acquire::Retries \"5\"",
            "--aptopt=APT::Install-Recommends \"false\"",
        ])
        .arg(format!("--customize-hook={} \"$1\"", hook.display()))
        // Without a mirror it takes the distribution's own, security updates included.
        .args([suite, "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Tells its steps as progress, and keeps its last lines.
fn listen(child: &mut Child, image: &ImageRef, events: &Events) -> Arc<Mutex<VecDeque<String>>> {
    let said: Arc<Mutex<VecDeque<String>>> = Arc::default();
    let (keep, image, events) = (Arc::clone(&said), image.clone(), events.clone());
    let errors = child.stderr.take().expect("its errors are piped");
    tokio::spawn(async move {
        let mut lines = BufReader::new(errors).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(doing) = line.strip_prefix("I: ") {
                events.tell(Event::ImageProgress {
                    image: image.clone(),
                    way: ImageWay::Bootstrap,
                    doing: doing.to_owned(),
                    transfer: Transfer::default(),
                });
            }
            let mut keep = keep.lock().unwrap_or_else(PoisonError::into_inner);
            keep.push_back(line);
            if keep.len() > SHOWN {
                keep.pop_front();
            }
        }
    });
    said
}

/// Its output, which ends well only if the program does: half a root filesystem must not become an image.
fn tar(output: ChildStdout, child: Running) -> BoxStream<'static, io::Result<Bytes>> {
    stream::unfold(Some((output, child)), |state| async {
        let (mut output, mut child) = state?;
        let mut piece = vec![0; PIECE];
        match output.read(&mut piece).await {
            Ok(0) => match child.0.wait().await {
                Ok(status) if status.success() => None,
                Ok(status) => Some((Err(io::Error::other(format!("mmdebstrap: {status}"))), None)),
                Err(error) => Some((Err(error), None)),
            },
            Ok(length) => {
                piece.truncate(length);
                Some((Ok(Bytes::from(piece)), Some((output, child))))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

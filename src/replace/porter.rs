//! A command that stays in a container to bring files in and take files away.
//!
//! The engine's own archive call prepares the container's whole file system anew at each call, which costs more
//! than all the rest of a save; a command that is there already only unpacks. Where an image has no programs for
//! it, or they fail, the archive call does it.

use std::time::Duration;

use tokio::time::timeout;

use super::batch::Parcel;
use super::line::Line;
use super::supervisor::SHELL;
use crate::domain::ContainerId;
use crate::engine::{Engine, EngineError, ExecRequest};

/// A tar is told in blocks of this size, which is how tar itself reads; the last one is filled up.
const BLOCK: usize = 10_240;
/// A batch takes at most this long, and a second more for each of these many bytes.
const PATIENCE: Duration = Duration::from_secs(10);
const BYTES_A_SECOND: usize = 1024 * 1024;

/// A porter in a container; it leaves when it is dropped, and when its container stops.
pub(super) struct Porter(Line);

/// How a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// All of it is done.
    Wholly,
    /// Something of it could not be done; the porter may have lost count and is of no more use.
    Badly,
}

impl Porter {
    /// Sends one into a running container; `None` where its image has no programs for it.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub(super) async fn send(
        engine: &dyn Engine,
        container: &ContainerId,
    ) -> Result<Option<Self>, EngineError> {
        let request = ExecRequest {
            command: [SHELL, "-c", include_str!("porter.sh")]
                .map(str::to_owned)
                .into(),
            // What the copies belong to is not always what the command runs as.
            user: Some("0".to_owned()),
            ..ExecRequest::default()
        };
        Ok(Line::open(engine, container, &request).await?.map(Self))
    }

    /// Whether these paths can be told to a porter, who is told one a line.
    pub(super) fn understands(deleted: &[String]) -> bool {
        !deleted.iter().any(|path| path.contains('\n'))
    }

    /// Takes `deleted` away, then brings the parcel in.
    pub(super) async fn carry(&mut self, deleted: &[String], parcel: &Parcel) -> Carried {
        let mut words = String::new();
        for path in deleted {
            words.extend(["delete ", path, "\n"]);
        }
        if parcel.files > 0 {
            let blocks = parcel.tar.len().div_ceil(BLOCK);
            words.extend(["unpack ", &blocks.to_string(), "\n"]);
        }
        let whole = u32::try_from(parcel.tar.len() / BYTES_A_SECOND).unwrap_or(u32::MAX);
        let patience = PATIENCE.saturating_add(Duration::from_secs(whole.into()));
        match timeout(patience, self.tell(&words, parcel)).await {
            Ok(Some(answer)) if answer == "done" => Carried::Wholly,
            _ => Carried::Badly,
        }
    }

    async fn tell(&mut self, words: &str, parcel: &Parcel) -> Option<String> {
        self.0.write(words.as_bytes()).await?;
        if parcel.files > 0 {
            self.0.write(&parcel.tar).await?;
            let filling = parcel.tar.len().next_multiple_of(BLOCK) - parcel.tar.len();
            self.0.write(&[0; BLOCK][..filling]).await?;
        }
        self.0.write(b"finish\n").await?;
        self.0.hear().await
    }
}

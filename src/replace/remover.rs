//! Deleting in a container, with whatever program its image has for it.

use super::ReplaceError;
use super::check::lines;
use crate::domain::ContainerId;
use crate::engine::{Engine, ExecRequest};

/// Programs that delete the paths given as further words; the archive call itself can only add.
const PROGRAMS: [&[&str]; 6] = [
    &["rm", "-rf", "--"],
    &["busybox", "rm", "-rf", "--"],
    &[
        "node",
        "-e",
        "for (const p of process.argv.slice(1)) require('fs').rmSync(p, { recursive: true, force: true })",
        "--",
    ],
    &[
        "/nodejs/bin/node",
        "-e",
        "for (const p of process.argv.slice(1)) require('fs').rmSync(p, { recursive: true, force: true })",
        "--",
    ],
    &[
        "python3",
        "-c",
        "import os, shutil, sys\nfor p in sys.argv[1:]:\n    shutil.rmtree(p) if os.path.isdir(p) and not os.path.islink(p) else os.path.lexists(p) and os.remove(p)",
    ],
    &[
        "perl",
        "-MFile::Path=remove_tree",
        "-e",
        "remove_tree(@ARGV)",
    ],
];
/// What a missing program ends with.
const MISSING: [i64; 2] = [126, 127];

/// Deletes paths and all that is below them; what is gone already is no error.
pub(super) async fn remove(
    engine: &dyn Engine,
    container: &ContainerId,
    paths: &[String],
) -> Result<(), ReplaceError> {
    for program in PROGRAMS {
        let words = program.iter().map(|&word| word.to_owned());
        let request = ExecRequest {
            command: words.chain(paths.iter().cloned()).collect(),
            // What the copies belong to is not always what the command runs as.
            user: Some("0".to_owned()),
            ..ExecRequest::default()
        };
        let ended = engine.execute(container, &request).await?;
        match ended.code {
            0 => return Ok(()),
            code if MISSING.contains(&code) => {}
            _ => {
                return Err(ReplaceError::NotDeleted {
                    reason: lines(&ended).join("; "),
                });
            }
        }
    }
    Err(ReplaceError::NoRemover {
        paths: paths.to_vec(),
    })
}

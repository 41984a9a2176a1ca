//! What `--fix` does: each deed shown as its command, then done.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::verb::deeds;
use crate::app::project::Place;
use crate::app::session::Session;
use crate::app::{engine, environment};
use crate::domain::{ContainerId, Deed, Scope, Verdict};
use crate::engine::Removal;
use crate::event::Event;
use crate::store::put_aside;

/// Does what is safe about each verdict; one that fails is told, and the others go on.
pub(super) async fn all(session: &Session, scope: &Scope, verdicts: &[Verdict]) {
    let root = Place::find(session, scope).root;
    for verdict in verdicts {
        let (deeds, Some(mend)) = (deeds(verdict), &verdict.mend) else {
            continue;
        };
        if deeds.is_empty() {
            continue;
        }
        let text = format!("{}: {}", verdict.check, mend.command);
        session.events.tell(Event::Notice { text });
        for deed in deeds {
            if let Err(reason) = perform(session, &root, deed).await {
                let text = format!("{} was not mended: {reason}", verdict.check);
                session.events.tell(Event::Warning { text });
            }
        }
    }
}

async fn perform(session: &Session, root: &Path, deed: &Deed) -> Result<(), String> {
    let in_words = |error: io::Error| error.to_string();
    match deed {
        Deed::SetMode { path, mode } => {
            fs::set_permissions(path, fs::Permissions::from_mode(*mode)).map_err(in_words)
        }
        Deed::MakeDirectory(path) => fs::create_dir_all(path).map_err(in_words),
        Deed::UnixLines(path) => unix_lines(path).map_err(in_words),
        Deed::WriteIgnore { path, lines } => {
            let mut file = fs::File::create_new(path).map_err(in_words)?;
            let text = lines.join("\n") + "\n";
            io::Write::write_all(&mut file, text.as_bytes()).map_err(in_words)
        }
        Deed::RemoveFile(path) => fs::remove_file(path).map_err(in_words),
        Deed::PutAside(path) => {
            let put = put_aside(path);
            put.map(drop).map_err(|error| error.to_string())
        }
        Deed::CompleteEnv => {
            let outcome = environment::ensure_env(root, None);
            let outcome = outcome.map_err(|failure| failure.message)?;
            environment::tell(&session.events, &outcome);
            Ok(())
        }
        Deed::MakeCertificate => {
            let made = environment::ensure_tls(root);
            made.map(drop).map_err(|failure| failure.message)
        }
        Deed::RemoveContainers(names) => remove(session, names).await,
    }
}

/// Takes the carriage returns from the ends of a file's lines; its mode stays.
fn unix_lines(path: &Path) -> io::Result<()> {
    let old = fs::read(path)?;
    let mut new = Vec::with_capacity(old.len());
    for (at, byte) in old.iter().enumerate() {
        if *byte != b'\r' || old.get(at + 1) != Some(&b'\n') {
            new.push(*byte);
        }
    }
    fs::write(path, new)
}

async fn remove(session: &Session, names: &[String]) -> Result<(), String> {
    let engine = engine::reach(session)
        .await
        .map_err(|failure| failure.message)?;
    for name in names {
        let container = ContainerId::new(name.clone());
        engine
            .remove_container(&container, Removal::KeepVolumes)
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

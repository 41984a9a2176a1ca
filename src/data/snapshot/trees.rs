//! Volumes kept as files, where the engine's files are this machine's: cloned where the filesystem can, copied elsewhere.
//!
//! A volume's files have owners whom only root may give them, and a snapshot is its user's own. So beside the tree, which
//! belongs to the user, lie lists of the paths by owner (`own.70.70`) and by mode (`mode.600`), each path ended by a zero.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::draft::Draft;
use super::helper::Helper;
use super::manifest::Way;
use super::shelf::MANIFEST;
use super::stock::{Kept, Stock};
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::domain::MountAccess;

/// By this file the helper knows that it sees the directory that this process made.
const HERE: &str = ".here";

/// Ends well where the directory is this machine's and its files can be the user's; names the volumes that can be cloned.
const PROBE: &str = r#"
set -e
[ -f /kept/.here ]
: >/kept/.probe
chown "$(stat -c %u:%g /kept)" /kept/.probe
for key; do
    file=$(find "/volumes/$key/.jobsprint-new" -type f -size +0 | head -n 1)
    if [ -n "$file" ] && cp --reflink=always "$file" /kept/.probe 2>/dev/null; then echo "$key"; fi
done
rm -f /kept/.probe /kept/.here
"#;

/// Copies a tree into a new one, several files at a time; owners, modes and times of its files go along.
const COPY_TREE: &str = r#"
set -e
clone=--reflink=auto
cp $clone /etc/hostname /tmp/.jobsprint-probe 2>/dev/null || clone=
many=$(nproc 2>/dev/null || echo 1)
[ "$many" -le 4 ] || many=4
copy_tree() { # from, to
    cd "$1"
    mkdir -p "$2"
    find . -type d -print0 | (cd "$2" && xargs -0 mkdir -p)
    # The large ones first and each alone, so that nobody waits for a last one.
    find . -type f -size +16384 -print0 | xargs -0 -r -n 1 -P "$many" sh -c 'cp -a $0 --parents "$2" "$1"' "$clone" "$2"
    find . ! -type d ! -type s ! '(' -type f -size +16384 ')' -print0 |
        xargs -0 -r -n 100 -P "$many" sh -c 'clone=$0 to=$1; shift; exec cp -a $clone --parents "$@" "$to"' "$clone" "$2"
}
"#;

/// Copies volumes, and notes whose each file is.
const COPY: &str = r#"
all() { find . ! -type s "$@"; } # a socket is no data
ends() { tr -cd '\0' | wc -c; }
for key; do
    from=/volumes/$key/.jobsprint-new lists=/kept/$key.lists
    copy_tree "$from" "/kept/$key.tree"
    mkdir -m 700 "$lists"
    all -exec stat -c '%u %g' {} + | sort -u | while read -r user group; do
        all -user "$user" -group "$group" -print0 >"$lists/own.$user.$group"
    done
    all ! -type l -exec stat -c %a {} + | sort -u | while read -r mode; do
        all ! -type l -perm "$mode" -print0 >"$lists/mode.$mode"
    done
    count=$(all -print0 | ends)
    [ "$count" = "$(cat "$lists"/own.* | ends)" ]
    [ "$count" = "$(cd "/kept/$key.tree" && all -print0 | ends)" ]
    [ "$(all ! -type l -print0 | ends)" = "$(cat "$lists"/mode.* | ends)" ]
done
"#;

/// Gives what was copied to the user.
const SEAL: &str = r#"
set -e
for key; do
    cd "/kept/$key.tree"
    chown -hR "$(stat -c %u:%g /kept)" . "/kept/$key.lists"
    find . -type d -exec chmod 700 {} +
    find . "/kept/$key.lists" -type f -exec chmod 600 {} +
done
"#;

/// Lays volumes beside the live data, with their owners and modes.
const LAY: &str = r#"
for key; do
    copy_tree "/kept/$key.tree" "/volumes/$key/.jobsprint-new/.jobsprint-new"
    cd "/volumes/$key/.jobsprint-new/.jobsprint-new"
    for list in "/kept/$key.lists"/own.*; do
        owner=${list##*/own.}
        xargs -0 chown -h "${owner%.*}:${owner#*.}" <"$list"
    done
    for list in "/kept/$key.lists"/mode.*; do xargs -0 chmod "${list##*/mode.}" <"$list"; done
done
"#;

/// Waits until what was written is on the disk.
const SYNC: &str = r#"for place; do sync -f "$place" 2>/dev/null || exec sync; done"#;

/// Ends what still copies, and removes what it has.
const EMPTY: &str = "kill -9 -1; rm -rf /kept/*.tree /kept/*.lists /kept/.probe";

/// Removes drafts below `/kept`, by their names.
const SWEEP: &str = r#"for name; do rm -rf "/kept/$name"; done"#;

/// How each of these volumes can be kept as files, and the helper that does it; `None` where none can.
pub(super) async fn reach<'a>(
    stock: &'a Stock,
    draft: &Draft,
    volumes: &BTreeMap<String, Kept>,
) -> Option<(Helper<'a>, BTreeMap<String, Way>)> {
    if !is_near(stock).await {
        return None;
    }
    fs::write(draft.file(HERE), "").ok()?;
    let directory = draft.directory();
    let helper = Helper::with(stock, volumes, directory, MountAccess::ReadWrite);
    let helper = helper.await.ok()?;
    let Ok(cloned) = helper.run(PROBE, &keys(volumes)).await else {
        fs::remove_file(draft.file(HERE)).ok(); // the draft goes on without it, or fails
        helper.remove().await.ok()?;
        return None;
    };
    let ways = volumes.keys().map(|key| {
        let is_cloned = cloned.lines().any(|line| line == key);
        let way = if is_cloned { Way::Clone } else { Way::Copy };
        (key.clone(), way)
    });
    Some((helper, ways.collect()))
}

/// Copies volumes into the draft. Their writers stand still.
pub(super) async fn copy(helper: &Helper<'_>, keys: &[&str]) -> Result<(), DataError> {
    helper
        .run(&format!("{COPY_TREE}{COPY}"), keys)
        .await
        .map(drop)
}

/// Gives what was copied to the user.
pub(super) async fn seal(helper: &Helper<'_>, keys: &[&str]) -> Result<(), DataError> {
    helper.run(SEAL, keys).await.map(drop)
}

/// Waits until what was copied is on the disk; the helper, which is needed no more, goes.
pub(super) async fn sync(helper: &Helper<'_>) -> Result<(), DataError> {
    helper.run(SYNC, &["/kept"]).await?;
    helper.remove().await
}

/// Removes what a save that came to nothing has copied, also what isn't the user's yet.
pub(super) async fn empty(helper: &Helper<'_>) -> Result<(), DataError> {
    helper.run(EMPTY, &[]).await.map(drop)
}

/// Removes drafts that killed runs left, and that this user can't remove.
pub(super) async fn sweep(stock: &Stock, drafts: &[String]) -> Result<(), DataError> {
    let none = BTreeMap::new();
    let directory = stock.shelf.directory();
    let helper = Helper::with(stock, &none, directory, MountAccess::ReadWrite).await?;
    let names: Vec<&str> = drafts.iter().map(String::as_str).collect();
    let swept = helper.run(SWEEP, &names).await;
    helper.remove().await?;
    swept.map(drop)
}

/// A helper that sees the snapshot in `directory`; `None` where the engine is elsewhere.
pub(super) async fn open<'a>(
    stock: &'a Stock,
    directory: &Path,
    volumes: &BTreeMap<String, Kept>,
) -> Result<Option<Helper<'a>>, DataError> {
    if !is_near(stock).await {
        return Ok(None);
    }
    let helper = Helper::with(stock, volumes, directory, MountAccess::ReadOnly).await?;
    let seen = format!("cat /kept/{MANIFEST} >/dev/null");
    if helper.run(&seen, &[]).await.is_ok() {
        return Ok(Some(helper));
    }
    helper.remove().await?;
    Ok(None)
}

/// Lays these volumes beside the live data.
pub(super) async fn lay(helper: &Helper<'_>, keys: &[&str]) -> Result<(), DataError> {
    let laid = helper.run(&format!("{COPY_TREE}{LAY}"), keys).await;
    laid.map(drop)
}

/// Waits until what was laid is on the disk.
pub(super) async fn sync_laid(helper: &Helper<'_>, keys: &[&str]) -> Result<(), DataError> {
    let places: Vec<String> = keys.iter().map(|key| super::helper::place(key)).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    helper.run(SYNC, &places).await.map(drop)
}

/// A part's tree and lists in a snapshot's directory.
pub(super) fn both(directory: &Path, file: &str) -> [PathBuf; 2] {
    let lists = Path::new(file).with_extension("lists");
    [directory.join(file), directory.join(lists)]
}

/// Bytes of a part as it lies there now.
pub(super) fn size(directory: &Path, file: &str) -> Result<u64, DataError> {
    let mut sizes = both(directory, file).into_iter().map(|path| {
        if path.is_dir() {
            return super::fingerprint::size(&path);
        }
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        Err(unreadable(&path, &error))
    });
    sizes.try_fold(0, |sum, size| Ok(sum + size?))
}

/// Whether the engine's files may be this machine's.
async fn is_near(stock: &Stock) -> bool {
    let facts = stock.engine.facts().await;
    facts.is_ok_and(|facts| facts.routable)
}

/// The name of a volume's tree.
pub(super) fn tree(key: &str) -> String {
    format!("{key}.tree")
}

pub(super) fn keys(volumes: &BTreeMap<String, Kept>) -> Vec<&str> {
    volumes.keys().map(String::as_str).collect()
}

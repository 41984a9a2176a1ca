//! Volumes kept as files: cloned where the filesystem can, copied elsewhere.
//!
//! A volume's files have owners whom only root may give them, and a snapshot is its user's own. So beside the tree, which
//! belongs to the user, lie lists of the paths by owner (`own.70.70`) and by mode (`mode.600`), each path ended by a zero.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::helper::{Helper, bind};
use super::stock::Stock;
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::domain::MountAccess;

/// Removes drafts below `/kept`, by their names.
const SWEEP: &str = r#"for name; do rm -rf "/kept/$name"; done"#;

/// Removes drafts that killed runs left, and that this user can't remove.
pub(super) async fn sweep(stock: &Stock, drafts: &[String]) -> Result<(), DataError> {
    let none = BTreeMap::new();
    let directory = stock.shelf.directory();
    let kept = bind(directory, "/kept".to_owned(), MountAccess::ReadWrite);
    let helper = Helper::with(stock, &none, vec![kept]).await?;
    let names: Vec<&str> = drafts.iter().map(String::as_str).collect();
    let swept = helper.run(SWEEP, &names).await;
    helper.remove().await?;
    swept.map(drop)
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

/// The name of a volume's tree.
pub(super) fn tree(key: &str) -> String {
    format!("{key}.tree")
}

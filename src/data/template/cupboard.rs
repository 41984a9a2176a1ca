//! Where templates are kept: found by what they were made of, put in whole or not at all, and thrown away when they are
//! old, many, or of another version.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Inputs;
use crate::data::DataError;
use crate::data::digest::{hash, unreadable};
use crate::domain::{Secret, ServiceName};

/// Another one wherever a template of an earlier version would be understood wrongly.
const FORMAT: u32 = 1;
const MANIFEST: &str = "template.json";
/// The values that the stack was made with.
const VALUES: &str = "values.json";
/// Its time is that of the last use.
const USED: &str = "used";
/// So begins the name of one that is being made.
const DRAFT: &str = ".draft-";

/// Nobody began with it for so long.
const UNUSED: Duration = Duration::from_hours(7 * 24);
/// A set-up from nothing is due now and then: what a command fetches may have changed.
const OLDEST: Duration = Duration::from_hours(30 * 24);
/// A draft of that age is nobody's any more.
const ABANDONED: Duration = Duration::from_hours(1);
/// So many are kept,
const MOST: usize = 16;
/// and so many bytes.
const LARGEST: u64 = 2 << 30;

/// One volume of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The service whose container mounts it.
    pub service: String,
    /// Where.
    pub target: String,
    /// The file: a tar through zstd.
    pub file: String,
    /// Its bytes.
    pub stored: u64,
    /// Those of the tar; 0 where that isn't known.
    #[serde(default)]
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    inputs: Inputs,
    parts: Vec<Part>,
    /// What each service took from its start until it was ready, in milliseconds.
    #[serde(default)]
    boots: BTreeMap<String, u64>,
}

/// What a template's stack was made with, and how it came up.
#[derive(Debug)]
pub struct Origin<'a> {
    /// Its values, by the variables' names.
    pub values: &'a BTreeMap<String, Secret>,
    /// What each service took from its start until it was ready.
    pub boots: &'a BTreeMap<ServiceName, Duration>,
}

/// The directory of templates.
#[derive(Debug, Clone)]
pub struct Cupboard {
    directory: PathBuf,
}

/// What a cupboard holds, drafts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// So many.
    pub templates: usize,
    /// Their bytes.
    pub bytes: u64,
    /// So many of them are of no use any more.
    pub surplus: usize,
    /// Those ones' bytes.
    pub surplus_bytes: u64,
}

/// A template that a set-up can begin with.
#[derive(Debug, Clone)]
pub struct Template {
    directory: PathBuf,
    pub(super) parts: Vec<Part>,
    /// The values that its stack was made with, by the variables' names.
    pub values: BTreeMap<String, Secret>,
    /// So many migrations are still to be applied.
    pub behind: usize,
    boots: BTreeMap<String, u64>,
}

impl Template {
    /// Where its parts belong: service and path in the container.
    pub fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        let parts = self.parts.iter();
        parts.map(|part| (part.service.as_str(), part.target.as_str()))
    }

    /// What the largest of its volumes takes, in bytes.
    #[must_use]
    pub fn largest(&self) -> u64 {
        let parts = self.parts.iter();
        parts.map(|part| part.bytes).max().unwrap_or_default()
    }

    /// What a service took from its start until it was ready when the template was made; nothing where that isn't known.
    #[must_use]
    pub fn boot(&self, service: &ServiceName) -> Duration {
        let known = self.boots.get(service.as_str());
        Duration::from_millis(known.copied().unwrap_or_default())
    }

    /// The file of each volume of a service, with its path in the container.
    pub(super) fn files_of<'a>(
        &'a self,
        service: &'a ServiceName,
    ) -> impl Iterator<Item = (&'a str, PathBuf)> {
        let parts = self.parts.iter();
        let own = parts.filter(|part| part.service == service.as_str());
        own.map(|part| (part.target.as_str(), self.directory.join(&part.file)))
    }
}

impl Cupboard {
    /// The cupboard in this directory, which need not be there.
    #[must_use]
    pub const fn of(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The template that is the least behind `inputs`; one that is damaged is thrown away.
    pub async fn find(&self, inputs: &Inputs) -> Option<Template> {
        let mut found: Vec<Template> = self
            .entries()
            .filter_map(|directory| {
                let manifest = read(&directory)?;
                let behind = manifest.inputs.behind(inputs)?;
                let values = fs::read(directory.join(VALUES)).ok()?;
                let values: BTreeMap<String, String> = serde_json::from_slice(&values).ok()?;
                Some(Template {
                    parts: manifest.parts,
                    values: values
                        .into_iter()
                        .map(|(name, value)| (name, Secret::new(value)))
                        .collect(),
                    behind,
                    boots: manifest.boots,
                    directory,
                })
            })
            .collect();
        found.sort_by(|one, other| {
            (one.behind, &one.directory).cmp(&(other.behind, &other.directory))
        });
        for template in found {
            if is_whole(&template).await {
                // Only its age suffers where it can't be touched.
                fs::write(template.directory.join(USED), b"").ok();
                return Some(template);
            }
            self.discard(&template);
        }
        None
    }

    /// Whether there is one of exactly these inputs.
    #[must_use]
    pub fn has(&self, inputs: &Inputs) -> bool {
        read(&self.directory.join(inputs.key())).is_some_and(|found| found.inputs == *inputs)
    }

    /// Throws a template away.
    pub fn discard(&self, template: &Template) {
        // Somebody may have done so already.
        fs::remove_dir_all(&template.directory).ok();
    }

    /// Throws away what is of another version, old, or too much.
    pub fn collect(&self) {
        for (directory, _) in self.surplus() {
            drop(fs::remove_dir_all(directory)); // what stays goes the next time
        }
    }

    /// What is there, and what of it [`collect`](Self::collect) would throw away.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        let all: Vec<u64> = self.entries().map(|entry| size(&entry)).collect();
        let surplus = self.surplus();
        Holdings {
            templates: all.len(),
            bytes: all.iter().sum(),
            surplus: surplus.len(),
            surplus_bytes: surplus.iter().map(|(_, bytes)| bytes).sum(),
        }
    }

    fn surplus(&self) -> Vec<(PathBuf, u64)> {
        let mut surplus = Vec::new();
        let mut kept: Vec<(Duration, u64, PathBuf)> = Vec::new();
        for directory in self.entries() {
            let unused = age(&directory.join(USED));
            let is_draft = name(&directory).starts_with(DRAFT);
            let is_over = if is_draft {
                age(&directory).is_none_or(|age| age > ABANDONED)
            } else {
                let made = age(&directory.join(MANIFEST));
                read(&directory).is_none()
                    || unused.is_none_or(|unused| unused > UNUSED)
                    || made.is_none_or(|made| made > OLDEST)
            };
            match (is_over, unused) {
                (true, _) => surplus.push((directory.clone(), size(&directory))),
                (false, Some(unused)) => kept.push((unused, size(&directory), directory)),
                (false, None) => {}
            }
        }
        kept.sort();
        let mut bytes = 0;
        for (at, (_, size, directory)) in kept.into_iter().enumerate() {
            bytes += size;
            if at >= MOST || bytes > LARGEST {
                surplus.push((directory, size));
            }
        }
        surplus
    }

    fn entries(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        entries.flatten().map(|entry| entry.path())
    }

    /// Begins a template, out of sight.
    pub(super) fn begin(&self) -> Result<Draft, DataError> {
        let make = |directory: &Path, recursive| {
            let mut builder = DirBuilder::new();
            builder.recursive(recursive).mode(0o700);
            let made = builder.create(directory);
            made.map_err(|error| unreadable(directory, &error))
        };
        make(&self.directory, true)?;
        let draft = tempfile::Builder::new()
            .prefix(DRAFT)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&self.directory)
            .map_err(|error| unreadable(&self.directory, &error))?;
        Ok(Draft {
            directory: draft,
            cupboard: self.directory.clone(),
        })
    }
}

/// A template in the making; gone where it isn't finished.
pub(super) struct Draft {
    directory: tempfile::TempDir,
    cupboard: PathBuf,
}

impl Draft {
    /// Where a part is written.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts it in its place. Where another run was quicker, that one's stays: it is made of the same.
    pub fn finish(
        self,
        inputs: &Inputs,
        parts: Vec<Part>,
        origin: &Origin<'_>,
    ) -> Result<(), DataError> {
        let values: BTreeMap<&str, &str> = origin
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        let values = serde_json::to_vec(&values).expect("text");
        self.write(VALUES, &values)?;
        let manifest = Manifest {
            format: FORMAT,
            inputs: inputs.clone(),
            parts,
            boots: origin
                .boots
                .iter()
                .filter_map(|(name, took)| {
                    Some((name.to_string(), took.as_millis().try_into().ok()?))
                })
                .collect(),
        };
        let text = serde_json::to_vec_pretty(&manifest).expect("text and numbers");
        self.write(MANIFEST, &text)?;
        self.write(USED, b"")?;
        let place = self.cupboard.join(inputs.key());
        match fs::rename(self.directory.path(), &place) {
            Ok(()) => Ok(()),
            Err(_) if read(&place).is_some() => Ok(()),
            Err(error) => Err(unreadable(&place, &error)),
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), DataError> {
        let path = self.file(name);
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&path);
        opened
            .and_then(|mut file| file.write_all(content))
            .map_err(|error| unreadable(&path, &error))
    }
}

/// The manifest of a template that this version understands.
fn read(directory: &Path) -> Option<Manifest> {
    let text = fs::read(directory.join(MANIFEST)).ok()?;
    let manifest: Manifest = serde_json::from_slice(&text).ok()?;
    (manifest.format == FORMAT).then_some(manifest)
}

async fn is_whole(template: &Template) -> bool {
    for part in &template.parts {
        // A part's name comes from a file: it stays inside its directory.
        let is_plain = Path::new(&part.file).file_name() == Some(part.file.as_ref());
        let found = hash(&template.directory.join(&part.file)).await;
        let is_same =
            found.is_ok_and(|(stored, sha256)| stored == part.stored && sha256 == part.sha256);
        if !is_plain || !is_same {
            return false;
        }
    }
    true
}

fn name(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn age(path: &Path) -> Option<Duration> {
    let changed = path.metadata().and_then(|about| about.modified()).ok()?;
    // A time to come is no age.
    Some(changed.elapsed().unwrap_or_default())
}

fn size(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|about| about.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::time::SystemTime;

    use super::*;
    use crate::data::template::inputs::sample;

    fn kept(cupboard: &Cupboard, migrations: &[&str]) -> Inputs {
        let inputs = sample(migrations);
        let draft = cupboard.begin().unwrap();
        fs::write(draft.file("0.tar.zst"), b"data").unwrap();
        let part = Part {
            service: "postgres".to_owned(),
            target: "/data".to_owned(),
            file: "0.tar.zst".to_owned(),
            stored: 4,
            bytes: 16,
            sha256: "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7".to_owned(),
        };
        let values = BTreeMap::from([("PASSWORD".to_owned(), "s3cret".into())]);
        let boots = BTreeMap::from([(
            ServiceName::new("postgres").unwrap(),
            Duration::from_millis(700),
        )]);
        let origin = Origin {
            values: &values,
            boots: &boots,
        };
        draft.finish(&inputs, vec![part], &origin).unwrap();
        inputs
    }

    fn cupboard() -> (tempfile::TempDir, Cupboard) {
        let home = tempfile::tempdir().unwrap();
        let cupboard = Cupboard::of(home.path().join("templates"));
        (home, cupboard)
    }

    fn unused_for(cupboard: &Cupboard, inputs: &Inputs, time: Duration) {
        let path = cupboard.directory.join(inputs.key()).join(USED);
        let times = FileTimes::new().set_modified(SystemTime::now() - time);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_times(times).unwrap();
    }

    #[tokio::test]
    async fn the_template_with_the_longest_common_beginning_is_found() {
        let (_home, cupboard) = cupboard();
        kept(&cupboard, &["1"]);
        kept(&cupboard, &["1", "2"]);
        kept(&cupboard, &["1", "x"]);

        let found = cupboard.find(&sample(&["1", "2", "3"])).await.unwrap();

        assert_eq!(found.behind, 1);
        assert_eq!(found.values["PASSWORD"].expose(), "s3cret");
        let boot = |name| found.boot(&ServiceName::new(name).unwrap());
        assert_eq!(boot("postgres"), Duration::from_millis(700));
        assert_eq!(boot("another"), Duration::ZERO);
        assert!(cupboard.find(&sample(&["7"])).await.is_none());
    }

    #[tokio::test]
    async fn a_damaged_template_is_thrown_away_and_not_used() {
        let (_home, cupboard) = cupboard();
        let inputs = kept(&cupboard, &["1"]);
        fs::write(
            cupboard.directory.join(inputs.key()).join("0.tar.zst"),
            b"dat!",
        )
        .unwrap();

        assert!(cupboard.find(&inputs).await.is_none());
        assert!(!cupboard.has(&inputs));
    }

    #[tokio::test]
    async fn one_of_another_version_is_left_aside_and_collected() {
        let (_home, cupboard) = cupboard();
        let inputs = kept(&cupboard, &["1"]);
        let path = cupboard.directory.join(inputs.key()).join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"format\": 1", "\"format\": 0")).unwrap();

        assert!(cupboard.find(&inputs).await.is_none());
        cupboard.collect();
        assert_eq!(cupboard.entries().count(), 0);
    }

    #[tokio::test]
    async fn what_nobody_used_for_a_week_goes_and_of_many_the_longest_unused() {
        let (_home, cupboard) = cupboard();
        let old = kept(&cupboard, &["old"]);
        unused_for(&cupboard, &old, UNUSED * 2);
        for number in 0..=MOST {
            let inputs = kept(&cupboard, &[&number.to_string()]);
            unused_for(&cupboard, &inputs, Duration::from_secs(number as u64));
        }

        assert_eq!(cupboard.holdings().templates, MOST + 2);
        assert_eq!(cupboard.holdings().surplus, 2);
        cupboard.collect();

        assert_eq!(cupboard.holdings().surplus, 0);
        assert!(!cupboard.has(&old));
        assert!(!cupboard.has(&sample(&[&MOST.to_string()])));
        assert_eq!(cupboard.entries().count(), MOST);
    }

    #[test]
    fn of_two_that_are_saved_at_once_one_stays_and_a_draft_leaves_nothing() {
        let (_home, cupboard) = cupboard();
        kept(&cupboard, &["1"]);
        kept(&cupboard, &["1"]);
        drop(cupboard.begin().unwrap());

        assert_eq!(cupboard.entries().count(), 1);
    }

    #[test]
    fn only_its_owner_reads_it() {
        let (_home, cupboard) = cupboard();
        let inputs = kept(&cupboard, &["1"]);
        let place = cupboard.directory.join(inputs.key());

        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place), 0o700);
        assert_eq!(mode(&place.join(VALUES)), 0o600);
    }
}

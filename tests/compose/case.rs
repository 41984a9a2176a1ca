//! One case of the corpus: a file that holds a whole project.
//!
//! Lines before the first `--- NAME` tell about the case: `args: …`, `env: KEY=VALUE`, `refused: text of the message`,
//! `compose-alone: why Docker Compose refuses what we take`, `not-compared: why it is not asked`; anything else is a comment. `--- NAME` starts a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jobsprint_dev::app::files::Disk;
use jobsprint_dev::composefile::config::{ConfigRequest, is_sensitive, render};
use jobsprint_dev::composefile::{Diagnostics, LoadRequest, Loaded, load};
use jobsprint_dev::domain::{Aspect, Disclosure, Notation};
use jobsprint_dev::plan;

/// A project of the corpus, unpacked.
pub struct Case {
    /// The case's name.
    pub name: String,
    /// Options, as they are typed.
    pub args: Vec<String>,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// What the refusal says, for a case that is wrong on purpose.
    pub refusal: Option<String>,
    compose_alone: bool,
    not_compared: bool,
    directory: tempfile::TempDir,
}

/// Every case, by name.
pub fn corpus() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose/corpus");
    let listed = std::fs::read_dir(&directory).expect("the corpus is there");
    let mut paths: Vec<PathBuf> = listed
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    paths.sort();
    assert!(
        paths.len() >= 60,
        "the corpus is whole: {} cases",
        paths.len()
    );
    paths.iter().map(|path| Case::unpack(path)).collect()
}

impl Case {
    fn unpack(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a case is text");
        let stem = path
            .file_stem()
            .expect("a case has a name")
            .to_string_lossy();
        let mut case = Self {
            name: stem.clone().into_owned(),
            args: Vec::new(),
            environment: BTreeMap::from([
                ("HOME".to_owned(), "/home/dev".to_owned()),
                ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ]),
            refusal: None,
            compose_alone: false,
            not_compared: false,
            directory: tempfile::TempDir::with_prefix(format!("{stem}-"))
                .expect("a directory can be made"),
        };
        let mut file: Option<(String, String)> = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("--- ") {
                if let Some((name, content)) = file.replace((name.to_owned(), String::new())) {
                    case.write(&name, &content);
                }
            } else if let Some((_, content)) = &mut file {
                content.push_str(line);
                content.push('\n');
            } else {
                case.header(line);
            }
        }
        let (name, content) = file.expect("a case holds a file");
        case.write(&name, &content);
        case
    }

    fn header(&mut self, line: &str) {
        match line.split_once(": ") {
            Some(("args", args)) => {
                self.args = args.split_whitespace().map(str::to_owned).collect();
            }
            Some(("env", pair)) => {
                let (key, value) = pair.split_once('=').expect("`env: KEY=VALUE`");
                self.environment.insert(key.to_owned(), value.to_owned());
            }
            Some(("refused", text)) => {
                let refusal = self.refusal.get_or_insert_default();
                refusal.push_str(text);
                refusal.push('\n');
            }
            Some(("compose-alone", _)) => self.compose_alone = true,
            Some(("not-compared", _)) => self.not_compared = true,
            _ => {}
        }
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.project().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a directory"))
            .expect("it can be made");
        std::fs::write(path, content).expect("it can be written");
    }

    /// The project's directory, of the same name in every run.
    pub fn project(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// Whether the header says that only Docker Compose refuses the case.
    pub fn is_refused_by_compose_alone(&self) -> bool {
        self.compose_alone
    }

    /// Whether Docker Compose can be asked about the case at all.
    #[allow(dead_code, reason = "not every test binary compares")]
    pub fn is_compared(&self) -> bool {
        !self.not_compared
    }

    /// Adds a file.
    #[allow(dead_code, reason = "not every test binary adds files")]
    pub fn with_file(&self, name: &str, content: &str) -> &Self {
        self.write(name, content);
        self
    }

    /// The project, read by us.
    pub fn load(&self) -> Result<Loaded, Diagnostics> {
        self.load_with(&self.args)
    }

    fn load_with(&self, args: &[String]) -> Result<Loaded, Diagnostics> {
        let mut request = LoadRequest {
            environment: self.environment.clone(),
            current_dir: self.project(),
            ..LoadRequest::default()
        };
        for pair in args.chunks(2) {
            let [option, value] = pair else {
                panic!("options come with a value: {args:?}")
            };
            match option.as_str() {
                "-f" => request.files.push(value.into()),
                "-p" => request.project = Some(value.clone()),
                "--profile" => request.profiles.push(value.clone()),
                "--env-file" => request.env_files.push(value.into()),
                "--project-directory" => request.directory = Some(value.into()),
                other => panic!("`{other}` is no option of the corpus"),
            }
        }
        load(&request, &Disk)
    }

    /// What our `config` prints, or the refusal.
    pub fn config(&self, format: Notation, secrets: Disclosure) -> Result<String, String> {
        Self::printed(self.load(), format, secrets)
    }

    /// The same of another file of the project, with the profiles of the case.
    #[allow(dead_code, reason = "not every test binary reads output again")]
    pub fn config_of(
        &self,
        file: &str,
        format: Notation,
        secrets: Disclosure,
    ) -> Result<String, String> {
        let mut args = vec!["-f".to_owned(), file.to_owned()];
        for pair in self.args.chunks(2).filter(|pair| pair[0] == "--profile") {
            args.extend_from_slice(pair);
        }
        Self::printed(self.load_with(&args), format, secrets)
    }

    fn printed(
        loaded: Result<Loaded, Diagnostics>,
        format: Notation,
        secrets: Disclosure,
    ) -> Result<String, String> {
        let loaded = loaded.map_err(|diagnostics| diagnostics.to_string())?;
        let request = ConfigRequest {
            aspect: &Aspect::Model(format),
            secrets,
            is_sensitive: &is_sensitive,
            hash: &|service| plan::service_hash(&loaded.stack, service),
        };
        Ok(render(&loaded, &request).expect("the whole model can always be printed"))
    }
}

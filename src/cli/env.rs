//! `env` and its verbs.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::domain::{
    Apply, Consent, EnvFormat, EnvRequest, EnvVerb, Phase, Rotation, Scope, Secret, Sight,
};

#[derive(Debug, Subcommand)]
pub(super) enum EnvArguments {
    /// Make .env from the schema, or add what an older one lacks; values that are there stay
    #[command(after_help = "Example:\n  jobsprint-dev env init")]
    Init {
        /// Ask nothing; what only a person knows becomes a placeholder
        #[arg(short, long)]
        yes: bool,
    },
    /// Tell all that is wrong with .env, and what mends it
    #[command(
        after_help = "Example:\n  jobsprint-dev env check       exit code 50 where something must be mended"
    )]
    Check,
    /// Tell all about a key: its value's source, what it overrides, which services read it
    #[command(after_help = "Example:\n  jobsprint-dev env explain POSTGRES_PASSWORD")]
    Explain {
        /// The key
        key: String,
    },
    /// Print one value
    #[command(after_help = "Example:\n  psql \"$(jobsprint-dev env get DATABASE_URL)\"")]
    Get {
        /// The key
        key: String,
    },
    /// Give keys values; services that read them are restarted
    #[command(after_help = "\
Examples:
  jobsprint-dev env set API_PORT 4100
  jobsprint-dev env set API_PORT=4100 NODE_ENV=staging
  jobsprint-dev env set PUTER_APP_ID < id.txt       from stdin, so that no history keeps it")]
    Set {
        /// KEY VALUE, KEY=VALUE…, or KEY alone to read the value from stdin
        #[arg(required = true, value_name = "KEY[=VALUE]")]
        words: Vec<String>,
        /// Leave the running services as they are
        #[arg(long)]
        no_apply: bool,
    },
    /// Take keys out
    #[command(after_help = "Example:\n  jobsprint-dev env unset OLD_KEY")]
    Unset {
        /// The keys
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// Leave the running services as they are
        #[arg(long)]
        no_apply: bool,
    },
    /// Print all values, sensitive ones as ***
    #[command(after_help = "\
Examples:
  jobsprint-dev env list
  jobsprint-dev env list --format json --reveal")]
    List {
        /// How: env, json or yaml [also: --output]
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Format,
        /// Show sensitive values
        #[arg(long)]
        reveal: bool,
    },
    /// Make new secrets; stores are told in place, no data is lost
    #[command(after_help = "\
Examples:
  jobsprint-dev env rotate POSTGRES_PASSWORD
  jobsprint-dev env rotate --all-secrets")]
    Rotate {
        /// The keys
        #[arg(required_unless_present = "all_secrets", value_name = "KEY")]
        keys: Vec<String>,
        /// All secrets that can be made anew
        #[arg(long, conflicts_with = "keys")]
        all_secrets: bool,
        /// Leave the running services as they are
        #[arg(long)]
        no_apply: bool,
        /// Don't take a snapshot before a store's password changes
        #[arg(long)]
        no_snapshot: bool,
    },
    /// Compare .env with its schema, and with what the running containers have
    #[command(after_help = "Example:\n  jobsprint-dev env diff")]
    Diff,
    /// Print what a program on this machine, or a service, sees
    #[command(after_help = "\
Examples:
  eval \"$(jobsprint-dev env print --for host)\"
  jobsprint-dev env print --for api-gateway --format json")]
    Print {
        /// `host`, or a service
        #[arg(long = "for", default_value = "host", value_name = "host|SERVICE")]
        reader: String,
        /// How: shell, env, json or yaml
        #[arg(long, value_enum, default_value_t = Format::Shell, value_name = "FORMAT")]
        format: Format,
    },
    /// Write the values that a team shares (none that is generated), encrypted with a passphrase
    #[command(after_help = "\
Example:
  jobsprint-dev env export --encrypted team.age     asks for the passphrase, or takes JOBSPRINT_PASSPHRASE")]
    Export {
        /// Say that you know it is encrypted: there is no other way
        #[arg(long, required = true)]
        encrypted: bool,
        /// The file [default: stdout]
        file: Option<PathBuf>,
    },
    /// Take over values that a teammate exported; what is there already stays
    #[command(after_help = "Example:\n  jobsprint-dev env import team.age")]
    Import {
        /// The file
        file: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Format {
    /// KEY=value
    #[default]
    Env,
    /// A JSON object
    Json,
    /// A YAML mapping
    Yaml,
    /// export KEY='value'
    Shell,
}

impl From<Format> for EnvFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Env => Self::Env,
            Format::Json => Self::Json,
            Format::Yaml => Self::Yaml,
            Format::Shell => Self::Shell,
        }
    }
}

impl EnvArguments {
    pub(super) fn request(self, scope: Scope) -> EnvRequest {
        let verb = match self {
            Self::Init { yes: true } => EnvVerb::Init(Consent::Given),
            Self::Init { yes: false } => EnvVerb::Init(Consent::Ask),
            Self::Check => EnvVerb::Check,
            Self::Explain { key } => EnvVerb::Explain(key),
            Self::Get { key } => EnvVerb::Get(key),
            Self::Set { words, no_apply } => EnvVerb::Set {
                pairs: pairs(words),
                apply: apply(no_apply),
            },
            Self::Unset { keys, no_apply } => EnvVerb::Unset {
                keys,
                apply: apply(no_apply),
            },
            Self::List { format, reveal } => EnvVerb::List {
                format: format.into(),
                sight: if reveal {
                    Sight::Revealed
                } else {
                    Sight::Masked
                },
            },
            Self::Rotate {
                keys,
                all_secrets,
                no_apply,
                no_snapshot,
            } => EnvVerb::Rotate {
                which: if all_secrets {
                    Rotation::All
                } else {
                    Rotation::Keys(keys)
                },
                apply: apply(no_apply),
                keep: if no_snapshot { Phase::Skip } else { Phase::Do },
            },
            Self::Diff => EnvVerb::Diff,
            Self::Print { reader, format } => EnvVerb::Print {
                reader,
                format: format.into(),
            },
            Self::Export { file, .. } => EnvVerb::Export(file),
            Self::Import { file } => EnvVerb::Import(file),
        };
        EnvRequest { scope, verb }
    }
}

/// `--output env|json|yaml` of `env list` and `env print` means their format; elsewhere it means how the tool speaks.
pub(super) fn as_format(
    words: impl IntoIterator<Item = std::ffi::OsString>,
) -> Vec<std::ffi::OsString> {
    let mut words: Vec<_> = words.into_iter().collect();
    let Some(at) = words.iter().position(|word| word == "env") else {
        return words;
    };
    let is_list = words
        .get(at + 1)
        .is_some_and(|verb| verb == "list" || verb == "print");
    if is_list {
        for word in &mut words[at..] {
            match word.to_str() {
                Some("--output") => *word = "--format".into(),
                Some(text) => {
                    if let Some(format) = text.strip_prefix("--output=") {
                        *word = format!("--format={format}").into();
                    }
                }
                None => {}
            }
        }
    }
    words
}

fn apply(no_apply: bool) -> Apply {
    if no_apply { Apply::Later } else { Apply::Now }
}

/// `KEY VALUE`, or any number of `KEY=VALUE` and `KEY`.
fn pairs(words: Vec<String>) -> Vec<(String, Option<Secret>)> {
    if let [key, value] = words.as_slice()
        && !key.contains('=')
    {
        return vec![(key.clone(), Some(Secret::from(value.as_str())))];
    }
    words
        .into_iter()
        .map(|word| match word.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(Secret::from(value))),
            None => (word, None),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_value_is_given_in_either_way_or_left_to_stdin() {
        let value = |text: &str| Some(Secret::from(text));
        let a = "A".to_owned();

        assert_eq!(pairs(words("A 1")), [(a.clone(), value("1"))]);
        assert_eq!(
            pairs(words("A=1 B=x=y")),
            [(a.clone(), value("1")), ("B".to_owned(), value("x=y"))]
        );
        assert_eq!(pairs(words("A")), [(a, None)]);
    }

    #[test]
    fn output_is_the_format_of_a_list_and_nowhere_else() {
        let renamed = |text: &str| {
            let words = text.split(' ').map(std::ffi::OsString::from);
            let joined: Vec<String> = as_format(words)
                .into_iter()
                .map(|word| word.into_string().unwrap())
                .collect();
            joined.join(" ")
        };

        assert_eq!(
            renamed("jobsprint-dev env list --output json"),
            "jobsprint-dev env list --format json"
        );
        assert_eq!(
            renamed("jobsprint-dev --output json env list"),
            "jobsprint-dev --output json env list"
        );
        assert_eq!(
            renamed("jobsprint-dev status --output=json"),
            "jobsprint-dev status --output=json"
        );
    }
}

//! `config`.

use clap::{Args, ValueEnum};

use crate::domain::{Aspect, Config, Disclosure, Notation, Scope};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev config                  the resolved file, as `docker compose config` prints it
  jobsprint-dev config --format json
  jobsprint-dev config --services       the names alone
  jobsprint-dev config --hash api       what would make `api` be recreated")]
pub(super) struct ConfigArguments {
    /// The notation of the whole file
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    aspect: AspectArguments,
    /// Write secrets out instead of `***`
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "command-line switches, of which clap lets one be given"
)]
struct AspectArguments {
    /// Only the services' names
    #[arg(long = "services", id = "only_services")]
    services: bool,
    /// Only the volumes' keys
    #[arg(long = "volumes", id = "only_volumes")]
    volumes: bool,
    /// Only the images
    #[arg(long = "images", id = "only_images")]
    images: bool,
    /// Only the profiles
    #[arg(long = "profiles", id = "only_profiles")]
    profiles: bool,
    /// Only the hash of each service's configuration, or of one service's
    #[arg(long, id = "only_hash", value_name = "SERVICE", num_args = 0..=1, default_missing_value = "*")]
    hash: Option<String>,
    /// Only the variables that interpolation sees
    #[arg(long = "environment", id = "only_environment")]
    environment: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// YAML
    #[default]
    Yaml,
    /// JSON
    Json,
}

impl ConfigArguments {
    pub(super) fn request(self, scope: Scope) -> Config {
        let notation = match self.format {
            Format::Yaml => Notation::Yaml,
            Format::Json => Notation::Json,
        };
        Config {
            scope,
            aspect: self.aspect.chosen().unwrap_or(Aspect::Model(notation)),
            secrets: if self.show_secrets {
                Disclosure::Shown
            } else {
                Disclosure::Masked
            },
        }
    }
}

impl AspectArguments {
    fn chosen(self) -> Option<Aspect> {
        // `*` is how Compose asks for all.
        let hash = self
            .hash
            .map(|name| Aspect::Hash(Some(name).filter(|name| name != "*")));
        let flags = [
            (self.services, Aspect::Services),
            (self.volumes, Aspect::Volumes),
            (self.images, Aspect::Images),
            (self.profiles, Aspect::Profiles),
            (self.environment, Aspect::Environment),
        ];
        let flagged = flags.into_iter().find(|(is_given, _)| *is_given);
        hash.or(flagged.map(|(_, aspect)| aspect))
    }
}

//! `setup` and `up`.

use std::time::Duration;

use clap::Args;

use crate::domain::{
    BuildImages, Consent, Detail, Guidance, OnFailure, Orphans, Phase, Recreation, Remap, Run,
    Scope, Setup,
};

/// Options that `setup` and `up` share.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "command-line switches, each made an enum by `request`"
)]
struct Shared {
    /// Print the plan, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave migrations out
    #[arg(long)]
    no_migrate: bool,
    /// Leave seeds out
    #[arg(long)]
    no_seed: bool,
    /// Fail when not all is ready by then, as `90s` or `5m`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// Print where the time went
    #[arg(long)]
    report: bool,
    /// Take down again what was started when something fails
    #[arg(long)]
    rollback: bool,
    /// Remove containers of services that the files no longer have
    #[arg(long)]
    remove_orphans: bool,
    /// Take the next free port where one is taken, and remember it for this checkout
    #[arg(long)]
    remap_ports: bool,
    /// Only these services, and what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

impl Shared {
    fn request(self, scope: Scope) -> Setup {
        let skip = |skip: bool| if skip { Phase::Skip } else { Phase::Do };
        Setup {
            scope: Scope {
                services: self.services,
                ..scope
            },
            consent: Consent::Ask,
            run: if self.dry_run { Run::Dry } else { Run::Real },
            migrate: skip(self.no_migrate),
            seed: skip(self.no_seed),
            timeout: self.timeout,
            detail: if self.report {
                Detail::Report
            } else {
                Detail::Summary
            },
            on_failure: if self.rollback {
                OnFailure::Rollback
            } else {
                OnFailure::Stay
            },
            orphans: if self.remove_orphans {
                Orphans::Remove
            } else {
                Orphans::Keep
            },
            build: BuildImages::Missing,
            recreation: Recreation::Changed,
            remap: if self.remap_ports {
                Remap::Take
            } else {
                Remap::Ask
            },
            guidance: Guidance::Given,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev setup                   ask before anything is installed
  jobsprint-dev setup --yes             ask nothing
  jobsprint-dev setup --dry-run         print the plan
  jobsprint-dev setup api-gateway       only the gateway and what it needs")]
pub(super) struct SetupArguments {
    /// Say yes to every question: install and start the engine, make base images
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    shared: Shared,
}

impl SetupArguments {
    pub(super) fn request(self, scope: Scope) -> Setup {
        let consent = if self.yes {
            Consent::Given
        } else {
            Consent::Ask
        };
        Setup {
            consent,
            ..self.shared.request(scope)
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  jobsprint-dev up                      converge: replaces only what differs
  jobsprint-dev up --build frontend     build its image anew first
  jobsprint-dev up --report             and print where the time went")]
pub(super) struct UpArguments {
    /// Build images anew, where the services have a recipe of their own
    #[arg(long)]
    build: bool,
    /// Replace containers although nothing has changed
    #[arg(long)]
    force_recreate: bool,
    #[command(flatten)]
    shared: Shared,
}

impl UpArguments {
    pub(super) fn request(self, scope: Scope) -> Setup {
        let build = if self.build {
            BuildImages::Anew
        } else {
            BuildImages::Missing
        };
        let recreation = if self.force_recreate {
            Recreation::All
        } else {
            Recreation::Changed
        };
        Setup {
            build,
            recreation,
            ..self.shared.request(scope)
        }
    }
}

/// Parses `90`, `90s`, `5m`, `1h`, `500ms`, and sums as `1m30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write `90s`, `5m` or `1m30s`");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, after) = tail.split_at(end);
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(wrong()),
        };
        sum += unit.checked_mul(number).ok_or_else(wrong)?;
        rest = after;
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_units_and_sums() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("").is_err());
        assert!(duration("5 parsecs").is_err());
        assert!(duration("m").is_err());
    }
}

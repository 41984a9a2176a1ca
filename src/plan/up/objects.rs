//! What services share or are made from: images, networks, volumes.

use std::collections::BTreeSet;

use super::Planner;
use crate::domain::{BuildImages, NetworkSpec, Ownership, PullPolicy, Service, VolumeSpec};
use crate::event::StepId;
use crate::plan::{Action, Cause, containers, labels};

impl<'a> Planner<'a> {
    /// Image, networks and volumes, each once.
    pub(super) fn shared_objects(&mut self, service: &'a Service) {
        self.image(service);
        for key in service.container.networks.keys() {
            self.network(key);
        }
        for key in containers::named_volumes(service) {
            self.volume(key);
        }
    }

    pub(super) fn image(&mut self, service: &'a Service) {
        let here = self.observed.images.contains_key(&service.image.reference);
        let wanted_anew = match service.image.pull {
            PullPolicy::Always | PullPolicy::Build => true,
            PullPolicy::Missing | PullPolicy::Never => {
                self.options.build == BuildImages::Anew
                    && service.image.build.is_some()
                    && !service.image.named
            }
        };
        if here && !wanted_anew {
            return;
        }
        // Services of one image share its step.
        let same = self
            .images
            .iter()
            .find(|(name, _)| self.stack.services[**name].image == service.image)
            .map(|(_, step)| *step);
        let step = same.unwrap_or_else(|| {
            self.plan.add(
                Action::EnsureImage {
                    source: Box::new(service.image.clone()),
                    platform: service.container.platform.clone(),
                },
                Some(&service.name),
                if here { Cause::Asked } else { Cause::Missing },
                BTreeSet::new(),
                BTreeSet::new(),
            )
        });
        self.images.insert(&service.name, step);
    }

    pub(super) fn network(&mut self, key: &'a str) {
        let Some(network) = self.stack.networks.get(key) else {
            return;
        };
        if self.networks.contains_key(key) {
            return;
        }
        let action = match network.ownership {
            Ownership::External => Action::RequireNetwork(network.name.clone()),
            Ownership::Project => {
                let is_there = |found: &crate::domain::ObservedNetwork| found.name == network.name;
                if self.observed.networks.iter().any(is_there) {
                    return;
                }
                let mut network = network.clone();
                network.labels =
                    labels::of_object(self.stack, labels::NETWORK, key, &network.labels);
                Action::CreateNetwork(Box::new(NetworkSpec { network }))
            }
        };
        let step = self.shared(action);
        self.networks.insert(key, step);
    }

    pub(super) fn volume(&mut self, key: &'a str) {
        let Some(volume) = self.stack.volumes.get(key) else {
            return;
        };
        if self.volumes.contains_key(key) {
            return;
        }
        let action = match volume.ownership {
            Ownership::External => Action::RequireVolume(volume.name.clone()),
            Ownership::Project => {
                let is_there = |found: &crate::domain::ObservedVolume| found.name == volume.name;
                if self.observed.volumes.iter().any(is_there) {
                    return;
                }
                let mut volume = volume.clone();
                volume.labels = labels::of_object(self.stack, labels::VOLUME, key, &volume.labels);
                Action::CreateVolume(Box::new(VolumeSpec { volume }))
            }
        };
        let step = self.shared(action);
        self.volumes.insert(key, step);
    }

    pub(super) fn shared(&mut self, action: Action) -> StepId {
        let cause = match action {
            Action::RequireNetwork(_) | Action::RequireVolume(_) => Cause::Needed,
            _ => Cause::Missing,
        };
        self.plan
            .add(action, None, cause, BTreeSet::new(), BTreeSet::new())
    }
}

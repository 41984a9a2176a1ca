//! How a container stands in its networks: which it is created in, which it joins afterwards.

use std::collections::HashMap;

use bollard::models::{EndpointIpamConfig, EndpointSettings};

use super::client::Api;
use crate::domain::{ContainerSpec, NetworkAttachment};

/// The first API that takes several networks at create.
const SEVERAL_AT_CREATE: Api = Api(1, 44);
/// Networks of the engine's own, which know no aliases.
const OWN_NETWORKS: [&str; 4] = ["bridge", "host", "none", "default"];

/// A container's networks, split by when it is attached.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    /// The network mode that it is created with.
    pub mode: Option<String>,
    /// The endpoints that create takes, by network name.
    pub at_create: HashMap<String, EndpointSettings>,
    /// The endpoints that are connected after create, in order.
    pub afterwards: Vec<(String, EndpointSettings)>,
}

/// Sorts the networks of `spec`: the highest priority first, then by key.
pub(super) fn attachments(spec: &ContainerSpec, api: Api) -> Attachments {
    if let Some(mode) = &spec.settings.network_mode {
        return Attachments {
            mode: Some(mode.clone()),
            ..Default::default()
        };
    }
    let mut networks: Vec<_> = spec.settings.networks.iter().collect();
    networks.sort_by_key(|(key, attachment)| (-attachment.priority, (*key).clone()));
    let mut endpoints = networks.into_iter().map(|(key, attachment)| {
        let name = spec.network_names.get(key).unwrap_or(key).clone();
        let mut endpoint = endpoint(spec, &name, attachment);
        if spec.unlisted.contains(key) {
            endpoint.aliases = endpoint.aliases.map(|_| attachment.aliases.clone());
        }
        (name, endpoint)
    });
    let Some((primary, first)) = endpoints.next() else {
        return Attachments::default();
    };
    let mut attachments = Attachments {
        mode: Some(primary.clone()),
        at_create: HashMap::from([(primary, first)]),
        afterwards: Vec::new(),
    };
    if api >= SEVERAL_AT_CREATE {
        attachments.at_create.extend(endpoints);
    } else {
        attachments.afterwards.extend(endpoints);
    }
    attachments
}

fn endpoint(
    spec: &ContainerSpec,
    network: &str,
    attachment: &NetworkAttachment,
) -> EndpointSettings {
    let takes_names = !OWN_NETWORKS.contains(&network);
    let mut aliases = spec.aliases.clone();
    for alias in &attachment.aliases {
        if !aliases.contains(alias) {
            aliases.push(alias.clone());
        }
    }
    let has_address = attachment.ipv4_address.is_some()
        || attachment.ipv6_address.is_some()
        || !attachment.link_local_ips.is_empty();
    EndpointSettings {
        aliases: takes_names.then_some(aliases),
        links: (takes_names && !spec.settings.links.is_empty())
            .then(|| spec.settings.links.clone()),
        ipam_config: has_address.then(|| EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: (!attachment.link_local_ips.is_empty())
                .then(|| attachment.link_local_ips.clone()),
        }),
        mac_address: attachment
            .mac_address
            .clone()
            .or_else(|| spec.settings.mac_address.clone()),
        driver_opts: (!attachment.driver_opts.is_empty())
            .then(|| attachment.driver_opts.clone().into_iter().collect()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ContainerSettings, ImageRef};
    use std::collections::BTreeMap;

    fn spec_in_two_networks() -> ContainerSpec {
        let attached = |priority| NetworkAttachment {
            priority,
            ..Default::default()
        };
        ContainerSpec {
            name: "shop-web-1".into(),
            image: ImageRef::new("web"),
            labels: BTreeMap::new(),
            settings: ContainerSettings {
                networks: BTreeMap::from([
                    ("back".to_owned(), attached(0)),
                    ("front".to_owned(), attached(10)),
                ]),
                ..Default::default()
            },
            network_names: BTreeMap::from([
                ("back".to_owned(), "shop_back".to_owned()),
                ("front".to_owned(), "shop_front".to_owned()),
            ]),
            volume_names: BTreeMap::new(),
            aliases: vec!["web".into()],
            inherited_volumes: BTreeMap::new(),
            unlisted: std::collections::BTreeSet::new(),
        }
    }

    #[test]
    fn an_old_engine_is_given_the_first_network_and_joins_the_others_afterwards() {
        let attachments = attachments(&spec_in_two_networks(), Api(1, 41));

        assert_eq!(attachments.mode.as_deref(), Some("shop_front"));
        assert_eq!(
            attachments.at_create.keys().collect::<Vec<_>>(),
            ["shop_front"]
        );
        assert_eq!(attachments.afterwards[0].0, "shop_back");
    }

    #[test]
    fn in_a_network_that_stacks_share_a_container_has_no_services_name() {
        let mut spec = spec_in_two_networks();
        spec.unlisted.insert("back".to_owned());

        let attachments = attachments(&spec, Api(1, 44));

        let aliases = |network: &str| attachments.at_create[network].aliases.clone();
        assert_eq!(aliases("shop_front"), Some(vec!["web".to_owned()]));
        assert_eq!(aliases("shop_back"), Some(Vec::new()));
    }

    #[test]
    fn a_newer_engine_is_given_all_networks_at_once() {
        let attachments = attachments(&spec_in_two_networks(), Api(1, 44));

        assert_eq!(attachments.at_create.len(), 2);
        assert!(attachments.afterwards.is_empty());
    }
}

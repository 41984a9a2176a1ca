//! The schema of what stands beside services: networks, volumes, secrets and configs.

use super::{LABELS, OPTIONS, SWARM};
use crate::composefile::shape::{Field, Same, Shape, field};
use crate::composefile::short;

use Shape::{Bool, List, Path, Record, Short, Text};

pub(super) const NETWORK: Shape = Short(
    short::external,
    &Record(&[
        field("attachable", &Bool),
        field("driver", &Text),
        field("driver_opts", &OPTIONS),
        field("enable_ipv4", &Bool).keeps_zero(),
        field("enable_ipv6", &Bool).keeps_zero(),
        field("external", &Bool),
        field("internal", &Bool),
        field(
            "ipam",
            &Record(&[
                field("config", &List(&SUBNET, Same::By(short::subnet))),
                field("driver", &Text),
                field("options", &OPTIONS).unapplied("the engine's address manager is given none"),
            ]),
        ),
        field("labels", &LABELS),
        field("name", &Text),
    ]),
);

const SUBNET: Shape = Record(&[
    field("aux_addresses", &OPTIONS),
    field("gateway", &Text),
    field("ip_range", &Text),
    field("subnet", &Text),
]);

pub(super) const VOLUME: Shape = Short(
    short::volume_object,
    &Record(&[
        field("driver", &Text),
        field("driver_opts", &OPTIONS),
        field("external", &Bool),
        field("labels", &LABELS),
        field("name", &Text),
    ]),
);

pub(super) const SECRET: Shape = Short(short::external, &Record(FILE_OBJECT));
pub(super) const CONFIG: Shape = Short(short::external, &Record(FILE_OBJECT));

const FILE_OBJECT: &[Field] = &[
    field("content", &Text),
    field("driver", &Text).unapplied(SWARM),
    field("driver_opts", &OPTIONS).unapplied(SWARM),
    field("environment", &Text),
    field("external", &Bool),
    field("file", &Path),
    field("labels", &LABELS).unapplied(SWARM),
    field("name", &Text),
    field("template_driver", &Text).unapplied(SWARM),
];

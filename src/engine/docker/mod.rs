//! The adapter to a Docker-compatible engine: the only code that names bollard.

mod archive;
mod attachment;
mod body;
mod builder;
mod cgroup;
mod client;
mod disk;
mod door;
mod exec;
mod fault;
mod follow;
mod images;
mod inside;
mod inspect;
mod lines;
mod mounts;
mod networks;
mod observe;
mod pause;
mod survey;
mod transfer;
mod twins;
mod usage;
mod volumes;

pub use client::DockerEngine;

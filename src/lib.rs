//! jobsprint-dev: a local development supervisor.
//!
//! The rooms, and which way they may look:
//!
//! | room | owns | looks at |
//! |---|---|---|
//! | [`cli`] | what was typed: arguments → request | domain |
//! | [`app`] | the composition root: one file a verb, wires rooms | everything |
//! | [`domain`] | pure nouns | std |
//! | [`dotenv`] | pure text: the `.env` grammar and `${}` interpolation | domain |
//! | [`composefile`] | pure: text → `Stack` | dotenv, domain |
//! | [`env`] | pure: the env schema and `.env`, generated and reconciled | dotenv, domain |
//! | [`plan`] | pure decisions: `Stack` + `Observed` → `Plan` | event, domain |
//! | [`isolate`] | pure: a stack → a copy that collides with nobody, or a tenant of shared stores; leases | domain |
//! | [`supervise`] | pure state machines with time as an argument | domain |
//! | [`doctor`] | pure: facts about the machine → verdicts | engine, domain |
//! | [`event`] | the facts that happened | domain |
//! | [`engine`] | the door to the container engine | event, domain |
//! | [`images`] | how an image is obtained | plan, supervise, engine, event, domain |
//! | [`probe`] | readiness, in each service's own protocol | plan, supervise, engine, event, domain |
//! | [`data`] | migrations, seeds and their ledger | plan, supervise, engine, event, domain |
//! | [`run`] | the async shell: executor, supervisor, signals | plan, supervise, engine, event, domain |
//! | [`watch`] | watched files: which change means what, and when | images, domain |
//! | [`replace`] | running code replaced: files, process, container | plan, engine, event, domain |
//! | [`store`] | files that the tool writes: atomic, private, locked, backed up | domain |
//! | [`report`] | events → text | event, plan, domain |
//! | [`error`] | hints and the exit-code table | every room's error |
//!
//! # The five laws
//!
//! 1. Decisions are pure; effects decide nothing.
//! 2. One task owns each piece of mutable state.
//! 3. Only `engine/docker` names bollard.
//! 4. Everything a user sees is an [`event::Event`] first.
//! 5. Time enters as `now`, randomness as a source.
//!
//! # The one road
//!
//! compose file → [`domain::Stack`] → with [`domain::Observed`] → `plan::Plan` → executor → events → reporters.
//! Every verb that changes a stack builds a plan and walks this road; `--dry-run` prints the plan.

pub mod app;
pub mod cli;
pub mod composefile;
pub mod data;
pub mod doctor;
pub mod domain;
pub mod dotenv;
pub mod engine;
pub mod env;
pub mod error;
pub mod event;
pub mod images;
pub mod isolate;
pub mod plan;
pub mod probe;
pub mod replace;
pub mod report;
pub mod run;
pub mod store;
pub mod supervise;
pub mod watch;

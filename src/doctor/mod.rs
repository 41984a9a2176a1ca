//! The diagnosis: facts in, verdicts out, worst first. Looks at nothing itself.

mod engine;
mod explanation;
mod facts;
mod host;
mod luck;
mod project;
mod verdicts;

pub use engine::LITTLE as LITTLE_SPACE;
pub use explanation::{Explanation, explained, explanation, explanations};
pub use facts::{
    BrokenRecordSeen, ContextSeen, EngineSeen, EnvFault, Facts, HostFacts, KeptSeen, LookupSeen,
    Loss, MissingPath, PathUse, PortSeen, PortUser, ProjectFacts, Proxies, ScriptSeen, Space,
};
pub use luck::{
    LATE, LaterFault, StartFault, Trial, afflicted, lost, takes_scripts, trials, unlucky_start,
};
pub use verdicts::verdicts;

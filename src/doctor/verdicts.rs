//! All checks in one list.

use super::{Facts, engine, host, project};
use crate::domain::Verdict;

/// What `facts` mean, worst first; within a level, engine before project before host.
#[must_use]
pub fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut all = engine::judge(facts);
    all.extend(project::judge(facts));
    all.extend(host::judge(facts));
    all.sort_by_key(|verdict| verdict.level);
    all
}

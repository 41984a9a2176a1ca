//! Who goes first: what takes the longest is made and started before the engine has anything else to make.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::data::Template;
use crate::domain::{Failure, ServiceName, Stack};
use crate::plan::{Action, Plan, Step};
use crate::run::{Done, Perform};

/// A way has to be longer by so much: holding the others back costs them what making and starting the leader takes, and the
/// boots that are known are first ones, of which a template spares a part (a postgres needs no `initdb`).
const AHEAD: Duration = Duration::from_secs(2);

/// Hands that hold back the containers of others until the leader's is started: side by side, each of them takes the
/// engine as long as all together.
pub(super) struct Led {
    hands: Arc<dyn Perform>,
    leader: ServiceName,
    gone: watch::Sender<bool>,
}

impl Led {
    /// `hands` themselves, where the plan starts nothing that others should wait for.
    pub fn by(
        hands: Arc<dyn Perform>,
        stack: &Stack,
        plan: &Plan,
        template: &Template,
    ) -> Arc<dyn Perform> {
        match leader(stack, &started(plan), |name| template.boot(name)) {
            Some(leader) => Arc::new(Self {
                hands,
                leader,
                gone: watch::Sender::new(false),
            }),
            None => hands,
        }
    }
}

#[async_trait]
impl Perform for Led {
    async fn perform(&self, step: &Step) -> Result<Done, Failure> {
        let is_start = matches!(step.action, Action::StartContainer { .. });
        if !is_start && !matches!(step.action, Action::CreateContainer(_)) {
            return self.hands.perform(step).await;
        }
        if step.service.as_ref() != Some(&self.leader) {
            // It fails only where the sender is gone, and that is this.
            self.gone.subscribe().wait_for(|gone| *gone).await.ok();
            return self.hands.perform(step).await;
        }
        let done = self.hands.perform(step).await;
        if is_start || done.is_err() {
            self.gone.send_replace(true);
        }
        done
    }
}

/// The services whose containers a plan both makes and starts.
fn started(plan: &Plan) -> BTreeSet<ServiceName> {
    let named = |is_wanted: fn(&Action) -> bool| -> BTreeSet<ServiceName> {
        plan.steps()
            .filter(|(_, step)| is_wanted(&step.action))
            .filter_map(|(_, step)| step.service.clone())
            .collect()
    };
    let made = named(|action| matches!(action, Action::CreateContainer(_)));
    let started = named(|action| matches!(action, Action::StartContainer { .. }));
    made.intersection(&started).cloned().collect()
}

/// Of the services that wait for no other, the one with the longest way to go until all that wait for it are ready.
fn leader(
    stack: &Stack,
    started: &BTreeSet<ServiceName>,
    boot: impl Fn(&ServiceName) -> Duration,
) -> Option<ServiceName> {
    let mut ways = BTreeMap::new();
    let first = started.iter().filter(|name| {
        let service = stack.service(name);
        service.is_some_and(|service| !service.depends_on.keys().any(|on| started.contains(on)))
    });
    let first: Vec<&ServiceName> = first.collect();
    let way = |name: &ServiceName, ways: &mut _| way(stack, started, &boot, name, ways);
    let mut first: Vec<_> = first
        .into_iter()
        .map(|name| (way(name, &mut ways), name))
        .collect();
    first.sort();
    match first.as_slice() {
        [.., (next, _), (longest, leader)] if *longest > *next + AHEAD => Some((*leader).clone()),
        _ => None,
    }
}

/// The longest way from a service's start until it, and each chain of those that wait for it, is ready.
fn way(
    stack: &Stack,
    started: &BTreeSet<ServiceName>,
    boot: &impl Fn(&ServiceName) -> Duration,
    name: &ServiceName,
    known: &mut BTreeMap<ServiceName, Duration>,
) -> Duration {
    if let Some(known) = known.get(name) {
        return *known;
    }
    let after = stack
        .services
        .values()
        .filter(|service| started.contains(&service.name) && service.depends_on.contains_key(name));
    let longest = after
        .map(|service| way(stack, started, boot, &service.name, known))
        .max();
    let whole = boot(name) + longest.unwrap_or_default();
    known.insert(name.clone(), whole);
    whole
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::{Condition, FailureKind};
    use crate::plan::Cause;
    use crate::plan::fixture::{service, spec, stack};

    /// Who leads of redis (none), postgres (1 s), n8n after it (20 s), rabbitmq (5 s), gateway after both (1 s).
    fn leads(started: &[&str]) -> Option<String> {
        let stack = stack([
            service("redis"),
            service("postgres"),
            service("n8n").after("postgres", Condition::Healthy),
            service("rabbitmq"),
            service("gateway")
                .after("postgres", Condition::Healthy)
                .after("rabbitmq", Condition::Healthy),
        ]);
        let started = started.iter().map(|name| ServiceName::new(*name).unwrap());
        let boot = |name: &ServiceName| {
            Duration::from_secs(match name.as_str() {
                "n8n" => 20,
                "rabbitmq" => 5,
                "redis" => 0,
                _ => 1,
            })
        };
        leader(&stack, &started.collect(), boot).map(|name| name.to_string())
    }

    #[test]
    fn the_beginning_of_the_longest_chain_leads() {
        let all = ["postgres", "n8n", "rabbitmq", "gateway"];
        assert_eq!(leads(&all).as_deref(), Some("postgres"));
        assert_eq!(
            leads(&["postgres", "rabbitmq"]).as_deref(),
            Some("rabbitmq")
        );
    }

    /// Writes down what it did.
    #[derive(Default)]
    struct Diary(Mutex<Vec<String>>);

    #[async_trait]
    impl Perform for Diary {
        async fn perform(&self, step: &Step) -> Result<Done, Failure> {
            tokio::task::yield_now().await;
            let service = step.service.as_ref().unwrap();
            let line = format!("{:?} {service}", step.action.kind());
            self.0.lock().unwrap().push(line.clone());
            match line.as_str() {
                "Create broken" => Err(Failure::new(FailureKind::Engine, "no room")),
                _ => Ok(Done::Changed),
            }
        }
    }

    /// What is done of two services at once, in its order.
    async fn course(leader: &str) -> Vec<String> {
        let step = |action, name: &str| Step {
            action,
            service: ServiceName::new(name).ok(),
            cause: Cause::Missing,
            needs: BTreeSet::new(),
            after: BTreeSet::new(),
        };
        let create = |name| {
            step(
                Action::CreateContainer(Box::new(spec(&service(name)))),
                name,
            )
        };
        let start = |name: &str| {
            let name = name.to_owned();
            step(Action::StartContainer { name: name.clone() }, &name)
        };
        let diary = Arc::new(Diary::default());
        let led = Led {
            hands: Arc::clone(&diary) as Arc<dyn Perform>,
            leader: ServiceName::new(leader).unwrap(),
            gone: watch::Sender::new(false),
        };
        let bring_up = |name| {
            let (created, started) = (create(name), start(name));
            let led = &led;
            async move {
                led.perform(&created).await?;
                led.perform(&started).await
            }
        };
        let (_, _) = tokio::join!(bring_up("redis"), bring_up(leader));
        diary.0.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn others_are_made_once_the_leader_is_started() {
        let order = [
            "Create rabbitmq",
            "Start rabbitmq",
            "Create redis",
            "Start redis",
        ];
        assert_eq!(course("rabbitmq").await, order);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_leader_that_failed() {
        let order = ["Create broken", "Create redis", "Start redis"];
        assert_eq!(course("broken").await, order);
    }

    #[test]
    fn nobody_leads_where_nobody_waits() {
        assert_eq!(leads(&["rabbitmq"]), None);
        assert_eq!(leads(&["postgres", "redis"]), None);
        assert_eq!(leads(&[]), None);
    }
}

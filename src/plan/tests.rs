//! Whole plans, compared as they are printed.

use super::fixture::{running, service, stack};
use super::{DownOptions, Plan, UpOptions, down, restart, stop, up};
use crate::domain::{
    Condition, ContainerState, Dependency, Home, Necessity, Observed, Orphans, Readiness,
    ServiceName, Stack, VolumeFate,
};

fn planned(stack: &Stack, observed: &Observed) -> Plan {
    up(stack, observed, &UpOptions::default()).expect("all services are known")
}

#[track_caller]
fn assert_plan(plan: &Plan, expected: &str) {
    assert_eq!(plan.to_string().trim_end(), expected.trim_matches('\n'));
}

#[test]
fn an_empty_engine_gets_everything_and_starts_wait_where_creates_do_not() {
    let stack = stack([
        service("db").storing("rows"),
        service("api").after("db", Condition::Healthy),
    ]);

    let plan = planned(&stack, &Observed::default());

    assert_plan(
        &plan,
        "
  1. get image db:1 (missing)
  2. create network shop_default (missing)
  3. create volume shop_rows (missing)
  4. get image api:1 (missing)
  5. create container shop-db-1 (missing) after 1, 2, 3
  6. start shop-db-1 (missing) after 5
  7. wait until shop-db-1 is ready (needed) after 6
  8. create container shop-api-1 (missing) after 2, 4
  9. start shop-api-1 (missing) after 7, 8
 10. wait until shop-api-1 is ready (needed) after 9",
    );
}

#[test]
fn a_store_that_stacks_share_is_only_waited_for() {
    let mut db = service("db").storing("rows");
    db.home = Home::Shared;
    db.container_name = Some("shared-db-1".to_owned());
    let stack = stack([db, service("api").after("db", Condition::Healthy)]);

    let plan = planned(&stack, &Observed::default());

    assert_plan(
        &plan,
        "
  1. get image api:1 (missing)
  2. create network shop_default (missing)
  3. wait until shared-db-1 is ready (needed)
  4. create container shop-api-1 (missing) after 1, 2
  5. start shop-api-1 (missing) after 3, 4
  6. wait until shop-api-1 is ready (needed) after 5",
    );
}

#[test]
fn a_running_stack_gets_only_a_look() {
    let stack = stack([
        service("db").storing("rows"),
        service("api").after("db", Condition::Healthy),
    ]);

    let plan = planned(&stack, &running(&stack));

    assert!(!plan.alters());
    assert_plan(
        &plan,
        "
  1. wait until shop-db-1 is ready (needed)
  2. wait until shop-api-1 is ready (needed)",
    );
}

#[test]
fn a_changed_variable_replaces_only_its_service_and_names_it() {
    let before = stack([service("api").with("API_URL", "a"), service("web")]);
    let after = stack([service("api").with("API_URL", "b"), service("web")]);

    let plan = planned(&after, &running(&before));

    assert_plan(
        &plan,
        "
  1. stop shop-api-1 (environment changed: API_URL)
  2. remove container shop-api-1 (environment changed: API_URL) after 1
  3. create container shop-api-1 (environment changed: API_URL) after 2
  4. start shop-api-1 (environment changed: API_URL) after 3
  5. wait until shop-api-1 is ready (needed) after 4
  6. wait until shop-web-1 is ready (needed)",
    );
}

#[test]
fn a_dependent_that_follows_is_replaced_with_its_dependency() {
    let before = stack([
        service("db").with("X", "1"),
        service("api").following("db"),
        service("web").after("db", Condition::Healthy),
    ]);
    let after = stack([
        service("db").with("X", "2"),
        service("api").following("db"),
        service("web").after("db", Condition::Healthy),
    ]);

    let plan = planned(&after, &running(&before)).to_string();

    assert!(plan.contains("stop shop-api-1 (follows db)"), "{plan}");
    assert!(!plan.contains("stop shop-web-1"), "{plan}");
}

#[test]
fn a_stopped_container_is_started_and_no_more() {
    let stack = stack([service("api")]);
    let mut observed = running(&stack);
    observed.containers[0].state = ContainerState::Exited {
        code: 0,
        out_of_memory: false,
        at: None,
    };

    let plan = planned(&stack, &observed);

    assert_plan(
        &plan,
        "
  1. start shop-api-1 (stopped)
  2. wait until shop-api-1 is ready (needed) after 1",
    );
}

#[test]
fn a_paused_container_goes_on_and_no_more() {
    let stack = stack([service("api")]);
    let mut observed = running(&stack);
    observed.containers[0].state = ContainerState::Paused;

    let plan = planned(&stack, &observed);

    assert_plan(
        &plan,
        "
  1. unpause shop-api-1 (paused)
  2. wait until shop-api-1 is ready (needed) after 1",
    );
}

#[test]
fn a_one_shot_that_ended_well_is_not_run_again() {
    let stack = stack([
        service("migrate"),
        service("api").after("migrate", Condition::Completed),
    ]);
    let mut observed = running(&stack);
    let migrate = observed
        .containers
        .iter_mut()
        .find(|found| found.service.as_str() == "migrate")
        .expect("it is there");
    migrate.state = ContainerState::Exited {
        code: 0,
        out_of_memory: false,
        at: None,
    };

    let plan = planned(&stack, &observed);

    assert_plan(&plan, "  1. wait until shop-api-1 is ready (needed)");
}

#[test]
fn a_dependency_that_is_not_required_is_waited_for_but_not_needed() {
    let mut api = service("api");
    let dependency = Dependency {
        condition: Condition::Healthy,
        necessity: Necessity::Optional,
        ..Dependency::default()
    };
    api.depends_on
        .insert(ServiceName::new("cache").expect("a name"), dependency);
    let stack = stack([service("cache"), api]);

    let plan = planned(&stack, &Observed::default());

    let (_, start) = plan
        .steps()
        .find(|(_, step)| super::describe(step) == "start shop-api-1")
        .expect("it is started");
    assert_eq!(start.after.len(), 1);
    assert_eq!(start.needs.len(), 1);
}

#[test]
fn seeds_wait_for_migrations_which_wait_for_their_container_only_to_run() {
    let mut db = service("db").storing("rows");
    db.ready = Readiness::Postgres;
    let mut api = service("api").after("db", Condition::Healthy);
    api.migrate = Some(crate::domain::Migrate::Command {
        run: vec!["migrate".to_owned()],
        inputs: Vec::new(),
    });
    let mut stack = stack([db, api]);
    let mut cache = service("cache").storing("keys");
    cache.ready = Readiness::Redis;
    stack.services.insert(cache.name.clone(), cache);
    stack.seeds = Some("/shop/seeds".into());

    let plan = planned(&stack, &running(&stack));

    assert_plan(
        &plan,
        "
  1. wait until shop-cache-1 is ready (needed)
  2. wait until shop-db-1 is ready (needed)
  3. wait until shop-api-1 is ready (needed)
  4. migrate api (needed) after 2
  5. seed db (needed) after 2, 4
  6. seed cache (needed) after 1",
    );
}

#[test]
fn sql_files_wait_for_the_database_alone_whichever_service_they_belong_to() {
    let mut db = service("db").storing("rows");
    db.ready = Readiness::Postgres;
    db.migrate = Some(crate::domain::Migrate::Directory("/shop/db".into()));
    let mut api = service("api").after("db", Condition::Healthy);
    api.migrate = Some(crate::domain::Migrate::Directory("/shop/api".into()));
    let stack = stack([db, api]);

    let plan = planned(&stack, &running(&stack));

    assert_plan(
        &plan,
        "
  1. wait until shop-db-1 is ready (needed)
  2. wait until shop-api-1 is ready (needed)
  3. migrate db (needed) after 1
  4. migrate api (needed) after 1",
    );
}

#[test]
fn naming_a_service_brings_what_it_depends_on_and_nothing_else() {
    let stack = stack([
        service("db"),
        service("api").after("db", Condition::Healthy),
        service("web"),
    ]);
    let options = UpOptions {
        services: vec!["api".to_owned()],
        ..UpOptions::default()
    };

    let plan = up(&stack, &running(&stack), &options).expect("api is known");

    assert_plan(
        &plan,
        "
  1. wait until shop-db-1 is ready (needed)
  2. wait until shop-api-1 is ready (needed)",
    );
}

#[test]
fn an_orphan_goes_only_where_that_is_asked_and_these_files_made_it() {
    let old = stack([service("api"), service("old")]);
    let new = stack([service("api")]);
    let mut observed = running(&old);
    let options = UpOptions {
        orphans: Orphans::Remove,
        ..UpOptions::default()
    };

    let kept = planned(&new, &observed).to_string();
    let removed = up(&new, &observed, &options).expect("known").to_string();
    for found in &mut observed.containers {
        found
            .labels
            .insert(super::WORKING_DIR.to_owned(), "/elsewhere".to_owned());
    }
    let foreign = up(&new, &observed, &options).expect("known").to_string();

    assert!(!kept.contains("shop-old-1"), "{kept}");
    assert!(
        removed.contains("remove container shop-old-1 (no longer in the file)"),
        "{removed}"
    );
    assert!(!foreign.contains("shop-old-1"), "{foreign}");
}

#[test]
fn down_ends_dependents_first_and_keeps_volumes_unless_told() {
    let stack = stack([
        service("db").storing("rows"),
        service("api").after("db", Condition::Healthy),
    ]);
    let observed = running(&stack);
    let with_volumes = DownOptions {
        volumes: VolumeFate::Remove,
        ..DownOptions::default()
    };

    let kept = down(&stack, &observed, &DownOptions::default()).expect("known");
    let removed = down(&stack, &observed, &with_volumes).expect("known");

    assert_plan(
        &kept,
        "
  1. stop shop-api-1 (asked for)
  2. remove container shop-api-1 (asked for) after 1
  3. stop shop-db-1 (asked for) after 2
  4. remove container shop-db-1 (asked for) after 3
  5. remove network shop_default (asked for) after 2, 4",
    );
    assert!(
        removed
            .to_string()
            .contains("remove volume shop_rows (asked for) after 2, 4")
    );
}

#[test]
fn stop_keeps_containers_and_restart_waits_for_what_is_depended_on() {
    let stack = stack([
        service("db"),
        service("api").after("db", Condition::Healthy),
    ]);
    let observed = running(&stack);

    assert_plan(
        &stop(&stack, &observed, &[]).expect("known"),
        "
  1. stop shop-api-1 (asked for)
  2. stop shop-db-1 (asked for) after 1",
    );
    assert_plan(
        &restart(&stack, &observed, &[]).expect("known"),
        "
  1. restart shop-db-1 (asked for)
  2. wait until shop-db-1 is ready (needed) after 1
  3. restart shop-api-1 (asked for) after 2
  4. wait until shop-api-1 is ready (needed) after 3",
    );
}

#[test]
fn a_service_that_is_not_there_is_named_with_those_that_are() {
    let stack = stack([service("api")]);

    let error = stop(&stack, &running(&stack), &["apu".to_owned()]).expect_err("no such service");

    assert_eq!(error.to_string(), "no such service `apu`");
    assert_eq!(error.known, ["api"]);
}

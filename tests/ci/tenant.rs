//! `--isolate tenant`: runs that share their stores, and see nothing of each other.

use jobsprint_dev::domain::ContainerId;

use crate::checkout::text;
use crate::shop::{BEGUN, Running, Shop};
use crate::stores::Stores;

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_begin_from_one_template_and_see_nothing_of_each_other() {
    let shop = Shop::of(Stores::with_broker().await).await;
    let (_, first) = shop.works(&["--", "true"]);
    let one = shop.start(&[]);
    let two = shop.start(&[]);

    let count = "SELECT count(*) FROM jobs";
    shop.sql(&one, "INSERT INTO jobs VALUES (3)").await;
    shop.redis(&one, &["SET", "mine", "1"]).await;
    let queues = |run: &Running| {
        let host = run.told["JOBSPRINT_STACK"].replace('-', "_");
        let shop = &shop;
        async move {
            let words = ["rabbitmqctl", "-q", "list_queues", "-p", &host, "name"];
            shop.says("rabbitmq", &words).await
        }
    };
    let counts = (shop.sql(&one, count).await, shop.sql(&two, count).await);
    let flags = shop.redis(&two, &["MGET", "flag", "mine"]).await;
    let number = one.told["REDIS_URL"].rsplit_once('/').expect("a number").1;
    let astray = shop.redis(&two, &["SELECT", number]).await;
    let (queues, others) = (queues(&one).await, queues(&two).await);
    let theirs = two.told["DATABASE_URL"].rsplit_once('/').expect("a name").1;
    let url = one.inside("DATABASE_URL", 5432);
    let url = format!("{}/{theirs}", url.rsplit_once('/').expect("a name").0);
    let stranger = shop.says("postgres", &["psql", "-Atc", count, &url]).await;
    let ended = [one.end(), two.end()];

    assert!(first.contains("kept the stores as a template"), "{first}");
    for run in &ended {
        assert!(run.status.success(), "{}", text(&run.stderr));
        assert!(text(&run.stderr).contains(BEGUN), "{}", text(&run.stderr));
        assert!(!text(&run.stderr).contains("001_jobs.sql"));
    }
    assert_eq!(counts, ("3\n".to_owned(), "2\n".to_owned()));
    assert_eq!(flags, "on\n\n");
    assert!(astray.contains("NOPERM"), "{astray}");
    assert!(stranger.contains("permission denied"), "{stranger}");
    assert!(
        queues.contains("jobs") && others.contains("jobs"),
        "{queues}{others}"
    );
    assert_eq!(shop.left().await, "");
    assert_eq!(shop.left_in_broker().await, "");
    assert!(shop.stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_finds_the_shared_stores_by_their_names_with_the_tenants_login() {
    let shop = Shop::new().await;

    let script = "nc -w 2 postgres 5432 </dev/null && nc -w 2 redis 6379 </dev/null && \
        echo $JOBSPRINT_STACK && echo $DATABASE_URL && echo $REDIS_URL";
    let (said, told) = shop.works(&["--in", "web", "--", "sh", "-c", script]);

    let lines: Vec<&str> = said.lines().collect();
    let [stack, database, redis] = lines.as_slice() else {
        panic!("{said}{told}");
    };
    let name = stack.replace('-', "_");
    assert!(
        database.starts_with(&format!("postgresql://{name}:")),
        "{database}"
    );
    assert!(
        database.ends_with(&format!("@postgres:5432/{name}")),
        "{database}"
    );
    assert!(redis.starts_with(&format!("redis://{name}:")), "{redis}");
    assert!(redis.contains("@redis:6379/"), "{redis}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_stores_that_have_stopped_are_made_anew() {
    let shop = Shop::new().await;
    let stores = ["--services", "postgres,redis", "--", "true"];
    shop.works(&stores);
    let project = shop.shared().remove(0);
    let container = ContainerId::new(format!("{project}-redis-1"));
    let engine = &shop.stores.checkout.engine;
    engine
        .stop_container(&container, None)
        .await
        .expect("stopped");

    let (_, told) = shop.works(&stores);

    assert!(told.contains("bringing up postgres and redis for all tenants"));
    assert!(!told.contains(BEGUN), "{told}");
    assert_eq!(shop.shared(), [project]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_migration_goes_on_from_the_template_unless_it_is_not_wanted() {
    let shop = Shop::new().await;
    let stores = ["--services", "postgres,redis"];
    shop.works(&[&stores[..], &["--", "true"]].concat());
    shop.stores
        .write("migrations/002_more.sql", "INSERT INTO jobs VALUES (3);");

    let (_, later) = shop.works(&[&stores[..], &["--", "true"]].concat());
    let (_, again) = shop.works(&[&stores[..], &["--", "true"]].concat());
    let (_, without) = shop.works(&[&stores[..], &["--no-template", "--", "true"]].concat());

    assert!(
        later.contains("begin with a template that lacks one migration"),
        "{later}"
    );
    assert!(later.contains("002_more.sql") && !later.contains("001_jobs.sql"));
    assert!(again.contains(BEGUN), "{again}");
    assert!(!without.contains("template"), "{without}");
    assert!(without.contains("001_jobs.sql"), "{without}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_asks_for_more_is_refused_before_anything_is_made() {
    let shop = Shop::new().await;
    let path = shop.stores.checkout.directory.path().join("compose.yaml");

    let inside = shop.run(&["--in", "postgres", "--", "true"]);
    let reused = shop.run(&["--reuse", "--", "true"]);
    let file = std::fs::read_to_string(&path).expect("written");
    let file = file.replace("REDIS_URL: redis://redis:6379", "CACHE_HOST: redis");
    std::fs::write(&path, file).expect("written");
    let host = shop.run(&["--", "true"]);

    for (ran, reason) in [
        (inside, "`postgres` has a container that is shared"),
        (reused, "`--reuse` keeps a stack with its stores"),
        (
            host,
            "the stack can't be a tenant: `web` names `redis` in CACHE_HOST",
        ),
    ] {
        assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
        assert!(text(&ran.stderr).contains(reason), "{}", text(&ran.stderr));
    }
    assert!(shop.shared().is_empty());
    assert!(shop.stores.checkout.stacks().await.is_empty());
}

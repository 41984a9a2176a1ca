//! The seeds of redis and of the broker: each file whole or not at all, once, and again when the store was wiped.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jobsprint_dev::data::{DataContext, DataOutcome, Glance, SeedOptions, seed_store};
use jobsprint_dev::domain::{ContainerId, Failure, Readiness, Service};
use jobsprint_dev::engine::ExecRequest;
use jobsprint_dev::event::Events;
use tempfile::TempDir;

use super::world::{World, service};

/// A running store with a project's directory beside it.
struct Store {
    world: World,
    service: Service,
    id: ContainerId,
    project: TempDir,
}

impl Store {
    async fn new(service: Service) -> Self {
        let world = World::new().await;
        let (id, waited) = world.up(&service).await;
        waited.expect("the store comes up");
        Self {
            world,
            service,
            id,
            project: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.project.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }

    async fn seed(&self) -> Result<DataOutcome, Failure> {
        let mut stack = self.world.stack([self.service.clone()]);
        stack.working_dir = self.project.path().into();
        stack.seeds = Some(self.project.path().join("seeds"));
        let context = DataContext {
            engine: self.world.engine.clone(),
            facts: self.world.facts.clone(),
            stack: Arc::new(stack),
            containers: [(self.service.name.clone(), self.id.clone())].into(),
            events: Events::channel().0,
            glance: Glance::default(),
        };
        let seeded = seed_store(&context, &self.service, &SeedOptions::default()).await;
        seeded.map_err(Failure::from)
    }

    async fn ask(&self, script: &str) -> String {
        let request = ExecRequest {
            command: ["sh", "-c", script].map(ToOwned::to_owned).to_vec(),
            ..ExecRequest::default()
        };
        let ran = self.world.engine.execute(&self.id, &request).await.unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        String::from_utf8_lossy(&said).trim().to_owned()
    }
}

#[tokio::test]
async fn redis_is_seeded_by_files_of_commands_each_whole_or_not_at_all() {
    let mut redis = service("redis", "redis:7-alpine", Readiness::Redis);
    redis.container.environment.set("REDIS_PASSWORD", "s3cret");
    let command = ["redis-server", "--requirepass", "s3cret"];
    redis.container.command = Some(command.map(ToOwned::to_owned).to_vec());
    let store = Store::new(redis).await;
    let get = async |words: &str| {
        let script = format!("REDISCLI_AUTH=s3cret redis-cli {words}");
        store.ask(&script).await
    };
    store.write(
        "seeds/redis/010_flags.redis",
        "# What is switched on.\r\nSET flag:search on\r\nHSET flag:limits jobs 10 \"free text\" 'it\\'s'\r\n",
    );
    store.write("seeds/redis/README.md", "not a seed");

    assert_eq!(store.seed().await, Ok(DataOutcome::Ran(1)));
    assert_eq!(store.seed().await, Ok(DataOutcome::NothingDue));
    assert_eq!(get("HGET flag:limits 'free text'").await, "it's");

    get("SET other kept EX 1000").await;
    store.write(
        "seeds/redis/020_bad.redis",
        "SET other lost\nSET flag:search off\nSET new 1\nLPUSH flag:limits 1\nSET late 1\n",
    );
    let failure = store.seed().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`seeds/redis/020_bad.redis` failed at line 4, column 1: WRONGTYPE Operation against a key holding the wrong kind of value"
    );
    assert_eq!(failure.details[2], "4 | LPUSH flag:limits 1");
    assert_eq!(get("MGET flag:search other new late").await, "on\nkept");
    let left: u32 = get("TTL other").await.parse().unwrap();
    assert!(left > 900, "its end stays as it was: {left}");

    for (text, reason) in [
        (
            "SET a 1\nSTE b 2\n",
            "line 2, column 1: Unknown Redis command called from script",
        ),
        (
            "SET a 'one\n",
            "line 1, column 7: a quote that begins here doesn't end",
        ),
    ] {
        store.write("seeds/redis/020_bad.redis", text);
        let failure = store.seed().await.unwrap_err();
        assert!(failure.message.contains(reason), "{failure}");
        assert_eq!(get("EXISTS a").await, "0");
    }

    store.write("seeds/redis/020_bad.redis", "SET new 1\n");
    assert_eq!(store.seed().await, Ok(DataOutcome::Ran(1)));
    get("FLUSHALL").await;
    assert_eq!(store.seed().await, Ok(DataOutcome::Ran(2)));
    assert_eq!(get("MGET flag:search new").await, "on\n1");
}

#[tokio::test]
async fn the_broker_is_seeded_with_definitions_whole_or_not_at_all() {
    let mut broker = service(
        "rabbitmq",
        "rabbitmq:3.12-management-alpine",
        Readiness::Amqp,
    );
    let environment = &mut broker.container.environment;
    environment.set("RABBITMQ_DEFAULT_USER", "jobsprint");
    environment.set("RABBITMQ_DEFAULT_PASS", "s3cret");
    let store = Store::new(broker).await;
    let file = "seeds/rabbitmq/definitions.json";
    let queues = async || {
        let ask = "rabbitmqctl -q --no-table-headers list_queues name | sort | paste -sd ' '";
        store.ask(ask).await
    };
    store.write(
        file,
        r#"{
  "exchanges": [{ "name": "events", "type": "topic", "durable": true, "auto_delete": false, "internal": false, "arguments": {} }],
  "queues": [{ "name": "mails", "durable": true, "auto_delete": false, "arguments": {} }],
  "bindings": [{ "source": "events", "destination": "mails", "destination_type": "queue", "routing_key": "mail.#", "arguments": {} }]
}"#,
    );

    assert_eq!(store.seed().await, Ok(DataOutcome::Ran(1)));
    assert_eq!(store.seed().await, Ok(DataOutcome::NothingDue));
    assert_eq!(queues().await, "mails");

    store.write(
        file,
        r#"{
  "queues": [{ "name": "late", "durable": true, "auto_delete": false, "arguments": {} }],
  "bindings": [{ "source": "nowhere", "destination": "late", "destination_type": "queue", "routing_key": "", "arguments": {} }]
}"#,
    );
    let failure = store.seed().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`seeds/rabbitmq/definitions.json` failed at line 1, column 1: `nowhere` can't be bound to `late`: one of them is not there"
    );
    assert_eq!(queues().await, "mails");

    store.write(
        file,
        r#"{
  "vhosts": [{ "name": "late" }],
  "policies": [{ "name": "late", "pattern": ".*", "definition": { "nonsense": 1 } }],
  "queues": [{ "name": "late", "durable": true, "auto_delete": false, "arguments": {} }]
}"#,
    );
    let failure = store.seed().await.unwrap_err();
    assert!(failure.message.contains("nonsense"), "{failure}");
    let vhosts = "rabbitmqctl -q --no-table-headers list_vhosts | paste -sd ' '";
    assert_eq!(store.ask(vhosts).await, "/");
    assert_eq!(queues().await, "mails");

    store.write(file, "{\n  \"queues\": [},\n}");
    let failure = store.seed().await.unwrap_err();
    assert_eq!(
        failure.message,
        "`seeds/rabbitmq/definitions.json` failed at line 2, column 14: expected value"
    );
}

//! A running database with a project's directory beside it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jobsprint_dev::data::{DataContext, DataOutcome, Glance, SeedOptions, migrations, seed_store};
use jobsprint_dev::domain::{ContainerId, Failure, Migrate, SeedCommand, Service};
use jobsprint_dev::engine::ExecRequest;
use jobsprint_dev::event::Events;
use tempfile::TempDir;

use super::world::{World, postgres};

/// A running database, whose own container runs the commands, and a project directory.
pub struct Database {
    pub world: World,
    pub service: Service,
    pub id: ContainerId,
    pub project: TempDir,
}

impl Database {
    pub async fn new() -> Self {
        let world = World::new().await;
        let service = postgres();
        let (id, waited) = world.up(&service).await;
        waited.expect("postgres comes up");
        Self {
            world,
            service,
            id,
            project: tempfile::tempdir().unwrap(),
        }
    }

    pub fn context(&self) -> DataContext {
        let mut stack = self.world.stack([self.service.clone()]);
        stack.working_dir = self.project.path().into();
        stack.seeds = Some(self.project.path().join("seeds"));
        DataContext {
            engine: self.world.engine.clone(),
            facts: self.world.facts.clone(),
            stack: Arc::new(stack),
            containers: [(self.service.name.clone(), self.id.clone())].into(),
            events: Events::channel().0,
            glance: Glance::default(),
        }
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub async fn seed(&self) -> Result<DataOutcome, Failure> {
        seed_store(&self.context(), &self.service, &SeedOptions::default())
            .await
            .map_err(Failure::from)
    }

    pub async fn ask(&self, sql: &str) -> String {
        let request = ExecRequest {
            command: ["psql", "-U", "jobsprint", "-Atc", sql]
                .map(ToOwned::to_owned)
                .to_vec(),
            ..ExecRequest::default()
        };
        let executed = self.world.engine.execute(&self.id, &request).await.unwrap();
        assert_eq!(
            executed.code,
            0,
            "{}",
            String::from_utf8_lossy(&executed.stderr)
        );
        String::from_utf8(executed.stdout)
            .unwrap()
            .trim()
            .to_owned()
    }

    /// A service whose commands run where psql is.
    pub fn app(&self, sql: &str) -> Service {
        let mut app = self.service.clone();
        let run: Vec<String> = [
            "psql",
            "-U",
            "jobsprint",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        ]
        .map(ToOwned::to_owned)
        .to_vec();
        app.migrate = Some(Migrate::Command {
            run: run.clone(),
            inputs: vec![self.project.path().join("migrations")],
        });
        app.seed = Some(SeedCommand {
            run,
            inputs: Vec::new(),
        });
        app
    }

    /// The database's own service, whose migrations are the SQL files of `migrations/`.
    pub fn with_sql(&self) -> Service {
        let mut service = self.service.clone();
        let directory = self.project.path().join("migrations");
        service.migrate = Some(Migrate::Directory(directory));
        service
    }

    /// The context of a stack whose database's migrations are SQL files.
    pub fn sql_context(&self) -> DataContext {
        let mut context = self.context();
        let mut stack = (*context.stack).clone();
        stack
            .services
            .insert(self.service.name.clone(), self.with_sql());
        context.stack = Arc::new(stack);
        context
    }

    /// How the migrations stand, one a line.
    pub async fn standing(&self) -> String {
        let due = migrations(&self.sql_context(), &self.service)
            .await
            .unwrap();
        let lines = due.iter().map(|due| format!("{} {}", due.state, due.name));
        lines.collect::<Vec<_>>().join("\n")
    }
}

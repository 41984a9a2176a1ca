//! A login to the stack's database.

use std::path::Path;

use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::admin::Admin;
use super::error::in_words;
use super::{DataContext, DataError, lock};
use crate::domain::{PostgresLogin, Service};

const PORT: u16 = 5432;
const LOOK_FOR_US: &str = "SET client_connection_check_interval = 1000";

/// A session with the database, whose end rolls back what was not committed.
#[derive(Debug)]
pub(super) struct Session {
    /// To ask it.
    pub(super) client: Client,
    driver: JoinHandle<()>,
}

impl Session {
    /// Logs in to the database of `service` as its own user.
    pub(super) async fn open(context: &DataContext, service: &Service) -> Result<Self, DataError> {
        let login = login(service);
        match Self::open_as(context, service, &login).await {
            Err(DataError::Closed { .. }) => {
                heal(context, service).await?;
                Self::open_as(context, service, &login).await
            }
            opened => opened,
        }
    }

    /// Logs in to the server of `service`.
    pub(super) async fn open_as(
        context: &DataContext,
        service: &Service,
        login: &PostgresLogin,
    ) -> Result<Self, DataError> {
        let refused = |reason: String| DataError::Login {
            service: service.name.clone(),
            reason,
        };
        let stream = context.dial(service, PORT).await?;
        let mut config = Config::new();
        config
            .user(&login.user)
            .dbname(&login.database)
            .application_name("jobsprint-dev");
        if let Some(password) = &login.password {
            config.password(password.expose());
        }
        let connected = config.connect_raw(stream, NoTls).await;
        let (client, connection) = connected.map_err(|error| {
            if error.code() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) {
                let database = login.database.clone();
                return DataError::Closed { database };
            }
            refused(in_words(&error))
        })?;
        let driver = tokio::spawn(async move {
            // Its error reaches whoever asks the client next.
            connection.await.ok();
        });
        // A statement whose run was killed is nobody's any more, and holds up the next run: the server looks now and then
        // whether we are still there. One before version 14 can't, and refuses.
        client.batch_execute(LOOK_FOR_US).await.ok();
        Ok(Self { client, driver })
    }

    /// Goes without waiting, for one that has only asked: nothing of it is left to be ended.
    pub(super) fn leave(self) {
        drop(self.client);
    }

    /// Says goodbye, and waits until the database has heard it.
    pub(super) async fn close(self) {
        drop(self.client);
        self.driver.await.ok();
    }
}

/// Opens a database that a run which was cut off left closed; one that still works on it is waited for.
async fn heal(context: &DataContext, service: &Service) -> Result<(), DataError> {
    let admin = Box::pin(Admin::open(context, service)).await?;
    lock::take(&admin.session().client, &context.events).await?;
    admin.reopen(admin.database()).await?;
    admin.close().await;
    Ok(())
}

/// The login that the service's settings give.
pub(super) fn login(service: &Service) -> PostgresLogin {
    PostgresLogin::of(service, &|path: &Path| std::fs::read_to_string(path).ok())
}

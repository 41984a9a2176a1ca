//! A login to redis, in RESP (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{DataContext, DataError};
use crate::domain::{RedisLogin, Service, ServiceName};
use crate::engine::in_words;

const PORT: u16 = 6379;

/// A session with redis.
pub(super) struct RedisSession {
    stream: BufReader<TcpStream>,
    service: ServiceName,
    database: u32,
}

/// What redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// A text, or `None` for nothing.
    Text(Option<String>),
    /// A number.
    Number(i64),
    /// Several answers.
    List(Vec<Reply>),
    /// It refuses, in its own words.
    Refused(String),
}

impl RedisSession {
    /// Logs in to `service`.
    pub(super) async fn open(context: &DataContext, service: &Service) -> Result<Self, DataError> {
        let login = RedisLogin::of(service, &|path: &Path| std::fs::read_to_string(path).ok());
        let mut session = Self {
            stream: BufReader::new(context.dial(service, PORT).await?),
            service: service.name.clone(),
            database: 0,
        };
        if let Some(password) = &login.password {
            let mut words: Vec<&[u8]> = vec![b"AUTH"];
            words.extend(login.user.as_deref().map(str::as_bytes));
            words.push(password.expose().as_bytes());
            let reply = session.ask("logging in", &words).await?;
            if let Reply::Refused(reason) = reply
                && reason.starts_with("WRONGPASS")
            {
                let service = session.service;
                return Err(DataError::Login { service, reason });
            }
        }
        if login.database != 0 {
            session.select(login.database).await?;
        }
        Ok(session)
    }

    /// Goes on in another database.
    pub(super) async fn select(&mut self, number: u32) -> Result<(), DataError> {
        self.done("choosing a database", &["SELECT", &number.to_string()])
            .await?;
        self.database = number;
        Ok(())
    }

    /// The number of the database that it works in.
    pub(super) const fn database(&self) -> u32 {
        self.database
    }

    /// Sends a command that answers with nothing but its having been done.
    pub(super) async fn done(
        &mut self,
        doing: &'static str,
        words: &[impl AsRef<[u8]>],
    ) -> Result<(), DataError> {
        match self.ask(doing, words).await? {
            Reply::Refused(reason) => Err(DataError::Store {
                service: self.service.clone(),
                doing,
                reason,
            }),
            _ => Ok(()),
        }
    }

    /// Sends a command and waits for the answer.
    pub(super) async fn ask(
        &mut self,
        doing: &'static str,
        words: &[impl AsRef<[u8]>],
    ) -> Result<Reply, DataError> {
        let exchanged = async {
            self.stream.write_all(&array(words)).await?;
            self.stream.flush().await?;
            self.reply().await
        };
        exchanged.await.map_err(|error| DataError::Store {
            service: self.service.clone(),
            doing,
            reason: in_words(&error),
        })
    }

    async fn reply(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        let number = || rest.parse::<i64>().map_err(io::Error::other);
        Ok(match kind {
            "+" => Reply::Text(Some(rest.to_owned())),
            "-" => Reply::Refused(rest.to_owned()),
            ":" => Reply::Number(number()?),
            "$" => Reply::Text(match usize::try_from(number()?) {
                Ok(length) => Some(self.text(length).await?),
                Err(_) => None,
            }),
            "*" => {
                let mut all = Vec::new();
                for _ in 0..number()? {
                    all.push(Box::pin(self.reply()).await?);
                }
                Reply::List(all)
            }
            _ => return Err(io::Error::other("the answer is not redis' protocol")),
        })
    }

    async fn text(&mut self, length: usize) -> io::Result<String> {
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).await?;
        bytes.truncate(length);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A command as it is sent: an array of strings.
fn array(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

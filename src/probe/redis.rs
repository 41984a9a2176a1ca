//! Asks redis by AUTH and PING, in RESP (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use super::Answer;
use crate::domain::RedisLogin;
use crate::engine::{Route, dial, in_words};

/// Authenticates where a password is known, and pings.
pub(super) async fn ask(ways: &[Route], login: &RedisLogin) -> Answer {
    let stream = match dial(ways).await {
        Ok((stream, _)) => stream,
        Err(reason) => return Answer::NotYet(format!("redis: {reason}")),
    };
    match converse(stream, login).await {
        Ok(answer) => answer,
        Err(error) => Answer::NotYet(format!("redis: {}", in_words(&error))),
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    login: &RedisLogin,
) -> io::Result<Answer> {
    let mut stream = BufReader::new(stream);
    if let Some(password) = &login.password {
        let mut words = vec!["AUTH"];
        words.extend(login.user.as_deref());
        words.push(password.expose());
        let reply = command(&mut stream, &words).await?;
        if reply.starts_with("-WRONGPASS") || reply.starts_with("-ERR invalid password") {
            return Ok(Answer::Impossible(
                "redis: the password is wrong".to_owned(),
            ));
        }
        if reply.starts_with("-LOADING") {
            return Ok(judge(&reply));
        }
        // Any other refusal means that the server wants no password: PING decides.
    }
    let reply = command(&mut stream, &["PING"]).await?;
    Ok(judge(&reply))
}

async fn command(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    words: &[&str],
) -> io::Result<String> {
    stream.write_all(&array(words)).await?;
    stream.flush().await?;
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// A command as RESP sends it: an array of bulk strings.
fn array(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

fn judge(reply: &str) -> Answer {
    let Some(refusal) = reply.strip_prefix('-') else {
        return Answer::Ready;
    };
    let code = refusal.split_whitespace().next().unwrap_or_default();
    match code {
        // It answers, and only lacks a password or a permission that the settings don't show.
        "NOAUTH" | "NOPERM" => Answer::Ready,
        "LOADING" => Answer::NotYet("redis: loading its data".to_owned()),
        "DENIED" => Answer::Impossible(
            "redis: protected mode refuses other hosts; start it with `--protected-mode no` or a password"
                .to_owned(),
        ),
        _ => Answer::NotYet(format!("redis: {refusal}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;
    use tokio::io::AsyncReadExt;

    async fn talk(login: RedisLogin, replies: &[&str]) -> (Answer, String) {
        let (here, mut there) = tokio::io::duplex(1024);
        let server = async {
            let mut heard = String::new();
            for reply in replies {
                let mut bytes = [0; 256];
                let count = there.read(&mut bytes).await.unwrap();
                heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
                there.write_all(reply.as_bytes()).await.unwrap();
            }
            heard
        };
        let (answer, heard) = tokio::join!(converse(here, &login), server);
        (answer.unwrap(), heard)
    }

    fn login(user: Option<&str>, password: Option<&str>) -> RedisLogin {
        RedisLogin {
            user: user.map(ToOwned::to_owned),
            password: password.map(Secret::from),
            database: 0,
        }
    }

    #[tokio::test]
    async fn a_password_is_given_before_the_ping() {
        let (answer, heard) = talk(login(None, Some("pw")), &["+OK\r\n", "+PONG\r\n"]).await;

        assert_eq!(answer, Answer::Ready);
        assert_eq!(
            heard,
            "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*1\r\n$4\r\nPING\r\n"
        );
    }

    #[tokio::test]
    async fn an_acl_user_is_named() {
        let (_, heard) = talk(login(Some("me"), Some("pw")), &["+OK\r\n", "+PONG\r\n"]).await;

        assert!(heard.starts_with("*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n"));
    }

    #[tokio::test]
    async fn a_wrong_password_is_told_at_once_and_never_shown() {
        let reply = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
        let (answer, _) = talk(login(None, Some("pw")), &[reply]).await;

        let reason = "redis: the password is wrong".to_owned();
        assert_eq!(answer, Answer::Impossible(reason));
    }

    #[tokio::test]
    async fn a_server_that_loads_its_data_is_not_ready() {
        let reply = "-LOADING Redis is loading the dataset in memory\r\n";
        let (answer, _) = talk(login(None, None), &[reply]).await;

        let reason = "redis: loading its data".to_owned();
        assert_eq!(answer, Answer::NotYet(reason));
    }

    #[tokio::test]
    async fn a_server_without_password_is_ready_even_where_one_is_known() {
        let refusal =
            "-ERR AUTH <password> called without any password configured for the default user.\r\n";
        let (answer, _) = talk(login(None, Some("pw")), &[refusal, "+PONG\r\n"]).await;

        assert_eq!(answer, Answer::Ready);
    }
}

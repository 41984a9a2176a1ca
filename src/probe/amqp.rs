//! Asks a broker by an AMQP 0-9-1 handshake up to the opening of the virtual host.
//!
//! Frames and methods are those of <https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>, chapters 2.3 and 1.4.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Answer;
use crate::domain::AmqpLogin;
use crate::engine::{Route, dial, in_words};

const HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
const METHOD_FRAME: u8 = 1;
const FRAME_END: u8 = 0xCE;
/// Nothing that belongs to a handshake is longer.
const LONGEST_FRAME: u32 = 128 * 1024;

/// The class of all methods of the handshake.
const CONNECTION: u16 = 10;
const START: u16 = 10;
const START_OK: u16 = 11;
const TUNE: u16 = 30;
const TUNE_OK: u16 = 31;
const OPEN: u16 = 40;
const OPEN_OK: u16 = 41;
const CLOSE: u16 = 50;

const REPLY_SUCCESS: u16 = 200;
const ACCESS_REFUSED: u16 = 403;

/// Shakes hands, opens the virtual host, and closes cleanly.
pub(super) async fn ask(ways: &[Route], login: &AmqpLogin) -> Answer {
    let stream = match dial(ways).await {
        Ok((stream, _)) => stream,
        Err(reason) => return Answer::NotYet(format!("AMQP: {reason}")),
    };
    match shake_hands(stream, login).await {
        Ok(answer) => answer,
        Err(error) => Answer::NotYet(format!("AMQP handshake: {}", in_words(&error))),
    }
}

async fn shake_hands(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    login: &AmqpLogin,
) -> io::Result<Answer> {
    stream.write_all(HEADER).await?;
    loop {
        let method = receive(&mut stream).await?;
        match method.id {
            START => send(&mut stream, START_OK, &start_ok(login)).await?,
            TUNE => {
                // The broker's own limits, and no heartbeat: the connection lives for milliseconds.
                let mut limits = method.arguments.clone();
                limits.resize(6, 0);
                limits.extend_from_slice(&0_u16.to_be_bytes());
                send(&mut stream, TUNE_OK, &limits).await?;
                send(&mut stream, OPEN, &open(login)).await?;
            }
            OPEN_OK => {
                send(&mut stream, CLOSE, &goodbye()).await?;
                // Its answer is awaited so that the broker doesn't log a broken connection.
                receive(&mut stream).await.ok();
                return Ok(Answer::Ready);
            }
            CLOSE => return Ok(judge(&method.arguments, login)),
            id => return Err(io::Error::other(format!("unexpected method {id}"))),
        }
    }
}

struct Method {
    id: u16,
    arguments: Vec<u8>,
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Method> {
    let mut header = [0; 7];
    stream.read_exact(&mut header).await?;
    if header.starts_with(b"AMQP") {
        return Err(io::Error::other("it speaks another version of AMQP"));
    }
    let [kind, _, _, size @ ..] = header;
    let size = u32::from_be_bytes(size);
    if kind != METHOD_FRAME || !(4..=LONGEST_FRAME).contains(&size) {
        return Err(io::Error::other("the answer is not AMQP"));
    }
    let mut payload = vec![0; size as usize];
    stream.read_exact(&mut payload).await?;
    if stream.read_u8().await? != FRAME_END {
        return Err(io::Error::other("the answer is not AMQP"));
    }
    let id = u16::from_be_bytes([payload[2], payload[3]]);
    let arguments = payload.split_off(4);
    Ok(Method { id, arguments })
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    method: u16,
    arguments: &[u8],
) -> io::Result<()> {
    let size = u32::try_from(arguments.len() + 4).map_err(io::Error::other)?;
    let mut frame = vec![METHOD_FRAME, 0, 0];
    frame.extend_from_slice(&size.to_be_bytes());
    frame.extend_from_slice(&CONNECTION.to_be_bytes());
    frame.extend_from_slice(&method.to_be_bytes());
    frame.extend_from_slice(arguments);
    frame.push(FRAME_END);
    stream.write_all(&frame).await?;
    stream.flush().await
}

fn start_ok(login: &AmqpLogin) -> Vec<u8> {
    // Without this capability a refused login is a closed socket, without a reason.
    let mut capability = short_string("authentication_failure_close");
    capability.extend_from_slice(b"t\x01");
    let mut properties = short_string("capabilities");
    properties.push(b'F');
    properties.extend_from_slice(&long_string(&capability));

    let credentials = format!("\0{}\0{}", login.user, login.password.expose());
    let mut arguments = long_string(&properties);
    arguments.extend_from_slice(&short_string("PLAIN"));
    arguments.extend_from_slice(&long_string(credentials.as_bytes()));
    arguments.extend_from_slice(&short_string("en_US"));
    arguments
}

fn open(login: &AmqpLogin) -> Vec<u8> {
    let mut arguments = short_string(&login.vhost);
    arguments.extend_from_slice(&[0, 0]); // two reserved fields
    arguments
}

fn goodbye() -> Vec<u8> {
    let mut arguments = REPLY_SUCCESS.to_be_bytes().to_vec();
    arguments.extend_from_slice(&short_string("ready"));
    arguments.extend_from_slice(&[0; 4]); // no method is to blame
    arguments
}

/// A string with its length in one byte; what doesn't fit is cut off.
fn short_string(text: &str) -> Vec<u8> {
    let bytes = &text.as_bytes()[..text.len().min(255)];
    let mut field = vec![u8::try_from(bytes.len()).unwrap_or(u8::MAX)];
    field.extend_from_slice(bytes);
    field
}

/// A string or table with its length in four bytes.
fn long_string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut field = length.to_be_bytes().to_vec();
    field.extend_from_slice(bytes);
    field
}

/// What a refusing broker says: its code, then its text as a short string.
fn judge(arguments: &[u8], login: &AmqpLogin) -> Answer {
    let [high, low, length, text @ ..] = arguments else {
        return Answer::NotYet("AMQP: the broker closed the connection".to_owned());
    };
    let text = &text[..text.len().min(usize::from(*length))];
    let reason = String::from_utf8_lossy(text);
    match u16::from_be_bytes([*high, *low]) {
        ACCESS_REFUSED => Answer::Impossible(format!(
            "AMQP: the broker refuses the user `{}` or its password",
            login.user
        )),
        _ => Answer::NotYet(format!("AMQP: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;

    fn login() -> AmqpLogin {
        AmqpLogin {
            user: "app".to_owned(),
            password: Secret::new("pw"),
            vhost: "/jobs".to_owned(),
        }
    }

    /// A broker that says these methods in turn, one after each thing that it hears.
    async fn broker(said: Vec<(u16, Vec<u8>)>) -> (io::Result<Answer>, Vec<(u16, Vec<u8>)>) {
        let (here, mut there) = tokio::io::duplex(4096);
        let server = async move {
            let mut header = [0; 8];
            there.read_exact(&mut header).await.unwrap();
            assert_eq!(&header, HEADER);
            let mut heard = Vec::new();
            for (method, arguments) in said {
                send(&mut there, method, &arguments).await.unwrap();
                let replies = if method == TUNE { 2 } else { 1 };
                for _ in 0..replies {
                    if let Ok(method) = receive(&mut there).await {
                        heard.push((method.id, method.arguments));
                    }
                }
            }
            heard
        };
        let login = login();
        tokio::join!(shake_hands(here, &login), server)
    }

    #[tokio::test]
    async fn an_opened_virtual_host_is_a_yes_and_the_probe_says_goodbye() {
        let (answer, heard) = broker(vec![
            (START, vec![0, 9]),
            (TUNE, vec![0, 10, 0, 2, 0, 0, 0, 60]),
            (OPEN_OK, vec![0]),
        ])
        .await;

        assert_eq!(answer.unwrap(), Answer::Ready);
        let methods: Vec<u16> = heard.iter().map(|(method, _)| *method).collect();
        assert_eq!(methods, [START_OK, TUNE_OK, OPEN, CLOSE]);
        assert_eq!(heard[1].1, [0, 10, 0, 2, 0, 0, 0, 0], "no heartbeat");
        assert_eq!(heard[2].1, b"\x05/jobs\0\0");
    }

    #[tokio::test]
    async fn a_refused_login_is_told_at_once_and_without_the_password() {
        let mut refusal = ACCESS_REFUSED.to_be_bytes().to_vec();
        refusal.extend_from_slice(&short_string("ACCESS_REFUSED - Login was refused"));
        let (answer, _) = broker(vec![(START, vec![0, 9]), (CLOSE, refusal)]).await;

        let reason = "AMQP: the broker refuses the user `app` or its password".to_owned();
        assert_eq!(answer.unwrap(), Answer::Impossible(reason));
    }

    #[tokio::test]
    async fn a_virtual_host_that_is_not_there_yet_is_waited_for() {
        let mut refusal = 530_u16.to_be_bytes().to_vec();
        refusal.extend_from_slice(&short_string("NOT_ALLOWED - vhost /jobs not found"));
        let (answer, _) = broker(vec![
            (START, vec![0, 9]),
            (TUNE, vec![0; 8]),
            (CLOSE, refusal),
        ])
        .await;

        let reason = "AMQP: NOT_ALLOWED - vhost /jobs not found".to_owned();
        assert_eq!(answer.unwrap(), Answer::NotYet(reason));
    }

    #[tokio::test]
    async fn something_else_than_a_broker_is_told_apart() {
        let (here, mut there) = tokio::io::duplex(4096);
        there
            .write_all(b"HTTP/1.1 400 Bad Request\r\n")
            .await
            .unwrap();

        let error = shake_hands(here, &login()).await.unwrap_err();

        assert_eq!(error.to_string(), "the answer is not AMQP");
    }
}

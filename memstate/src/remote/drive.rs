//! The tasks of a connection: who makes it, reads from it and writes to it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    ConnectError, Link,
    dial::{Dial, Options, Reading, Writing},
    frames::{self, Ask, Refusal, Tell},
    link::Shared,
    surface::{Dialect, Surface},
};
use crate::{VERSION, engine::Wakers};

/// How long it waits before it tries again, at first and at most.
const BACKOFF_MIN: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How long making a connection may take, the greetings included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT_MIN: Duration = Duration::from_millis(500);
/// After how long what a server had no room for is sent to it again.
const PUT_OFF: Duration = Duration::from_millis(10);
/// After how long without a word from the server it is asked whether it is there, and after how long more it is held for gone.
const QUIET: Duration = Duration::from_secs(10);
/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// Makes the first connection, and leaves a task that keeps one.
pub(super) async fn connect(
    options: Options,
    model: &'static str,
    surface: Surface,
    (commands, queries): (Vec<&'static str>, Vec<&'static str>),
) -> Result<Arc<Link>, ConnectError> {
    let dial = options.dial()?;
    let shared = Arc::new(Shared::new(surface, commands, queries, options.address.clone()));
    let address = options.address.clone();
    let unreachable = |why: String| ConnectError::Unreachable { address: address.clone(), why };
    let driver = Driver { dial, shared: Arc::clone(&shared), options, model };
    match tokio::time::timeout(CONNECT_LIMIT, driver.greet()).await {
        Err(_) => Err(unreachable(format!("it did not answer within {CONNECT_LIMIT:?}"))),
        Ok(Err(Why::Lost(why))) => Err(unreachable(why)),
        Ok(Err(Why::Refused(why))) => Err(ConnectError::Refused { address, why: why.to_string() }),
        Ok(Ok(connection)) => {
            tokio::spawn(driver.run(connection));
            Ok(Arc::new(Link { shared }))
        }
    }
}

struct Driver {
    dial: Dial,
    shared: Arc<Shared>,
    options: Options,
    model: &'static str,
}

struct Connection {
    read: Reading,
    write: Writing,
    /// What was read and is not taken in.
    left: Vec<u8>,
}

enum Why {
    Lost(String),
    /// The server said so; it would say the same again.
    Refused(Refusal),
}

impl From<std::io::Error> for Why {
    fn from(error: std::io::Error) -> Self {
        Why::Lost(error.to_string())
    }
}

/// The link has ended, also if its task ends with its runtime.
impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.end("the client has ended");
    }
}

impl Driver {
    /// Makes a connection, and says who it is.
    async fn greet(&self) -> Result<Connection, Why> {
        let (read, write) = self.dial.connect().await?;
        let mut connection = Connection { read, write, left: Vec::new() };
        let surface = &self.shared.surface;
        let mut out = Vec::new();
        let hello = Ask::Hello {
            version: frames::VERSION,
            memstate: VERSION.into(),
            model: self.model.into(),
            surface: surface.digest,
            client: self.shared.process,
            token: self.options.token.as_deref().map(Into::into),
        };
        frames::put(&hello, &mut out);
        connection.write.write_all(&out).await?;
        connection.write.flush().await?;
        let message = connection.next().await?;
        let (position, knows_surface, frame_bytes) = match message_of(&message)? {
            Tell::Welcome { position, knows_surface, frame_bytes, .. } => {
                (position, knows_surface, frame_bytes)
            }
            Tell::Refused(why) => return Err(refused(why)),
            other => return Err(Why::Lost(format!("it does not greet: {other:?}"))),
        };
        if !knows_surface {
            out.clear();
            frames::put(&Ask::Surface(&surface.bytes), &mut out);
            connection.write.write_all(&out).await?;
            connection.write.flush().await?;
        }
        let message = connection.next().await?;
        let dialect = match message_of(&message)? {
            Tell::Agreed { surface: None, .. } => None,
            Tell::Agreed { commands, queries, surface: Some(theirs) } => {
                let theirs = Surface::decode(theirs).map_err(|error| Why::Lost(error.to_string()))?;
                Some(Arc::new(Dialect::new(surface, theirs, commands, queries)))
            }
            Tell::Refused(why) => return Err(refused(why)),
            other => return Err(Why::Lost(format!("it does not agree: {other:?}"))),
        };
        self.shared.up(position, dialect, frame_bytes as usize);
        Ok(connection)
    }

    /// Keeps a connection for as long as anybody wants one.
    async fn run(self, first: Connection) {
        let connect_limit = CONNECT_LIMIT.min(self.options.give_up_after.max(CONNECT_LIMIT_MIN));
        let mut next = Some(first);
        let mut backoff = BACKOFF_MIN;
        loop {
            let why = match next.take() {
                Some(connection) => {
                    let why = match self.converse(connection).await {
                        Ok(()) => break,
                        Err(why) => why,
                    };
                    if self.shared.was_answered() {
                        backoff = BACKOFF_MIN;
                    }
                    why
                }
                None => match tokio::time::timeout(connect_limit, self.greet()).await {
                    Ok(Ok(connection)) => {
                        next = Some(connection);
                        continue;
                    }
                    Ok(Err(Why::Lost(why))) => why,
                    Ok(Err(Why::Refused(why))) => {
                        // It may be mended there, as with a token that is not known yet; but it takes long.
                        backoff = BACKOFF_MAX;
                        let why = format!("it refuses the connection: {why}");
                        self.shared.down(&why);
                        self.shared.give_up_after(Duration::ZERO);
                        why
                    }
                    Err(_) => format!("it did not answer within {connect_limit:?}"),
                },
            };
            tracing::debug!(address = self.options.address, why, "the connection is lost");
            self.shared.down(&why);
            if self.shared.is_over() {
                break;
            }
            // Half of it is by chance, so that many clients do not come at once.
            let chance = Duration::from_nanos(self.shared.chance() % (backoff.as_nanos() as u64 / 2).max(1));
            let wake = Instant::now() + backoff / 2 + chance;
            while let Some(left) = wake.checked_duration_since(Instant::now()) {
                self.shared.give_up_after(self.options.give_up_after);
                let _ = tokio::time::timeout(
                    left.min(Duration::from_millis(100)),
                    self.shared.written.notified(),
                )
                .await;
                if self.shared.is_over() {
                    return;
                }
            }
            self.shared.give_up_after(self.options.give_up_after);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Reads and writes until the connection is lost, or nobody wants it any more.
    async fn converse(&self, connection: Connection) -> Result<(), String> {
        let Connection { read, write, left } = connection;
        let reads = self.reads(read, left);
        let writes = self.writes(write);
        tokio::select! {
            lost = reads => Err(lost),
            ended = writes => ended,
        }
    }

    async fn reads(&self, mut read: Reading, mut bytes: Vec<u8>) -> String {
        let (mut woken, mut wakers) = (Vec::new(), Wakers::default());
        let mut pinged = Instant::now();
        loop {
            let arrived = self.shared.arrived(&bytes, &mut woken);
            woken.drain(..).for_each(|woken: super::link::Woken| woken.tell(&mut wakers));
            wakers.wake();
            match arrived {
                Ok(taken) => drop(bytes.drain(..taken)),
                Err(why) => return why,
            }
            if pinged.elapsed() > QUIET {
                // Whatever comes, the server is to hear that somebody is here.
                pinged = Instant::now();
                self.shared.say(&Ask::Ping);
            }
            bytes.reserve(READ_BYTES);
            let mut asked = false;
            loop {
                match tokio::time::timeout(QUIET, read.read_buf(&mut bytes)).await {
                    Ok(Ok(0)) => return "the server closed it".to_owned(),
                    Ok(Ok(_)) => break,
                    Ok(Err(error)) => return error.to_string(),
                    Err(_) if asked => return format!("nothing was heard for {:?}", QUIET * 2),
                    Err(_) => {
                        pinged = Instant::now();
                        self.shared.say(&Ask::Ping);
                        asked = true;
                    }
                }
            }
        }
    }

    async fn writes(&self, mut write: Writing) -> Result<(), String> {
        let mut out = Vec::new();
        loop {
            self.shared.take_out(&mut out);
            if out.is_empty() {
                if self.shared.is_over() {
                    let _ = write.shutdown().await;
                    return Ok(());
                }
                match self.shared.has_put_off() {
                    false => self.shared.written.notified().await,
                    true => {
                        tokio::time::sleep(PUT_OFF).await;
                        self.shared.send_put_off();
                    }
                }
                continue;
            }
            write.write_all(&out).await.map_err(|error| error.to_string())?;
            write.flush().await.map_err(|error| error.to_string())?;
        }
    }
}

impl Connection {
    /// The next message of the greetings.
    async fn next(&mut self) -> Result<Vec<u8>, Why> {
        loop {
            match frames::front(&self.left, 256 << 20) {
                frames::Front::Message(message, length) => {
                    let message = message.to_vec();
                    self.left.drain(..length);
                    return Ok(message);
                }
                frames::Front::TooLarge(bytes) => {
                    return Err(Why::Lost(format!(
                        "it greets with {bytes} bytes, so it is no memstate server"
                    )));
                }
                frames::Front::Partial(_) => {}
            }
            if self.read.read_buf(&mut self.left).await? == 0 {
                return Err(Why::Lost("the server closed it before it greeted".to_owned()));
            }
        }
    }
}

fn message_of(message: &[u8]) -> Result<Tell<'_>, Why> {
    frames::read(message).map_err(|why| Why::Lost(format!("what it says cannot be read: {why}")))
}

/// What passes by itself is tried again.
fn refused(why: Refusal) -> Why {
    match why {
        Refusal::Full | Refusal::Stopping | Refusal::Late(_) => Why::Lost(why.to_string()),
        why => Why::Refused(why),
    }
}

//! What typed clients and servers say to each other, written by hand: for tests that say it wrongly.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use memstate::Position;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{Bank, BankClient, BankCommand, BankQuery};

/// How many different messages a client has.
pub const ASKS: u8 = 16;

/// The numbers of some messages of a client.
#[allow(missing_docs, reason = "they are called as the messages are")]
pub mod ask {
    pub const HELLO: u8 = 0;
    pub const SURFACE: u8 = 1;
    pub const COMMAND: u8 = 2;
    pub const ATOMICALLY: u8 = 3;
    pub const QUERY: u8 = 4;
    pub const STREAM: u8 = 5;
    pub const WATCH: u8 = 6;
    pub const EVENTS: u8 = 7;
    pub const HISTORY: u8 = 8;
    pub const DIFF: u8 = 9;
    pub const AT: u8 = 10;
    pub const REACHED: u8 = 11;
    pub const SNAPSHOT: u8 = 12;
    pub const CREDIT: u8 = 13;
    pub const CANCEL: u8 = 14;
    pub const PING: u8 = 15;
}

/// The numbers of some messages of a server.
#[allow(missing_docs, reason = "they are called as the messages are")]
pub mod tell {
    pub const WELCOME: u8 = 0;
    pub const AGREED: u8 = 1;
    pub const REFUSED: u8 = 2;
    pub const REPLY: u8 = 3;
    pub const FAILED: u8 = 5;
    pub const PONG: u8 = 13;
    /// Of a [`FAILED`], behind its id: the server has too much to do.
    pub const OVERLOADED: u8 = 1;
}

/// A message that is being written.
#[derive(Debug, Clone)]
pub struct Message(Vec<u8>);

impl Message {
    /// The message of this number.
    pub fn new(variant: u8) -> Self {
        Message(vec![variant])
    }

    /// Appends a number.
    pub fn number(mut self, number: u128) -> Self {
        varint(number, &mut self.0);
        self
    }

    /// Appends bytes or a text, behind their length.
    pub fn bytes(mut self, bytes: impl AsRef<[u8]>) -> Self {
        varint(bytes.as_ref().len() as u128, &mut self.0);
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// Appends these bytes as they are.
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// Its frame.
    pub fn frame(&self) -> Vec<u8> {
        frame(&self.0)
    }
}

/// Appends a number as postcard writes it.
pub fn varint(mut number: u128, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads a number, and says how many bytes it has.
pub fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}

/// A message behind its length.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a frame is no longer");
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend_from_slice(message);
    frame
}

/// The messages of whole frames, one after another.
pub fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>()
        && let Some((message, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)
    {
        messages.push(message.to_vec());
        bytes = rest;
    }
    messages
}

/// A command of a client that was greeted: `deposit(account, amount)`.
pub fn deposit(id: u64, account: u64, amount: u64) -> Vec<u8> {
    let arguments = Message(Vec::new()).number(account.into()).number(amount.into());
    let command = Message::new(ask::COMMAND).number(id.into()).number(1).raw([0]).number(id.into());
    command.raw([0, 0]).bytes(arguments.0).frame()
}

/// What a client says in a good conversation with the server there: its greeting, and then each message that there is.
pub async fn recorded(server: SocketAddr) -> Vec<Vec<u8>> {
    let tap = TcpListener::bind("127.0.0.1:0").await.expect("there are ports");
    let address = tap.local_addr().expect("it is bound");
    let said = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&said);
    let tapping = tokio::spawn(async move {
        let (near, _) = tap.accept().await?;
        let far = TcpStream::connect(server).await?;
        let (mut near_read, mut near_write) = near.into_split();
        let (mut far_read, mut far_write) = far.into_split();
        let back = async { tokio::io::copy(&mut far_read, &mut near_write).await.map(drop) };
        let forth = async {
            let mut bytes = vec![0; 64 << 10];
            loop {
                let read = near_read.read(&mut bytes).await?;
                if read == 0 {
                    return Ok(());
                }
                hears.lock().expect("nobody panics").extend_from_slice(&bytes[..read]);
                far_write.write_all(&bytes[..read]).await?;
            }
        };
        tokio::select! { ended = back => ended, ended = forth => ended }
    });
    let client = memstate::connect::<Bank>(format!("memstate://{address}")).await.expect("it is greeted");
    converse(&client).await;
    client.close().await.expect("it is closed");
    let _ = tapping.await;
    let said = said.lock().expect("nobody panics");
    messages(&said)
}

/// Says each message that there is.
async fn converse(client: &BankClient) {
    for account in 1..=3 {
        // Somebody else may have opened it.
        let _ = client.open(account, "Ann").await;
    }
    let mut events =
        client.events(Position::new(1)).filter("Deposited where amount > 1".parse().expect("a filter"));
    let mut totals = client.watch_query(BankQuery::Total {});
    client.deposit(1, 100).await.expect("the account is open");
    client.as_caller("teller").transfer(1, 2, 1).await.expect("there is enough");
    let deposit = |account| BankCommand::Deposit { account, amount: 2 };
    client.atomically([deposit(1), deposit(2)]).await.expect("the accounts are open");
    client.with_request(client.new_request()).deposit(3, 9).await.expect("the account is open");
    for _ in 0..3 {
        events.next().await.expect("it goes on").expect("it is read");
    }
    totals.next().await.expect("it goes on").expect("it is read");
    drop((events, totals));
    client.balance(1).await.expect("the account is open");
    client.account(2).await.expect("it is asked");
    client.accounts(Some(1)).await.expect("it is asked");
    client.last_caller().await.expect("it is asked");
    let past = client.at(2).await.expect("it was");
    past.total().await.expect("it is asked");
    client.diff(1, 2).await.expect("it was");
    client.history(1..3).next().await.expect("it goes on").expect("it is read");
    client.reached(client.position()).await.expect("it is there");
    client.snapshot().await.expect("it is written");
}

/// What became of a connection on which something was said.
#[derive(Debug)]
pub struct Ended {
    /// What the server said.
    pub heard: Vec<u8>,
    /// Whether it closed the connection in time.
    pub in_time: bool,
}

/// Makes a connection, says this, says that nothing more will come, and hears until the server closes it.
///
/// # Errors
///
/// If there is no connection: nobody listens there any more.
pub async fn say(server: SocketAddr, bytes: &[u8], patience: Duration) -> io::Result<Ended> {
    let stream = TcpStream::connect(server).await?;
    // Or tens of thousands of connections would leave as many ports behind that cannot be used for a minute.
    stream.set_zero_linger()?;
    Ok(say_on(stream, bytes, patience).await)
}

/// The same on a connection that is there.
pub async fn say_on<S: AsyncRead + AsyncWrite>(stream: S, bytes: &[u8], patience: Duration) -> Ended {
    let (mut read, mut write) = tokio::io::split(stream);
    let says = async {
        // Who is not listened to has been refused.
        if write.write_all(bytes).await.is_ok() {
            let _ = write.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let mut heard = Vec::new();
    let hears = async {
        let mut bytes = vec![0; 16 << 10];
        // A connection that is reset has ended too.
        while let Ok(length @ 1..) = read.read(&mut bytes).await {
            // More than this nobody looks at.
            if heard.len() < 1 << 20 {
                heard.extend_from_slice(&bytes[..length]);
            }
        }
    };
    let in_time = tokio::select! {
        () = hears => true,
        () = says => unreachable!("it waits for ever"),
        () = tokio::time::sleep(patience) => false,
    };
    Ended { heard, in_time }
}

/// The greeting of another client than the one that greeted so: of two connections of one client the earlier is ended.
pub fn greeting_of(hello: &[u8], client: u64) -> Vec<u8> {
    let mut hello = hello.to_vec();
    // Its identity stands before its token, of which there is none.
    let end = hello.len() - 1;
    hello[end - 8..end].copy_from_slice(&client.to_be_bytes());
    hello
}

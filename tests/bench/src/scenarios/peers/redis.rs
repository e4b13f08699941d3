//! Redis, over a Unix socket.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Runtime,
    sync::{mpsc, oneshot},
};

use super::{
    Failure, Peer, Step, Store, Sums, drive,
    server::{Server, command, found, version},
};
use crate::{
    bank::{ACCOUNTS, BALANCE, Transfer},
    setting::Setting,
};

/// The server reads 16 KiB of a connection at a time, and syncs once for what it has read of all of them. So it takes several until a
/// sync is for much of what is in flight, but each costs it two system calls a turn: 64 or 256 calls in each were slower.
const CALLS_A_CONNECTION: usize = 1_024;
const CONNECTIONS: usize = 64;

/// A transfer is a function in the server, because it has to be atomic and to refuse.
const LIBRARY: &str = "#!lua name=bank
redis.register_function('transfer', function(keys, args)
    local source = redis.call('HMGET', keys[1], 'b', 'n')
    local amount = tonumber(args[1])
    if not source[1] or tonumber(source[1]) < amount then return 0 end
    local target = redis.call('HMGET', keys[2], 'b', 'n')
    if not target[1] then return 0 end
    if keys[1] == keys[2] then
        redis.call('HSET', keys[1], 'n', tonumber(source[2]) + 2)
        return 1
    end
    redis.call('HSET', keys[1], 'b', tonumber(source[1]) - amount, 'n', tonumber(source[2]) + 1)
    redis.call('HSET', keys[2], 'b', tonumber(target[1]) + amount, 'n', tonumber(target[2]) + 1)
    return 1
end)
redis.register_function('fill', function(keys, args)
    for number = 0, tonumber(args[1]) - 1 do redis.call('HSET', number, 'b', args[2], 'n', 0) end
    redis.call('HSET', args[1], 'b', 0, 'n', 0)
    return 1
end)
redis.register_function('sums', function(keys, args)
    -- Numbers are floats, and all balances together are too much for one: what they differ by from the first is not.
    local more, transfers = 0, 0
    for number = 0, tonumber(args[1]) do
        local account = redis.call('HMGET', number, 'b', 'n')
        if number < tonumber(args[1]) then more = more - tonumber(args[2]) end
        more = more + tonumber(account[1])
        transfers = transfers + tonumber(account[2])
    end
    return {string.format('%.0f', more), string.format('%.0f', transfers)}
end)
";

const SETTINGS: &[&str] = &[
    "--port",
    "0",
    "--daemonize",
    "no",
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--auto-aof-rewrite-percentage",
    "0",
    "--loglevel",
    "warning",
    "--databases",
    "1",
];

pub fn peer(setting: &Setting) -> Option<Peer> {
    let Some(program) = found("redis-server", &[]) else {
        setting.note("redis: left out, because redis-server is not installed (on Debian: apt-get install redis-server)");
        return None;
    };
    setting.note(format!(
        "redis, {}: a server of its own over a Unix socket, up to {CONNECTIONS} connections with up to {CALLS_A_CONNECTION} calls \
         pipelined in each (in more when there are more), a function in the server for the transfer; appendonly, appendfsync always (one \
         sync for all that has come), no rewrites of the file, no snapshots",
        version(&program)
    ));
    let turn = move |setting: &Setting, runtime: &Runtime, step| turn(&program, setting, runtime, step);
    Some(Peer { name: "redis", turn: Box::new(turn) })
}

fn turn(program: &Path, setting: &Setting, runtime: &Runtime, step: Step) -> Result<f64, Failure> {
    let dir = setting.dir()?;
    // A socket's name has to be short.
    let sockets = tempfile::tempdir()?;
    let socket = sockets.path().join("redis");
    let mut command = command(program, None);
    command.args(SETTINGS).arg("--dir").arg(dir.path()).arg("--unixsocket").arg(&socket);
    runtime.block_on(async {
        let mut server = Server::start(command, &dir.path().join("log"), "KILL")?;
        let mut first = server.answer(async || UnixStream::connect(&socket).await).await?;
        asked(&mut first, &["FUNCTION", "LOAD", LIBRARY], 2).await?;
        let (accounts, balance) = (ACCOUNTS.to_string(), BALANCE.to_string());
        asked(&mut first, &["FCALL", "fill", "0", &accounts, &balance], 1).await?;
        let redis = Redis::connect(&socket, step.in_flight).await?;
        let driven = drive(&redis, step).await?;
        let sums = asked(&mut first, &["FCALL", "sums", "0", &accounts, &balance], 5).await?;
        // An array of two strings: `*2`, and of each its length and itself.
        let more: i64 = sums[2].parse()?;
        driven.checked(Sums { balance: ACCOUNTS as i64 * BALANCE + more, transfers: sums[4].parse()? })
    })
}

/// Appends a command as the protocol has it.
fn encode(arguments: &[&str], buffer: &mut Vec<u8>) {
    // Writing to a `Vec` does not fail.
    let _ = write!(buffer, "*{}\r\n", arguments.len());
    for argument in arguments {
        let _ = write!(buffer, "${}\r\n{argument}\r\n", argument.len());
    }
}

/// The lines of the answer to one command, of which there are so many.
async fn asked(stream: &mut UnixStream, arguments: &[&str], lines: usize) -> Result<Vec<String>, Failure> {
    let mut buffer = Vec::new();
    encode(arguments, &mut buffer);
    stream.write_all(&buffer).await?;
    buffer.clear();
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err("the server has closed the connection".into());
        }
        let text = String::from_utf8_lossy(&buffer);
        if text.starts_with('-') && text.ends_with("\r\n") {
            return Err(text.trim_end().into());
        }
        if text.ends_with("\r\n") && text.lines().count() >= lines {
            return Ok(text.lines().map(str::to_owned).collect());
        }
    }
}

type Reply = oneshot::Sender<Result<bool, Failure>>;
type Call = (Transfer, Reply);

/// Connections, each with a task that writes and one that reads.
#[derive(Clone)]
struct Redis(Arc<[mpsc::UnboundedSender<Call>]>);

impl Redis {
    async fn connect(socket: &PathBuf, in_flight: usize) -> Result<Self, Failure> {
        let mut connections = Vec::new();
        for _ in 0..in_flight.div_ceil(CALLS_A_CONNECTION).min(CONNECTIONS) {
            let (reads, writes) = UnixStream::connect(socket).await?.into_split();
            let (calls, called) = mpsc::unbounded_channel();
            let (waiting, waits) = mpsc::unbounded_channel();
            tokio::spawn(write(writes, called, waiting));
            tokio::spawn(read(reads, waits));
            connections.push(calls);
        }
        Ok(Redis(connections.into()))
    }
}

impl Store for Redis {
    async fn transfer(&self, caller: usize, transfer: Transfer) -> Result<bool, Failure> {
        let (reply, answer) = oneshot::channel();
        self.0[caller % self.0.len()].send((transfer, reply)).map_err(|_| "the connection is gone")?;
        answer.await?
    }
}

/// Writes what has come since the last write. Who waits for an answer is handed on before the call is sent.
async fn write(
    mut stream: OwnedWriteHalf,
    mut called: mpsc::UnboundedReceiver<Call>,
    waiting: mpsc::UnboundedSender<Reply>,
) -> Result<(), Failure> {
    let (mut calls, mut buffer) = (Vec::new(), Vec::new());
    while called.recv_many(&mut calls, usize::from(u16::MAX)).await > 0 {
        buffer.clear();
        for (transfer, reply) in calls.drain(..) {
            let [from, to] = [transfer.from, transfer.to].map(|number| number.to_string());
            encode(&["FCALL", "transfer", "2", &from, &to, &transfer.amount.to_string()], &mut buffer);
            waiting.send(reply)?;
        }
        stream.write_all(&buffer).await?;
    }
    Ok(())
}

/// Answers come in the order of the calls, a line each.
async fn read(mut stream: OwnedReadHalf, mut waits: mpsc::UnboundedReceiver<Reply>) -> Result<(), Failure> {
    let mut buffer = Vec::with_capacity(1 << 16);
    while stream.read_buf(&mut buffer).await? > 0 {
        let mut read = 0;
        while let Some(end) = buffer[read..].iter().position(|byte| *byte == b'\n') {
            let line = buffer[read..read + end].trim_ascii_end();
            let answer = match line {
                b":1" => Ok(true),
                b":0" => Ok(false),
                other => Err(String::from_utf8_lossy(other).into()),
            };
            read += end + 1;
            let reply = waits.recv().await.ok_or("an answer that nobody waits for")?;
            // A caller that no longer waits needs no answer.
            let _ = reply.send(answer);
        }
        buffer.drain(..read);
    }
    Ok(())
}

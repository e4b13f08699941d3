//! `remote`: the typed client of a server, both in this process, over TCP on the loopback.
//!
//! The server and the clients have a runtime each. The reference is an echo without a model, without a journal and without calls: it
//! reads frames and answers each with one, and its client counts them. Both ends of it take all that has arrived at once, and write
//! what comes of it at once, so it is what sockets and tasks alone allow. `echo, each` is the one that is written first: it writes each
//! frame by itself.

use std::{collections::VecDeque, error::Error, net::SocketAddr, sync::Arc, time::Instant};

use memstate::{
    Ctx,
    server::{Serving, Settings},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::Semaphore,
};

use super::Rows;
use crate::{
    bank::{ACCOUNTS, Bank, BankClient, Transfers},
    measure::{Aim, Better, Latencies, Row, rate, take_turns},
    setting::Setting,
};

type Fallible<T> = Result<T, Box<dyn Error>>;
type Sent<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// One in so many calls is timed, as in `commands`.
const TIMED: usize = 16;
/// What a transfer and its reply have behind their length, where calls and positions have six digits. Those of a query and its answer
/// differ by a byte or two.
const ASK_BYTES: usize = 20;
const TELL_BYTES: usize = 10;
/// The bytes in front of a message.
const LENGTH_BYTES: usize = 4;
/// How much the echo reads at once.
const READ_BYTES: usize = 64 << 10;

/// So many connections with so many calls in flight on each, and so many calls in all.
#[derive(Debug, Clone, Copy)]
struct Load {
    connections: usize,
    in_flight: usize,
    calls: usize,
}

const KEYNOTE: Load = Load { connections: 64, in_flight: 40, calls: 1_000_000 };
const ALONE: Load = Load { connections: 1, in_flight: 1, calls: 3_000 };
const ONE_CONNECTION: Load = Load { connections: 1, in_flight: 4_096, calls: 1_000_000 };
const QUERIES: Load = Load { calls: 2_000_000, ..KEYNOTE };

/// So many events a command, and so many commands that the subscriber may be behind.
const EVENTS_A_COMMAND: u32 = 64;
const COMMANDS_AHEAD: usize = 256;
const EVENT_COMMANDS: usize = 8_000;

/// A runtime for the server, and one for the clients.
struct Runtimes {
    server: Runtime,
    clients: Runtime,
}

/// What a round came to.
struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
}

pub fn run(setting: &Setting) -> Rows {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtimes = Runtimes { server: runtime()?, clients: runtime()? };
    let mut rows = Vec::new();
    if setting.wants("keynote") {
        let load = sized(setting, KEYNOTE);
        let mut each = Vec::new();
        let both = || {
            each.push(echo(&runtimes, Load { calls: load.calls / 10, ..load }, false)?);
            echo(&runtimes, load, true)
        };
        let ours = || transfers(setting, &runtimes, load);
        let (ours, echo) = take_turns(setting, "remote, keynote", ours, both)?;
        let each = each.split_off(each.len() - ours.len());
        let of = |figure: fn(&Round) -> f64| ours.iter().map(figure).collect::<Vec<_>>();
        let rates = of(|round| round.rate);
        let row = Row::against("keynote", "commands/s", Better::More, &rates, "echo", &echo);
        rows.push(row.aims(Aim::Ratio(0.5)));
        rows.push(Row::against("keynote_each", "commands/s", Better::More, &rates, "echo, each", &each));
        rows.push(Row::alone("keynote_commands", "commands/s", &rates).aims(Aim::AtLeast(300_000.0)));
        rows.push(Row::alone("keynote_p50", "µs", &of(|round| round.p50)));
        rows.push(Row::alone("keynote_p99", "µs", &of(|round| round.p99)));
    }
    if setting.wants("in_flight_1") {
        let load = sized(setting, ALONE);
        let (ours, here) = take_turns(
            setting,
            "remote, in_flight_1",
            || transfers(setting, &runtimes, load),
            || transfers_here(setting, &runtimes, load),
        )?;
        let [ours, here] = [ours, here].map(|all| all.iter().map(|round| round.p50).collect::<Vec<_>>());
        rows.push(Row::against("in_flight_1_p50", "µs", Better::Less, &ours, "in process", &here));
    }
    let (one, queries): (Calling, Calling) = (transfers, balances);
    for (name, unit, load, ours) in
        [("one_connection_4096", "commands/s", ONE_CONNECTION, one), ("query", "queries/s", QUERIES, queries)]
    {
        if setting.wants(name) {
            let (ours, echo) = against_echo(setting, &runtimes, name, load, ours)?;
            let ours: Vec<f64> = ours.iter().map(|round| round.rate).collect();
            rows.push(Row::against(name, unit, Better::More, &ours, "echo", &echo));
        }
    }
    if setting.wants("events") {
        let commands = setting.sized(EVENT_COMMANDS, 16);
        let (ours, here) = take_turns(
            setting,
            "remote, events",
            || events(setting, &runtimes, commands, true),
            || events(setting, &runtimes, commands, false),
        )?;
        rows.push(Row::against("events", "events/s", Better::More, &ours, "in process", &here));
    }
    Ok(rows)
}

/// Makes the calls of a load, and says what they came to.
type Calling = fn(&Setting, &Runtimes, Load) -> Fallible<Round>;

fn sized(setting: &Setting, load: Load) -> Load {
    let Load { connections, in_flight, calls } = load;
    Load { calls: setting.sized(calls, connections * in_flight * 2), ..load }
}

/// In turns with the echo under the same load.
fn against_echo(
    setting: &Setting,
    runtimes: &Runtimes,
    name: &str,
    load: Load,
    ours: Calling,
) -> Fallible<(Vec<Round>, Vec<f64>)> {
    let load = sized(setting, load);
    let what = format!("remote, {name}");
    take_turns(setting, &what, || ours(setting, runtimes, load), || echo(runtimes, load, true))
}

/// A bank with a server.
pub struct Served {
    bank: BankClient,
    serving: Serving,
    // It is removed after the bank was closed.
    _dir: TempDir,
}

impl Served {
    /// Opens a bank in a directory of its own, and serves it to typed clients and over HTTP.
    pub async fn open(setting: &Setting) -> Fallible<Self> {
        let dir = setting.dir()?;
        let (bank, _) = setting.open(&dir).await?;
        let serving = memstate::serve::<Bank>(&bank, settings()).await?;
        Ok(Served { bank, serving, _dir: dir })
    }

    /// Where typed clients are answered.
    fn address(&self) -> Fallible<String> {
        Ok(format!("memstate://{}", self.serving.address().ok_or("it listens")?))
    }

    /// Where HTTP is answered.
    pub fn http_address(&self) -> Fallible<SocketAddr> {
        Ok(self.serving.http_address().ok_or("it listens")?)
    }

    /// Ends both.
    pub async fn close(self) -> Fallible<()> {
        self.serving.stop().await;
        Ok(self.bank.close().await?)
    }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    (settings.listen, settings.http) = (Some(here), Some(here));
    settings
}

/// Transfers over so many connections, each by one task that keeps so many outstanding.
fn transfers(setting: &Setting, runtimes: &Runtimes, load: Load) -> Fallible<Round> {
    over_connections(setting, runtimes, load, |bank, mut random, Load { calls, in_flight, .. }| async move {
        let transfer = || {
            let next = random.next();
            bank.transfer(next.from, next.to, next.amount)
        };
        outstanding(transfer, calls, in_flight).await
    })
}

/// Queries likewise.
fn balances(setting: &Setting, runtimes: &Runtimes, load: Load) -> Fallible<Round> {
    over_connections(setting, runtimes, load, |bank, mut random, Load { calls, in_flight, .. }| async move {
        outstanding(|| bank.balance(random.below(ACCOUNTS)), calls, in_flight).await
    })
}

fn over_connections<F>(
    setting: &Setting,
    runtimes: &Runtimes,
    load: Load,
    caller: impl Fn(BankClient, Transfers, Load) -> F,
) -> Fallible<Round>
where
    F: Future<Output = Sent<Latencies>> + Send + 'static,
{
    let served = runtimes.server.block_on(Served::open(setting))?;
    let address = served.address()?;
    let round = runtimes.clients.block_on(async {
        let mut banks = Vec::new();
        for _ in 0..load.connections {
            banks.push(memstate::connect::<Bank>(&address).await?);
        }
        let began = Instant::now();
        let each = |number| Load { calls: load.of(number), ..load };
        let tasks: Vec<_> = (0..load.connections)
            .map(|number| {
                let random = Transfers::new(ACCOUNTS, number as u64);
                tokio::spawn(caller(banks[number].clone(), random, each(number)))
            })
            .collect();
        let mut all = Latencies::with_capacity(load.calls / TIMED + load.connections);
        for task in tasks {
            all.append(task.await?.map_err(|error| error.to_string())?);
        }
        let rate = rate(load.calls, began.elapsed());
        for bank in banks {
            bank.close().await?;
        }
        Fallible::Ok(Round { rate, p50: all.quantile(0.5), p99: all.quantile(0.99) })
    })?;
    runtimes.server.block_on(served.close())?;
    Ok(round)
}

impl Load {
    /// How many of the calls are those of a connection.
    fn of(&self, connection: usize) -> usize {
        self.calls / self.connections + usize::from(connection < self.calls % self.connections)
    }
}

/// Keeps so many calls outstanding, and awaits the oldest before the next.
async fn outstanding<C, T, E>(mut call: impl FnMut() -> C, calls: usize, most: usize) -> Sent<Latencies>
where
    C: Future<Output = Result<T, E>>,
    E: Error + Send + Sync + 'static,
{
    let mut took = Latencies::with_capacity(calls / TIMED + 1);
    let mut outstanding = VecDeque::with_capacity(most);
    for number in 0..calls + most {
        if number >= most
            && let Some((began, call)) = outstanding.pop_front()
        {
            let (began, call): (Option<Instant>, C) = (began, call);
            call.await?;
            if let Some(began) = began {
                took.add(began.elapsed());
            }
        }
        if number < calls {
            outstanding.push_back((number.is_multiple_of(TIMED).then(Instant::now), call()));
        }
    }
    Ok(took)
}

/// The same transfers without a server, one after another.
fn transfers_here(setting: &Setting, runtimes: &Runtimes, load: Load) -> Fallible<Round> {
    let dir = setting.dir()?;
    runtimes.clients.block_on(async {
        let (bank, _) = setting.open(&dir).await?;
        let mut random = Transfers::new(ACCOUNTS, 0);
        let began = Instant::now();
        let transfer = || {
            let next = random.next();
            bank.transfer(next.from, next.to, next.amount)
        };
        let took = outstanding(transfer, load.calls, load.in_flight).await;
        let rate = rate(load.calls, began.elapsed());
        let mut all = took.map_err(|error| error.to_string())?;
        bank.close().await?;
        Ok(Round { rate, p50: all.quantile(0.5), p99: all.quantile(0.99) })
    })
}

/// Frames and their echo under a load: how many a second. They are written together, or each by itself.
fn echo(runtimes: &Runtimes, load: Load, together: bool) -> Fallible<f64> {
    let listener = runtimes.server.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let accepting = runtimes.server.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo_all(stream, together));
        }
    });
    let rate = runtimes.clients.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..load.connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let began = Instant::now();
        let tasks: Vec<_> = (0..load.connections)
            .zip(streams)
            .map(|(number, stream)| tokio::spawn(ask_echo(stream, load.of(number), load.in_flight, together)))
            .collect();
        for task in tasks {
            task.await??;
        }
        Fallible::Ok(rate(load.calls, began.elapsed()))
    });
    accepting.abort();
    rate
}

/// Answers each frame with one.
async fn echo_all(mut stream: TcpStream, together: bool) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut output) = (Vec::with_capacity(READ_BYTES), Vec::new());
    while stream.read_buf(&mut input).await? > 0 {
        put_frames(take_frames(&mut input), TELL_BYTES, &mut output);
        write(&mut stream, &output, TELL_BYTES, together).await?;
    }
    Ok(())
}

/// Sends a frame for each that comes, and so many before the first.
async fn ask_echo(
    mut stream: TcpStream,
    calls: usize,
    in_flight: usize,
    together: bool,
) -> std::io::Result<()> {
    let (mut input, mut output) = (Vec::with_capacity(READ_BYTES), Vec::new());
    let (mut sent, mut answered) = (0, 0);
    let mut more = in_flight;
    while answered < calls {
        let next = more.min(calls - sent);
        put_frames(next, ASK_BYTES, &mut output);
        sent += next;
        write(&mut stream, &output, ASK_BYTES, together).await?;
        if stream.read_buf(&mut input).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        more = take_frames(&mut input);
        answered += more;
    }
    Ok(())
}

fn put_frames(count: usize, bytes: usize, output: &mut Vec<u8>) {
    output.clear();
    for _ in 0..count {
        output.extend_from_slice(&(bytes as u32).to_le_bytes());
        output.resize(output.len() + bytes, 0);
    }
}

async fn write(stream: &mut TcpStream, frames: &[u8], bytes: usize, together: bool) -> std::io::Result<()> {
    if together {
        return stream.write_all(frames).await;
    }
    for frame in frames.chunks(LENGTH_BYTES + bytes) {
        stream.write_all(frame).await?;
    }
    Ok(())
}

/// Takes the frames that are whole, and says how many they are.
fn take_frames(input: &mut Vec<u8>) -> usize {
    let (mut frames, mut taken) = (0, 0);
    while let Some((length, rest)) = input[taken..].split_first_chunk::<LENGTH_BYTES>() {
        let length = u32::from_le_bytes(*length) as usize;
        if rest.len() < length {
            break;
        }
        taken += LENGTH_BYTES + length;
        frames += 1;
    }
    input.drain(..taken);
    frames
}

/// What a [`Ticker`] tells.
#[memstate::data]
pub struct Tick {
    /// The number of the tick.
    pub number: u64,
}

/// Tells events.
#[memstate::model]
#[derive(Default)]
pub struct Ticker {
    ticks: u64,
}

#[memstate::model(events = Tick)]
impl Ticker {
    /// Tells so many.
    pub fn tick(&mut self, ctx: &mut Ctx<Tick>, times: u32) {
        for _ in 0..times {
            self.ticks += 1;
            ctx.emit(Tick { number: self.ticks });
        }
    }
}

/// Events a second that one subscriber gets, over a connection or in process. Commands wait for the subscriber, so that it misses none.
fn events(setting: &Setting, runtimes: &Runtimes, commands: usize, remote: bool) -> Fallible<f64> {
    let dir = setting.dir()?;
    let (ticker, serving) = runtimes.server.block_on(async {
        let ticker = memstate::open::<Ticker>(dir.path().join("ticker")).await?;
        let serving = memstate::serve::<Ticker>(&ticker, settings()).await?;
        Fallible::Ok((ticker, serving))
    })?;
    let address = format!("memstate://{}", serving.address().ok_or("it listens")?);
    let rate = runtimes.clients.block_on(async {
        let subscriber = match remote {
            true => memstate::connect::<Ticker>(address).await?,
            false => ticker.clone(),
        };
        let mut events = subscriber.events(subscriber.position().next());
        let room = Arc::new(Semaphore::new(COMMANDS_AHEAD));
        let began = Instant::now();
        let (telling, permits) = (ticker.clone(), Arc::clone(&room));
        let telling = tokio::spawn(async move {
            let mut last = None;
            for _ in 0..commands {
                permits.acquire().await.map_err(|error| error.to_string())?.forget();
                last = Some(telling.tick(EVENTS_A_COMMAND));
            }
            match last {
                Some(last) => last.await.map_err(|error| error.to_string()),
                None => Ok(()),
            }
        });
        let wanted = commands as u64 * u64::from(EVENTS_A_COMMAND);
        let mut got = 0;
        while got < wanted {
            let (_, tick) = events.next().await.ok_or("there are more")??;
            got += 1;
            if tick.number != got {
                return Err(format!("tick {} came as number {got}", tick.number).into());
            }
            if got.is_multiple_of(EVENTS_A_COMMAND.into()) {
                room.add_permits(1);
            }
        }
        let rate = rate(wanted as usize, began.elapsed());
        telling.await??;
        drop(events);
        if remote {
            subscriber.close().await?;
        }
        Fallible::Ok(rate)
    })?;
    runtimes.server.block_on(async {
        serving.stop().await;
        ticker.close().await
    })?;
    Ok(rate)
}

//! A disk of which every sync takes 200 ms, and a caller that sends without waiting.

use std::{
    collections::VecDeque,
    future::Future,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    pin::pin,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use memstate::{
    Call, Error, NotJournaled,
    collections::BTreeMap,
    disk::{Access, Disk, DiskFile, RealDisk},
};
use serde::{Deserialize, Serialize};

use super::{mounts::Place, told};
use crate::{
    ensure,
    harness::{Run, grouped},
};

/// How much longer a sync takes.
const DELAY: Duration = Duration::from_millis(200);
/// How much memory may be added by the load.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
/// How many calls may be in flight, as the documentation says.
const IN_FLIGHT_MAX: usize = 65_536;
/// How many bytes one of them has.
const CALL_BYTES: usize = 256;
const LANES: usize = 8;

/// What of each lane has come, and what came in another order.
#[memstate::model]
#[derive(Default)]
pub struct Meter {
    lanes: BTreeMap<u8, u64>,
    misplaced: u64,
    padding: u64,
}

#[memstate::model]
impl Meter {
    /// The next of a lane.
    pub fn pass(&mut self, lane: u8, number: u64, padding: Vec<u8>) -> u64 {
        let last = self.lanes.entry(lane).or_default();
        self.misplaced += u64::from(number != *last + 1);
        *last = number;
        self.padding += padding.len() as u64;
        number
    }
}

/// What the process with the slow disk tells: once a second, and at the end.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Load {
    is_over: bool,
    /// For how many whole seconds it has sent.
    seconds: u64,
    acknowledged: u64,
    overloaded: u64,
    waited_for_room: u64,
    in_flight_max: usize,
    memory_before: u64,
    memory_max: u64,
    /// What was not as promised.
    wrong: Option<String>,
}

/// Has another process work on a slow disk.
///
/// # Errors
///
/// What is not as promised.
pub fn parent(run: &Run, name: &str, padding: usize, seconds: u64) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let place = Place::on_disk().map_err(text)?;
    let mut command = Command::new(std::env::current_exe().map_err(text)?);
    command.args(["--child", "slow"]).arg(place.path().join("meter"));
    command.args([padding.to_string(), seconds.to_string()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(text)?;
    let mut output = child.stdout.take().expect("it is a pipe");
    let mut load = Load::default();
    let mut told = 0;
    while let Some(next) = told::next::<Load>(&mut output) {
        load = next;
        run.tried(load.seconds - told);
        told = load.seconds;
    }
    let mut errors = String::new();
    child.stderr.take().expect("it is a pipe").read_to_string(&mut errors).map_err(text)?;
    let status = child.wait().map_err(text)?;
    ensure!(status.success() && load.is_over, "{name}: the process ended with {status}: {errors}");
    run.fact(&format!("{name}: acknowledged"), load.acknowledged);
    run.fact(&format!("{name}: answered with `Overloaded`"), load.overloaded);
    run.fact(&format!("{name}: times that `ready` waited for room"), load.waited_for_room);
    run.fact(&format!("{name}: in flight at most"), load.in_flight_max as u64);
    let growth = load.memory_max.saturating_sub(load.memory_before);
    run.fact(&format!("{name}: KiB of memory before"), load.memory_before >> 10);
    run.fact(&format!("{name}: KiB more at most"), growth >> 10);
    if let Some(wrong) = load.wrong {
        return Err(format!("{name}: {wrong}"));
    }
    ensure!(told >= seconds, "{name}: it has sent for {told} seconds, and was to for {seconds}");
    ensure!(load.overloaded > 0, "{name}: no call was answered with `Overloaded`, so this tried nothing");
    ensure!(load.acknowledged > 0 && load.waited_for_room > 0, "{name}: nothing happened");
    ensure!(
        growth <= GROWTH_BYTES_MAX,
        "{name}: the memory grew by {} KiB, more than {}",
        grouped(growth >> 10),
        grouped(GROWTH_BYTES_MAX >> 10)
    );
    Ok(())
}

/// The process with the slow disk.
pub fn child(arguments: &[String]) -> ExitCode {
    let [dir, padding, seconds] = arguments else { return ExitCode::from(2) };
    let (padding, seconds) = (padding.parse().expect("a number"), seconds.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let load = runtime.expect("there are threads").block_on(load(dir.into(), padding, seconds));
    tell(&load);
    ExitCode::SUCCESS
}

fn tell(load: &Load) {
    // Nobody listens any more if this fails.
    let _ = io::stdout().write_all(&told::framed(load)).and_then(|()| io::stdout().flush());
}

async fn load(dir: PathBuf, padding: usize, seconds: u64) -> Load {
    let disk = SlowDisk::default();
    let open = || memstate::open::<Meter>(&dir).on_disk(Arc::new(disk.clone()));
    let client = open().await.expect("a new journal is opened");
    disk.is_slow.store(true, Ordering::Relaxed);
    let mut sender = Sender {
        client,
        waiting: VecDeque::new(),
        next: [1; LANES],
        load: Load { memory_before: memory(), ..Load::default() },
        weight: 1 + padding / CALL_BYTES,
    };
    sender.load.memory_max = sender.load.memory_before;
    let result = sender.send(padding, Duration::from_secs(seconds)).await;
    disk.is_slow.store(false, Ordering::Relaxed);
    let mut load = sender.load.clone();
    load.wrong = result.err();
    let sent = sender.next.map(|next| next - 1);
    if load.wrong.is_none() {
        load.wrong = look(sender.client, open().replay_all(), sent).await.err();
    }
    load.is_over = true;
    load
}

/// Closes it, opens it again, and looks for everything that was sent and not refused.
async fn look(client: MeterClient, open: memstate::Open<Meter>, sent: [u64; LANES]) -> Result<(), String> {
    client.close().await.map_err(|error| format!("it cannot be closed: {error}"))?;
    drop(client);
    let client = open.await.map_err(|error| format!("it cannot be opened again: {error}"))?;
    client.read(|meter| {
        ensure!(meter.misplaced == 0, "{} commands came in another order", meter.misplaced);
        for (lane, sent) in (0..).zip(sent) {
            let there = meter.lanes.get(&lane).copied().unwrap_or(0);
            ensure!(there == sent, "{sent} of lane {lane} were acknowledged, and {there} are there");
        }
        Ok(())
    })
}

struct Sender {
    client: MeterClient,
    waiting: VecDeque<(u64, Call<u64>)>,
    next: [u64; LANES],
    load: Load,
    /// For how many a call counts.
    weight: usize,
}

impl Sender {
    /// Sends as fast as it can, and faster than is answered.
    async fn send(&mut self, padding: usize, time: Duration) -> Result<(), String> {
        let began = Instant::now();
        let mut told = began;
        for turn in 0_usize.. {
            let lane = turn % LANES;
            let is_in = self.try_one(lane, padding)?;
            if !is_in {
                self.load.overloaded += 1;
                self.drain()?;
                self.load.memory_max = self.load.memory_max.max(memory());
                if self.load.overloaded.is_multiple_of(64) {
                    self.client.ready().await.map_err(|error| format!("`ready` says {error}"))?;
                    self.load.waited_for_room += 1;
                    self.drain()?;
                    ensure!(self.try_one(lane, padding)?, "after `ready` there is no room for a call");
                } else {
                    thread::sleep(Duration::from_millis(1));
                }
            } else if turn.is_multiple_of(1024) {
                self.drain()?;
                self.load.memory_max = self.load.memory_max.max(memory());
            }
            if told.elapsed() > Duration::from_secs(1) {
                told = Instant::now();
                self.load.seconds = began.elapsed().as_secs();
                tell(&self.load);
            }
            if began.elapsed() > time {
                break;
            }
        }
        self.load.seconds = began.elapsed().as_secs();
        // No reply is lost: each comes, and is the one for its call.
        while let Some((number, call)) = self.waiting.pop_front() {
            let answered = tokio::time::timeout(Duration::from_secs(60), call).await;
            let answered = answered.map_err(|_| format!("the call of number {number} is never answered"))?;
            self.answered(number, answered)?;
        }
        self.load.memory_max = self.load.memory_max.max(memory());
        Ok(())
    }

    /// Sends one; whether there was room.
    fn try_one(&mut self, lane: usize, padding: usize) -> Result<bool, String> {
        let number = self.next[lane];
        let mut call = self.client.pass(lane as u8, number, vec![7; padding]);
        match poll(&mut call) {
            Poll::Pending => self.waiting.push_back((number, call)),
            Poll::Ready(Err(Error::NotJournaled(NotJournaled::Overloaded { waiting, limit }))) => {
                ensure!(
                    waiting <= limit && limit == IN_FLIGHT_MAX,
                    "`Overloaded` says that {waiting} of {limit} are in flight"
                );
                return Ok(false);
            }
            Poll::Ready(answered) => self.answered(number, answered)?,
        }
        self.next[lane] += 1;
        if self.waiting.len() * self.weight > IN_FLIGHT_MAX {
            // What has room was answered before that was given to another.
            self.drain()?;
            let in_flight = self.waiting.len();
            ensure!(
                in_flight * self.weight <= IN_FLIGHT_MAX,
                "{in_flight} calls, each of which counts {} times, are in flight",
                self.weight
            );
        }
        self.load.in_flight_max = self.load.in_flight_max.max(self.waiting.len());
        Ok(true)
    }

    /// Takes the answers that are there.
    fn drain(&mut self) -> Result<(), String> {
        while let Some((number, call)) = self.waiting.front_mut() {
            let (number, Poll::Ready(answered)) = (*number, poll(call)) else { break };
            self.waiting.pop_front();
            self.answered(number, answered)?;
        }
        Ok(())
    }

    fn answered(&mut self, number: u64, answered: Result<u64, Error>) -> Result<(), String> {
        let reply =
            answered.map_err(|error| format!("number {number} was in the queue, and then: {error}"))?;
        ensure!(reply == number, "the call of number {number} got the reply of number {reply}");
        self.load.acknowledged += 1;
        Ok(())
    }
}

fn poll(call: &mut Call<u64>) -> Poll<Result<u64, Error>> {
    // tokio lets a task see only so many answers at a time, and this one is never put aside.
    pin!(tokio::task::unconstrained(call)).poll(&mut Context::from_waker(Waker::noop()))
}

/// How much memory this process has in use, in bytes.
fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    resident.expect("the kernel says it") * rustix::param::page_size() as u64
}

/// The real disk, on which syncs take longer once it is told so.
#[derive(Debug, Clone, Default)]
struct SlowDisk {
    is_slow: Arc<AtomicBool>,
}

impl SlowDisk {
    fn delay(&self) {
        if self.is_slow.load(Ordering::Relaxed) {
            thread::sleep(DELAY);
        }
    }
}

impl Disk for SlowDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(SlowFile { file: RealDisk.open(path, access)?, disk: self.clone() }))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        RealDisk.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.delay();
        RealDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        RealDisk.lock(path)
    }
}

struct SlowFile {
    file: Box<dyn DiskFile>,
    disk: SlowDisk,
}

impl DiskFile for SlowFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.disk.delay();
        self.file.sync()
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

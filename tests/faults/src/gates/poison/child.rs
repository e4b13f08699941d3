//! The service that a poisonous command is sent to, in a process of its own. It says on stdout what it has done.

use std::{
    io::{self, Write},
    process::{self, ExitCode},
    str::FromStr,
    sync::atomic::Ordering,
    time::Duration,
};

use memstate::{Open, RequestId};
use serde::{Deserialize, Serialize};

use super::model::{Charge, Deed, HOLDS, Service, ServiceClient, ServiceCommand};

/// What poison is numbered from; innocent commands are below.
pub const POISON: u64 = 1_000_000;

/// What a child does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Task {
    /// Sends commands, the poison among them.
    Poison { deeds: Vec<Deed>, how: How, before: u64, after: u64 },
    /// Opens the journal, does something useful, and closes it.
    Serve { id: u64 },
    /// Sends a deed that does nothing the first time, waits until its outcome is in the journal, and looks back.
    LookBack { deed: Deed },
    /// Sends a deed that does nothing the first time, and closes without a snapshot.
    Confirm { deed: Deed },
    /// Sends a deed that does nothing the first time, and dies before its outcome is in the journal.
    Acknowledge { deed: Deed },
}

/// More than there is room for between the journal and the model, however batches are handed over.
const HOLDS_SENT: usize = 8;

/// How poison is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// In records of its own.
    Alone,
    /// In an atomic batch, between innocent commands.
    Atomically,
    /// With a request id.
    Requested,
}

/// Settings that every opening of the service has.
pub fn open(dir: &str, limit: Duration) -> Open<Service> {
    memstate::open::<Service>(dir).no_snapshot_on_close().command_time_limit(limit)
}

/// `dir`, the limit in milliseconds, and the task.
pub fn run(args: &[String]) -> ExitCode {
    let [dir, limit, task] = args else { return ExitCode::from(2) };
    let limit = Duration::from_millis(u64::from_str(limit).expect("a number"));
    let task: Task = serde_json::from_str(task).expect("a task");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // However many cores there are: one of the children may have little memory, and each thread takes its stack.
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("there are threads");
    runtime.block_on(async {
        let service = match open(dir, limit).await {
            Ok(service) => service,
            Err(error) => {
                say(format_args!("refused {}", error.to_string().replace('\n', " ")));
                return ExitCode::FAILURE;
            }
        };
        say(format_args!("open {}", service.position()));
        work(&service, task).await;
        match service.close().await {
            Ok(()) => {
                say(format_args!("closed"));
                ExitCode::SUCCESS
            }
            Err(error) => {
                say(format_args!("ended {error}"));
                ExitCode::FAILURE
            }
        }
    })
}

async fn work(service: &ServiceClient, task: Task) {
    match task {
        Task::Serve { id } => {
            put(service, id).await;
        }
        Task::Poison { deeds, how, before, after } => poison(service, &deeds, how, before, after).await,
        Task::Confirm { deed } => {
            put(service, 1).await;
            acknowledged(detonate(service, POISON, deed).await, POISON);
            put(service, 2).await;
        }
        Task::Acknowledge { deed } => {
            put(service, 1).await;
            acknowledged(detonate(service, POISON, deed).await, POISON);
            process::abort();
        }
        Task::LookBack { deed } => {
            put(service, 1).await;
            acknowledged(detonate(service, POISON, deed).await, POISON);
            let looks = service.at(service.position());
            if tokio::time::timeout(Duration::from_secs(2), looks).await.is_err() {
                say(format_args!("still looks back"));
            }
            // Nothing that serves waits for it.
            put(service, 2).await;
            say(format_args!("ids {}", service.read(|service| service.ids.len())));
            // It cannot be closed before the look ends.
            say(format_args!("closed"));
            process::exit(0);
        }
    }
}

/// First a few that are confirmed, then all in one batch: innocent ones, the poison in the middle, innocent ones.
async fn poison(service: &ServiceClient, deeds: &[Deed], how: How, before: u64, after: u64) {
    for id in 1..=3 {
        put(service, id).await;
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    // One holds the model up, and the others fill what room there is before it, until the journal is held up as well. So what
    // follows waits to be written, and is durable as a whole before the first of it runs.
    HOLDS.store(true, Ordering::Release);
    let mut holds = Vec::new();
    for _ in 0..HOLDS_SENT {
        holds.push(service.hold());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sends = |ids: std::ops::Range<u64>| ids.map(|id| (id, service.put(id))).collect::<Vec<_>>();
    let first = sends(4..4 + before);
    let spread = deeds.len() as u64 + 1;
    let (mut poison, mut innocent) = (Vec::new(), first);
    let mut next = 4 + before;
    for (number, deed) in deeds.iter().enumerate() {
        let id = POISON + number as u64;
        match how {
            How::Alone => poison.push((id, service.detonate(id, Charge::new(*deed)))),
            How::Requested => {
                let request = service.new_request();
                say(format_args!("request {request}"));
                poison.push((id, service.with_request(request).detonate(id, Charge::new(*deed))));
            }
            How::Atomically => {
                let put = |id| ServiceCommand::Put { id };
                let commands = [
                    put(id + 100),
                    ServiceCommand::Detonate { id, charge: Charge::new(*deed) },
                    put(id + 200),
                ];
                let batch = service.atomically(commands);
                tokio::spawn(async move { batch.await.map(drop) });
            }
        }
        innocent.extend(sends(next..next + after / spread + 1));
        next += after / spread + 1;
    }
    HOLDS.store(false, Ordering::Release);
    for hold in holds {
        let _ = hold.await;
    }
    for (id, call) in innocent {
        acknowledged(call.await, id);
    }
    for (id, call) in poison {
        acknowledged(call.await, id);
    }
}

async fn put(service: &ServiceClient, id: u64) {
    acknowledged(service.put(id).await, id);
}

async fn detonate(
    service: &ServiceClient,
    id: u64,
    deed: Deed,
) -> Result<u64, memstate::Error<std::convert::Infallible>> {
    service.detonate(id, Charge::new(deed)).await
}

fn acknowledged<E: std::fmt::Display>(result: Result<u64, E>, id: u64) {
    match result {
        Ok(_) => say(format_args!("ack {id}")),
        Err(error) => say(format_args!("error {id} {error}")),
    }
}

/// Sends the poison once more under the same request.
pub async fn retry(service: &ServiceClient, request: &str, deed: Deed) -> Result<String, String> {
    let request = RequestId::from_str(request).map_err(|error| error.to_string())?;
    match service.with_request(request).detonate(POISON, Charge::new(deed)).await {
        Ok(_) => Err("a retry of what was poisoned was accepted".to_owned()),
        Err(error) => Ok(error.to_string()),
    }
}

/// Each line at once: the process may end before the next.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}

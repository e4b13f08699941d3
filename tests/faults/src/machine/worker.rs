//! The process that is killed: the engine that everybody uses, on the disk of this machine, through the public interface.

use std::{
    collections::VecDeque,
    io::{self, Read},
    process::ExitCode,
    sync::Arc,
};

use memstate::Error;
use memstate_tests::random::Random;

use super::{
    books::{Books, BooksClient, Statement},
    told::{self, Failed, Plan, Teller, Told},
};

/// How many transfers each lane tries after a failure: none may be acknowledged.
const TRIES_AFTER_FAILURE: u32 = 3;

/// Does what the plan on its input says.
pub fn main() -> ExitCode {
    let plan: Plan = told::next(&mut io::stdin()).expect("there is a plan");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    runtime.expect("there are threads").block_on(work(Arc::new(plan)));
    ExitCode::SUCCESS
}

async fn work(plan: Arc<Plan>) {
    let teller = Arc::new(Teller::new());
    for life in 0..plan.lives {
        teller.tell(&Told::Opening);
        let mut open = memstate::open::<Books>(&plan.dir)
            .segment_bytes(plan.segment_bytes)
            .snapshot_every(plan.snapshot_every);
        if plan.replay_all {
            open = open.replay_all();
        }
        let client = match open.await {
            Ok(client) => client,
            Err(error) => return teller.tell(&Told::CannotOpen(error.to_string())),
        };
        let statement = client.read(Books::statement);
        teller.tell(&Told::Opened(statement.clone()));
        let mut failed = send(&plan, life, &client, statement, &teller).await;
        if plan.pauses && life == 0 {
            teller.tell(&Told::Paused);
            let _ = io::stdin().read(&mut [0]);
            failed |= send(&plan, u32::MAX, &client, client.read(Books::statement), &teller).await;
        }
        if failed {
            teller.tell(&Told::StateAfterFailure(client.read(Books::statement)));
        }
        teller.tell(&Told::Closing);
        let closed = client.close().await.map_err(|error| error.to_string());
        let failed = failed || closed.is_err();
        teller.tell(&Told::Closed(closed));
        if failed {
            // Dropped or closed, its state can be looked at.
            return teller.tell(&Told::StateAfterFailure(client.read(Books::statement)));
        }
    }
}

/// Sends what the plan says from all lanes; whether something failed.
async fn send(
    plan: &Arc<Plan>,
    life: u32,
    client: &BooksClient,
    found: Statement,
    teller: &Arc<Teller>,
) -> bool {
    let found = Arc::new(found);
    let mut lanes = Vec::new();
    for lane in 0..plan.lanes {
        let seed = plan.seed ^ u64::from(lane) << 32 ^ u64::from(life);
        let lane = Lane {
            lane,
            plan: Arc::clone(plan),
            client: client.clone(),
            teller: Arc::clone(teller),
            random: Random::new(seed),
            waiting: VecDeque::new(),
            failed: false,
        };
        let (again, last) = (life == 0, found.last_of(lane.lane));
        lanes.push(tokio::spawn(lane.work(again, last)));
    }
    if plan.snapshots {
        let written = client.snapshot().await.map(drop).map_err(|error| error.to_string());
        teller.tell(&Told::Snapshot(written));
    }
    let mut failed = false;
    for lane in lanes {
        failed |= lane.await.expect("a lane does not panic");
    }
    failed
}

/// One task that sends.
struct Lane {
    lane: u8,
    plan: Arc<Plan>,
    client: BooksClient,
    teller: Arc<Teller>,
    random: Random,
    waiting: VecDeque<(u32, memstate::Call<u64>)>,
    failed: bool,
}

impl Lane {
    async fn work(mut self, again: bool, mut last: u32) -> bool {
        let plan = Arc::clone(&self.plan);
        if again {
            let lane = self.lane;
            for it in plan.again.iter().filter(|it| it.lane == lane) {
                self.send(it.number, it.request).await;
                last = last.max(it.number);
            }
        }
        let mut left = plan.transfers;
        while left > 0 && !self.failed {
            last += 1;
            left -= 1;
            if self.random.below(16) == 0 {
                // Nobody waits for it.
                drop(self.client.spoil(self.lane));
            }
            let request = self.client.new_request();
            self.send(last, request).await;
        }
        while !self.waiting.is_empty() {
            self.wait().await;
        }
        if self.failed {
            for _ in 0..TRIES_AFTER_FAILURE {
                last += 1;
                let request = self.client.new_request();
                self.send(last, request).await;
                while !self.waiting.is_empty() {
                    self.wait().await;
                }
            }
        }
        self.failed
    }

    async fn send(&mut self, number: u32, request: memstate::RequestId) {
        self.teller.tell(&Told::Sent { lane: self.lane, number, request });
        // The same each time it is sent, or it would be another command.
        let length = Random::new(u64::from(number)).below(self.plan.padding + 1) as usize;
        let call = self.client.with_request(request).transfer(self.lane, number, vec![self.lane; length]);
        self.waiting.push_back((number, call));
        if self.waiting.len() >= self.plan.window {
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let Some((number, call)) = self.waiting.pop_front() else { return };
        let lane = self.lane;
        self.teller.tell(&match call.await {
            Ok(serial) => Told::Acknowledged { lane, number, serial },
            Err(error) => {
                self.failed = true;
                let how = match error {
                    Error::OutcomeUnknown(_) => Failed::OutcomeUnknown,
                    Error::Stopped(_) => Failed::Stopped,
                    Error::NotJournaled(_) => Failed::NotJournaled,
                    _ => Failed::Other,
                };
                Told::Failed { lane, how, why: error.to_string() }
            }
        });
    }
}

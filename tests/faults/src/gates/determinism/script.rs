//! What comes about from a seed.

use std::{future::Future, pin::Pin, task::Context, task::Waker};

use memstate::{
    Open, Retention, Timestamp,
    testing::{Simulated, disk::FaultyDisk},
};
use memstate_tests::random::Random;

use super::{
    shared,
    world::{self, World, WorldClient, WorldCommand},
};
use crate::ensure;

/// Where the journal is.
pub const LOCATION: &str = "/world";

/// What came about.
pub struct Script {
    pub disk: FaultyDisk,
    pub state: Vec<u8>,
    pub position: u64,
    pub batches: u64,
    pub records: u64,
}

/// How it is opened: with a clock of its own, and all snapshots are kept.
pub fn open(disk: &FaultyDisk) -> Open<World> {
    let mut now = 0;
    let clock = move || {
        now += 1_000;
        Timestamp::from_micros(now)
    };
    memstate::open::<World>(LOCATION).on_disk(shared(disk)).clock(clock).keep_snapshots(Retention::all())
}

type Answering = Pin<Box<dyn Future<Output = ()>>>;

fn word(random: &mut Random) -> String {
    ["one", "two", "three", "four", "five"][random.below(5) as usize].to_owned()
}

/// A command by hand.
fn command(random: &mut Random) -> WorldCommand {
    match random.below(4) {
        0 => WorldCommand::Measure { name: word(random), value: random.below(1000) as f64 / 3.0 },
        1 => WorldCommand::Learn,
        2 => WorldCommand::Grow { branch: random.below(9) as u8, leaf: random.below(1 << 20) as u32 },
        _ => WorldCommand::Reorder { keys: (0..random.below(6)).map(|_| random.below(40) as u32).collect() },
    }
}

fn send(client: &WorldClient, random: &mut Random) -> Answering {
    // The replies are in the outcomes, which are compared.
    let by = client.as_caller(word(random));
    let client = if random.below(2) == 0 { client } else { &by };
    match random.below(10) {
        0 => {
            let call = client.fail();
            Box::pin(async move { drop(call.await) })
        }
        1 | 2 => {
            let call = client.atomically((0..1 + random.below(4)).map(|_| command(random)));
            Box::pin(async move { drop(call.await) })
        }
        3 => {
            let call = client.tally().count(word(random));
            Box::pin(async move { drop(call.await) })
        }
        4 => {
            // Twice under one identity.
            let (client, command) = (client.with_request(client.new_request()), word(random));
            let calls = [client.measure(command.clone(), 0.5), client.measure(command, 0.5)];
            Box::pin(async move {
                for call in calls {
                    let _ = call.await;
                }
            })
        }
        _ => {
            let call = client.execute(command(random));
            Box::pin(async move { drop(call.await) })
        }
    }
}

/// Plays the script of a seed.
pub fn play(seed: u64) -> Result<Script, String> {
    let mut random = Random::new(seed);
    let mut disk = FaultyDisk::new();
    let said = |error: memstate::OpenError| error.to_string();
    let mut world = Simulated::open(open(&disk), random.below(u64::MAX)).map_err(said)?;
    let (mut batches, mut records, mut answering) = (0, 0, Vec::new());
    for _ in 0..60 + random.below(120) {
        match random.below(60) {
            0 => {
                world.snapshot().map_err(|error| error.to_string())?;
            }
            1 => {
                world.idle();
            }
            2 => {
                world.close().map_err(|error| error.to_string())?;
                answering.clear();
                world = Simulated::open(open(&disk), random.below(u64::MAX)).map_err(said)?;
            }
            3 => {
                let after = disk.crash(random.below(u64::MAX));
                (disk, answering) = (after, Vec::new());
                world = Simulated::open(open(&disk), random.below(u64::MAX)).map_err(said)?;
            }
            4..22 => batches += u64::from(world.write()),
            22..35 => {
                world.apply();
            }
            _ => answering.extend((0..1 + random.below(5)).map(|_| {
                records += 1;
                send(world.client(), &mut random)
            })),
        }
    }
    world.settle();
    for answering in &mut answering {
        let ready = answering.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        ensure!(ready, "a call was not answered");
    }
    let (state, position) = (world.client().read(world::bytes), world.client().position().get());
    world.close().map_err(|error| error.to_string())?;
    Ok(Script { disk, state, position, batches, records })
}

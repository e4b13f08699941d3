//! An engine with its threads, and clients that send the same requests at the same time.

use std::sync::Arc;

use memstate::testing::disk::FaultyDisk;
use memstate_tests::random::Random;

use super::{
    ledger::{Answer, Till, TillClient},
    scripted::{Asked, is_right},
};
use crate::{ensure, harness::Case};

/// How many new requests come before each restart.
const REQUESTS: u64 = 300;
const RESTARTS: u64 = 4;

pub fn run(case: &Case<'_>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    runtime.map_err(|error| error.to_string())?.block_on(rounds(case))
}

async fn rounds(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let disk = FaultyDisk::new();
    let mut asked: Vec<Asked> = Vec::new();
    for _ in 0..RESTARTS {
        let open = memstate::open::<Till>("/till").on_disk(Arc::new(disk.clone()));
        let open = if random.below(2) == 0 { open.no_snapshot_on_close() } else { open };
        let till = open.await.map_err(|error| error.to_string())?;
        let known = asked.len();
        for _ in 0..REQUESTS {
            asked.push(Asked::new(&till, asked.len() as u64 + 1, &mut random));
        }
        // Which is sent when: new ones once to three times, some of before too, all mixed.
        let mut sends: Vec<usize> = Vec::new();
        for index in 0..asked.len() {
            let times = if index < known { u64::from(random.below(5) == 0) } else { 1 + random.below(3) };
            sends.extend((0..times).map(|_| index));
        }
        for place in (1..sends.len()).rev() {
            sends.swap(place, random.below(place as u64 + 1) as usize);
        }
        case.run.tried(sends.len() as u64);
        case.run.fact("commands that were sent again", sends.len() as u64 - REQUESTS);
        for (index, answer) in send_all(&till, &asked, &sends, &mut random).await? {
            asked[index].answered(answer, false)?;
        }
        for _ in 0..10 {
            let other = &asked[random.below(asked.len() as u64) as usize];
            let answer = other.send(&till, 2).await;
            ensure!(answer == Answer::Reused, "{answer:?} to other arguments than those of {other:?}");
            case.run.fact("sent with other arguments", 1);
        }
        if random.below(3) == 0 {
            till.snapshot().await.map_err(|error| error.to_string())?;
        }
        till.read(|till| is_right(till, &asked, true))?;
        till.close().await.map_err(|error| error.to_string())?;
        case.run.fact("restarts", 1);
    }
    Ok(())
}

/// Has several tasks send their share of it, and gives the answers.
async fn send_all(
    till: &TillClient,
    asked: &[Asked],
    sends: &[usize],
    random: &mut Random,
) -> Result<Vec<(usize, Answer)>, String> {
    let tasks: Vec<_> = sends
        .chunks(sends.len().div_ceil(6))
        .map(|share| {
            let share: Vec<_> = share.iter().map(|index| (*index, asked[*index].clone())).collect();
            let (till, in_flight_max) = (till.clone(), 1 + random.below(30) as usize);
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for some in share.chunks(in_flight_max) {
                    let sent: Vec<_> =
                        some.iter().map(|(index, asked)| (*index, asked.send(&till, 1))).collect();
                    for (index, answering) in sent {
                        answers.push((index, answering.await));
                    }
                }
                answers
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await.map_err(|error| error.to_string())?);
    }
    Ok(answers)
}

//! What has to be in the journal once the service is back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use memstate::{OpenError, Position, RecordOutcome, journal::JournalError};

use super::{
    Class, End, LIMIT,
    child::{self, How, POISON},
    model::ServiceClient,
    supervisor::{Supervisor, has_suspicion},
};
use crate::ensure;

/// What opening again may take, when nothing is tried.
const OPENS_WITHIN: Duration = Duration::from_secs(2);

/// Opens the journal here: if it held a command that still ends processes, this one would be the next.
fn look<R>(
    supervisor: &Supervisor,
    limit: Duration,
    from_the_start: bool,
    look: impl AsyncFnOnce(&ServiceClient) -> Result<R, String>,
) -> Result<R, String> {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let journal = supervisor.journal();
        let service = loop {
            let open = child::open(&journal.display().to_string(), limit);
            match if from_the_start { open.replay_all() } else { open }.await {
                // Another case of this gate has just forked, and its child holds all locks of this process until it
                // becomes another program.
                Err(OpenError::Journal(JournalError::Locked { .. })) if began.elapsed() < OPENS_WITHIN => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                opened => break opened.map_err(|error| error.to_string())?,
            }
        };
        ensure!(began.elapsed() < OPENS_WITHIN, "the second opening took {:?}", began.elapsed());
        ensure!(!has_suspicion(&journal), "a file `attempt` is left");
        let looked = look(&service).await;
        service.close().await.map_err(|error| error.to_string())?;
        looked
    })
}

/// The poison is left out, as the journal says, and everything else is there.
pub fn check(supervisor: &Supervisor, class: &Class, said: &[String]) -> Result<(), String> {
    let expected = match class.end {
        End::Panics => (0, class.deeds.len()),
        _ => (class.deeds.len(), 0),
    };
    let first = look(supervisor, LIMIT, false, async |service| {
        let told = history(service).await?;
        ensure!(
            (told.poisoned.len(), told.panicked.len()) == expected,
            "left out {:?}, panicked {:?}; {expected:?} are to be",
            told.poisoned,
            told.panicked
        );
        let ids = ids(service);
        ensure!(ids == told.ids, "the state is not what the history says");
        ensure!(ids.iter().all(|id| *id < POISON), "something of the poison is in the state");
        let lost: Vec<_> =
            acknowledged(said).into_iter().filter(|id| *id < POISON && !ids.contains(id)).collect();
        ensure!(lost.is_empty(), "acknowledged and not there: {lost:?}");
        for position in told.poisoned.iter().chain(&told.panicked) {
            let before = Position::new(position.get() - 1);
            let changes = service.diff(before, *position).await.map_err(|error| error.to_string())?;
            ensure!(changes.is_empty(), "what was left out at {position} has changed {changes:?}");
        }
        retry(service, class, said).await?;
        service.snapshot().await.map_err(|error| error.to_string())?;
        Ok(told)
    })?;
    for from_the_start in [false, true] {
        look(supervisor, LIMIT, from_the_start, async |service| {
            let told = history(service).await?;
            ensure!(told.poisoned == first.poisoned, "the second opening left out {:?}", told.poisoned);
            ensure!(ids(service) == first.ids, "the second opening has another state");
            retry(service, class, said).await
        })?;
    }
    Ok(())
}

/// Everything is there, and nothing was left out.
pub fn all_is_there(supervisor: &Supervisor, limit: Duration, said: &[String]) -> Result<(), String> {
    look(supervisor, limit, false, async |service| {
        let told = history(service).await?;
        ensure!(told.poisoned.is_empty(), "left out: {:?}", told.poisoned);
        let ids = ids(service);
        let lost: Vec<_> = acknowledged(said).into_iter().filter(|id| !ids.contains(id)).collect();
        ensure!(lost.is_empty(), "acknowledged and not there: {lost:?}");
        Ok(())
    })
}

/// A retry of what was left out is told so, and does not run.
async fn retry(service: &ServiceClient, class: &Class, said: &[String]) -> Result<(), String> {
    if class.how != How::Requested {
        return Ok(());
    }
    let request = said.iter().find_map(|line| line.strip_prefix("request ")).ok_or("it had no request id")?;
    let told = child::retry(service, request, class.deeds[0]).await?;
    ensure!(told.contains("it ended the process each time it ran"), "a retry is told `{told}`");
    Ok(())
}

struct Told {
    poisoned: Vec<Position>,
    panicked: Vec<Position>,
    /// Those of the accepted commands.
    ids: BTreeSet<u64>,
}

async fn history(service: &ServiceClient) -> Result<Told, String> {
    let mut told = Told { poisoned: Vec::new(), panicked: Vec::new(), ids: BTreeSet::new() };
    let mut outcomes = BTreeMap::new();
    for with_events in [true, false] {
        let history = service.history(..);
        let mut history = if with_events { history } else { history.without_events() };
        while let Some(record) = history.next().await {
            let record = record.map_err(|error| error.to_string())?;
            let before = outcomes.insert(record.position, record.outcome);
            ensure!(before.is_none_or(|before| before == record.outcome), "two histories differ");
            if !with_events {
                continue;
            }
            match record.outcome {
                RecordOutcome::Poisoned => told.poisoned.push(record.position),
                RecordOutcome::Panicked => told.panicked.push(record.position),
                RecordOutcome::Accepted => {
                    told.ids
                        .extend(record.calls().filter_map(|(_, arguments)| arguments.get("id")?.as_u64()));
                }
                // The retries of this gate.
                RecordOutcome::Repeated => {}
                other => return Err(format!("{}: {other:?}", record.position)),
            }
        }
    }
    Ok(told)
}

fn ids(service: &ServiceClient) -> BTreeSet<u64> {
    service.read(|service| service.ids.iter().copied().collect())
}

fn acknowledged(said: &[String]) -> Vec<u64> {
    said.iter().filter_map(|line| line.strip_prefix("ack ")?.parse().ok()).collect()
}

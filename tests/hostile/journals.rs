//! Hostile bytes in whole journals, through the public interface alone.

use std::{path::Path, sync::Arc};

use memstate::{
    OpenError, Position,
    journal::{
        Batch, Journal,
        file::{FileJournal, FileOptions},
    },
    testing::{disk::FaultyDisk, hostile},
};
use memstate_tests::everything::Everything;

use crate::support::SEEDS;

/// Opens a journal that was written with these as what the writer says of itself and as batches.
async fn opened(preamble: &[u8], batches: &[&[u8]]) -> Result<(), OpenError> {
    let dir = Path::new("/hostile");
    let disk: Arc<FaultyDisk> = Arc::default();
    let mut journal = FileJournal::open(Arc::clone(&disk) as _, dir, FileOptions::default())?;
    journal.recover(&mut |_| Ok(()))?;
    journal.start(preamble)?;
    for (number, payload) in (0..).zip(batches) {
        let count = u32::from(number > 0);
        let first = Position::new(number.max(1));
        journal.append(Batch { first, count, payload })?;
    }
    journal.close()?;
    drop(journal);
    let model = memstate::open::<Everything>(dir).on_disk(disk).await?;
    model.tick().await.expect("a journal that was accepted goes on");
    Ok(())
}

#[tokio::test]
async fn a_whole_journal_of_hostile_batches_is_refused_with_words() {
    let seeds = &*SEEDS;
    let genesis = &seeds.batches[0];
    opened(&seeds.preamble, &[genesis]).await.expect("the real one is accepted");
    let real = &seeds.batches[1];
    for cut in 0..real.len() {
        if let Err(error) = opened(&seeds.preamble, &[genesis, &real[..cut]]).await {
            assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
            assert!(error.to_string().contains("/hostile"), "{error}");
        }
    }
    let bomb = [&[2][..], &[0; 24], &[1, 0], &[4, 0, 5, 4, 255, 255, 255, 255, 15]].concat();
    let error = opened(&seeds.preamble, &[genesis, &bomb]).await.expect_err("it is a bomb");
    assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_whole_journal_of_a_hostile_writer_is_refused_with_words() {
    let seeds = &*SEEDS;
    for cut in (0..seeds.preamble.len()).step_by(7) {
        let error = opened(&seeds.preamble[..cut], &[&seeds.batches[0]]).await.expect_err("it is cut short");
        assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
    }
    let chain = memstate::testing::hostile::chained::<Everything>(20_000);
    let error = opened(&chain, &[&seeds.batches[0]]).await.expect_err("its types are others");
    assert!(!error.to_string().is_empty());
}

#[tokio::test]
async fn what_a_later_version_may_mean_by_a_batch_is_refused_and_not_skipped() {
    let seeds = &*SEEDS;
    let genesis = &seeds.batches[0][..];
    assert_eq!(genesis[..3], [1, 0, 1], "one part, and the last");
    let why = async |batches: &[&[u8]]| {
        opened(&seeds.preamble, batches).await.expect_err("it is nothing that memstate writes").to_string()
    };
    let marked = [&[1, 0, 3][..], &genesis[3..]].concat();
    assert!(why(&[&marked]).await.contains("3 says neither"));
    // The second batch counts one record.
    assert!(why(&[genesis, genesis]).await.contains("counts 1 records and holds others"));
    let amended = [&[3][..], &[0; 9]].concat();
    assert!(why(&[genesis, &amended]).await.contains("counts 1 records and holds others"));
    // And the first none.
    assert!(why(&[&seeds.batches[1], genesis]).await.contains("counts 0 records and holds others"));
}

/// A segment of a header, an epoch, a batch and a close, which carry these payloads.
fn segment(epoch: &[u8], batch: &[u8], close: &[u8]) -> Vec<u8> {
    let group = |kind: u8, payload: &[u8]| {
        let length = u16::try_from(payload.len()).expect("it is short").to_le_bytes();
        [&[kind, 0, 0][..], &length, payload].concat()
    };
    let groups = [group(1, &[]), group(2, epoch), group(3, batch), group(4, close)].concat();
    hostile::build_segment::<Everything>(&groups)
}

#[test]
fn groups_that_carry_nothing_are_refused_when_they_carry_something() {
    let genesis = &SEEDS.batches[0];
    assert!(hostile::segment::<Everything>(&segment(&[], genesis, &[])));
    assert!(!hostile::segment::<Everything>(&segment(b"x", genesis, &[])));
    assert!(!hostile::segment::<Everything>(&segment(&[], genesis, b"x")));
}

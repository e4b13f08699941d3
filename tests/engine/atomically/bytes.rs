//! Batches as bytes: what is no list of commands is refused when the journal is opened.

use std::{path::Path, sync::Arc};

use memstate::{
    OpenError,
    disk::RealDisk,
    journal::{
        Batch, Journal,
        file::{FileJournal, FileOptions},
    },
};
use memstate_tests::bank::Bank;

use crate::replayed;

/// A bank's journal with one account, to which an atomic batch of these bytes is appended.
async fn with_bytes(dir: &Path, commands: &[u8]) {
    let bank = replayed(dir).await;
    bank.open("Ann").await.unwrap();
    bank.close().await.unwrap();
    let mut journal = FileJournal::open(Arc::new(RealDisk), dir, FileOptions::default()).unwrap();
    let mut preamble = Vec::new();
    journal
        .recover(&mut |entry| {
            preamble = entry.preamble.to_vec();
            Ok(())
        })
        .unwrap();
    journal.start(&preamble).unwrap();
    let mut payload = vec![2];
    payload.extend_from_slice(&i64::MAX.to_le_bytes());
    payload.extend_from_slice(&[0; 16]);
    // Outcomes from position 2 on, of which there are none; the head of a batch; its length.
    payload.extend_from_slice(&[2, 0, 0xfc, 0xff, 0x0f, commands.len() as u8]);
    payload.extend_from_slice(commands);
    let first = journal.end().next();
    journal.append(Batch { first, count: 1, payload: &payload }).unwrap();
    journal.close().unwrap();
}

/// The numbers of `open` and `deposit` in the table of the bank.
const OPEN: u8 = 0;
const DEPOSIT: u8 = 1;

#[tokio::test]
async fn a_batch_that_was_written_so_is_read() {
    let dir = tempfile::tempdir().unwrap();
    with_bytes(dir.path(), &[OPEN, 4, 3, b'B', b'o', b'b', DEPOSIT, 2, 2, 50]).await;
    let bank = replayed(dir.path()).await;
    assert_eq!(bank.balance(2).await, Ok(Some(50)));
}

#[tokio::test]
async fn a_batch_that_is_no_list_of_commands_is_refused_with_its_position_and_left_as_it_is() {
    for (commands, why) in [
        (&[][..], "it has no commands"),
        (&[DEPOSIT], "a number is cut short"),
        (&[DEPOSIT, 5, 1, 1], "5 bytes are announced and 2 are there"),
        (&[DEPOSIT, 2, 1, 1, 99, 0], "`?` at index 1 of the batch: there is no command number 99"),
        (
            &[DEPOSIT, 2, 1, 1, DEPOSIT, 3, 1, 1, 1],
            "`deposit` at index 1 of the batch: 1 bytes are left over",
        ),
        (&[DEPOSIT, 2, 1, 1, 0xff, 0xff, 3, 2, DEPOSIT, 0], "a method's number is too large"),
        (&[DEPOSIT, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "announced"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        with_bytes(dir.path(), commands).await;
        for _ in 0..2 {
            let error = memstate::open::<Bank>(dir.path()).await.expect_err("it is refused");
            assert!(
                matches!(&error, OpenError::Unreadable { position, .. } if position.get() == 2),
                "{error:?}"
            );
            let text = error.to_string();
            assert!(
                text.contains("the arguments of `atomically` at position 2") && text.contains(why),
                "{text}"
            );
        }
    }
}

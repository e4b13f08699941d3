//! fjall.

use std::collections::HashMap;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, config::HashRatioPolicy};

use super::{Failure, Peer, Sums, accounts, gathered, given, taken};
use crate::{
    bank::{Account, Transfer},
    setting::Setting,
};

const CACHE: u64 = 1 << 30;
const JOURNALS: u64 = 2 << 30;

pub fn peer(setting: &Setting) -> Peer {
    setting.note(
        "fjall 3: in the process, the calls in flight gathered into one atomic batch with PersistMode::SyncData; \
         journals up to 2 GiB, memtable 64 MiB, cache 1 GiB, no compression, filters left out where reads hit, hashes in the blocks",
    );
    Peer {
        name: "fjall",
        turn: Box::new(|setting, runtime, step| {
            let dir = setting.dir()?;
            let database = Database::builder(dir.path().join("fjall"))
                .cache_size(CACHE)
                .max_journaling_size(JOURNALS)
                .manual_journal_persist(true)
                .open()?;
            let keyspace = database.keyspace("accounts", || {
                KeyspaceCreateOptions::default()
                    .expect_point_read_hits(true)
                    .data_block_hash_ratio_policy(HashRatioPolicy::all(1.0))
                    .manual_journal_persist(true)
            })?;
            for (number, account) in accounts() {
                keyspace.insert(number.to_be_bytes(), bytes(account))?;
            }
            database.persist(PersistMode::SyncData)?;
            gathered::turn(Fjall { database, accounts: keyspace }, runtime, step)
        }),
    }
}

/// What a batch changes. An account that is changed twice is written once.
type Changed = HashMap<u64, Account>;

struct Fjall {
    database: Database,
    accounts: Keyspace,
}

impl Fjall {
    fn account(&self, number: u64) -> Result<Option<Account>, Failure> {
        self.accounts.get(number.to_be_bytes())?.map(|value| account(&value)).transpose()
    }

    /// An account as a batch leaves it: what is in a batch is read only after it is committed.
    fn changed(&self, batch: &Changed, number: u64) -> Result<Option<Account>, Failure> {
        match batch.get(&number) {
            Some(account) => Ok(Some(*account)),
            None => self.account(number),
        }
    }

    fn made(&self, batch: &mut Changed, transfer: Transfer) -> Result<bool, Failure> {
        let Some(source) = self.changed(batch, transfer.from)? else { return Ok(false) };
        let Some(source) = taken(source, transfer.amount) else { return Ok(false) };
        let target =
            if transfer.to == transfer.from { Some(source) } else { self.changed(batch, transfer.to)? };
        let Some(target) = target else { return Ok(false) };
        batch.insert(transfer.from, source);
        batch.insert(transfer.to, given(target, transfer.amount));
        Ok(true)
    }
}

impl gathered::Engine for Fjall {
    fn transaction(&mut self, transfers: &[Transfer], accepted: &mut Vec<bool>) -> Result<(), Failure> {
        let mut changed = Changed::new();
        for transfer in transfers {
            accepted.push(self.made(&mut changed, *transfer)?);
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (number, account) in changed {
            batch.insert(&self.accounts, number.to_be_bytes(), bytes(account));
        }
        Ok(batch.commit()?)
    }

    fn sums(&mut self) -> Result<Sums, Failure> {
        let mut sums = Sums { balance: 0, transfers: 0 };
        for entry in self.accounts.iter() {
            let account = account(&entry.value()?)?;
            sums.balance += account.balance;
            sums.transfers += account.transfers;
        }
        Ok(sums)
    }
}

fn bytes(account: Account) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&account.balance.to_be_bytes());
    bytes[8..].copy_from_slice(&account.transfers.to_be_bytes());
    bytes
}

fn account(value: &[u8]) -> Result<Account, Failure> {
    let (balance, transfers) = value.split_at_checked(8).ok_or("too few bytes of an account")?;
    Ok(Account {
        balance: i64::from_be_bytes(balance.try_into()?),
        transfers: u64::from_be_bytes(transfers.try_into()?),
    })
}

//! fjall.

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
        "fjall 3: in the process, an atomic batch a transfer, and one persist(SyncData) for the calls in flight, before they are answered; \
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

struct Fjall {
    database: Database,
    accounts: Keyspace,
}

impl Fjall {
    fn account(&self, number: u64) -> Result<Option<Account>, Failure> {
        self.accounts.get(number.to_be_bytes())?.map(|value| account(&value)).transpose()
    }

    fn made(&self, transfer: Transfer) -> Result<bool, Failure> {
        let Some(source) = self.account(transfer.from)? else { return Ok(false) };
        let Some(source) = taken(source, transfer.amount) else { return Ok(false) };
        // What is in a batch is read only after it is committed.
        let target = if transfer.to == transfer.from { Some(source) } else { self.account(transfer.to)? };
        let Some(target) = target else { return Ok(false) };
        let mut batch = self.database.batch();
        if transfer.to != transfer.from {
            batch.insert(&self.accounts, transfer.from.to_be_bytes(), bytes(source));
        }
        batch.insert(&self.accounts, transfer.to.to_be_bytes(), bytes(given(target, transfer.amount)));
        batch.commit()?;
        Ok(true)
    }
}

impl gathered::Engine for Fjall {
    fn transaction(&mut self, transfers: &[Transfer], accepted: &mut Vec<bool>) -> Result<(), Failure> {
        for transfer in transfers {
            accepted.push(self.made(*transfer)?);
        }
        Ok(self.database.persist(PersistMode::SyncData)?)
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

//! redb.

use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Failure, Peer, Sums, accounts, gathered, given, taken};
use crate::{
    bank::{Account, Transfer},
    setting::Setting,
};

const ACCOUNTS: TableDefinition<u64, (i64, u64)> = TableDefinition::new("accounts");
const CACHE: usize = 1 << 30;

pub fn peer(setting: &Setting) -> Peer {
    setting.note(
        "redb 4: in the process, the calls in flight gathered into one write transaction, values changed in place; Durability::Immediate, one-phase commit with \
         checksums (the default, and the faster), cache 1 GiB",
    );
    Peer {
        name: "redb",
        turn: Box::new(|setting, runtime, step| {
            let dir = setting.dir()?;
            let database = Builder::new().set_cache_size(CACHE).create(dir.path().join("bank.redb"))?;
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(ACCOUNTS)?;
                for (number, account) in accounts() {
                    table.insert(number, (account.balance, account.transfers))?;
                }
            }
            transaction.commit()?;
            gathered::turn(Redb(database), runtime, step)
        }),
    }
}

struct Redb(Database);

type Table<'t> = redb::Table<'t, u64, (i64, u64)>;

impl gathered::Engine for Redb {
    fn transaction(&mut self, transfers: &[Transfer], accepted: &mut Vec<bool>) -> Result<(), Failure> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(ACCOUNTS)?;
            for transfer in transfers {
                accepted.push(made(&mut table, *transfer)?);
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn sums(&mut self) -> Result<Sums, Failure> {
        let table = self.0.begin_read()?.open_table(ACCOUNTS)?;
        let mut sums = Sums { balance: 0, transfers: 0 };
        for entry in table.iter()? {
            let (balance, transfers) = entry?.1.value();
            sums.balance += balance;
            sums.transfers += transfers;
        }
        Ok(sums)
    }
}

fn made(table: &mut Table<'_>, transfer: Transfer) -> Result<bool, Failure> {
    let taken = changed(table, transfer.from, |account| taken(account, transfer.amount))?;
    if !taken {
        return Ok(false);
    }
    let made = changed(table, transfer.to, |account| Some(given(account, transfer.amount)))?;
    if !made {
        changed(table, transfer.from, |account| Some(given_back(account, transfer.amount)))?;
    }
    Ok(made)
}

/// Changes an account where it is, if it is there and there is something to change.
fn changed(
    table: &mut Table<'_>,
    number: u64,
    change: impl FnOnce(Account) -> Option<Account>,
) -> Result<bool, Failure> {
    let Some(mut found) = table.get_mut(number)? else { return Ok(false) };
    let (balance, transfers) = found.value();
    let Some(account) = change(Account { balance, transfers }) else { return Ok(false) };
    found.insert((account.balance, account.transfers))?;
    Ok(true)
}

/// An account after what was taken out is put back.
fn given_back(account: Account, amount: u32) -> Account {
    Account { balance: account.balance + i64::from(amount), transfers: account.transfers - 1 }
}

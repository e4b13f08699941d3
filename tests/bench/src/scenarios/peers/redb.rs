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
        "redb 4: in the process, the calls in flight gathered into one write transaction; Durability::Immediate, one-phase commit with \
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
    let Some(before) = account(table, transfer.from)? else { return Ok(false) };
    let Some(source) = taken(before, transfer.amount) else { return Ok(false) };
    table.insert(transfer.from, (source.balance, source.transfers))?;
    let Some(target) = account(table, transfer.to)? else {
        table.insert(transfer.from, (before.balance, before.transfers))?;
        return Ok(false);
    };
    let target = given(target, transfer.amount);
    table.insert(transfer.to, (target.balance, target.transfers))?;
    Ok(true)
}

fn account(table: &Table<'_>, number: u64) -> Result<Option<Account>, Failure> {
    let found = table.get(number)?.map(|found| found.value());
    Ok(found.map(|(balance, transfers)| Account { balance, transfers }))
}

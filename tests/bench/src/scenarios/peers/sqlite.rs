//! SQLite.

use rusqlite::Connection;

use super::{Failure, Peer, Sums, accounts, gathered};
use crate::{bank::Transfer, setting::Setting};

/// A log of 16 MB before it is copied into the database: a page that is changed often is copied once, and a turn still has some copying.
const SETTINGS: &str = "
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma locking_mode = exclusive;
    pragma wal_autocheckpoint = 4096;
    pragma cache_size = -262144;
    create table accounts (number integer primary key, balance integer not null, transfers integer not null);
";
const TAKE: &str = "update accounts set balance = balance - ?2, transfers = transfers + 1 where number = ?1 and balance >= ?2";
const GIVE: &str = "update accounts set balance = balance + ?2, transfers = transfers + 1 where number = ?1";
const GIVE_BACK: &str =
    "update accounts set balance = balance + ?2, transfers = transfers - 1 where number = ?1";

pub fn peer(setting: &Setting) -> Peer {
    setting.note(format!(
        "sqlite {}: in the process, one connection, prepared statements, the calls in flight gathered into one transaction; WAL, \
         synchronous=FULL, locking_mode=EXCLUSIVE, wal_autocheckpoint=4096 pages of 4 KiB, cache_size=256 MiB",
        rusqlite::version()
    ));
    Peer {
        name: "sqlite",
        turn: Box::new(|setting, runtime, step| {
            let dir = setting.dir()?;
            let connection = Connection::open(dir.path().join("bank.sqlite"))?;
            connection.execute_batch(SETTINGS)?;
            connection.execute_batch("begin")?;
            let mut insert = connection.prepare("insert into accounts values (?1, ?2, ?3)")?;
            for (number, account) in accounts() {
                insert.execute((number as i64, account.balance, account.transfers as i64))?;
            }
            drop(insert);
            connection.execute_batch("commit")?;
            gathered::turn(Sqlite(connection), runtime, step)
        }),
    }
}

struct Sqlite(Connection);

impl gathered::Engine for Sqlite {
    fn transaction(&mut self, transfers: &[Transfer], accepted: &mut Vec<bool>) -> Result<(), Failure> {
        self.0.prepare_cached("begin immediate")?.execute(())?;
        {
            let mut take = self.0.prepare_cached(TAKE)?;
            let mut give = self.0.prepare_cached(GIVE)?;
            for transfer in transfers {
                let (from, to) = (transfer.from as i64, transfer.to as i64);
                let taken = take.execute((from, transfer.amount))? == 1;
                let given = taken && give.execute((to, transfer.amount))? == 1;
                if taken && !given {
                    self.0.prepare_cached(GIVE_BACK)?.execute((from, transfer.amount))?;
                }
                accepted.push(given);
            }
        }
        self.0.prepare_cached("commit")?.execute(())?;
        Ok(())
    }

    fn sums(&mut self) -> Result<Sums, Failure> {
        let sums = "select sum(balance), sum(transfers) from accounts";
        let (balance, transfers): (i64, i64) =
            self.0.query_row(sums, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Sums { balance, transfers: transfers as u64 })
    }
}

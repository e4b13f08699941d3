//! A state of an older struct: converted by the user.

use memstate::OpenError;

use super::{problems, replayed, shown};

mod first {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Bank {
        pub names: memstate::collections::Vec<String>,
        pub cents: memstate::collections::Vec<i64>,
    }

    #[memstate::model]
    impl Bank {
        pub fn open(&mut self, name: String) -> u64 {
            self.names.push(name);
            self.cents.push(0);
            self.names.len() as u64 - 1
        }

        pub fn pay(&mut self, account: u64, cents: i64) {
            self.cents[account as usize] += cents;
        }
    }
}

/// Accounts instead of two lists.
mod second {
    use memstate::collections::Vec;

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Account {
        pub name: String,
        pub cents: i64,
    }

    /// The state of version 1.
    #[derive(serde::Deserialize)]
    pub struct BankV1 {
        names: std::vec::Vec<String>,
        cents: std::vec::Vec<i64>,
    }

    pub fn from_lists(old: BankV1) -> Bank {
        let mut accounts = Vec::new();
        for (name, cents) in old.names.into_iter().zip(old.cents) {
            accounts.push(Account { name, cents });
        }
        Bank { accounts }
    }

    #[memstate::model]
    #[memstate(migrate = from_lists)]
    #[derive(Debug, Default)]
    pub struct Bank {
        pub accounts: Vec<Account>,
    }

    #[memstate::model]
    impl Bank {
        pub fn open(&mut self, name: String) -> u64 {
            self.accounts.push(Account { name, cents: 0 });
            self.accounts.len() as u64 - 1
        }

        pub fn pay(&mut self, account: u64, cents: i64) {
            self.accounts[account as usize].cents += cents;
        }
    }
}

/// Accounts by name, from both versions before.
mod third {
    use memstate::collections::BTreeMap;

    use super::second;

    #[derive(serde::Deserialize)]
    pub struct BankV2 {
        accounts: std::vec::Vec<second::Account>,
    }

    fn by_name(old: BankV2) -> Bank {
        let mut accounts = BTreeMap::new();
        for (number, account) in old.accounts.into_iter().enumerate() {
            accounts.insert(number as u64, (account.name, account.cents));
        }
        Bank { accounts }
    }

    fn from_lists(old: second::BankV1) -> Bank {
        by_name(BankV2 { accounts: second::from_lists(old).accounts.into_iter().collect() })
    }

    #[memstate::model]
    #[memstate(migrate = from_lists, migrate = by_name)]
    #[derive(Debug, Default)]
    pub struct Bank {
        pub accounts: BTreeMap<u64, (String, i64)>,
    }

    #[memstate::model]
    impl Bank {
        pub fn open(&mut self, name: String) -> u64 {
            self.accounts.insert(self.accounts.len() as u64, (name, 0));
            self.accounts.len() as u64 - 1
        }

        pub fn pay(&mut self, account: u64, cents: i64) {
            if let Some((_, balance)) = self.accounts.get_mut(&account) {
                *balance += cents;
            }
        }
    }
}

mod without_a_migration {
    use memstate::collections::Vec;

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Bank {
        pub accounts: Vec<super::second::Account>,
    }

    #[memstate::model]
    impl Bank {
        pub fn open(&mut self, name: String) -> u64 {
            self.accounts.push(super::second::Account { name, cents: 0 });
            self.accounts.len() as u64 - 1
        }

        pub fn pay(&mut self, account: u64, cents: i64) {
            self.accounts[account as usize].cents += cents;
        }
    }
}

fn holding() -> first::Bank {
    let mut bank = first::Bank::default();
    bank.open("Ann".into());
    bank.pay(0, 5);
    bank
}

async fn write(dir: &std::path::Path, with_snapshot: bool) {
    let bank = memstate::open_with(dir, holding).no_snapshot_on_close().await.unwrap();
    assert_eq!(bank.open("Bob").await.unwrap(), 1);
    bank.pay(1, 7).await.unwrap();
    if with_snapshot {
        bank.snapshot().await.unwrap();
    }
    bank.close().await.unwrap();
}

#[tokio::test]
async fn a_state_of_an_older_struct_is_converted_from_the_journal_and_from_a_snapshot() {
    for with_snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), with_snapshot).await;
        let bank = replayed::<second::Bank>(dir.path()).await.unwrap();
        let account = |name: &str, cents| second::Account { name: name.into(), cents };
        bank.read(|bank| {
            assert_eq!(
                bank.accounts.iter().cloned().collect::<Vec<_>>(),
                [account("Ann", 5), account("Bob", 7)]
            )
        });
        bank.pay(1, 1).await.unwrap();
        if with_snapshot {
            bank.snapshot().await.unwrap();
        }
        bank.close().await.unwrap();

        let bank = replayed::<third::Bank>(dir.path()).await.unwrap();
        bank.read(|bank| {
            assert_eq!(bank.accounts[&0], ("Ann".to_owned(), 5));
            assert_eq!(bank.accounts[&1], ("Bob".to_owned(), 8));
        });
    }
}

#[tokio::test]
async fn a_state_without_a_migration_or_of_a_later_version_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), false).await;
    let found = shown(&problems::<without_a_migration::Bank>(dir.path()).await);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("accounts"), "{found:?}");

    let dir = tempfile::tempdir().unwrap();
    let bank = replayed::<third::Bank>(dir.path()).await.unwrap();
    bank.close().await.unwrap();
    let found = shown(&problems::<second::Bank>(dir.path()).await);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("version 3"), "{found:?}");
}

mod till {
    /// A till, with the fields that came later and its methods.
    macro_rules! till {
        ($module:ident, { $($field:tt)* }, $($more:tt)*) => {
            pub mod $module {
                #[memstate::model]
                #[derive(Debug, Default)]
                pub struct Till {
                    pub sum: u64,
                    $($field)*
                }

                #[memstate::model]
                impl Till {
                    $($more)*
                }
            }
        };
    }

    till!(
        first,
        {},
        pub fn pay(&mut self, amount: u64) {
            self.sum += amount;
        }
    );
    till!(counts_all, { #[serde(default)] pub count: u64 }, pub fn pay(&mut self, amount: u64) {
        self.sum += amount;
        self.count += 1;
    });
    till!(counts_from_now_on, { #[serde(default)] pub count: u64 },
        pub fn pay(&mut self, amount: u64) {
            self.sum += amount;
            self.count += 1;
        }

        #[memstate(replays = "pay", version = 1)]
        fn pay_v1(&mut self, amount: u64) {
            self.sum += amount;
        }
    );
}

/// A field that is new is filled by today's code, also from commands of then. Whether that was meant is asked where a
/// snapshot shows what the state was.
#[tokio::test]
async fn a_state_that_todays_code_tells_otherwise_than_the_snapshot_is_not_taken_in_silence() {
    use till::{counts_all, counts_from_now_on, first};
    let dir = tempfile::tempdir().unwrap();
    let till = memstate::open::<first::Till>(dir.path()).await.unwrap();
    till.pay(5).await.unwrap();
    till.pay(6).await.unwrap();
    till.close().await.unwrap();

    let error = replayed::<counts_all::Till>(dir.path()).await.expect_err("the count is another one");
    let OpenError::Retold { position, changes, .. } = &error else { panic!("{error:?}") };
    assert_eq!((position.get(), changes.as_slice()), (2, &["count: 0 → 2".to_owned()][..]));
    assert!(
        error.to_string().contains("replays") && error.to_string().contains("accept_divergence"),
        "{error}"
    );

    let till = replayed::<counts_from_now_on::Till>(dir.path()).await.unwrap();
    till.pay(7).await.unwrap();
    assert_eq!(till.read(|till| (till.sum, till.count)), (18, 1));
    till.close().await.unwrap();
    let till = replayed::<counts_from_now_on::Till>(dir.path()).replay_all().await.unwrap();
    assert_eq!(till.read(|till| (till.sum, till.count)), (18, 1), "with and without the snapshot");
    till.close().await.unwrap();

    let dir = tempfile::tempdir().unwrap();
    let till = memstate::open::<first::Till>(dir.path()).await.unwrap();
    till.pay(5).await.unwrap();
    till.close().await.unwrap();
    let till = memstate::open::<counts_all::Till>(dir.path()).accept_divergence().await.unwrap();
    assert_eq!(till.read(|till| till.count), 1);
    till.close().await.unwrap();
    // The same if all of it is replayed for it, as the command line does.
    let other = tempfile::tempdir().unwrap();
    let first = memstate::open::<first::Till>(other.path()).await.unwrap();
    first.pay(5).await.unwrap();
    first.close().await.unwrap();
    let told = replayed::<counts_all::Till>(other.path()).replay_all().accept_divergence().await.unwrap();
    told.close().await.unwrap();
    let told = replayed::<counts_all::Till>(other.path()).await.expect("the snapshot of then is gone");
    assert_eq!(told.read(|till| till.count), 1);

    let till = replayed::<counts_all::Till>(dir.path()).await.expect("its own snapshot is there now");
    assert_eq!(till.read(|till| till.count), 1);
}

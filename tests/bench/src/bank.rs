//! The model that is measured, and its commands.

use memstate::collections::HashMap;

/// An account.
#[memstate::data]
#[derive(Debug, PartialEq, Eq, Copy)]
pub struct Account {
    /// What is in it.
    pub balance: i64,
    /// How many transfers there were.
    pub transfers: u64,
}

/// Why a transfer is refused.
#[memstate::data(error)]
#[derive(PartialEq, Eq)]
pub enum BankError {
    /// There is no such account.
    NoAccount(u64),
    /// There is too little in it.
    Insufficient,
}

/// A bank with accounts 0 to n.
#[memstate::model]
#[derive(Default, Debug, PartialEq)]
pub struct Bank {
    /// By number.
    pub accounts: HashMap<u64, Account>,
}

#[memstate::model]
impl Bank {
    /// Opens accounts until there are so many, each with so much in it.
    pub fn open_accounts(&mut self, count: u64, balance: i64) {
        for account in self.accounts.len() as u64..count {
            self.accounts.insert(account, Account { balance, transfers: 0 });
        }
    }

    /// Moves an amount. It is taken out before it is known whether the other account is there.
    pub fn transfer(&mut self, from: u64, to: u64, amount: u32) -> Result<(), BankError> {
        let source = self.accounts.get_mut(&from).ok_or(BankError::NoAccount(from))?;
        if source.balance < i64::from(amount) {
            return Err(BankError::Insufficient);
        }
        source.balance -= i64::from(amount);
        source.transfers += 1;
        let target = self.accounts.get_mut(&to).ok_or(BankError::NoAccount(to))?;
        target.balance += i64::from(amount);
        target.transfers += 1;
        Ok(())
    }

    /// What is in an account.
    pub fn balance(&self, account: u64) -> Option<i64> {
        self.accounts.get(&account).map(|account| account.balance)
    }
}

/// How many accounts there are where nothing else is said.
pub const ACCOUNTS: u64 = 100_000;
/// What is in each at first: enough that no transfer is refused.
pub const BALANCE: i64 = 1 << 40;

/// The bank after its accounts were opened.
pub fn opened(accounts: u64) -> Bank {
    let mut bank = Bank::default();
    bank.open_accounts(accounts, BALANCE);
    bank
}

/// A transfer's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Transfer {
    /// From this account.
    pub from: u64,
    /// To this one.
    pub to: u64,
    /// So much.
    pub amount: u32,
}

/// Transfers between random accounts, the same for the same seed.
#[derive(Debug, Clone)]
pub struct Transfers {
    accounts: u64,
    state: u64,
}

impl Transfers {
    /// Transfers between so many accounts.
    pub fn new(accounts: u64, seed: u64) -> Self {
        // Mixed, so that no stream is a part of another.
        let mut transfers = Transfers { accounts, state: seed };
        transfers.state = transfers.random();
        transfers
    }

    /// A random number: SplitMix64.
    pub fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A random number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.random()) * u128::from(bound)) >> 64) as u64
    }

    /// The next transfer.
    pub fn next(&mut self) -> Transfer {
        let (from, to) = (self.below(self.accounts), self.below(self.accounts));
        Transfer { from, to, amount: self.below(1000) as u32 }
    }
}

//! The model of most tests.

use memstate::{
    Ctx, Timestamp,
    collections::{BTreeMap, HashMap, Vec},
};

/// An account with its history.
#[memstate::data]
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose it is.
    pub owner: String,
    /// What is in it.
    pub balance: u64,
    /// What came and went.
    pub entries: Vec<i64>,
}

/// Why the bank refuses.
#[memstate::data(error)]
#[derive(PartialEq, Eq)]
pub enum BankError {
    /// There is no such account.
    NoAccount(u64),
    /// There is too little in it.
    Insufficient {
        /// What there is.
        balance: u64,
    },
}

/// What the bank announces.
#[memstate::data]
#[derive(Debug, PartialEq, Eq)]
pub enum BankEvent {
    /// An account was opened.
    Opened {
        /// Its number.
        account: u64,
    },
    /// An amount went from one to another.
    Transferred {
        /// From this one.
        from: u64,
        /// To this one.
        to: u64,
        /// So much.
        amount: u64,
    },
}

/// What a command learned from its context.
#[memstate::data]
#[derive(Debug, PartialEq, Eq)]
pub struct Learned {
    /// When it was journaled.
    pub now: Timestamp,
    /// Its record's number.
    pub position: u64,
    /// Random numbers.
    pub random: (u64, u64),
    /// A UUID, as text.
    pub uuid: String,
    /// Who called.
    pub caller: Option<String>,
}

/// A bank.
#[memstate::model]
#[derive(Debug, Default, PartialEq)]
pub struct Bank {
    /// By number.
    pub accounts: HashMap<u64, Account>,
    /// Numbers by owner.
    pub by_owner: BTreeMap<String, Vec<u64>>,
    /// What [`Bank::learn`] learned.
    pub learned: Vec<Learned>,
    last_account: u64,
}

#[memstate::model(events = BankEvent)]
impl Bank {
    /// Opens an account and returns its number.
    pub fn open(&mut self, ctx: &mut Ctx<BankEvent>, owner: String) -> u64 {
        self.last_account += 1;
        let account = self.last_account;
        self.by_owner.entry(owner.clone()).or_default().push(account);
        self.accounts.insert(account, Account { owner, balance: 0, entries: Vec::new() });
        ctx.emit(BankEvent::Opened { account });
        account
    }

    /// Puts an amount in.
    pub fn deposit(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
        let entry = self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))?;
        entry.balance += amount;
        entry.entries.push(amount as i64);
        Ok(entry.balance)
    }

    /// Moves an amount. Takes it out before it looks whether the other account is there, so that a refusal has something
    /// to undo.
    pub fn transfer(
        &mut self,
        ctx: &mut Ctx<BankEvent>,
        from: u64,
        to: u64,
        amount: u64,
    ) -> Result<(), BankError> {
        ctx.emit(BankEvent::Transferred { from, to, amount });
        let source = self.accounts.get_mut(&from).ok_or(BankError::NoAccount(from))?;
        let balance = source.balance;
        source.entries.push(-(amount as i64));
        source.balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance })?;
        let target = self.accounts.get_mut(&to).ok_or(BankError::NoAccount(to))?;
        target.balance += amount;
        target.entries.push(amount as i64);
        Ok(())
    }

    /// Closes an account; the last one takes its place in the order.
    pub fn close_account(&mut self, account: u64) -> Result<u64, BankError> {
        let closed = self.accounts.remove(&account).ok_or(BankError::NoAccount(account))?;
        Ok(closed.balance)
    }

    /// Changes everything there is and then panics.
    pub fn explode(&mut self) {
        self.accounts.clear();
        self.by_owner = BTreeMap::new();
        let learned = std::mem::take(&mut self.learned);
        self.last_account = u64::MAX;
        panic!("boom after {}", learned.len());
    }

    /// Keeps what the context tells.
    pub fn learn(&mut self, ctx: &mut Ctx<BankEvent>) -> u64 {
        let learned = Learned {
            now: ctx.now(),
            position: ctx.position().get(),
            random: (ctx.rng().next_u64(), ctx.rng().below(6)),
            uuid: ctx.uuid().to_string(),
            caller: ctx.caller().map(str::to_owned),
        };
        self.learned.push(learned);
        self.learned.len() as u64
    }

    /// Takes any number of bytes and does nothing.
    pub fn swallow(&mut self, bytes: std::vec::Vec<u8>) -> u64 {
        bytes.len() as u64
    }

    /// What is in an account.
    pub fn balance(&self, account: u64) -> Option<u64> {
        self.accounts.get(&account).map(|account| account.balance)
    }

    /// What is in all of them.
    pub fn total(&self) -> u64 {
        self.accounts.values().map(|account| account.balance).sum()
    }

    /// The accounts in their order.
    pub fn numbers(&self) -> std::vec::Vec<u64> {
        self.accounts.keys().copied().collect()
    }

    /// Panics.
    pub fn stumble(&self) -> u64 {
        panic!("stumbled over {}", self.accounts.len())
    }
}

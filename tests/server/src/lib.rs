//! The model that servers are tested with, and what stands between a server and its clients in tests, or pretends to be one.

pub mod hostile;
pub mod proxy;
pub mod random;
pub mod wire;

pub mod shapes;

use memstate::{Ctx, collections::BTreeMap};

/// What a bank announces.
#[memstate::data]
#[derive(Clone, Debug, PartialEq)]
pub enum BankEvent {
    /// An account was opened.
    Opened {
        /// Its number.
        account: u64,
        /// Its owner.
        owner: String,
    },
    /// Money came in.
    Deposited {
        /// To which account.
        account: u64,
        /// How much.
        amount: u64,
    },
    /// Money went from one account to another.
    Transferred {
        /// From this one.
        from: u64,
        /// To this one.
        to: u64,
        /// How much.
        amount: u64,
    },
}

/// Why a bank refuses.
#[memstate::data(error)]
#[derive(Clone, PartialEq)]
pub enum BankError {
    /// There is no such account.
    NoAccount {
        /// The number that was given.
        account: u64,
    },
    /// There is one of that number.
    Taken {
        /// The number that was given.
        account: u64,
    },
    /// There is too little on it.
    TooLittle {
        /// How much is missing.
        missing: u64,
    },
}

/// An account.
#[memstate::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Who owns it.
    pub owner: String,
    /// What is on it.
    pub balance: u64,
}

/// One line of the list of accounts.
#[memstate::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The account's number.
    pub number: u64,
    /// The account.
    pub account: Account,
}

/// A bank.
#[memstate::model]
#[derive(Default)]
pub struct Bank {
    accounts: BTreeMap<u64, Account>,
    /// Who called last, as it was journaled.
    last_caller: Option<String>,
}

#[memstate::model(events = BankEvent)]
impl Bank {
    /// Opens an account.
    pub fn open(&mut self, ctx: &mut Ctx<BankEvent>, account: u64, owner: String) -> Result<(), BankError> {
        self.last_caller = ctx.caller().map(str::to_owned);
        if self.accounts.contains_key(&account) {
            return Err(BankError::Taken { account });
        }
        self.accounts.insert(account, Account { owner: owner.clone(), balance: 0 });
        ctx.emit(BankEvent::Opened { account, owner });
        Ok(())
    }

    /// Puts money on an account, and says what is on it then.
    pub fn deposit(&mut self, ctx: &mut Ctx<BankEvent>, account: u64, amount: u64) -> Result<u64, BankError> {
        self.last_caller = ctx.caller().map(str::to_owned);
        let found = self.accounts.get_mut(&account).ok_or(BankError::NoAccount { account })?;
        found.balance += amount;
        let balance = found.balance;
        ctx.emit(BankEvent::Deposited { account, amount });
        Ok(balance)
    }

    /// Moves money from one account to another.
    pub fn transfer(
        &mut self,
        ctx: &mut Ctx<BankEvent>,
        from: u64,
        to: u64,
        amount: u64,
    ) -> Result<(), BankError> {
        self.last_caller = ctx.caller().map(str::to_owned);
        let source = self.accounts.get_mut(&from).ok_or(BankError::NoAccount { account: from })?;
        source.balance = source
            .balance
            .checked_sub(amount)
            .ok_or_else(|| BankError::TooLittle { missing: amount - source.balance })?;
        let target = self.accounts.get_mut(&to).ok_or(BankError::NoAccount { account: to })?;
        target.balance += amount;
        ctx.emit(BankEvent::Transferred { from, to, amount });
        Ok(())
    }

    /// Panics whenever the account is 13.
    pub fn curse(&mut self, account: u64) {
        assert_ne!(account, 13, "thirteen");
        self.last_caller = None;
    }

    /// What is on an account.
    pub fn balance(&self, account: u64) -> Result<u64, BankError> {
        let found = self.accounts.get(&account).ok_or(BankError::NoAccount { account })?;
        Ok(found.balance)
    }

    /// An account, if there is one of that number.
    pub fn account(&self, number: u64) -> Option<Account> {
        self.accounts.get(&number).cloned()
    }

    /// All accounts that have at least so much, one after another.
    pub fn accounts(&self, at_least: Option<u64>) -> impl Iterator<Item = Line> {
        let at_least = at_least.unwrap_or(0);
        let rich = self.accounts.iter().filter(move |(_, account)| account.balance >= at_least);
        rich.map(|(number, account)| Line { number: *number, account: account.clone() })
    }

    /// All the money.
    pub fn total(&self) -> u64 {
        self.accounts.values().map(|account| account.balance).sum()
    }

    /// Who called last.
    pub fn last_caller(&self) -> Option<String> {
        self.last_caller.clone()
    }
}

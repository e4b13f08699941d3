//! A bank that others call: its whole program is the model and one line.
//!
//! cargo run --example bank_server --features server -- serve
//!
//! `--help` shows the rest: `call`, `query`, `log`, `token new`, `serve --print-config`. `deploy/` has a unit for systemd and a Dockerfile
//! for it.

use std::process::ExitCode;

use memstate::{Ctx, collections::BTreeMap};

/// Why the bank refuses.
#[memstate::data(error)]
pub enum BankError {
    /// There is no account with this number.
    NoAccount { account: u64 },
    /// The account has less than that.
    Insufficient { balance: u64 },
    /// No account can hold that much.
    TooMuch,
}

/// What the bank announces.
#[memstate::data]
pub enum BankEvent {
    /// An account was opened.
    Opened { account: u64, owner: String },
    /// Money has moved.
    Transferred { from: u64, to: u64, amount: u64 },
}

/// An account.
#[memstate::data]
#[derive(Clone)]
pub struct Account {
    owner: String,
    balance: u64,
}

/// Accounts by their numbers.
#[memstate::model]
#[derive(Default)]
pub struct Bank {
    accounts: BTreeMap<u64, Account>,
}

#[memstate::model(events = BankEvent)]
impl Bank {
    /// Opens an account, and gives its number.
    pub fn open(&mut self, ctx: &mut Ctx<BankEvent>, owner: String) -> u64 {
        let account = self.accounts.last_key_value().map_or(1, |(last, _)| last + 1);
        self.accounts.insert(account, Account { owner: owner.clone(), balance: 0 });
        ctx.emit(BankEvent::Opened { account, owner });
        account
    }

    /// Puts money on an account, and gives its balance.
    pub fn deposit(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
        let found = self.accounts.get_mut(&account).ok_or(BankError::NoAccount { account })?;
        found.balance = found.balance.checked_add(amount).ok_or(BankError::TooMuch)?;
        Ok(found.balance)
    }

    /// Moves money from one account to another.
    pub fn transfer(
        &mut self,
        ctx: &mut Ctx<BankEvent>,
        from: u64,
        to: u64,
        amount: u64,
    ) -> Result<(), BankError> {
        let source = self.accounts.get_mut(&from).ok_or(BankError::NoAccount { account: from })?;
        let balance = source.balance;
        source.balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance })?;
        self.deposit(to, amount)?;
        ctx.emit(BankEvent::Transferred { from, to, amount });
        Ok(())
    }

    /// What is on an account.
    pub fn balance(&self, account: u64) -> Option<u64> {
        self.accounts.get(&account).map(|account| account.balance)
    }

    /// All accounts, one after another.
    pub fn accounts(&self) -> impl Iterator<Item = (u64, Account)> {
        self.accounts.iter().map(|(number, account)| (*number, account.clone()))
    }
}

fn main() -> ExitCode {
    memstate::main::<Bank>()
}

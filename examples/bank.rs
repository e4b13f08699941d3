//! A bank: commands that are refused, events, and what survives a restart.
//!
//! cargo run --example bank
//!
//! Run it twice: the accounts and every event are still there.

use memstate::{Ctx, Error, Position, collections::HashMap};

/// An account.
#[memstate::data]
pub struct Account {
    owner: String,
    balance: u64,
}

/// Why the bank refuses.
#[memstate::data(error)]
pub enum BankError {
    /// There is no account with this number.
    NoAccount(u64),
    /// The account has less than that.
    Insufficient { balance: u64 },
    /// No account can hold that much.
    TooMuch,
}

/// What the bank announces.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum BankEvent {
    /// An account was opened.
    Opened { account: u64, owner: String },
    /// An account has more.
    Deposited { account: u64, amount: u64 },
    /// An account has less.
    Withdrawn { account: u64, amount: u64 },
}

/// Accounts by their numbers.
#[memstate::model]
#[derive(Default)]
pub struct Bank {
    accounts: HashMap<u64, Account>,
    last_number: u64,
}

#[memstate::model(events = BankEvent)]
impl Bank {
    /// Opens an account and returns its number.
    pub fn open(&mut self, ctx: &mut Ctx<BankEvent>, owner: String) -> u64 {
        self.last_number += 1;
        let account = self.last_number;
        ctx.emit(BankEvent::Opened { account, owner: owner.clone() });
        self.accounts.insert(account, Account { owner, balance: 0 });
        account
    }

    /// Pays in.
    pub fn deposit(&mut self, ctx: &mut Ctx<BankEvent>, account: u64, amount: u64) -> Result<(), BankError> {
        let found = self.account(account)?;
        found.balance = found.balance.checked_add(amount).ok_or(BankError::TooMuch)?;
        ctx.emit(BankEvent::Deposited { account, amount });
        Ok(())
    }

    /// Pays out.
    pub fn withdraw(&mut self, ctx: &mut Ctx<BankEvent>, account: u64, amount: u64) -> Result<(), BankError> {
        let found = self.account(account)?;
        let balance = found.balance;
        found.balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance })?;
        ctx.emit(BankEvent::Withdrawn { account, amount });
        Ok(())
    }

    /// Moves money. If `to` does not exist it has left `from` by then: the refusal takes that back, and its event too.
    pub fn transfer(
        &mut self,
        ctx: &mut Ctx<BankEvent>,
        from: u64,
        to: u64,
        amount: u64,
    ) -> Result<(), BankError> {
        self.withdraw(ctx, from, amount)?;
        self.deposit(ctx, to, amount)
    }

    /// What is in an account.
    pub fn balance(&self, account: u64) -> Option<u64> {
        Some(self.accounts.get(&account)?.balance)
    }

    /// The first account of an owner.
    pub fn account_of(&self, owner: String) -> Option<u64> {
        self.accounts.iter().find(|(_, account)| account.owner == owner).map(|(number, _)| *number)
    }
}

impl Bank {
    fn account(&mut self, number: u64) -> Result<&mut Account, BankError> {
        self.accounts.get_mut(&number).ok_or(BankError::NoAccount(number))
    }
}

async fn find_or_open(bank: &BankClient, owner: &str) -> Result<u64, Error> {
    match bank.account_of(owner).await? {
        Some(account) => Ok(account),
        None => bank.open(owner).await,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bank = memstate::open::<Bank>("data/bank").await?;
    let ann = find_or_open(&bank, "Ann").await?;
    let bob = find_or_open(&bank, "Bob").await?;
    bank.deposit(ann, 100).await?;
    let (last, ()) = bank.transfer(ann, bob, 30).with_position().await?;

    let before = bank.balance(ann).await?;
    println!("Refused:");
    for (to, amount) in [(bob, 1_000_000), (999, 10)] {
        match bank.transfer(ann, to, amount).await {
            Err(Error::Rejected(why)) => println!("  {amount:>9} from {ann} to {to}: {why}"),
            other => other?,
        }
    }
    assert_eq!(bank.balance(ann).await?, before, "a refused command changes nothing");
    bank.close().await?;

    let bank = memstate::open::<Bank>("data/bank").await?;
    println!("After a restart:");
    for account in [ann, bob] {
        println!("  account {account} has {}", bank.balance(account).await?.unwrap_or_default());
    }

    println!("Everything that has happened:");
    let mut events = bank.events(Position::START);
    while let Some(event) = events.next().await {
        let (position, event) = event?;
        println!("{:>5}  {event:?}", position.get());
        // The stream would go on with what happens next; the transfer's second event is the last that there is.
        if position == last && matches!(event, BankEvent::Deposited { .. }) {
            break;
        }
    }
    bank.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use memstate::Timestamp;

    use super::*;

    #[test]
    fn a_bank_is_tested_without_an_engine() {
        let (mut bank, mut ctx) = (Bank::default(), Ctx::for_test(Timestamp::default()));
        let ann = bank.open(&mut ctx, "Ann".to_owned());
        let bob = bank.open(&mut ctx, "Bob".to_owned());
        bank.deposit(&mut ctx, ann, 100).unwrap();
        bank.transfer(&mut ctx, ann, bob, 30).unwrap();
        assert_eq!((bank.balance(ann), bank.balance(bob), bank.balance(3)), (Some(70), Some(30), None));
        assert!(matches!(bank.withdraw(&mut ctx, ann, 71), Err(BankError::Insufficient { balance: 70 })));
        assert!(matches!(bank.deposit(&mut ctx, 3, 1), Err(BankError::NoAccount(3))));
        let moved = [
            BankEvent::Withdrawn { account: ann, amount: 30 },
            BankEvent::Deposited { account: bob, amount: 30 },
        ];
        assert!(ctx.events().ends_with(&moved));
    }
}

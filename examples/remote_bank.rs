//! A bank that is called from another process: what the typed client of a server does, step by step.
//!
//! cargo run --release --example remote_bank --features server
//!
//! By default the server is in this process too, at a port that is free, and so is a client of the bank beside it. With arguments it is
//! the bank's own program: `-- serve --data data/remote_bank` answers others until it is stopped, `-- --help` shows the rest.

use std::{net::SocketAddr, path::Path, process::ExitCode};

use memstate::{
    Ctx, Error, Filter, NotJournaled, Position,
    collections::BTreeMap,
    filter::field,
    server::{Serving, Settings},
};

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
#[derive(Debug)]
pub enum BankEvent {
    /// Money came in.
    Deposited { account: u64, amount: u64 },
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
    pub fn open(&mut self, owner: String) -> u64 {
        let account = self.accounts.last_key_value().map_or(1, |(last, _)| last + 1);
        self.accounts.insert(account, Account { owner, balance: 0 });
        account
    }

    /// Puts money on an account, and gives its balance.
    pub fn deposit(&mut self, ctx: &mut Ctx<BankEvent>, account: u64, amount: u64) -> Result<u64, BankError> {
        let balance = self.pay_in(account, amount)?;
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
        let source = self.accounts.get_mut(&from).ok_or(BankError::NoAccount { account: from })?;
        let balance = source.balance;
        source.balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance })?;
        self.pay_in(to, amount)?;
        ctx.emit(BankEvent::Transferred { from, to, amount });
        Ok(())
    }

    /// What is on an account.
    pub fn balance(&self, account: u64) -> Option<u64> {
        self.accounts.get(&account).map(|account| account.balance)
    }

    /// All the money.
    pub fn total(&self) -> u64 {
        self.accounts.values().map(|account| account.balance).sum()
    }

    /// All accounts, one after another.
    pub fn accounts(&self) -> impl Iterator<Item = (u64, Account)> {
        self.accounts.iter().map(|(number, account)| (*number, account.clone()))
    }
}

impl Bank {
    fn pay_in(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
        let found = self.accounts.get_mut(&account).ok_or(BankError::NoAccount { account })?;
        found.balance = found.balance.checked_add(amount).ok_or(BankError::TooMuch)?;
        Ok(found.balance)
    }
}

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        return memstate::main::<Bank>();
    }
    let runtime = tokio::runtime::Runtime::new().expect("there are threads");
    match runtime.block_on(tour()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Opens the bank in `data`, and answers for it.
async fn start(
    data: &Path,
    address: SocketAddr,
) -> Result<(BankClient, Serving), Box<dyn std::error::Error>> {
    let bank = memstate::open::<Bank>(data).await?;
    let mut settings = Settings::default();
    settings.listen = Some(address);
    settings.http = None;
    let serving = memstate::serve(&bank, settings).await?;
    Ok((bank, serving))
}

/// A heading, and why the step is worth a look.
fn step(what: &str, why: &str) {
    println!("\n{what}\n  {why}");
}

/// Prints an answer to the query that is watched.
fn tell(answer: Option<Result<BankReply, Error>>) -> Result<(), Error> {
    if let Some(BankReply::Total(total)) = answer.transpose()? {
        println!("  The bank has {total}.");
    }
    Ok(())
}

async fn tour() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("bank");
    let (bank, serving) = start(&data, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = serving.address().ok_or("it listens")?;
    println!("A server answers at memstate://{address}.");

    step("Typed calls", "The client has the model's own methods; it does not show that they go over TCP.");
    // Two clients with a connection each, as if they were two programs.
    let teller = memstate::connect::<Bank>(format!("memstate://{address}")).await?;
    let auditor = memstate::connect::<Bank>(format!("memstate://{address}")).await?;
    let ann = teller.open("Ann").await?;
    let bob = teller.open("Bob").await?;
    println!("  Ann has account {ann}, Bob has account {bob}.");
    println!("  After a deposit of 500 Ann has {}.", teller.deposit(ann, 500).await?);

    step("Errors of the model", "A refusal comes as the model's own type, so a caller can match on it.");
    match teller.transfer(ann, bob, 501).await {
        Err(Error::Rejected(BankError::Insufficient { balance })) => {
            println!("  501 from Ann to Bob: refused, there are only {balance}.");
        }
        other => println!("  It should have been refused, and gave {other:?}"),
    }
    match teller.deposit(99, 1).await {
        Err(Error::Rejected(why)) => println!("  1 to account 99: {why}."),
        other => println!("  It should have been refused, and gave {other:?}"),
    }

    step("Read your writes", "A reply has a position; who waits for it sees what the command did, wherever.");
    let (transferred, ()) = teller.transfer(ann, bob, 200).with_position().await?;
    auditor.reached(transferred).await?;
    let bobs = auditor.balance(bob).await?.unwrap_or_default();
    println!("  The auditor waited for position {transferred}: Bob has {bobs}.");

    step("Once", "Who does not know whether a command arrived sends it again under its request id.");
    let request = teller.new_request();
    for attempt in 1..=3 {
        let balance = teller.with_request(request).deposit(bob, 50).await?;
        println!("  Attempt {attempt} to deposit 50: Bob has {balance}.");
    }
    match teller.with_request(request).deposit(bob, 51).await {
        Err(Error::NotJournaled(NotJournaled::RequestReused)) => {
            println!("  The same id with 51: refused, it is another command.");
        }
        other => println!("  It should have been refused, and gave {other:?}"),
    }

    step("A stream", "The caller works on the first items while the server makes the others.");
    // All at once: they are sent when the method is called, and awaited afterwards.
    let calls: Vec<_> = (0..20_000).map(|_| teller.open("Somebody")).collect();
    for call in calls {
        call.await?;
    }
    let mut accounts = auditor.accounts();
    for _ in 0..3 {
        if let Some(item) = accounts.next().await {
            let (number, account) = item?;
            println!("  {number}: {} has {}", account.owner, account.balance);
        }
    }
    // What was not taken is not sent any more.
    drop(accounts);
    println!("  Enough of them; there are {}.", auditor.accounts().await?.len());

    step("A query is watched", "Its answer comes again whenever it has changed, and no sooner.");
    let mut totals = auditor.watch_query(BankQuery::Total {});
    for amount in [100, 25] {
        tell(totals.next().await)?;
        // This changes no sum, so nothing is told of it.
        teller.transfer(bob, ann, 1).await?;
        teller.deposit(ann, amount).await?;
    }
    tell(totals.next().await)?;
    drop(totals);

    step(
        "Events through a filter",
        "The server looks at them, and sends only what is wanted: old ones, then new ones.",
    );
    let large = Filter::of("Transferred").and(field("amount").at_least(100));
    println!("  {large}");
    let mut transfers = auditor.events(Position::START).filter(large);
    teller.transfer(ann, bob, 99).await?;
    teller.transfer(ann, bob, 150).await?;
    for _ in 0..2 {
        if let Some(event) = transfers.next().await {
            let (position, event) = event?;
            println!("  position {position}: {event:?}");
        }
    }

    step("The past", "The bank as it was at a position, a time or a date; it takes queries and no commands.");
    let before = auditor.at(transferred.get() - 1).await?;
    println!("  Before the first transfer Ann had {}.", before.balance(ann).await?.unwrap_or_default());
    println!("  In 1999 there were {} accounts.", auditor.at("1999-12-31").await?.accounts().await?.len());

    step(
        "The server goes away and comes back",
        "Calls wait, are sent again, and happen once; subscriptions go on.",
    );
    let sum = auditor.total().await?;
    serving.stop().await;
    bank.close().await?;
    drop(bank);
    println!("  The server has stopped.");
    // Sent, but nobody hears it yet.
    let waiting = teller.transfer(ann, bob, 110);
    let question = auditor.balance(ann);
    let (bank, serving) = start(&data, address).await?;
    println!("  The server runs again, from its journal.");
    let (position, ()) = waiting.with_position().await?;
    println!("  The transfer that was sent meanwhile happened.");
    println!("  The query that was asked meanwhile was answered: {}.", question.await?.is_some());
    if let Some(event) = transfers.next().await {
        let (of, event) = event?;
        println!("  The same subscription tells it: {event:?}.");
        assert_eq!(of, position);
    }
    auditor.reached(position).await?;
    assert_eq!(auditor.total().await?, sum, "it happened once, and nothing is lost");
    let balance = teller.with_request(request).deposit(bob, 50).await?;
    println!("  The request of before is still known, and still answered with {balance}.");

    // A client finishes what is in flight before it closes, and a subscription is.
    drop(transfers);
    teller.close().await?;
    auditor.close().await?;
    serving.stop().await;
    bank.close().await?;
    println!("\nThat is all.");
    Ok(())
}

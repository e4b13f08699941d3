//! The bank of `examples/bank.rs` in small, without the macro: what `#[memstate::model]` writes, written by a person.
//!
//! cargo run --example without_macro

#![allow(missing_docs)]

use std::{fmt, ops::Deref};

use memstate::{
    Ask, Call, Client, Ctx, Look, Model, Past, State, TakesCommands, Visitor,
    codec::{Argument, Unreadable, Unwritable},
    collections::HashMap,
    model::{CommandOf, Method, NoEvents, Operation, Parameter, Returned, Verdict, no_such_method},
    schema::Written,
};
use serde::{Deserialize, Serialize};

// ---- what a user writes -------------------------------------------------------------------------------------------

#[derive(Default, Serialize, Deserialize)]
pub struct Bank {
    accounts: HashMap<u64, u64>,
    last_id: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Insufficient {
    balance: u64,
}

impl fmt::Display for Insufficient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is only {}", self.balance)
    }
}

impl Bank {
    /// Opens an account and returns its number.
    pub fn open(&mut self, balance: u64) -> u64 {
        self.last_id += 1;
        self.accounts.insert(self.last_id, balance);
        self.last_id
    }

    /// Takes an amount out.
    pub fn withdraw(&mut self, account: u64, amount: u64) -> Result<(), Insufficient> {
        let balance = self.accounts.entry(account).or_default();
        *balance = balance.checked_sub(amount).ok_or(Insufficient { balance: *balance })?;
        Ok(())
    }

    /// What is in an account.
    pub fn balance(&self, account: u64) -> Option<u64> {
        self.accounts.get(&account).copied()
    }
}

// ---- what the macro writes for the struct -------------------------------------------------------------------------

pub struct SavedBank {
    accounts: <HashMap<u64, u64> as State>::Saved,
    last_id: <u64 as State>::Saved,
}

impl State for Bank {
    type Saved = SavedBank;

    fn save(&self) -> SavedBank {
        SavedBank { accounts: self.accounts.save(), last_id: self.last_id.save() }
    }

    fn restore(saved: SavedBank) -> Bank {
        Bank { accounts: State::restore(saved.accounts), last_id: State::restore(saved.last_id) }
    }

    fn put_back(&mut self, saved: SavedBank) {
        self.accounts.put_back(saved.accounts);
        self.last_id.put_back(saved.last_id);
    }

    fn visit(&mut self, visitor: &mut Visitor) {
        self.accounts.visit(visitor);
        self.last_id.visit(visitor);
    }
}

/// `C` is what lends the model: an open one, or a state of the past, which has the queries alone.
#[derive(Clone, Debug)]
pub struct BankClient<C = Client<Bank>> {
    client: C,
}

impl<C> From<C> for BankClient<C> {
    fn from(client: C) -> Self {
        BankClient { client }
    }
}

impl<C> Deref for BankClient<C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.client
    }
}

// ---- what the macro writes for the methods ------------------------------------------------------------------------

#[derive(Debug, Clone, PartialEq)]
pub enum BankCommand {
    Open { balance: u64 },
    Withdraw { account: u64, amount: u64 },
}

#[derive(Debug, Clone, PartialEq)]
pub enum BankQuery {
    Balance { account: u64 },
}

#[derive(Debug, PartialEq)]
pub enum BankReply {
    Open(u64),
    Withdraw(Result<(), Insufficient>),
    Balance(Option<u64>),
}

impl Operation for BankCommand {
    const METHODS: &'static [Method] = &[
        Method::new(
            "open",
            &[Parameter::new("balance", "u64", <u64 as Argument>::shape)],
            "u64",
            "Opens an account and returns its number.",
        )
        .returns(<u64 as Returned<false>>::shapes),
        Method::new(
            "withdraw",
            &[
                Parameter::new("account", "u64", <u64 as Argument>::shape),
                Parameter::new("amount", "u64", <u64 as Argument>::shape),
            ],
            "Result<(), Insufficient>",
            "Takes an amount out.",
        )
        .returns(<Result<(), Insufficient> as Returned<true>>::shapes),
    ];

    fn method(&self) -> u16 {
        match self {
            BankCommand::Open { .. } => 0,
            BankCommand::Withdraw { .. } => 1,
        }
    }

    fn put(&self, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
        match self {
            BankCommand::Open { balance } => Argument::put(balance, bytes),
            BankCommand::Withdraw { account, amount } => {
                Argument::put(account, bytes)?;
                Argument::put(amount, bytes)
            }
        }
    }

    fn get(method: u16, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        match method {
            0 => Ok(BankCommand::Open { balance: Argument::get(bytes)? }),
            1 => Ok(BankCommand::Withdraw { account: Argument::get(bytes)?, amount: Argument::get(bytes)? }),
            _ => Err(no_such_method(method)),
        }
    }

    /// The same from a journal that was written with other arguments, which are found by their names.
    fn carry(method: u16, _: u32, mut written: Written<'_>) -> Result<Self, Unreadable> {
        let today = Self::METHODS.get(usize::from(method)).ok_or_else(|| no_such_method(method))?.arguments;
        let mut values: [Option<u64>; 2] = [None; 2];
        while let Some(number) = written.next(today)? {
            values[number] = Some(written.get()?);
        }
        let value = |number: usize| match values[number] {
            Some(value) => Ok(value),
            None => Argument::missing(today[number].name),
        };
        match method {
            0 => Ok(BankCommand::Open { balance: value(0)? }),
            _ => Ok(BankCommand::Withdraw { account: value(0)?, amount: value(1)? }),
        }
    }
}

impl CommandOf<Bank> for BankCommand {}

impl Operation for BankQuery {
    const METHODS: &'static [Method] = &[Method::new(
        "balance",
        &[Parameter::new("account", "u64", <u64 as Argument>::shape)],
        "Option<u64>",
        "What is in an account.",
    )
    .returns(<Option<u64> as Returned<false>>::shapes)];

    fn method(&self) -> u16 {
        0
    }

    fn put(&self, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
        match self {
            BankQuery::Balance { account } => Argument::put(account, bytes),
        }
    }

    fn get(method: u16, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        match method {
            0 => Ok(BankQuery::Balance { account: Argument::get(bytes)? }),
            _ => Err(no_such_method(method)),
        }
    }
}

impl Model for Bank {
    const NAME: &'static str = "Bank";
    type Command = BankCommand;
    type Query = BankQuery;
    type Reply = BankReply;
    type Event = NoEvents;
    type Client = BankClient;
    type Past = BankClient<Past<Bank>>;
    type Around<C> = BankClient<C>;

    fn execute(
        &mut self,
        command: BankCommand,
        _: &mut Ctx<NoEvents>,
        bytes: &mut Vec<u8>,
    ) -> Result<Verdict, Unwritable> {
        match command {
            BankCommand::Open { balance } => Returned::<false>::conclude(self.open(balance), bytes),
            BankCommand::Withdraw { account, amount } => {
                Returned::<true>::conclude(self.withdraw(account, amount), bytes)
            }
        }
    }

    fn answer(&self, query: BankQuery) -> BankReply {
        match query {
            BankQuery::Balance { account } => BankReply::Balance(self.balance(account)),
        }
    }

    fn respond(&self, query: BankQuery, bytes: &mut Vec<u8>) -> Result<Verdict, Unwritable> {
        match query {
            BankQuery::Balance { account } => Returned::<false>::conclude(self.balance(account), bytes),
        }
    }

    fn reply(method: u16, verdict: Verdict, bytes: &mut &[u8]) -> Result<BankReply, Unreadable> {
        match method {
            0 => Ok(BankReply::Open(Returned::<false>::read(verdict, bytes)?)),
            1 => Ok(BankReply::Withdraw(Returned::<true>::read(verdict, bytes)?)),
            _ => Err(no_such_method(method)),
        }
    }
}

impl<C: TakesCommands<Bank>> BankClient<C> {
    /// Opens an account and returns its number.
    pub fn open(&self, balance: u64) -> Call<u64> {
        self.client.__call(0, &mut |bytes| Argument::put(&balance, bytes), Returned::<false>::READ)
    }

    /// Takes an amount out.
    pub fn withdraw(&self, account: u64, amount: u64) -> Call<Result<(), Insufficient>, true> {
        let mut put = |bytes: &mut Vec<u8>| {
            Argument::put(&account, bytes)?;
            Argument::put(&amount, bytes)
        };
        self.client.__call(1, &mut put, Returned::<true>::READ)
    }
}

impl<C: Look<Bank>> BankClient<C> {
    /// What is in an account.
    pub fn balance(&self, account: u64) -> Ask<Option<u64>> {
        self.client.__ask(0, |bank: &Bank| bank.balance(account))
    }
}

// ---- what a user calls --------------------------------------------------------------------------------------------

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bank: BankClient = memstate::open::<Bank>("memory:").await?;
    let ann = bank.open(100).await?;
    bank.withdraw(ann, 30).await?;
    assert!(bank.withdraw(ann, 1000).await.is_err());
    println!("account {ann} has {:?}", bank.balance(ann).await?);

    let reply = bank.execute(BankCommand::Withdraw { account: ann, amount: 1000 }).await?;
    assert_eq!(reply, BankReply::Withdraw(Err(Insufficient { balance: 70 })));
    Ok(())
}

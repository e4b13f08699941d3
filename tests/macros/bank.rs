//! The bank: the enums, their bytes, dispatch and direct calls.

use memstate::{
    Ctx, Model, Timestamp,
    codec::Unreadable,
    model::{Operation, Verdict},
};
use serde::{Deserialize, Serialize};

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Account {
    owner: String,
    balance: u64,
}

#[memstate::data(error)]
#[derive(PartialEq)]
pub enum BankError {
    NoAccount(u64),
    Insufficient {
        balance: u64,
    },
    Refused {
        why: String,
    },
    NoSuchThing,
    #[memstate(display = "{{{0}}} by {1:?}")]
    Taken(u64, String),
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum BankEvent {
    Opened(u64),
}

/// A bank.
#[memstate::model]
#[derive(Default)]
pub struct Bank {
    accounts: Vec<Account>,
    note: Option<String>,
}

type Outcome<T> = Result<T, BankError>;

#[memstate::model(events = BankEvent)]
impl Bank {
    pub const FIRST: u64 = 0;

    pub fn new() -> Self {
        Bank::default()
    }

    /// Opens an account
    /// and returns its number.
    pub fn open(&mut self, ctx: &mut Ctx<BankEvent>, owner: String, balance: u64) -> u64 {
        self.accounts.push(Account { owner, balance });
        ctx.emit(BankEvent::Opened(self.last()));
        self.last()
    }

    pub fn withdraw(&mut self, account: u64, amount: u64) -> Result<(), BankError> {
        let account = self.account(account)?;
        let balance = account.balance;
        account.balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance })?;
        Ok(())
    }

    pub fn rename(&mut self, account: u64, owner: &str) -> Outcome<String> {
        Ok(std::mem::replace(&mut self.account(account)?.owner, owner.to_owned()))
    }

    pub fn remember(&mut self, note: Option<String>, tags: &[String]) {
        self.note = note.map(|note| note + &tags.join(","));
    }

    pub fn balance(&self, account: u64) -> Option<u64> {
        self.accounts.get(account as usize).map(|account| account.balance)
    }

    pub fn owner(&self, path: &std::path::Path) -> Outcome<String> {
        Err(BankError::Refused { why: path.display().to_string() })
    }

    fn account(&mut self, account: u64) -> Outcome<&mut Account> {
        self.accounts.get_mut(account as usize).ok_or(BankError::NoAccount(account))
    }

    fn last(&self) -> u64 {
        self.accounts.len() as u64 - 1
    }

    #[memstate(skip)]
    pub fn accounts_mut(&mut self) -> &mut [Account] {
        &mut self.accounts
    }
}

/// Nobody runs this; it says what types the client's methods have.
#[allow(dead_code)]
async fn client(bank: BankClient) -> Result<(), Box<dyn std::error::Error>> {
    let ann: u64 = bank.open("Ann", 3).await?;
    let () = bank.withdraw(ann, 3).await?;
    let _: Result<String, memstate::Error<BankError>> = bank.rename(ann, "Bob").await;
    let (_, ()) = bank.remember(None, &["a".to_owned()]).with_position().await?;
    let _: Option<u64> = bank.balance(ann).await?;
    let _: Result<String, memstate::Error<BankError>> = bank.owner("/".as_ref()).await;
    let _: BankReply = bank.execute(BankCommand::Withdraw { account: 1, amount: 2 }).await?;
    let _: BankReply = bank.query(BankQuery::Balance { account: 1 }).await?;
    let _ = bank.clone().position();
    Ok(())
}

#[derive(Serialize, Deserialize)]
enum Twin {
    Open { owner: String, balance: u64 },
    Withdraw { account: u64, amount: u64 },
    Rename { account: u64, owner: String },
    Remember { note: Option<String>, tags: Vec<String> },
}

fn run(bank: &mut Bank, command: BankCommand) -> (BankReply, Vec<BankEvent>) {
    let mut ctx = Ctx::for_test(Timestamp::default());
    let method = command.method();
    let mut bytes = Vec::new();
    let verdict = bank.execute(command, &mut ctx, &mut bytes).unwrap();
    let mut rest = bytes.as_slice();
    let reply = Bank::reply(method, verdict, &mut rest).unwrap();
    assert!(rest.is_empty());
    (reply, ctx.events())
}

#[test]
fn commands_are_written_as_serde_and_postcard_write_such_an_enum() {
    let strings = || vec!["x".to_owned(), String::new()];
    let pairs = [
        (
            BankCommand::Open { owner: "Ann".into(), balance: 300 },
            Twin::Open { owner: "Ann".into(), balance: 300 },
        ),
        (BankCommand::Withdraw { account: 1, amount: 2 }, Twin::Withdraw { account: 1, amount: 2 }),
        (
            BankCommand::Rename { account: 1, owner: "Bob".into() },
            Twin::Rename { account: 1, owner: "Bob".into() },
        ),
        (
            BankCommand::Remember { note: Some("n".into()), tags: strings() },
            Twin::Remember { note: Some("n".into()), tags: strings() },
        ),
    ];
    for (command, twin) in pairs {
        let bytes = command.encode().unwrap();
        assert_eq!(bytes, postcard::to_stdvec(&twin).unwrap());
        assert_eq!(BankCommand::decode(&bytes).unwrap(), command);
        assert!(BankCommand::decode(&bytes[..bytes.len() - 1]).is_err());
    }
    assert_eq!(BankCommand::decode(&[9]).unwrap_err(), Unreadable::new("there is no method number 9"));
}

#[test]
fn dispatch_gives_what_the_method_returns() {
    let mut bank = Bank::new();
    let (reply, events) = run(&mut bank, BankCommand::Open { owner: "Ann".into(), balance: 10 });
    assert_eq!((reply, events), (BankReply::Open(0), vec![BankEvent::Opened(0)]));
    let (reply, _) = run(&mut bank, BankCommand::Withdraw { account: 0, amount: 11 });
    assert_eq!(reply, BankReply::Withdraw(Err(BankError::Insufficient { balance: 10 })));
    let (reply, _) = run(&mut bank, BankCommand::Rename { account: 0, owner: "Bob".into() });
    assert_eq!(reply, BankReply::Rename(Ok("Ann".into())));
    assert_eq!(bank.answer(BankQuery::Balance { account: 0 }), BankReply::Balance(Some(10)));
    assert_eq!(
        bank.answer(BankQuery::Owner { path: "/a".into() }),
        BankReply::Owner(Err(BankError::Refused { why: "/a".into() }))
    );
}

#[test]
fn an_err_is_a_rejection_under_whatever_name() {
    let mut bank = Bank::new();
    let mut ctx = Ctx::for_test(Timestamp::default());
    for command in [
        BankCommand::Withdraw { account: 7, amount: 1 },
        BankCommand::Rename { account: 7, owner: "x".into() },
    ] {
        let verdict = bank.execute(command, &mut ctx, &mut Vec::new()).unwrap();
        assert_eq!(verdict, Verdict::Rejected);
    }
    let remember = BankCommand::Remember { note: None, tags: Vec::new() };
    assert_eq!(bank.execute(remember, &mut ctx, &mut Vec::new()).unwrap(), Verdict::Accepted);
}

#[test]
fn methods_are_described() {
    let [open, withdraw, rename, remember] = BankCommand::METHODS else { panic!("there are four commands") };
    assert_eq!((open.name, open.result), ("open", "u64"));
    assert_eq!(open.docs, "Opens an account\nand returns its number.");
    let types = |method: &memstate::model::Method| -> Vec<_> {
        method.arguments.iter().map(|argument| (argument.name, argument.type_name)).collect()
    };
    assert_eq!(types(open), [("owner", "String"), ("balance", "u64")]);
    assert_eq!(withdraw.result, "Result<(), BankError>");
    assert_eq!(rename.result, "Outcome<String>");
    assert_eq!(types(remember), [("note", "Option<String>"), ("tags", "Vec<String>")]);
    assert_eq!(remember.result, "");
    assert_eq!(BankQuery::METHODS[1].arguments[0].type_name, "PathBuf");
    assert_eq!(Bank::NAME, "Bank");
}

#[test]
fn the_enums_can_be_cloned_compared_and_printed() {
    let command = BankCommand::Withdraw { account: 1, amount: 2 };
    assert_eq!(command.clone(), command);
    assert_ne!(command, BankCommand::Withdraw { account: 1, amount: 3 });
    assert_eq!(format!("{command:?}"), "Withdraw { account: 1, amount: 2 }");
    assert_eq!(format!("{:?}", BankReply::Open(3).clone()), "Open(3)");
}

#[test]
fn methods_can_be_called_directly() {
    let mut bank = Bank::new();
    let mut ctx = Ctx::for_test(Timestamp::default());
    assert_eq!(bank.open(&mut ctx, "Ann".to_owned(), 5), Bank::FIRST);
    assert_eq!(bank.accounts_mut().len(), 1);
    assert_eq!(bank.balance(0), Some(5));
}

#[test]
fn errors_have_words() {
    let text = |error: BankError| error.to_string();
    assert_eq!(text(BankError::NoAccount(7)), "no account: 7");
    assert_eq!(text(BankError::Insufficient { balance: 3 }), "insufficient: balance 3");
    assert_eq!(text(BankError::Refused { why: "late".into() }), "refused: why late");
    assert_eq!(text(BankError::NoSuchThing), "no such thing");
    assert_eq!(text(BankError::Taken(1, "Ann".into())), "{1} by \"Ann\"");
    let _: &dyn std::error::Error = &BankError::NoSuchThing;
}

//! A web page that follows a bank: its accounts and what happens to them, as it happens.
//!
//! cargo run --release --example web --features server
//!
//! The bank lives: money moves by itself. `--still` leaves that out, `--data DIR` keeps the bank, `--page` and `--http` say where the page and
//! the bank are answered. The page is `examples/web/page.html`, and has nothing from elsewhere.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    http::header,
    response::{Html, IntoResponse},
    routing::get,
};
use memstate::{Ctx, Error, collections::BTreeMap, server::Settings};

/// Why the bank refuses.
#[memstate::data(error)]
pub enum BankError {
    /// There is no account with this number.
    NoAccount { account: u64 },
    /// The account has less than that.
    Insufficient { balance: u64 },
    /// No account can hold that much.
    TooMuch,
    /// An owner has a name.
    NoName,
}

/// What the bank announces.
#[memstate::data]
pub enum BankEvent {
    /// An account was opened.
    Opened { account: u64, owner: String },
    /// Money came in.
    Deposited { account: u64, amount: u64 },
    /// Money has moved.
    Transferred { from: u64, to: u64, amount: u64 },
}

/// An account.
#[memstate::data]
#[derive(Clone)]
pub struct Account {
    number: u64,
    owner: String,
    balance: u64,
}

/// Accounts by their numbers.
#[memstate::model]
#[derive(Default)]
pub struct Bank {
    accounts: BTreeMap<u64, Account>,
}

/// What one account may hold: what JavaScript can count.
const MOST: u64 = 1 << 50;

#[memstate::model(events = BankEvent)]
impl Bank {
    /// Opens an account, and gives its number.
    pub fn open(&mut self, ctx: &mut Ctx<BankEvent>, owner: String) -> Result<u64, BankError> {
        if owner.trim().is_empty() {
            return Err(BankError::NoName);
        }
        let number = self.accounts.last_key_value().map_or(1, |(last, _)| last + 1);
        self.accounts.insert(number, Account { number, owner: owner.clone(), balance: 0 });
        ctx.emit(BankEvent::Opened { account: number, owner });
        Ok(number)
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

    /// All accounts, one after another.
    pub fn accounts(&self) -> impl Iterator<Item = Account> {
        self.accounts.values().cloned()
    }
}

impl Bank {
    fn pay_in(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
        let found = self.accounts.get_mut(&account).ok_or(BankError::NoAccount { account })?;
        let balance = found.balance.checked_add(amount).filter(|balance| *balance <= MOST);
        found.balance = balance.ok_or(BankError::TooMuch)?;
        Ok(found.balance)
    }
}

/// What was said on the command line.
struct Arguments {
    page: SocketAddr,
    http: SocketAddr,
    data: String,
    is_still: bool,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    use lexopt::{Arg::Long, ValueExt};
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut given = Arguments { page: at(7119), http: at(7118), data: "memory:".into(), is_still: false };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("page") => given.page = parser.value()?.parse()?,
            Long("http") => given.http = parser.value()?.parse()?,
            Long("data") => given.data = parser.value()?.parse()?,
            Long("still") => given.is_still = true,
            Long("help") => {
                println!("usage: web [--page ADDRESS] [--http ADDRESS] [--data DIR] [--still]");
                std::process::exit(0);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(given)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given = arguments()?;
    let bank = memstate::open::<Bank>(given.data.as_str()).await?;
    if bank.accounts().await?.is_empty() {
        for (owner, amount) in
            [("Ann", 1200), ("Bob", 800), ("Carla", 2500), ("Dmitri", 450), ("Emeka", 1700), ("Fatima", 950)]
        {
            let account = bank.open(owner).await?;
            bank.deposit(account, amount).await?;
        }
    }

    // The page comes from another port than the bank, which is another origin to a browser: the bank has to know of it.
    let listener = tokio::net::TcpListener::bind(given.page).await?;
    let page = listener.local_addr()?;
    let mut settings = Settings::default();
    settings.listen = None;
    settings.http = Some(given.http);
    settings.cors_origins = vec![format!("http://{page}"), format!("http://localhost:{}", page.port())];
    let serving = memstate::serve(&bank, settings).await?;
    let http = format!("http://{}", serving.http_address().ok_or("it listens")?);
    let app = Router::new().route("/", get(shown(&http)));
    let pages = tokio::spawn(async move { axum::serve(listener, app).await });
    println!("page: http://{page}\nbank: {http}/docs");

    let living = (!given.is_still).then(|| tokio::spawn(live(bank.clone())));
    tokio::signal::ctrl_c().await?;
    living.inspect(tokio::task::JoinHandle::abort);
    pages.abort();
    serving.stop().await;
    bank.close().await?;
    Ok(())
}

/// The page, which knows where the bank is, and may speak to nobody else.
fn shown(http: &str) -> impl Fn() -> std::future::Ready<axum::response::Response> + Clone + use<> {
    let text = include_str!("web/page.html").replace("{{bank}}", http);
    let policy = format!(
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src {http}"
    );
    move || {
        let headers = [(header::CONTENT_SECURITY_POLICY, policy.clone())];
        std::future::ready((headers, Html(text.clone())).into_response())
    }
}

/// Moves money now and then, as people do.
async fn live(bank: BankClient) -> Result<(), Error<BankError>> {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = move |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    loop {
        tokio::time::sleep(Duration::from_millis(400 + below(1200))).await;
        let count = bank.read(|bank| bank.accounts.len() as u64);
        let (from, to) = (1 + below(count), 1 + below(count));
        let moved = match below(8) {
            0 => bank.deposit(to, 10 + 10 * below(20)).await.map(|_| ()),
            _ if from == to => Ok(()),
            _ => bank.transfer(from, to, 1 + below(250)).await,
        };
        match moved {
            // Whoever has too little does not pay.
            Ok(()) | Err(Error::Rejected(_)) => {}
            Err(error) => return Err(error),
        }
    }
}

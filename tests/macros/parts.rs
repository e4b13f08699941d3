//! Models made of models.

use memstate::{Ctx, Position, collections::HashMap, model::Operation};

/// Money in accounts, a model of its own.
mod ledger {
    use memstate::{Ctx, collections::HashMap};

    #[memstate::data(error)]
    #[derive(PartialEq)]
    pub enum LedgerError {
        NoAccount(u32),
        Insufficient { balance: u64 },
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum LedgerEvent {
        Posted(u32, u64),
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Ledger {
        accounts: HashMap<u32, u64>,
    }

    #[memstate::model(events = LedgerEvent)]
    impl Ledger {
        /// Puts an amount into an account.
        #[memstate(was = "book")]
        pub fn post(&mut self, ctx: &mut Ctx<LedgerEvent>, account: u32, amount: u64) -> u64 {
            *self.accounts.entry(account).or_default() += amount;
            ctx.emit(LedgerEvent::Posted(account, amount));
            self.accounts[&account]
        }

        /// Takes an amount out of an account.
        pub fn take(&mut self, account: u32, amount: u64) -> Result<u64, LedgerError> {
            let balance = self.accounts.get_mut(&account).ok_or(LedgerError::NoAccount(account))?;
            *balance = balance.checked_sub(amount).ok_or(LedgerError::Insufficient { balance: *balance })?;
            Ok(*balance)
        }

        /// What is in an account.
        pub fn balance(&self, account: u32) -> Option<u64> {
            self.accounts.get(&account).copied()
        }
    }
}

use ledger::{Ledger, LedgerCommand, LedgerError, LedgerEvent, LedgerQuery, LedgerReply};

/// Without events.
#[memstate::model]
#[derive(Default)]
pub struct Counter {
    count: u64,
}

#[memstate::model]
impl Counter {
    pub fn add(&mut self, ctx: &mut Ctx, number: u64) -> (u64, Position) {
        self.count += number;
        (self.count, ctx.position())
    }
    pub fn count(&self) -> u64 {
        self.count
    }
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum ShopEvent {
    Sold(String),
    Ledger(LedgerEvent),
}

impl From<LedgerEvent> for ShopEvent {
    fn from(event: LedgerEvent) -> Self {
        ShopEvent::Ledger(event)
    }
}

#[memstate::data(error)]
#[derive(PartialEq)]
pub enum ShopError {
    SoldOut(String),
    Unpaid(LedgerError),
}

impl From<LedgerError> for ShopError {
    fn from(error: LedgerError) -> Self {
        ShopError::Unpaid(error)
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    stock: HashMap<String, u32>,
    /// What customers have.
    #[memstate(model)]
    ledger: Ledger,
    #[memstate(model, was = "visits")]
    pub(crate) visitors: Counter,
    #[memstate(model)]
    sales: Counter,
}

#[memstate::model(events = ShopEvent)]
impl Shop {
    pub fn stock_up(&mut self, article: String, number: u32) {
        *self.stock.entry(article).or_default() += number;
    }

    /// Pays first, so that a missing article has something to undo in the model inside.
    pub fn sell(&mut self, ctx: &mut Ctx<ShopEvent>, article: String, to: u32) -> Result<u64, ShopError> {
        ctx.within(|ctx| self.ledger.post(ctx, 0, 10));
        let left = self.ledger.take(to, 10)?;
        ctx.without_events(|ctx| self.sales.add(ctx, 1));
        let stock = self.stock.get_mut(&article).filter(|stock| **stock > 0);
        *stock.ok_or_else(|| ShopError::SoldOut(article.clone()))? -= 1;
        ctx.emit(ShopEvent::Sold(article));
        Ok(left)
    }

    pub fn in_stock(&self, article: &str) -> u32 {
        self.stock.get(article).copied().unwrap_or_default()
    }
}

#[tokio::test]
async fn a_model_inside_is_called_through_its_own_client() {
    let shop: ShopClient = memstate::open::<Shop>("memory:").await.unwrap();
    shop.stock_up("pen", 1).await.unwrap();
    assert_eq!(shop.ledger().post(7, 25).await, Ok(25));
    assert_eq!(shop.visitors().add(3).await, Ok((3, Position::new(3))));
    assert_eq!(shop.sales().count().await, Ok(0));
    assert_eq!(shop.sell("pen", 7).await, Ok(15));
    assert_eq!(shop.ledger().balance(7).await, Ok(Some(15)));
    assert_eq!(shop.ledger().balance(0).await, Ok(Some(10)));
    assert_eq!((shop.sales().count().await, shop.visitors().count().await), (Ok(1), Ok(3)));
    assert!(matches!(
        shop.ledger().take(9, 1).await,
        Err(memstate::Error::Rejected(LedgerError::NoAccount(9)))
    ));
    let ledger = shop.as_caller("ann").ledger();
    ledger.clone().post(7, 1).await.unwrap();
    let mut history = shop.history(..);
    let mut names = Vec::new();
    while let Some(record) = history.next().await {
        let record = record.unwrap();
        names.push((record.command.to_string(), record.caller));
    }
    let of = |name: &str| (name.to_owned(), None);
    assert_eq!(names[..3], [of("stock_up"), of("ledger.post"), of("visitors.add")]);
    assert_eq!(names[5], ("ledger.post".to_owned(), Some("ann".into())));
}

#[tokio::test]
async fn a_failed_command_leaves_no_trace_in_the_models_inside() {
    let shop = memstate::open::<Shop>("memory:").await.unwrap();
    shop.ledger().post(7, 25).await.unwrap();
    assert!(matches!(shop.sell("pen", 7).await, Err(memstate::Error::Rejected(ShopError::SoldOut(_)))));
    assert!(matches!(shop.sell("pen", 8).await, Err(memstate::Error::Rejected(ShopError::Unpaid(_)))));
    assert_eq!(shop.ledger().balance(7).await, Ok(Some(25)));
    assert_eq!(shop.ledger().balance(0).await, Ok(None));
    assert_eq!(shop.sales().count().await, Ok(0));
}

#[tokio::test]
async fn what_a_model_inside_announces_is_announced_by_the_whole() {
    let shop = memstate::open::<Shop>("memory:").await.unwrap();
    shop.stock_up("pen", 1).await.unwrap();
    shop.ledger().post(7, 25).await.unwrap();
    shop.sell("pen", 7).await.unwrap();
    let mut events = shop.events(Position::new(1));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(events.next().await.unwrap().unwrap());
    }
    let seen: Vec<_> = seen.into_iter().map(|(position, event)| (position.get(), event)).collect();
    assert_eq!(
        seen,
        [
            (2, ShopEvent::Ledger(LedgerEvent::Posted(7, 25))),
            (3, ShopEvent::Ledger(LedgerEvent::Posted(0, 10))),
            (3, ShopEvent::Sold("pen".to_owned())),
        ]
    );
}

#[tokio::test]
async fn commands_and_queries_by_hand_have_a_variant_for_each_model_inside() {
    let shop = memstate::open::<Shop>("memory:").await.unwrap();
    let post = ShopCommand::Ledger(LedgerCommand::Post { account: 1, amount: 2 });
    assert_eq!(post.clone(), post);
    assert_eq!(format!("{post:?}"), "Ledger(Post { account: 1, amount: 2 })");
    assert_eq!(ShopCommand::decode(&post.encode().unwrap()).unwrap(), post);
    let reply = shop.execute(post).await.unwrap();
    assert_eq!(reply, ShopReply::Ledger(LedgerReply::Post(2)));
    let reply = shop.query(ShopQuery::Ledger(LedgerQuery::Balance { account: 1 })).await.unwrap();
    assert_eq!(reply, ShopReply::Ledger(LedgerReply::Balance(Some(2))));
    let reply = shop.query(ShopQuery::InStock { article: "pen".to_owned() }).await.unwrap();
    assert_eq!(reply, ShopReply::InStock(0));
    let reply = shop.execute(ShopCommand::Sales(CounterCommand::Add { number: 4 })).await.unwrap();
    assert_eq!(reply, ShopReply::Sales(CounterReply::Add((4, Position::new(2)))));
    assert_eq!(shop.visitors().count().await, Ok(0));
}

#[test]
fn commands_are_numbered_behind_those_of_the_whole_and_named_after_their_field() {
    let names: Vec<_> = ShopCommand::list().into_iter().map(|listed| (listed.name, listed.was)).collect();
    let of =
        |name: &str, was: &[&str]| (name.to_owned(), was.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(
        names,
        [
            of("stock_up", &[]),
            of("sell", &[]),
            of("ledger.post", &["ledger.book"]),
            of("ledger.take", &[]),
            of("visitors.add", &["visits.add"]),
            of("sales.add", &[]),
        ]
    );
    assert_eq!((ShopCommand::COUNT, ShopQuery::COUNT), (6, 4));
    let all = [
        ShopCommand::StockUp { article: String::new(), number: 1 },
        ShopCommand::Sell { article: String::new(), to: 1 },
        ShopCommand::Ledger(LedgerCommand::Post { account: 1, amount: 2 }),
        ShopCommand::Ledger(LedgerCommand::Take { account: 1, amount: 2 }),
        ShopCommand::Visitors(CounterCommand::Add { number: 1 }),
        ShopCommand::Sales(CounterCommand::Add { number: 1 }),
    ];
    for (number, command) in all.iter().enumerate() {
        assert_eq!(usize::from(command.method()), number);
        assert_eq!(&ShopCommand::decode(&command.encode().unwrap()).unwrap(), command);
    }
    assert!(ShopCommand::decode(&[6]).is_err());
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart_and_in_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop");
    let shop = memstate::open::<Shop>(path.clone()).await.unwrap();
    shop.ledger().post(7, 25).await.unwrap();
    shop.visitors().add(1).await.unwrap();
    shop.ledger().post(7, 5).await.unwrap();
    shop.close().await.unwrap();
    drop(shop);
    let shop = memstate::open::<Shop>(path).await.unwrap();
    assert_eq!(shop.ledger().balance(7).await, Ok(Some(30)));
    assert_eq!(shop.visitors().count().await, Ok(1));
    let past: ShopClient<memstate::Past<Shop>> = shop.at(1).await.unwrap();
    assert_eq!(past.ledger().balance(7).await, Ok(Some(25)));
    assert_eq!(past.visitors().count().await, Ok(0));
}

/// Three deep, with a model that is generic.
mod deep {
    use memstate::{State, collections::Vec};
    use serde::{Serialize, de::DeserializeOwned};

    #[memstate::model]
    #[derive(Default)]
    pub struct Pile<T> {
        things: Vec<T>,
    }

    #[memstate::model]
    impl<T: State + Clone + Serialize + DeserializeOwned> Pile<T> {
        pub fn put(&mut self, thing: T) -> usize {
            self.things.push(thing);
            self.things.len()
        }
        pub fn top(&self) -> Option<T> {
            self.things.last().cloned()
        }
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Room<T: Default> {
        #[memstate(model)]
        pile: Pile<T>,
        #[memstate(model)]
        labels: Pile<String>,
    }

    #[memstate::model]
    impl<T: Default + State + Clone + Serialize + DeserializeOwned> Room<T> {
        pub fn put_twice(&mut self, thing: T) -> usize {
            self.pile.put(thing.clone());
            self.pile.put(thing)
        }
    }

    /// No method of its own.
    #[memstate::model]
    #[derive(Default)]
    pub struct House {
        #[memstate(model)]
        cellar: Room<u64>,
        #[memstate(model)]
        r#loft: Room<String>,
    }

    #[memstate::model]
    impl House {}
}

#[tokio::test]
async fn models_stand_in_models_in_models() {
    use deep::{House, HouseCommand, PileCommand, RoomCommand};
    let house = memstate::open::<House>("memory:").await.unwrap();
    assert_eq!(house.cellar().pile().put(5).await, Ok(1));
    assert_eq!(house.loft().pile().put("x".to_owned()).await, Ok(1));
    assert_eq!(house.loft().labels().put("y".to_owned()).await, Ok(1));
    assert_eq!(house.loft().put_twice("z".to_owned()).await, Ok(3));
    assert_eq!(house.cellar().pile().top().await, Ok(Some(5)));
    assert_eq!(house.loft().labels().top().await, Ok(Some("y".to_owned())));
    assert_eq!(house.loft().pile().top().await, Ok(Some("z".to_owned())));
    let command = HouseCommand::Loft(RoomCommand::Labels(PileCommand::Put { thing: "w".to_owned() }));
    house.execute(command).await.unwrap();
    assert_eq!(house.loft().labels().top().await, Ok(Some("w".to_owned())));
    let names: Vec<_> = HouseCommand::list().into_iter().map(|listed| listed.name).collect();
    assert_eq!(
        names,
        [
            "cellar.put_twice",
            "cellar.pile.put",
            "cellar.labels.put",
            "loft.put_twice",
            "loft.pile.put",
            "loft.labels.put"
        ]
    );
}

#[tokio::test]
async fn a_model_with_models_inside_may_stand_in_a_function() {
    #[memstate::model]
    #[derive(Default)]
    struct Inner {
        number: u64,
    }
    #[memstate::model]
    impl Inner {
        pub fn set(&mut self, number: u64) {
            self.number = number;
        }
        pub fn get(&self) -> u64 {
            self.number
        }
    }
    #[memstate::model]
    #[derive(Default)]
    struct Outer {
        #[memstate(model)]
        inner: Inner,
    }
    #[memstate::model]
    impl Outer {
        pub fn double(&mut self) {
            self.inner.set(self.inner.get() * 2);
        }
    }
    let outer = memstate::open::<Outer>("memory:").await.unwrap();
    outer.inner().set(4).await.unwrap();
    outer.double().await.unwrap();
    assert_eq!(outer.inner().get().await, Ok(8));
}

/// Both in modules of their own, with several blocks.
#[memstate::model(events = Event, migrate = from_old)]
mod market {
    use super::ledger::{Ledger, LedgerEvent};

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Event {
        Ledger(LedgerEvent),
    }

    impl From<LedgerEvent> for Event {
        fn from(event: LedgerEvent) -> Self {
            Event::Ledger(event)
        }
    }

    #[memstate::data]
    pub struct Old {
        stalls: u32,
    }

    fn from_old(old: Old) -> Market {
        Market { stalls: old.stalls, ledger: Ledger::default() }
    }

    #[derive(Default)]
    pub struct Market {
        stalls: u32,
        #[memstate(model)]
        ledger: Ledger,
    }

    impl Market {
        pub fn add(&mut self) -> u32 {
            self.stalls += 1;
            self.stalls
        }
    }

    impl Market {
        pub fn pay(&mut self, account: u32) -> Result<u64, String> {
            self.ledger.take(account, 5).map_err(|error| error.to_string())
        }
    }
}

#[tokio::test]
async fn a_model_in_a_module_may_have_models_inside() {
    let market = memstate::open::<market::Market>("memory:").await.unwrap();
    market.add().await.unwrap();
    market.ledger().post(1, 12).await.unwrap();
    assert_eq!(market.pay(1).await, Ok(7));
    let mut events = market.events(Position::new(1));
    let event = events.next().await.unwrap().unwrap().1;
    assert_eq!(event, market::Event::Ledger(LedgerEvent::Posted(1, 12)));
    let command = market::MarketCommand::Ledger(LedgerCommand::Take { account: 1, amount: 7 });
    assert_eq!(market.execute(command).await, Ok(market::MarketReply::Ledger(LedgerReply::Take(Ok(0)))));
    assert_eq!(<market::Market as memstate::Model>::VERSION, 2);
}

//! A client and a server of different versions of the code, in both directions.

use std::net::SocketAddr;

use memstate::{Error, Position, server::Settings};

mod before {
    use memstate::{Ctx, collections::BTreeMap};

    #[memstate::data]
    #[derive(Clone, Debug, PartialEq)]
    pub enum ShopEvent {
        Ordered { article: String, pieces: u32 },
    }

    #[memstate::data]
    #[derive(Clone, Debug, PartialEq)]
    pub struct Receipt {
        pub number: u64,
        pub pieces: u32,
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Shop {
        ordered: BTreeMap<String, u32>,
        receipts: u64,
    }

    #[memstate::model(events = ShopEvent)]
    impl Shop {
        pub fn order(
            &mut self,
            ctx: &mut Ctx<ShopEvent>,
            article: String,
            pieces: u32,
        ) -> Result<Receipt, String> {
            if pieces == 0 {
                return Err("nothing".to_owned());
            }
            *self.ordered.entry(article.clone()).or_default() += pieces;
            self.receipts += 1;
            ctx.emit(ShopEvent::Ordered { article, pieces });
            Ok(Receipt { number: self.receipts, pieces })
        }

        pub fn discount(&mut self, percent: u8) -> u8 {
            percent
        }

        pub fn ordered(&self, article: String) -> u32 {
            self.ordered.get(&article).copied().unwrap_or(0)
        }

        pub fn all(&self) -> impl Iterator<Item = Receipt> {
            self.ordered
                .values()
                .enumerate()
                .map(|(number, pieces)| Receipt { number: number as u64, pieces: *pieces })
        }

        pub fn oldest(&self) -> Option<Receipt> {
            None
        }
    }
}

mod now {
    use memstate::{Ctx, collections::BTreeMap};

    #[memstate::data]
    #[derive(Clone, Debug, PartialEq)]
    pub enum ShopEvent {
        #[serde(alias = "Ordered")]
        Bought {
            pieces: u64,
            article: String,
            #[serde(default)]
            by: Option<String>,
        },
        Cancelled {
            article: String,
        },
    }

    #[memstate::data]
    #[derive(Clone, Debug, PartialEq)]
    pub struct Receipt {
        #[serde(default)]
        pub note: String,
        pub pieces: u64,
        pub number: u64,
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Shop {
        #[serde(alias = "ordered")]
        bought: BTreeMap<String, u64>,
        receipts: u64,
    }

    #[memstate::model(events = ShopEvent)]
    impl Shop {
        pub fn cancel(&mut self, ctx: &mut Ctx<ShopEvent>, article: String) -> u64 {
            ctx.emit(ShopEvent::Cancelled { article: article.clone() });
            self.bought.remove(&article).unwrap_or(0)
        }

        #[memstate(was = "order")]
        pub fn buy(
            &mut self,
            ctx: &mut Ctx<ShopEvent>,
            #[memstate(default = "\"-\".to_owned()")] note: String,
            pieces: u64,
            article: String,
        ) -> Result<Receipt, String> {
            if pieces == 0 {
                return Err("nothing".to_owned());
            }
            *self.bought.entry(article.clone()).or_default() += pieces;
            self.receipts += 1;
            ctx.emit(ShopEvent::Bought { pieces, article, by: None });
            Ok(Receipt { note, pieces, number: self.receipts })
        }

        pub fn discount(&mut self, rate: String) -> String {
            rate
        }

        pub fn ordered(&self, article: String) -> u64 {
            self.bought.get(&article).copied().unwrap_or(0)
        }

        pub fn all(&self) -> impl Iterator<Item = Receipt> {
            let values = self.bought.values().enumerate();
            values.map(|(number, pieces)| Receipt {
                note: String::new(),
                number: number as u64,
                pieces: *pieces,
            })
        }
    }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.http = None;
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_client_is_understood_by_a_newer_server() {
    let shop = memstate::open::<now::Shop>("memory:").await.unwrap();
    let serving = memstate::serve::<now::Shop>(&shop, settings()).await.unwrap();
    let address = format!("memstate://{}", serving.address().unwrap());
    let client = memstate::connect::<before::Shop>(address).await.unwrap();

    // Renamed, in another order, wider, with an argument that has a default; the reply has a field more.
    let receipt = client.order("pen", 3).await.unwrap();
    assert_eq!(receipt, before::Receipt { number: 1, pieces: 3 });
    assert_eq!(client.order("pen", 0).await, Err(Error::Rejected("nothing".to_owned())));
    assert_eq!(client.ordered("pen").await.unwrap(), 3);
    assert_eq!(shop.ordered("pen").await.unwrap(), 3);
    let all = client.all().await.unwrap();
    assert_eq!(all, [before::Receipt { number: 0, pieces: 3 }]);

    // By hand, and in a batch.
    let order = |pieces| before::ShopCommand::Order { article: "ink".into(), pieces };
    let reply = client.execute(order(5)).await.unwrap();
    assert_eq!(reply, before::ShopReply::Order(Ok(before::Receipt { number: 2, pieces: 5 })));
    let replies = client.atomically([order(1), order(2)]).await.unwrap();
    assert_eq!(replies[1], before::ShopReply::Order(Ok(before::Receipt { number: 4, pieces: 2 })));
    let asked = client.query(before::ShopQuery::Ordered { article: "ink".into() }).await.unwrap();
    assert_eq!(asked, before::ShopReply::Ordered(8));

    // Where they end, it is said.
    let Err(Error::Incompatible(why)) = client.discount(5).await else { panic!("it has no way") };
    assert!(why.contains("`discount`") && why.contains("`rate`: the argument is new"), "{why}");
    let Err(Error::Incompatible(why)) = client.oldest().await else { panic!("it is not there") };
    assert!(why.contains("`oldest`"), "{why}");
    // A reply that is too large for the type of then: the command has happened.
    shop.buy("-", 5_000_000_000, "ink").await.unwrap();
    let Err(Error::Incompatible(why)) = client.ordered("ink").await else { panic!("it does not fit") };
    assert!(why.contains("no place"), "{why}");

    // The variant is found by the name that it had, and what does not fit is told; the stream goes on.
    let mut events = client.events(Position::new(1));
    let ordered = before::ShopEvent::Ordered { article: "pen".into(), pieces: 3 };
    assert_eq!(events.next().await, Some(Ok((Position::new(1), ordered))));
    shop.buy("-", 1, "cap").await.unwrap();
    let mut rest = Vec::new();
    for _ in 0..5 {
        rest.push(match events.next().await.unwrap() {
            Ok((_, before::ShopEvent::Ordered { pieces, .. })) => Ok(pieces),
            Err(Error::Incompatible(why)) => Err(why.contains("no place")),
            Err(other) => panic!("{other}"),
        });
    }
    assert_eq!(rest, [Ok(5), Ok(1), Ok(2), Err(true), Ok(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_client_is_understood_by_an_older_server() {
    let shop = memstate::open::<before::Shop>("memory:").await.unwrap();
    let serving = memstate::serve::<before::Shop>(&shop, settings()).await.unwrap();
    let address = format!("memstate://{}", serving.address().unwrap());
    let client = memstate::connect::<now::Shop>(address).await.unwrap();

    shop.order("pen", 3).await.unwrap();
    // The fields that the server does not know have their defaults.
    let all = client.all().await.unwrap();
    assert_eq!(all, [now::Receipt { note: String::new(), number: 0, pieces: 3 }]);
    let mut events = client.events(Position::new(1));
    let bought = now::ShopEvent::Bought { pieces: 3, article: "pen".into(), by: None };
    assert_eq!(events.next().await, Some(Ok((Position::new(1), bought))));
    let mut history = client.history(..);
    assert_eq!(history.next().await.unwrap().unwrap().events.len(), 1);

    let Err(Error::Incompatible(why)) = client.cancel("pen").await else { panic!("it is not there") };
    assert!(why.contains("`cancel`"), "{why}");
    let Err(Error::Incompatible(why)) = client.buy("-", 1, "pen").await else {
        panic!("it has another name")
    };
    assert!(why.contains("`buy`"), "{why}");
}

mod other {
    #[memstate::model]
    #[derive(Default)]
    pub struct Depot {
        pieces: u64,
    }

    #[memstate::model]
    impl Depot {
        pub fn add(&mut self, pieces: u64) {
            self.pieces += pieces;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_model_is_refused() {
    let shop = memstate::open::<now::Shop>("memory:").await.unwrap();
    let serving = memstate::serve::<now::Shop>(&shop, settings()).await.unwrap();
    let address = format!("memstate://{}", serving.address().unwrap());
    let error = memstate::connect::<other::Depot>(address).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("it has the model `Shop`"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_on_when_its_server_was_away_and_is_newer() {
    let data = tempfile::tempdir().unwrap();
    let location = data.path().join("shop");
    let shop = memstate::open::<before::Shop>(location.clone()).await.unwrap();
    let serving = memstate::serve::<before::Shop>(&shop, settings()).await.unwrap();
    let mut settings = settings();
    settings.listen = serving.address();
    let address = format!("memstate://{}", serving.address().unwrap());
    let client = memstate::connect::<before::Shop>(address).await.unwrap();
    client.order("pen", 3).await.unwrap();
    let mut events = client.events(Position::new(1));
    assert!(events.next().await.unwrap().is_ok());
    serving.stop().await;
    shop.close().await.unwrap();
    drop(shop);

    // Sent while nobody is there.
    let waiting = [client.order("pen", 4), client.order("ink", 1)];
    let asked = client.ordered("ink");
    let shop = memstate::open::<now::Shop>(location).await.unwrap();
    let serving = memstate::serve::<now::Shop>(&shop, settings).await.unwrap();
    let [first, second] = waiting;
    assert_eq!(first.await.unwrap(), before::Receipt { number: 2, pieces: 4 });
    assert_eq!(second.await.unwrap(), before::Receipt { number: 3, pieces: 1 });
    // It was asked of the state that the client had seen, as it would be in process.
    assert!(asked.await.unwrap() <= 1);
    assert_eq!(client.ordered("ink").await.unwrap(), 1);
    assert_eq!(shop.ordered("pen").await.unwrap(), 7);
    serving.stop().await;
}

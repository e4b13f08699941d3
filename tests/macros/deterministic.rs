//! What gives no warning: code that names nothing of the world outside, code that a user vouches for, and queries.

#[deny(warnings, missing_docs, clippy::pedantic)]
mod without_warnings {
    use std::time::SystemTime;

    use memstate::Ctx;

    /// Something of the user's own, under a name that others have too.
    pub struct File;

    /// What is drawn from, and where.
    #[memstate::data]
    pub enum Zone {
        /// Here.
        Local,
        /// There.
        Utc,
    }

    fn random(seed: u64) -> u64 {
        seed / 2
    }

    /// A model that counts.
    #[memstate::model]
    #[derive(Default)]
    pub struct Counter {
        random: u64,
        fs: u64,
    }

    #[memstate::model(strict)]
    impl Counter {
        /// Draws, in every replay the same.
        pub fn draw(&mut self, ctx: &mut Ctx, zone: &Zone) -> u64 {
            let _ = (File, ctx.now(), "SystemTime::now() and std::fs::read()");
            self.random = random(ctx.rng().below(6)) + u64::from(matches!(zone, Zone::Local | Zone::Utc));
            self.random
        }

        /// How long it took, for the log alone.
        #[memstate(deterministic)]
        pub fn measured(&mut self) {
            let begin = std::time::Instant::now();
            self.fs += 1;
            assert!(begin.elapsed().as_nanos() < u128::MAX);
        }

        /// A query may read the clock: it is in no journal.
        #[must_use]
        pub fn age_s(&self) -> u64 {
            SystemTime::now().elapsed().map_or(0, |age| age.as_secs()) + self.fs
        }

        /// And so may what is no method of the model's.
        #[must_use]
        pub fn machine() -> Option<String> {
            std::env::var("HOSTNAME").ok()
        }

        #[memstate(deterministic)]
        fn traced(&mut self) {
            let _ = std::thread::current();
            self.fs += 1;
        }

        /// Calls a helper.
        pub fn trace(&mut self) {
            self.traced();
        }
    }

    /// The client has every method.
    pub fn client(counter: &CounterClient) {
        drop((counter.draw(&Zone::Utc), counter.measured(), counter.trace(), counter.age_s()));
    }
}

#[test]
fn code_that_names_nothing_of_the_world_outside_gives_no_warning() {
    use memstate::{Ctx, Timestamp};
    use without_warnings::{Counter, Zone};

    let mut counter = Counter::default();
    assert!(counter.draw(&mut Ctx::for_test(Timestamp::default()), &Zone::Local) <= 4);
    counter.measured();
    counter.trace();
    assert!(counter.age_s() >= 2);
    let _ = (Counter::machine(), without_warnings::client);
}

#[test]
fn a_method_that_the_client_calls_otherwise_keeps_its_name_in_the_journal() {
    use memstate::model::Operation;

    #[memstate::model]
    #[derive(Default)]
    struct Door {
        open: bool,
    }

    #[memstate::model]
    impl Door {
        /// Shuts it.
        #[memstate(client = "close_door")]
        pub fn close(&mut self) -> bool {
            std::mem::take(&mut self.open)
        }

        #[memstate(client = "door_history")]
        pub fn history(&self) -> bool {
            self.open
        }
    }

    assert_eq!(DoorCommand::METHODS[0].name, "close");
    assert_eq!(DoorQuery::METHODS[0].name, "history");
    let _ = |door: DoorClient| (door.close_door(), door.door_history(), DoorCommand::Close);
    // The client's own are what they were.
    async fn own(door: DoorClient) -> Result<(), memstate::Error> {
        let _ = door.history(..);
        door.close().await
    }
    let _ = own;
    assert!(!Door::default().close());
}

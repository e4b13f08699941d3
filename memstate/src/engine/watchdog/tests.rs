use super::*;

fn name(_: u16) -> &'static str {
    "spin"
}

fn watchdog(limit: Option<Duration>) -> Arc<Watchdog> {
    Watchdog::new("data/bank".to_owned(), limit, name, None)
}

fn watched(limit: Option<Duration>) -> Watched {
    Watched {
        watchdog: watchdog(limit),
        running: Arc::default(),
        purpose: Purpose::Serve,
        seen: 0,
        ran: Duration::ZERO,
        mention_at: MENTIONED_AFTER,
    }
}

/// For how long what was late had run, in seconds.
fn late(watched: &mut Watched) -> Option<u64> {
    watched.look(SECOND).map(|late| late.ran.as_secs())
}

const LIMIT: Option<Duration> = Some(Duration::from_secs(2));
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn only_what_runs_all_the_time_is_late() {
    let mut watched = watched(LIMIT);
    for record in 1..100 {
        watched.running.0.store(record << 16, Ordering::Relaxed);
        assert_eq!(late(&mut watched), None, "another one each time");
    }
    assert_eq!(late(&mut watched), None);
    let it = watched.look(SECOND).unwrap();
    assert_eq!((it.position().get(), it.ran), (99, 2 * SECOND));
    watched.running.0.store(0, Ordering::Relaxed);
    for _ in 0..100 {
        assert_eq!(late(&mut watched), None, "nothing runs");
    }
}

#[test]
fn the_log_mentions_what_runs_for_long_and_then_after_twice_as_long() {
    let mut watched = watched(None);
    watched.running.0.store(7 << 16 | 3, Ordering::Relaxed);
    let mentioned: Vec<_> = (0..100).filter_map(|_| late(&mut watched)).collect();
    assert_eq!(mentioned, [10, 20, 40, 80]);
}

#[test]
fn a_look_back_may_take_its_time() {
    let mut watched = watched(LIMIT);
    watched.purpose = Purpose::LookBack;
    watched.running.0.store(7 << 16, Ordering::Relaxed);
    assert!((0..9).all(|_| late(&mut watched).is_none()));
}

#[test]
fn there_is_a_thread_only_while_there_is_work() {
    let watch: &'static Watch = Box::leak(Box::new(Watch::new(Duration::from_millis(50))));
    let watchdog = Arc::new(Watchdog {
        location: String::new(),
        limit: Some(1000 * SECOND),
        name,
        attempts: None,
        watch,
    });
    let is_awake = || watch.is_awake.load(Ordering::SeqCst);
    let until = |holds: &dyn Fn() -> bool| {
        let deadline = Instant::now() + 20 * SECOND;
        while !holds() {
            assert!(Instant::now() < deadline, "it comes about");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let runner = watchdog.over(Purpose::Serve);
    for _ in 0..3 {
        assert!(!is_awake(), "who is there and does nothing needs no thread");
        runner.begins();
        runner.runs(Position::new(1), 0);
        assert!(is_awake());
        until(&|| watch.watched.lock()[0].ran > Duration::from_millis(400));
        assert!(is_awake(), "as long as it runs");
        runner.rests();
        until(&|| !is_awake());
    }
    drop(runner);
    assert!(watch.watched.lock().is_empty());
}

#[test]
fn the_last_words_say_what_and_where_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let attempts = Attempts::new(Arc::new(crate::disk::RealDisk), dir.path(), None).unwrap();
    let watchdog = Watchdog::new("data/bank".to_owned(), None, name, Some(Arc::new(attempts)));
    let words = |purpose| {
        let (watchdog, ran) = (Arc::clone(&watchdog), Duration::from_millis(510));
        let late = Late { watchdog: Arc::clone(&watchdog), what: 4711 << 16, purpose, ran };
        watchdog.last_words(&late, Duration::from_millis(500))
    };
    for text in [
        "data/bank: the command `spin` at position 4711 has been running for 0.51 s for its caller",
        "longer than the limit of 0.5 s",
        "The next process that opens the journal tries it again. When it has ended 3 of them in a row, it is left out",
        "raise the limit: `memstate::open(…).command_time_limit(…)`",
    ] {
        assert!(words(Purpose::Serve).contains(text), "{}", words(Purpose::Serve));
    }
    assert!(words(Purpose::RecoverTail).contains("while the journal was being opened, longer"));
    assert!(
        words(Purpose::Recover).contains("it cannot be left out: when it has ended 3 processes in a row")
    );
}

use super::*;

fn name(_: u16) -> &'static str {
    "spin"
}

fn watched() -> Watched {
    let running = Arc::default();
    Watched { running, purpose: Purpose::Serve, seen: 0, ran: Duration::ZERO, mention_at: MENTIONED_AFTER }
}

const LIMIT: Option<Duration> = Some(Duration::from_secs(2));
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn only_what_runs_all_the_time_is_late() {
    let mut watched = watched();
    for record in 1..100 {
        watched.running.0.store(record << 16, Ordering::Relaxed);
        assert_eq!(watched.look(SECOND, LIMIT), None, "another one each time");
    }
    assert_eq!(watched.look(SECOND, LIMIT), None);
    let late = watched.look(SECOND, LIMIT).unwrap();
    assert_eq!((late.position().get(), late.ran), (99, 2 * SECOND));
    watched.running.0.store(0, Ordering::Relaxed);
    for _ in 0..100 {
        assert_eq!(watched.look(SECOND, LIMIT), None, "nothing runs");
    }
}

#[test]
fn the_log_mentions_what_runs_for_long_and_then_after_twice_as_long() {
    let mut watched = watched();
    watched.running.0.store(7 << 16 | 3, Ordering::Relaxed);
    let mentioned: Vec<_> =
        (0..100).filter_map(|_| watched.look(SECOND, None)).map(|late| late.ran.as_secs()).collect();
    assert_eq!(mentioned, [10, 20, 40, 80]);
}

#[test]
fn a_look_back_may_take_its_time() {
    let mut watched = watched();
    watched.purpose = Purpose::LookBack;
    watched.running.0.store(7 << 16, Ordering::Relaxed);
    assert!((0..9).all(|_| watched.look(SECOND, LIMIT).is_none()));
}

#[test]
fn there_is_a_thread_only_while_there_is_somebody_to_watch() {
    let watchdog = Watchdog::new("here".to_owned(), None, name, None);
    let is_awake = |watchdog: &Watchdog| watchdog.is_awake.load(Ordering::SeqCst);
    assert!(!is_awake(&watchdog));
    for _ in 0..3 {
        let runner = watchdog.over(Purpose::LookBack);
        runner.runs(Position::new(1), 0);
        assert!(is_awake(&watchdog));
        drop(runner);
        let deadline = Instant::now() + 20 * SECOND;
        while Arc::strong_count(&watchdog) > 1 {
            assert!(Instant::now() < deadline, "the thread ends");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!is_awake(&watchdog));
    }
}

#[test]
fn the_last_words_say_what_and_where_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(crate::disk::RealDisk);
    let attempts = Attempts::new(disk, dir.path(), None).unwrap();
    let watchdog = Watchdog::new("data/bank".to_owned(), None, name, Some(Arc::new(attempts)));
    let late = |purpose| Late { what: 4711 << 16, purpose, ran: Duration::from_millis(510) };
    let words = |purpose| watchdog.last_words(late(purpose), Duration::from_millis(500));
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

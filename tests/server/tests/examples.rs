//! The examples of a server, as programs: what they print, and what they answer. The page of `web` is tried in a browser by
//! `tests/server/browser.sh`.
#![cfg(unix)]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{LazyLock, mpsc},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long anything may take that takes a second or two.
const LONG: Duration = Duration::from_secs(60);

/// Where the examples are, built if they are not there.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "-p", "memstate-examples", "--features", "server"])
        .args(["--example", "chat", "--example", "remote_bank", "--example", "web"])
        .current_dir(&root)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the examples are built");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("debug/examples")
});

/// An example that runs, and is killed at the end if it still does.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    /// What it prints, line by line.
    lines: mpsc::Receiver<String>,
    folder: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(name: &str, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(EXAMPLES.join(name));
        command.args(arguments).current_dir(folder);
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("MEMSTATE_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        Program { input: child.stdin.take(), child, lines, folder: folder.to_owned() }
    }

    /// The next line.
    fn line(&self) -> String {
        self.lines.recv_timeout(LONG).expect("a line comes")
    }

    /// Types a line.
    fn types(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it reads");
    }

    /// Ends its input and waits until it has ended well. Gives what else it printed.
    fn ends(mut self) -> Vec<String> {
        self.input = None;
        self.has_ended();
        self.lines.iter().collect()
    }

    fn stop(mut self) {
        let sent = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        assert!(sent.expect("there is `kill`").success());
        self.has_ended();
    }

    fn has_ended(&mut self) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                break status;
            }
            assert!(begun.elapsed() < LONG, "it does not end");
            sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}");
    }

    /// Where typed clients are answered, once they are.
    fn address(&self) -> String {
        let begun = Instant::now();
        loop {
            if let Ok(text) = fs::read_to_string(self.folder.join("address.json"))
                && let Ok(told) = serde_json::from_str::<serde_json::Value>(&text)
            {
                return told["address"].as_str().expect("it listens").to_owned();
            }
            assert!(begun.elapsed() < LONG, "it does not listen");
            sleep(Duration::from_millis(5));
        }
    }
}

fn serve_chat(folder: &Path, listen: &str) -> Program {
    let arguments = ["serve", "--listen", listen, "--http", "off", "--address-file", "address.json"];
    Program::start("chat", folder, &arguments)
}

/// The whole tour is pinned, but for the port.
#[test]
fn the_remote_bank_shows_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let printed = Program::start("remote_bank", folder.path(), &[]).ends();
    let mut lines = printed.iter();
    let first = lines.next().expect("it prints something");
    let (before, address) = first.split_once("memstate://").expect("it says where it is");
    assert_eq!(before, "A server answers at ");
    address.trim_end_matches('.').parse::<SocketAddr>().expect("an address");
    let rest: String = lines.map(|line| format!("{line}\n")).collect();
    assert_eq!(rest, include_str!("examples/remote_bank.txt"));
}

#[test]
fn the_remote_bank_is_a_program_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "serve",
        "--data",
        "mine",
        "--listen",
        "127.0.0.1:0",
        "--http",
        "off",
        "--address-file",
        "address.json",
    ];
    let server = Program::start("remote_bank", folder.path(), &arguments);
    let address = server.address();
    assert_eq!(server.line(), format!("typed clients: memstate://{address}"));
    server.stop();
    assert!(folder.path().join("mine").is_dir());
}

#[test]
fn people_chat_and_see_what_was_said_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve_chat(folder.path(), "127.0.0.1:0");
    let url = format!("memstate://{}", server.address());

    let mut ann = Program::start("chat", folder.path(), &["join", "Ann", &url]);
    assert_eq!([ann.line(), ann.line()], ["* here: Ann", "* Ann joined"]);
    for number in 1..=25 {
        ann.types(&format!("line {number}"));
        assert_eq!(ann.line(), format!("Ann: line {number}"));
    }

    let mut bob = Program::start("chat", folder.path(), &["join", "Bob", &url]);
    for number in 6..=25 {
        let line = bob.line();
        let (time, said) = line.split_once(' ').expect("a time");
        assert!(time.len() == 5 && time.as_bytes()[2] == b':', "{line}");
        assert_eq!(said, format!("Ann: line {number}"));
    }
    assert_eq!([bob.line(), bob.line()], ["* here: Ann, Bob", "* Bob joined"]);
    assert_eq!(ann.line(), "* Bob joined");
    bob.types("Good morning");
    bob.types("");
    // What would move the cursor of others is refused.
    bob.types("\u{1b}[2J");
    bob.types("Ann?");
    for seen in [&ann, &bob] {
        assert_eq!([seen.line(), seen.line()], ["Bob: Good morning", "Bob: Ann?"]);
    }
    assert_eq!(bob.ends(), ["* Bob left"]);
    assert_eq!(ann.line(), "* Bob left");

    // With its input at an end from the first.
    let mut carla = Program::start("chat", folder.path(), &["join", "Carla", &url]);
    carla.types("in a word");
    let seen = carla.ends();
    assert_eq!(
        seen[seen.len() - 4..],
        ["* here: Ann, Carla", "* Carla joined", "Carla: in a word", "* Carla left"]
    );
    assert_eq!([ann.line(), ann.line(), ann.line()], ["* Carla joined", "Carla: in a word", "* Carla left"]);
    assert_eq!(ann.ends(), ["* Ann left"]);
    server.stop();
}

#[test]
fn a_chat_goes_on_when_its_server_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = serve_chat(folder.path(), "127.0.0.1:0");
    let address = server.address();
    let url = format!("memstate://{address}");
    let [mut ann, bob] = ["Ann", "Bob"].map(|name| {
        let program = Program::start("chat", folder.path(), &["join", name, &url]);
        while program.line() != format!("* {name} joined") {}
        program
    });
    assert_eq!(ann.line(), "* Bob joined");

    server.child.kill().expect("it runs");
    drop(server);
    fs::remove_file(folder.path().join("address.json")).expect("a server that is killed leaves it");
    for one in [&ann, &bob] {
        assert_eq!(one.line(), "* the server is away; what you say waits for it");
    }
    ann.types("anybody there?");
    ann.types("hello?");
    let server = serve_chat(folder.path(), &address);
    // The note that it is back comes before or after what was said.
    for one in [&ann, &bob] {
        let (notes, said): (Vec<_>, Vec<_>) =
            (0..3).map(|_| one.line()).partition(|line| line.starts_with('*'));
        assert_eq!(notes, ["* the server is back"]);
        assert_eq!(said, ["Ann: anybody there?", "Ann: hello?"]);
    }
    assert_eq!(ann.ends(), ["* Ann left"]);
    assert_eq!(bob.ends(), ["* Ann left", "* Bob left"]);
    server.stop();
}

/// The head and the body of an answer.
fn get(address: &str, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("it can wait");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn the_page_may_ask_the_bank_and_no_other_page_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--page", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let program = Program::start("web", folder.path(), &arguments);
    let page = program.line().strip_prefix("page: http://").expect("where the page is").to_owned();
    let bank = program.line();
    let bank =
        bank.strip_prefix("bank: http://").and_then(|bank| bank.strip_suffix("/docs")).expect("where it is");

    let (head, body) = get(&page, "/", "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains(&format!("connect-src http://{bank}")), "{head}");
    assert!(body.contains(&format!("<meta name=\"bank\" content=\"http://{bank}\">")), "{body}");
    // Nothing from elsewhere: no other address is in it, but for the name of a format.
    for (at, _) in body.match_indices("://") {
        let around = &body[at.saturating_sub(5)..body.len().min(at + 24)];
        assert!(around.contains(bank) || around.contains("www.w3.org"), "{around}");
    }

    let origin = format!("Origin: http://{page}\r\n");
    let (head, body) = get(bank, "/queries/accounts", &origin);
    assert!(head.starts_with("http/1.1 200") && head.contains("access-control-allow-origin"), "{head}");
    assert!(body.contains(r#"{"number":1,"owner":"Ann","balance":"#), "{body}");
    let (head, _) = get(bank, "/queries/accounts", "Origin: http://elsewhere.example\r\n");
    assert!(head.starts_with("http/1.1 403"), "{head}");

    // Money moves by itself.
    let position = |head: &str| {
        let told =
            head.lines().find_map(|line| line.strip_prefix("memstate-position: ")).expect("a position");
        told.trim().parse::<u64>().expect("a number")
    };
    let begun = position(&head_of(bank));
    let since = Instant::now();
    while position(&head_of(bank)) == begun {
        assert!(since.elapsed() < LONG, "nothing happens");
        sleep(Duration::from_millis(50));
    }
    program.stop();
}

fn head_of(bank: &str) -> String {
    get(bank, "/queries/accounts", "").0
}

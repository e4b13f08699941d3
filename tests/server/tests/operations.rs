//! `serve` as a process: how it starts, what it says, and how it stops.
#![cfg(unix)]

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long anything may take that takes milliseconds.
const LONG: Duration = Duration::from_secs(60);

fn bank(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank-server"));
    command.current_dir(folder).arg("--data").arg(folder.join("bank")).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("MEMSTATE_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    gave(bank(folder).args(arguments).output().expect("it can be started"))
}

fn gave(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A server that is killed at the end, if it is still there.
struct Server {
    child: Child,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// With files in its folder, and ports of its own.
    fn start(files: &[(&str, &str)], arguments: &[&str]) -> Self {
        Server::start_with(files, arguments, |_, _| {})
    }

    fn start_with(
        files: &[(&str, &str)],
        arguments: &[&str],
        change: impl FnOnce(&Path, &mut Command),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("it can be written");
        }
        let mut command = bank(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.args(["--address-file", "address.json"]).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        change(folder.path(), &mut command);
        let child = command.spawn().expect("it can be started");
        let mut server = Server { child, folder };
        server.until("it listens", |server| server.folder.path().join("address.json").exists());
        server
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&Server) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                let mut said = String::new();
                let _ = self.child.stderr.take().expect("it is piped").read_to_string(&mut said);
                panic!("before {what}, it ended with {status}: {said}");
            }
            assert!(begun.elapsed() < LONG, "{what} takes too long");
            sleep(Duration::from_millis(5));
        }
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        let text = fs::read_to_string(self.folder.path().join("address.json")).expect("it is there");
        let told: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(told["pid"], self.child.id());
        ["address", "http_address"].map(|key| told[key].as_str().expect(key).parse().expect("an address"))
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(sent.expect("there is `kill`").success());
    }

    /// How it ended, and what it has said.
    fn end(&mut self) -> (i32, String, String) {
        let begun = Instant::now();
        while self.child.try_wait().expect("it is a child").is_none() {
            assert!(begun.elapsed() < LONG, "it does not end");
            sleep(Duration::from_millis(5));
        }
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
        (self.child.wait().expect("it has ended").code().unwrap_or(-1), out, err)
    }
}

#[test]
fn it_says_where_it_listens_and_ends_well_on_either_signal_with_a_snapshot() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(&[], &[]);
        let [link, http] = server.addresses();
        for address in [link, http] {
            TcpStream::connect_timeout(&address, LONG).expect("it listens");
        }
        server.signal(signal);
        let (code, out, err) = server.end();
        assert_eq!(code, 0, "{err}");
        assert_eq!(out, format!("typed clients: memstate://{link}\nHTTP: http://{http}\n"));
        assert!(err.contains("stopped at position 0"), "{err}");
        assert!(!server.folder.path().join("address.json").exists());
        for address in [link, http] {
            assert!(TcpStream::connect_timeout(&address, LONG).is_err(), "nobody listens any more");
        }
        // The journal is free for others, and whole.
        let folder = server.folder.path();
        let (code, _, err) = run(folder, &["call", "open", "1", "ann"]);
        assert_eq!(code, 0, "{err}");
        let (code, _, err) = run(folder, &["check"]);
        assert_eq!(code, 0, "{err}");
    }
}

#[test]
fn a_snapshot_is_written_at_the_end_unless_the_settings_say_otherwise() {
    for (arguments, wanted) in [(&[][..], true), (&["--set", "stop.snapshot=false"], false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (code, _, err) = run(folder.path(), &["call", "open", "1", "ann"]);
        assert_eq!(code, 0, "{err}");
        let snapshots = || {
            let files = fs::read_dir(folder.path().join("bank")).expect("it is there");
            files
                .filter(|file| {
                    file.as_ref().expect("listed").file_name().to_string_lossy().contains("snapshot")
                })
                .count()
        };
        assert_eq!(snapshots(), 0);
        let mut server = Server::start_with(&[], arguments, |_, command| {
            command.arg("--data").arg(folder.path().join("bank"));
        });
        server.signal("-TERM");
        let (code, _, err) = server.end();
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("stopped at position 1"), "{err}");
        assert_eq!(snapshots() > 0, wanted);
    }
}

#[test]
fn a_journal_is_served_by_one_process_alone() {
    let mut server = Server::start(&[], &[]);
    let (code, _, err) = run(server.folder.path(), &["serve", "--listen", "127.0.0.1:0", "--http", "off"]);
    assert_eq!(code, 4, "{err}");
    let [link, _] = server.addresses();
    let other = tempfile::tempdir().expect("a folder");
    let (code, _, err) = run(other.path(), &["serve", "--listen", &link.to_string(), "--http", "off"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains(&format!("cannot listen on {link}")), "{err}");
    server.signal("-TERM");
    assert_eq!(server.end().0, 0);
}

#[test]
fn what_is_loaded_anew_is_said_and_an_error_keeps_what_was() {
    let settings = "[auth]\ntokens = \"tokens.toml\"\n[roles.teller]\ncommands = [\"deposit\"]\n";
    let mut server = Server::start(&[("memstate.toml", settings), ("tokens.toml", "")], &[]);
    let path = |name: &str| server.folder.path().join(name);
    let (tokens, config) = (path("tokens.toml"), path("memstate.toml"));
    let (out, err) = (path("out"), path("err"));
    // What it says is read while it runs.
    let mut said = server.child.stderr.take().expect("it is piped");
    let copied = std::thread::spawn(move || {
        let mut file = fs::File::create(err).expect("it can be written");
        std::io::copy(&mut said, &mut file).expect("it can be copied");
    });
    let _ = out;
    let err = server.folder.path().join("err");
    let count = |text: &'static str| {
        let err = err.clone();
        move || fs::read_to_string(&err).unwrap_or_default().matches(text).count()
    };
    let (good, bad) = (count("were loaded anew"), count("nothing was loaded anew"));
    let (other, tellr) = (count("other settings have changed"), count("did you mean `teller`?"));
    server.signal("-HUP");
    server.until("it was loaded", |_| good() == 1);
    fs::write(&tokens, "[[token]]\nname = 1").expect("it can be written");
    server.signal("-HUP");
    server.until("it was refused", |_| bad() == 1);
    let (code, token, said) =
        run(server.folder.path(), &["token", "new", "ann", "--role", "tellr", "--file", "new.toml"]);
    assert_eq!(code, 0, "{said}");
    assert!(token.starts_with("mst_") && token.trim_end().len() == 68, "{token}");
    fs::copy(server.folder.path().join("new.toml"), &tokens).expect("it can be written");
    server.signal("-HUP");
    server.until("it was refused", |_| tellr() == 1);
    let lines = fs::read_to_string(&tokens).expect("it is there").replace("tellr", "teller");
    fs::write(&tokens, lines).expect("it can be written");
    fs::write(&config, settings.to_owned() + "[limits]\nconnections = 7\n").expect("it can be written");
    server.signal("-HUP");
    server.until("it was loaded", |_| good() == 2 && other() == 1);
    server.signal("-TERM");
    let begun = Instant::now();
    while server.child.try_wait().expect("it is a child").is_none() {
        assert!(begun.elapsed() < LONG, "it does not end");
        sleep(Duration::from_millis(5));
    }
    copied.join().expect("it was copied");
    assert_eq!(server.child.wait().expect("it has ended").code(), Some(0));
}

#[test]
fn whoever_supervises_it_is_told_when_it_answers_and_when_it_stops() {
    let mut heard = None;
    let mut server = Server::start_with(&[], &[], |folder, command| {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(LONG)).expect("it can be set");
        command.env("NOTIFY_SOCKET", path);
        heard = Some(socket);
    });
    let heard = heard.expect("it was bound");
    let next = || {
        let mut bytes = [0; 100];
        let count = heard.recv(&mut bytes).expect("something is told");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    assert_eq!(next(), "READY=1");
    server.signal("-TERM");
    assert_eq!(next(), "STOPPING=1");
    assert_eq!(server.end().0, 0);
}

#[test]
fn it_refuses_to_be_reached_by_others_unless_it_is_told_in_so_many_words() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [["--listen", "0.0.0.0:0"], ["--http", "[::]:0"]] {
        let (code, out, err) = run(folder.path(), &["serve", arguments[0], arguments[1]]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("--insecure-listen-beyond-loopback"), "{err}");
        assert!(!folder.path().join("bank").exists(), "nothing was begun");
    }
    let mut server = Server::start(&[], &["--insecure-listen-beyond-loopback", "--set", "listen=0.0.0.0:0"]);
    server.signal("-TERM");
    assert_eq!(server.end().0, 0);
}

#[test]
fn every_setting_is_shown_with_where_it_came_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "stop.drain = \"1s\"\n[tls]\nkey = \"key.pem\"\ncertificate = \"certificate.pem\"";
    fs::write(folder.path().join("memstate.toml"), text).expect("it can be written");
    fs::write(folder.path().join("key.pem"), "very secret").expect("it can be written");
    let shown = bank(folder.path())
        .args(["serve", "--print-config", "--http", "off", "--set", "limits.idle=1m"])
        .env("MEMSTATE_LIMITS__CONNECTIONS", "10")
        .env("MEMSTATE_TOKEN", "not a setting")
        .output();
    let (code, out, err) = gave(shown.expect("it can be started"));
    assert_eq!(code, 0, "{err}");
    let of: Vec<_> = out.lines().filter_map(|line| line.split_once("  # ")).collect();
    let origin = |key: &str| {
        let found =
            of.iter().find(|(value, _)| value.trim_end() == key).unwrap_or_else(|| panic!("{key} in\n{out}"));
        found.1.trim()
    };
    assert_eq!(origin("stop.drain = \"1s\""), "memstate.toml");
    assert_eq!(origin("limits.connections = 10"), "MEMSTATE_LIMITS__CONNECTIONS");
    assert_eq!(origin("limits.idle = \"1m\""), "option `--set limits.idle=1m`");
    assert_eq!(origin("http = \"off\""), "option `--http off`");
    assert_eq!(origin("log.level = \"info\""), "default");
    assert!(!out.contains("secret"), "{out}");
    assert!(!folder.path().join("bank").exists(), "nothing was begun");
    let wrong = bank(folder.path()).arg("serve").env("MEMSTATE_LIMITS__CONECTIONS", "10").output();
    let (code, _, err) = gave(wrong.expect("it can be started"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("did you mean `MEMSTATE_LIMITS__CONNECTIONS`?"), "{err}");
}

#[test]
fn a_token_is_shown_once_and_its_hash_stands_in_the_lines_for_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, err) = run(
        folder.path(),
        &["token", "new", "ann", "--role", "teller", "--role", "auditor", "--expires", "30d"],
    );
    assert_eq!(code, 0, "{err}");
    let token = out.lines().find(|line| line.starts_with("mst_")).expect("a token");
    assert_eq!(out.matches(&token[4..]).count(), 1, "{out}");
    for line in ["[[token]]", "name = \"ann\"", "roles = [\"teller\", \"auditor\"]"] {
        assert!(out.lines().any(|other| other == line), "{line} in {out}");
    }
    assert!(out.contains("\nhash = \"blake3:") && out.contains("\nexpires = \"2"), "{out}");
    for arguments in [&["ann"][..], &["", "--role", "x"], &["ann", "--role", "x", "--expires", "2001-01-01"]]
    {
        let (code, out, err) = run(folder.path(), &[&["token", "new"], arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(&[], &["--set", "stop.drain=1h"]);
    let [_, http] = server.addresses();
    // A request that is never sent to its end is in flight when the server has asked for the rest of it.
    let mut request = TcpStream::connect_timeout(&http, LONG).expect("it listens");
    request.set_read_timeout(Some(LONG)).expect("it can be set");
    let head = format!(
        "POST /commands/deposit HTTP/1.1\r\nHost: {http}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    request.write_all(head.as_bytes()).expect("it can be written");
    let mut asked = [0; 12];
    request.read_exact(&mut asked).expect("it is answered");
    assert_eq!(&asked, b"HTTP/1.1 100");
    server.signal("-TERM");
    server.until("nobody listens any more", |_| TcpStream::connect_timeout(&http, LONG).is_err());
    assert!(server.child.try_wait().expect("it is a child").is_none(), "it waits for the request");
    server.signal("-TERM");
    let (code, _, err) = server.end();
    assert_eq!(code, 130, "{err}");
}

#[test]
fn what_takes_longer_than_it_may_is_cut_off_and_the_journal_is_closed_all_the_same() {
    let mut server = Server::start(&[], &["--set", "stop.drain=100ms"]);
    let [_, http] = server.addresses();
    let mut request = TcpStream::connect_timeout(&http, LONG).expect("it listens");
    let head = format!("POST /commands/deposit HTTP/1.1\r\nHost: {http}\r\nContent-Length: 100\r\n\r\n{{");
    request.write_all(head.as_bytes()).expect("it can be written");
    server.signal("-TERM");
    let (code, _, err) = server.end();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("stopped at position 0"), "{err}");
}

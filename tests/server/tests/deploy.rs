//! What `deploy/` has: the unit for systemd and the Dockerfile, as far as they can be tried without a registry.
#![cfg(target_os = "linux")]

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    fs::read_to_string(repository().join("deploy").join(name)).expect(name)
}

/// The values of a key of the unit.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn the_unit_starts_what_there_is_and_is_sound() {
    let unit = read("bank.service");
    let start = values(&unit, "ExecStart");
    let [start] = start[..] else { panic!("{start:?}") };
    let (program, arguments) = start.split_once(' ').expect("it has arguments");
    // It says when it is ready, which the server does; and is told to load anew and to stop as the server understands it.
    assert_eq!(values(&unit, "Type"), ["notify"]);
    assert_eq!(values(&unit, "ExecReload"), ["/bin/kill -HUP $MAINPID"]);
    assert_eq!(values(&unit, "KillSignal"), [""; 0]);
    assert!(values(&unit, "Environment").contains(&"MEMSTATE_DATA=/var/lib/bank/journal"));
    let options: Vec<_> = arguments.split(' ').filter(|one| one.starts_with("--")).collect();
    let help = Command::new(env!("CARGO_BIN_EXE_bank-server")).args(["serve", "--help"]).output();
    let help = String::from_utf8(help.expect("it can be started").stdout).expect("text");
    assert!(
        arguments.starts_with("serve ") && options.iter().all(|option| help.contains(option)),
        "{arguments}"
    );
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return println!("skipped: there is no systemd-analyze here");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bank.service");
    fs::write(&path, unit.replace(program, env!("CARGO_BIN_EXE_bank-server"))).expect("it can be written");
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output().expect("it is there");
    let said = String::from_utf8_lossy(&verified.stderr);
    let of_ours: Vec<_> = said.lines().filter(|line| line.contains("bank.service")).collect();
    assert!(verified.status.success() && of_ours.is_empty(), "{said}");
}

#[test]
fn the_image_is_of_one_static_binary_that_is_an_example_of_ours() {
    let file = read("Dockerfile").replace("\\\n", " ");
    let lines: Vec<_> = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let stages: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("FROM ")).collect();
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).expect("it is there");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert_eq!(stages, [&format!("rust:{}-alpine AS build", rust.trim_matches('"')), "scratch"]);
    let build = lines.iter().find(|line| line.contains("cargo build")).expect("it is built");
    for part in
        ["--release", "--locked", "x86_64-unknown-linux-musl", "-p memstate-examples", "--features server"]
    {
        assert!(build.contains(part), "{part} in {build}");
    }
    let examples = fs::read_to_string(repository().join("examples/Cargo.toml")).expect("it is there");
    let (_, name) = build.split_once("--example ").expect("an example");
    let name = name.split(' ').next().expect("a name");
    assert!(examples.contains(&format!("name = \"{name}\"")), "{name}");
    // What is copied was made, and what is run was copied.
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).expect(start);
    assert!(lines[at("COPY --from=build /image/bank")].ends_with(" /bank"));
    assert!(
        lines.iter().any(|line| line.starts_with("RUN ") && line.contains(&format!("{name} /image/bank")))
    );
    assert!(at("FROM scratch") < at("USER 10001:10001") && at("USER") < at("ENTRYPOINT"));
    assert_eq!(lines[at("ENTRYPOINT")..], ["ENTRYPOINT [\"/bank\"]", "CMD [\"serve\"]"]);
    assert!(lines[at("ENV")].contains("MEMSTATE_DATA=/data/journal"));
    assert!(lines.contains(&"VOLUME /data") && lines.contains(&"STOPSIGNAL SIGTERM"));
}

/// The program, built so that it needs no library, in a folder of its own: the first time takes a minute or two.
fn build_static() -> PathBuf {
    let target = repository().join("target/static");
    let triple = "x86_64-unknown-linux-gnu";
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--locked", "--offline", "-p", "memstate-server-tests", "--bin", "bank-server"])
        .args(["--target", triple])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        // It is built to start and to stop, so it need not be fast.
        .args(["--config", "profile.dev.debug=false", "--config", "profile.dev.package.\"*\".opt-level=0"])
        .current_dir(repository())
        .output()
        .expect("cargo can be started");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join(triple).join("debug/bank-server")
}

#[test]
fn a_static_binary_serves_where_there_is_nothing_beside_it() {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|gave| gave.stdout == b"0\n");
    if !is_root || !cfg!(target_arch = "x86_64") {
        return println!("skipped: only root may use chroot, and it is for x86_64");
    }
    let root = tempfile::tempdir().expect("a folder");
    fs::copy(build_static(), root.path().join("bank")).expect("it can be copied");
    fs::create_dir(root.path().join("data")).expect("it can be made");
    let mut child = Command::new("chroot")
        .arg(root.path())
        .args(["/bank", "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"])
        .args(["--address-file", "/address.json"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env("MEMSTATE_DATA", "/data/journal")
        .stdin(Stdio::null())
        .spawn()
        .expect("it can be started");
    let begun = Instant::now();
    let address = root.path().join("address.json");
    while !address.exists() {
        let ended = child.try_wait().expect("it is a child");
        assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(60), "{ended:?}");
        sleep(Duration::from_millis(5));
    }
    let told: serde_json::Value = serde_json::from_slice(&fs::read(&address).expect("read")).expect("JSON");
    for key in ["address", "http_address"] {
        TcpStream::connect(told[key].as_str().expect(key)).expect("it listens");
    }
    let sent = Command::new("kill").arg(child.id().to_string()).status().expect("there is `kill`");
    assert!(sent.success());
    assert!(child.wait().expect("it ends").success());
    assert!(root.path().join("data/journal").is_dir());
}

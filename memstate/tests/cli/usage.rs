//! What is said to who types something wrong, and what needs no journal.

use std::fs;

use crate::support::*;

#[test]
fn help_says_what_there_is_with_examples_and_exit_codes() {
    let gave_help = gave(command(&["--help"]).output().unwrap());
    assert_eq!(gave_help.code, 0);
    for name in ["log", "stat", "schema", "check", "verify", "repair", "backup", "export", "completions"] {
        assert!(gave_help.out.contains(&format!("\n  {name}")), "{name} in {}", gave_help.out);
        let one = gave(command(&[name, "--help"]).output().unwrap());
        assert_eq!(one.code, 0);
        assert!(one.out.contains("memstate "), "{name}: {}", one.out);
    }
    assert!(gave_help.out.contains("Exit codes:"));
}

#[test]
fn what_is_no_journal_is_an_error_with_what_to_do() {
    let (temporary, dir) = place();
    for name in ["log", "stat", "schema", "check", "verify", "repair", "export"] {
        let missing = run(name, &dir, &[]);
        assert_eq!((missing.code, missing.out.as_str()), (3, ""), "{name}: {missing:?}");
        assert!(
            missing.err.starts_with("error: cannot list ") && missing.err.contains("\nhelp: "),
            "{}",
            missing.err
        );
        assert!(!dir.exists(), "{name} made the directory");
    }
    fs::create_dir(&dir).unwrap();
    for name in ["log", "stat", "schema", "check", "verify", "repair", "export"] {
        let empty = run(name, &dir, &[]);
        assert_eq!((empty.code, empty.out.as_str()), (3, ""), "{name}: {empty:?}");
        assert!(empty.err.contains("holds no journal yet"), "{}", empty.err);
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "nothing was made");
    fs::write(dir.join("letter.txt"), "dear").unwrap();
    let other = run("log", &dir, &[]);
    assert_eq!(other.code, 3);
    assert!(other.err.contains("letter.txt"), "{}", other.err);
    let file = run("log", &dir.join("letter.txt"), &[]);
    assert_eq!(file.code, 3);
    drop(temporary);
}

#[test]
fn a_wrong_command_line_is_told_from_what_is_wrong_with_a_journal() {
    let (_temporary, dir) = bank();
    for (name, rest) in [
        ("log", &["--since", "yesterday"][..]),
        ("log", &["--outcome", "fine"]),
        ("log", &["--limit", "x"]),
        ("repair", &["--accept-loss"]),
        ("sing", &[]),
    ] {
        let gave = run(name, &dir, rest);
        assert_eq!((gave.code, gave.out.as_str()), (2, ""), "{name} {rest:?}: {gave:?}");
        assert!(gave.err.starts_with("error: "), "{}", gave.err);
    }
}

#[test]
fn completions_are_written_for_the_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let gave = gave(command(&["completions", shell]).output().unwrap());
        assert_eq!(gave.code, 0);
        assert!(gave.out.contains("accept-loss"), "{shell}");
    }
}

#[test]
fn reading_changes_nothing_and_takes_no_lock() {
    let (_temporary, dir) = bank();
    wait(async {
        let bank = open::<second::Bank>(&dir, LARGE).await.unwrap();
        let before = contents(&dir);
        for name in ["log", "stat", "schema", "check", "verify", "export", "repair"] {
            let gave = run(name, &dir, &[]);
            assert_eq!(gave.code, 0, "{name}: {gave:?}");
        }
        assert_eq!(contents(&dir), before);
        bank.deposit(1, 1).await.unwrap();
        bank.close().await.unwrap();
    });
    fs::remove_file(dir.join("lock")).unwrap();
    assert_eq!(run("log", &dir, &[]).code, 0);
    assert!(!dir.join("lock").exists());
}

use std::{collections::BTreeSet, fs};

use tempfile::TempDir;

use super::{
    layers::{all_keys, collect_keys},
    *,
};

fn folder(file: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(file), text).expect("it can be written");
    folder
}

/// A file, the environment and the command line.
fn sources(folder: &TempDir, environment: &[(&str, &str)], options: &[(&str, &str)]) -> Sources {
    Sources {
        file: None,
        folder: folder.path().into(),
        environment: environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        options: options
            .iter()
            .map(|(key, value)| (format!("--set {key}={value}"), (*key).into(), (*value).into()))
            .collect(),
    }
}

fn refused(sources: &Sources) -> String {
    match sources.load() {
        Ok(loaded) => panic!("it was taken:\n{}", loaded.shown()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_table_of_the_docs_has_every_key_with_its_default_and_no_others() {
    let source = include_str!("../settings.rs");
    let rows = source.lines().filter_map(|line| {
        let row = line.strip_prefix("/// | `")?;
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim_matches([' ', '`'])).collect();
        let [key, default, what, ""] = cells[..] else { panic!("no row: {line}") };
        assert!(what.len() > 10, "{line}");
        Some((key.to_owned(), default.to_owned()))
    });
    let mut documented: Vec<_> = rows.collect();
    let loaded = Sources { folder: "/nowhere".into(), ..Sources::default() }.load().expect("the defaults");
    assert_eq!(loaded.settings, Settings::default());
    let mut defaults: Vec<_> = loaded
        .shown()
        .lines()
        .map(|line| {
            let line = line.strip_suffix("# default").unwrap_or_else(|| panic!("{line}")).trim_end();
            let unset = line.strip_prefix("# ").and_then(|line| line.strip_suffix(" is not set"));
            let (key, value) =
                unset.map_or_else(|| line.split_once(" = ").expect("a value"), |key| (key, ""));
            (key.to_owned(), value.to_owned())
        })
        .collect();
    let of_role = ["commands", "queries"].map(|key| (format!("roles.NAME.{key}"), "[]".to_owned()));
    defaults.extend(of_role);
    let of_role = ["events", "history", "describe", "snapshot", "metrics", "as_caller"];
    defaults.extend(of_role.map(|key| (format!("roles.NAME.{key}"), "false".to_owned())));
    defaults.push(("auth.certificates.NAME".to_owned(), String::new()));
    documented.sort();
    defaults.sort();
    assert_eq!(documented, defaults);
    let keys: BTreeSet<_> = documented.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, all_keys().into_iter().collect());
}

#[test]
fn each_layer_wins_over_those_before_it_and_is_named() {
    let text = "http = \"off\"\n[limits]\nconnections = 1\nidle = \"1h\"\nframe_bytes = \"32KiB\"\n[roles.teller]\ncommands = [\"*\"]";
    let folder = folder("memstate.toml", text);
    let environment = [
        ("MEMSTATE_LIMITS__CONNECTIONS", "2"),
        ("MEMSTATE_LIMITS__IDLE", "2h"),
        ("MEMSTATE_DATA", "elsewhere"),
        ("MEMSTATE_LISTEN", "[::1]:0"),
        ("MEMSTATE_ROLES__TELLER__QUERIES", "[total, \"b*\"]"),
        ("PATH", "x"),
    ];
    let loaded = sources(&folder, &environment, &[("limits.connections", "3")]).load().expect("they fit");
    let Settings { limits, listen, http, roles, .. } = &loaded.settings;
    assert_eq!((limits.connections, limits.idle.as_secs(), limits.frame_bytes), (3, 7200, 32 << 10));
    assert_eq!(limits.calls_in_flight, Limits::default().calls_in_flight);
    assert_eq!((listen.map(|it| it.to_string()).as_deref(), *http), (Some("[::1]:0"), None));
    assert_eq!(
        (&roles["teller"].commands[..], &roles["teller"].queries[..]),
        (&["*".into()][..], &["total".into(), "b*".into()][..])
    );
    let shown = loaded.shown();
    let line = |start: &str| {
        let found = shown
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start} in\n{shown}"));
        let (value, origin) = found.split_once("  # ").expect("an origin");
        (value.trim_end().to_owned(), origin.to_owned())
    };
    let file = folder.path().join("memstate.toml").display().to_string();
    for (value, origin) in [
        ("limits.connections = 3", "option `--set limits.connections=3`"),
        ("limits.idle = \"2h\"", "MEMSTATE_LIMITS__IDLE"),
        ("limits.frame_bytes = \"32KiB\"", &file),
        ("limits.past_states = 2", "default"),
        ("roles.teller.commands = [\"*\"]", &file),
        ("roles.teller.queries = [\"total\", \"b*\"]", "MEMSTATE_ROLES__TELLER__QUERIES"),
        ("roles.teller.events = false", "default"),
        ("http = \"off\"", &file),
    ] {
        assert_eq!(line(value), (value.to_owned(), origin.to_owned()));
    }
}

#[test]
fn what_is_shown_can_be_loaded_and_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = [
        ("roles.boss.commands", "[\"say \\\"it\\\"\"]"),
        ("log.level", "\"a\\\\b\""),
        ("auth.certificates.ann", "[teller]"),
        ("http", "off"),
        ("limits.frame_bytes", "1025"),
    ];
    let first = sources(&folder, &[], &options).load().expect("they fit");
    assert!(!first.shown().contains("NAME"), "{}", first.shown());
    fs::write(folder.path().join("memstate.toml"), first.shown()).expect("it can be written");
    let second = sources(&folder, &[], &[]).load().expect("it can be read");
    assert_eq!(first.settings, second.settings);
}

#[test]
fn json_is_read_too_and_files_are_beside_the_one_that_names_them() {
    let folder =
        folder("s.json", r#"{"limits": {"idle": "5m"}, "tls": {"key": "a.pem"}, "auth": {"tokens": "/t"}}"#);
    let mut sources = sources(&folder, &[("MEMSTATE_TLS__CERTIFICATE", "c.pem")], &[]);
    sources.file = Some(folder.path().join("s.json"));
    let settings = sources.load().expect("they fit").settings;
    assert_eq!(settings.limits.idle.as_secs(), 300);
    assert_eq!(settings.tls.key, Some(folder.path().join("a.pem")));
    assert_eq!((settings.tls.certificate, settings.auth.tokens), (Some("c.pem".into()), Some("/t".into())));
    let by_variable = super::Sources {
        environment: vec![("MEMSTATE_CONFIG".into(), folder.path().join("s.json").display().to_string())],
        ..Sources::default()
    };
    assert_eq!(by_variable.load().expect("they fit").settings.limits.idle.as_secs(), 300);
}

#[test]
fn a_key_that_there_is_not_is_an_error_and_what_may_be_meant_is_said() {
    let folder = folder(
        "memstate.toml",
        "[limit]\nconnections = 1\n[limits]\nconections = 2\n[roles.teller]\ncommand = []",
    );
    let environment = [("MEMSTATE_LIMITS__CONECTIONS", "2"), ("MEMSTATE_HOST", "x")];
    let said = refused(&sources(&folder, &environment, &[("lisen", "x")]));
    let lines: Vec<_> = said.lines().collect();
    let file = folder.path().join("memstate.toml").display().to_string();
    assert_eq!(lines.len(), 6, "{said}");
    for (line, start, end) in [
        (lines[0], format!("{file}: there is no setting `limit`"), ""),
        (
            lines[1],
            format!("{file}: there is no setting `limits.conections`"),
            "did you mean `limits.connections`?",
        ),
        (
            lines[2],
            format!("{file}: there is no setting `roles.teller.command`"),
            "did you mean `roles.NAME.commands`?",
        ),
        (
            lines[3],
            "the environment has MEMSTATE_LIMITS__CONECTIONS".to_owned(),
            "did you mean `MEMSTATE_LIMITS__CONNECTIONS`?",
        ),
        (lines[4], "the environment has MEMSTATE_HOST".to_owned(), ""),
        (
            lines[5],
            "option `--set lisen=x`: there is no setting `lisen`".to_owned(),
            "did you mean `listen`?",
        ),
    ] {
        assert!(line.starts_with(&start) && line.ends_with(end), "{line}\nshould be: {start} … {end}");
    }
}

#[test]
fn a_value_that_does_not_fit_is_an_error_with_its_place_and_what_is_wanted() {
    for (text, said) in [
        ("listen = 7117", "`listen` is 7117; wanted is an address with its port"),
        ("listen = \"localhost\"", "`listen` is \"localhost\"; wanted is an address with its port"),
        ("limits.connections = \"many\"", "`limits.connections` is \"many\"; wanted is a whole number"),
        ("limits.connections = -1", "`limits.connections` is -1; wanted is a whole number"),
        ("limits.idle = 5", "`limits.idle` is 5; wanted is a duration with its unit"),
        ("limits.idle = \"5\"", "`limits.idle`: \"5\" is no duration; wanted is"),
        ("limits.frame_bytes = \"4KB\"", "`limits.frame_bytes`: \"4KB\" is no size; wanted is"),
        ("limits = 5", "`limits` is 5; wanted is a table"),
        ("stop.snapshot = \"yes\"", "`stop.snapshot` is \"yes\"; wanted is true or false"),
        ("log.format = \"xml\"", "`log.format` is \"xml\"; wanted is \"text\" or \"json\""),
        (
            "auth.jwt.algorithm = \"none\"",
            "`auth.jwt.algorithm` is \"none\"; wanted is \"HS256\" or \"RS256\" or \"ES256\"",
        ),
        ("auth.jwt.issuer = 5", "`auth.jwt.issuer` is 5; wanted is a text"),
        ("roles.teller.commands = \"*\"", "`roles.teller.commands` is \"*\"; wanted is a list"),
        ("roles.teller = true", "`roles.teller` is true; wanted is a table"),
    ] {
        let folder = folder("memstate.toml", text);
        let file = folder.path().join("memstate.toml").display().to_string();
        let error = refused(&sources(&folder, &[], &[]));
        assert!(error.starts_with(&format!("{file}: {said}")), "{error}\nshould say: {said}");
    }
    let folder = folder("memstate.toml", "= 7");
    assert!(refused(&sources(&folder, &[], &[])).contains("memstate.toml is no TOML"));
    let nothing = tempfile::tempdir().expect("a folder");
    let error = refused(&sources(&nothing, &[("MEMSTATE_LIMITS__IDLE", "soon")], &[]));
    assert!(error.starts_with("MEMSTATE_LIMITS__IDLE: `limits.idle`: \"soon\""), "{error}");
    let error = refused(&sources(&nothing, &[], &[("limits.idle", "soon")]));
    assert!(error.starts_with("option `--set limits.idle=soon`: `limits.idle`"), "{error}");
    let missing = Sources { file: Some("/nowhere.toml".into()), ..sources(&nothing, &[], &[]) };
    assert!(refused(&missing).contains("of --config cannot be read: /nowhere.toml"));
}

#[test]
fn beyond_loopback_there_is_tls_and_authentication_or_a_word_that_says_otherwise() {
    let (loopback, anywhere) = ("127.0.0.1:0".parse().ok(), "0.0.0.0:7117".parse().ok());
    let with_tls = Tls { certificate: Some("c".into()), key: Some("k".into()), ..Tls::default() };
    let with_tokens = Auth { tokens: Some("t".into()), ..Auth::default() };
    for (listen, http) in [
        (anywhere, loopback),
        (loopback, "[::]:0".parse().ok()),
        (None, "192.0.2.1:80".parse().ok()),
        ("[::ffff:192.0.2.1]:80".parse().ok(), None),
    ] {
        for (tls, auth, missing) in [
            (
                &Tls::default(),
                &Auth::default(),
                Some("no TLS (`tls.certificate`, `tls.key`) and authentication"),
            ),
            (&with_tls, &Auth::default(), Some("no authentication")),
            (&Tls::default(), &with_tokens, Some("no TLS")),
            (&with_tls, &with_tokens, None),
        ] {
            let mut settings =
                Settings { listen, http, tls: tls.clone(), auth: auth.clone(), ..Settings::default() };
            match (settings.check(), missing) {
                (Ok(()), None) => {}
                (Err(error), Some(missing)) => {
                    let said = error.to_string();
                    assert!(said.contains(missing), "{said}");
                    assert!(said.contains("--insecure-listen-beyond-loopback"), "{said}");
                }
                (checked, _) => panic!("{settings:?}: {checked:?}"),
            }
            settings.insecure_listen_beyond_loopback = true;
            settings.check().expect("it was told in so many words");
        }
    }
    for address in ["127.0.0.1:7117", "127.1.2.3:0", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        let settings = Settings { listen: address.parse().ok(), ..Settings::default() };
        settings.check().unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    // Those who show nothing are not known by having a role.
    let mut settings = Settings { listen: anywhere, tls: with_tls, ..Settings::default() };
    settings.roles.insert(ANONYMOUS.to_owned(), Role::default());
    assert!(settings.check().is_err());
}

#[test]
fn what_contradicts_itself_is_refused() {
    type Change = fn(&mut Settings);
    let changes: [(Change, &str); 8] = [
        (|it| (it.listen, it.http) = (None, None), "both off"),
        (|it| it.tls.certificate = Some("c".into()), "`tls.key` is not"),
        (|it| it.tls.key = Some("c".into()), "`tls.certificate` is not"),
        (|it| it.tls.client_ca = Some("c".into()), "without TLS"),
        (|it| it.auth.certificates = [("ann".to_owned(), Vec::new())].into(), "without `tls.client_ca`"),
        (|it| it.roles = [("teller".to_owned(), Role::default())].into(), "nothing says who has which role"),
        (|it| it.limits.connections = 0, "`limits.connections` is 0"),
        (
            |it| it.limits.bytes_before_authentication = it.limits.frame_bytes + 1,
            "bytes_before_authentication",
        ),
    ];
    for (change, said) in changes {
        let mut settings = Settings::default();
        change(&mut settings);
        let error = settings.check().expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn no_value_is_lost_between_the_settings_and_their_keys() {
    let mut count = 0;
    let values = figment::value::Value::serialize(Settings::default()).expect("they can be written");
    collect_keys(&values.into_dict().expect("a table"), &mut Vec::new(), &mut |_, _| count += 1);
    assert_eq!(count, all_keys().len());
}

//! PostgreSQL, over a Unix socket: a transaction a call in many connections, and the calls gathered into one transaction.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
    process::Command,
    rc::Rc,
    sync::Arc,
};

use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
};
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::{
    Failure, Peer, Step, Store, Sums, drive,
    server::{Server, command, found, version},
};
use crate::{
    bank::{ACCOUNTS, BALANCE, Transfer},
    setting::Setting,
};

/// More were slower on two cores: 64 of them by a third.
const CONNECTIONS: usize = 16;

/// Room for everything in memory, as few checkpoints and as little in the log as is safe, and a moment in which commits wait for
/// others to be synced with: half of what a sync takes, where at least five transactions run.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "wal_sync_method=fdatasync",
    "wal_level=minimal",
    "max_wal_senders=0",
    "wal_buffers=64MB",
    "max_wal_size=8GB",
    "checkpoint_timeout=30min",
    "shared_buffers=1GB",
    "commit_delay=100",
    "commit_siblings=5",
    "max_connections=100",
    "jit=off",
];

/// The account with the lower number comes first, so that no two transfers wait for each other.
const SCHEMA: &str = "
    create table accounts (number bigint primary key, balance bigint not null, transfers bigint not null) with (fillfactor = 50);

    create function transfer(source bigint, target bigint, amount bigint) returns boolean language plpgsql as $$
    begin
        if target < source then
            update accounts set balance = balance + amount, transfers = transfers + 1 where number = target;
            if not found then return false; end if;
            update accounts set balance = balance - amount, transfers = transfers + 1 where number = source and balance >= amount;
            if not found then
                update accounts set balance = balance - amount, transfers = transfers - 1 where number = target;
                return false;
            end if;
        else
            update accounts set balance = balance - amount, transfers = transfers + 1 where number = source and balance >= amount;
            if not found then return false; end if;
            update accounts set balance = balance + amount, transfers = transfers + 1 where number = target;
            if not found then
                update accounts set balance = balance + amount, transfers = transfers - 1 where number = source;
                return false;
            end if;
        end if;
        return true;
    end $$;

    create function transfers(sources bigint[], targets bigint[], amounts bigint[]) returns boolean[] language plpgsql as $$
    declare
        accepted boolean[] := '{}';
    begin
        for i in 1 .. cardinality(sources) loop
            accepted[i] := transfer(sources[i], targets[i], amounts[i]);
        end loop;
        return accepted;
    end $$;
";

pub fn peers(setting: &Setting) -> Result<Vec<Peer>, Failure> {
    let Some(programs) = Programs::found() else {
        setting.note(
            "postgresql: left out, because it is not installed (on Debian: apt-get install postgresql)",
        );
        return Ok(Vec::new());
    };
    setting.note(format!(
        "postgresql, {}: a server of its own over a Unix socket, up to {CONNECTIONS} connections, a transaction a call, pipelined, by a \
         prepared statement that calls a function in the server; {}",
        version(&programs.postgres),
        SETTINGS.join(" ")
    ));
    setting.note("postgresql_gathered: the same server, the calls in flight gathered into one prepared call with arrays, one transaction");
    let cluster = Rc::new(Cluster::new(programs, setting)?);
    let (each, gathered) = (Rc::clone(&cluster), cluster);
    Ok(vec![
        Peer {
            name: "postgresql",
            turn: Box::new(move |_, runtime, step| each.turn(runtime, step, Connections::of)),
        },
        Peer {
            name: "postgresql_gathered",
            turn: Box::new(move |_, runtime, step| gathered.turn(runtime, step, Gathered::of)),
        },
    ])
}

struct Programs {
    postgres: PathBuf,
    initdb: PathBuf,
}

impl Programs {
    /// Debian keeps them in a directory of the version, which is not in the path.
    fn found() -> Option<Self> {
        let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut of_debian: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin")).collect();
        of_debian.sort();
        of_debian.reverse();
        Some(Programs { postgres: found("postgres", &of_debian)?, initdb: found("initdb", &of_debian)? })
    }
}

/// The files of a server, which is started for each turn.
struct Cluster {
    programs: Programs,
    dir: TempDir,
    /// A socket's name has to be short.
    sockets: TempDir,
    /// Under whom it runs, as it refuses to be root.
    user: Option<&'static str>,
}

impl Cluster {
    fn new(programs: Programs, setting: &Setting) -> Result<Self, Failure> {
        let dir = setting.dir()?;
        let sockets = tempfile::tempdir()?;
        let user = (fs::metadata(dir.path())?.uid() == 0).then_some("postgres");
        if let Some(user) = user {
            // The server's user has to get at its files: they are in two directories that were made for this run.
            for dir in [dir.path().parent(), Some(dir.path()), Some(sockets.path())].into_iter().flatten() {
                fs::set_permissions(dir, Permissions::from_mode(0o711))?;
            }
            for dir in [dir.path(), sockets.path()] {
                done(Command::new("chown").arg(user).arg(dir))?;
            }
        }
        let mut initdb = command(&programs.initdb, user);
        initdb.arg("-D").arg(dir.path().join("data")).args([
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
        ]);
        // What it finds its server by.
        done(initdb.current_dir("/"))?;
        Ok(Cluster { programs, dir, sockets, user })
    }

    fn turn<S: Store>(
        &self,
        runtime: &Runtime,
        step: Step,
        store: impl AsyncFnOnce(&Self, usize) -> Result<S, Failure>,
    ) -> Result<f64, Failure> {
        let mut command = command(&self.programs.postgres, self.user);
        command
            .arg("-D")
            .arg(self.dir.path().join("data"))
            .arg("-k")
            .arg(self.sockets.path())
            .current_dir("/");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        runtime.block_on(async {
            let mut server = Server::start(command, &self.dir.path().join("log"), "INT")?;
            let first = server.answer(async || self.connect().await).await?;
            first.batch_execute("drop table if exists accounts; drop function if exists transfer, transfers").await?;
            first.batch_execute(SCHEMA).await?;
            let (accounts, balance) = (ACCOUNTS as i64, BALANCE);
            let fill = format!(
                "insert into accounts select number, case when number < {accounts} then {balance} else 0 end, 0 \
                 from generate_series(0, {accounts}) as number"
            );
            first.batch_execute(&fill).await?;
            // Outside of a transaction, one by one.
            first.batch_execute("vacuum analyze accounts").await?;
            first.batch_execute("checkpoint").await?;
            let driven = drive(&store(self, step.in_flight).await?, step).await?;
            let sums = "select sum(balance)::bigint, sum(transfers)::bigint from accounts";
            let sums = first.query_one(sums, &[]).await?;
            driven.checked(Sums { balance: sums.get(0), transfers: sums.get::<_, i64>(1) as u64 })
        })
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config.host_path(self.sockets.path()).user("postgres").dbname("postgres");
        let (client, connection) = config.connect(NoTls).await?;
        // It ends with its client, who is told what went wrong.
        tokio::spawn(connection);
        Ok(client)
    }
}

fn done(command: &mut Command) -> Result<(), Failure> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} has failed: {}", said.trim_end()).into());
    }
    Ok(())
}

/// A transaction a call.
#[derive(Clone)]
struct Connections(Arc<[(Client, Statement)]>);

impl Connections {
    async fn of(cluster: &Cluster, in_flight: usize) -> Result<Self, Failure> {
        let mut connections = Vec::new();
        for _ in 0..in_flight.min(CONNECTIONS) {
            let client = cluster.connect().await?;
            let statement = client.prepare("select transfer($1, $2, $3)").await?;
            connections.push((client, statement));
        }
        Ok(Connections(connections.into()))
    }
}

impl Store for Connections {
    async fn transfer(&self, caller: usize, transfer: Transfer) -> Result<bool, Failure> {
        let (client, statement) = &self.0[caller % self.0.len()];
        let (from, to, amount) = arguments(transfer);
        Ok(client.query_one(statement, &[&from, &to, &amount]).await?.get(0))
    }
}

fn arguments(transfer: Transfer) -> (i64, i64, i64) {
    (transfer.from as i64, transfer.to as i64, i64::from(transfer.amount))
}

type Call = (Transfer, oneshot::Sender<bool>);

/// A transaction for all calls that have come during the last one.
#[derive(Clone)]
struct Gathered(mpsc::UnboundedSender<Call>);

impl Gathered {
    async fn of(cluster: &Cluster, _: usize) -> Result<Self, Failure> {
        let client = cluster.connect().await?;
        let statement = client.prepare("select transfers($1, $2, $3)").await?;
        let (calls, called) = mpsc::unbounded_channel();
        tokio::spawn(write(client, statement, called));
        Ok(Gathered(calls))
    }
}

impl Store for Gathered {
    async fn transfer(&self, _: usize, transfer: Transfer) -> Result<bool, Failure> {
        let (reply, answer) = oneshot::channel();
        self.0.send((transfer, reply)).map_err(|_| "the writer has stopped")?;
        Ok(answer.await?)
    }
}

async fn write(
    client: Client,
    statement: Statement,
    mut called: mpsc::UnboundedReceiver<Call>,
) -> Result<(), Failure> {
    let mut calls = Vec::new();
    while called.recv_many(&mut calls, usize::from(u16::MAX)).await > 0 {
        let (mut from, mut to, mut amounts) = (Vec::new(), Vec::new(), Vec::new());
        for (transfer, _) in &calls {
            let (source, target, amount) = arguments(*transfer);
            from.push(source);
            to.push(target);
            amounts.push(amount);
        }
        let row = client.query_one(&statement, &[&from, &to, &amounts]).await?;
        let accepted: Vec<bool> = row.get(0);
        for ((_, reply), accepted) in std::iter::zip(calls.drain(..), accepted) {
            // A caller that no longer waits needs no answer.
            let _ = reply.send(accepted);
        }
    }
    Ok(())
}

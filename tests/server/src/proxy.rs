//! [`Proxy`]: what stands between a client and a server, and cuts their connections.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use crate::random::Random;

/// Passes bytes on in both directions, in pieces, late, and only so many of them: then both ends lose the connection, in the
/// middle of a frame as a rule. When it is dropped, so are all connections.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
    /// Ends the connections.
    _open: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    cuts: AtomicU64,
    late: AtomicU64,
    /// How many may still be cut.
    left: AtomicI64,
}

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Both ends are told that nothing more will come.
    Closed,
    /// Both ends are reset.
    Reset,
    /// The client loses it at once. The server gets what was on its way to it later, when the client may be there again.
    Late,
}

impl Proxy {
    /// Stands in front of this server, and cuts at most so many connections; all that comes from chance comes from the seed.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub async fn start(server: SocketAddr, seed: u64, cuts: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts { left: AtomicI64::new(cuts as i64), ..Counts::default() });
        let (open, is_open) = watch::channel(());
        let counting = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = counting.connections.fetch_add(1, Ordering::Relaxed);
                let random = Random::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let (counts, mut open) = (Arc::clone(&counting), is_open.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        // Either end may have ended it.
                        _ = pass(near, server, random, &counts) => {}
                        // It never changes, so the sender is gone.
                        _ = open.changed() => {}
                    }
                });
            }
        });
        Ok(Proxy { address, counts, accepting, _open: open })
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> u64 {
        self.counts.cuts.load(Ordering::Relaxed)
    }

    /// After how many of them something still came to the server.
    pub fn late(&self) -> u64 {
        self.counts.late.load(Ordering::Relaxed)
    }

    /// Cuts nothing any more.
    pub fn be_gentle(&self) {
        self.counts.left.store(0, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// How many bytes a connection lives for.
fn budget(random: &mut Random) -> u64 {
    match random.below(10) {
        // Within the greetings, on either side.
        0 => random.below(400),
        1..=4 => random.below(20_000),
        5..=8 => random.below(200_000),
        _ => random.below(1_000_000),
    }
}

async fn pass(near: TcpStream, server: SocketAddr, mut random: Random, counts: &Counts) -> io::Result<()> {
    let far = TcpStream::connect(server).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let budget = AtomicI64::new(budget(&mut random) as i64);
    let how = match random.below(3) {
        0 => Cut::Closed,
        1 => Cut::Reset,
        _ => Cut::Late,
    };
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let (up, down) = (Random::new(random.below(u64::MAX)), Random::new(random.below(u64::MAX)));
    let (left, is_up) = tokio::select! {
        left = copy(&mut near_read, &mut far_write, &budget, up, counts) => (left?, true),
        left = copy(&mut far_read, &mut near_write, &budget, down, counts) => (left?, false),
    };
    // Without anything left it was one of the ends who closed it.
    let Some(mut rest) = left else { return Ok(()) };
    counts.cuts.fetch_add(1, Ordering::Relaxed);
    match how {
        Cut::Closed => {}
        Cut::Reset => {
            let (near, far) = (near_read.reunite(near_write), far_read.reunite(far_write));
            near.map_err(io::Error::other)?.set_zero_linger()?;
            far.map_err(io::Error::other)?.set_zero_linger()?;
        }
        // The other direction may have been left in the middle of a piece, behind which nothing else may come.
        Cut::Late if !is_up => {}
        Cut::Late => {
            // What the client has sent by now is on its way.
            let mut more = vec![0; 64 << 10];
            if let Ok(length) = near_read.try_read(&mut more) {
                rest.extend_from_slice(&more[..length]);
            }
            drop((near_read, near_write));
            tokio::time::sleep(Duration::from_millis(1 + random.below(60))).await;
            counts.late.fetch_add(u64::from(!rest.is_empty()), Ordering::Relaxed);
            far_write.write_all(&rest).await?;
            // It is heard before the end is.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

/// Passes bytes on until there have been enough in both directions. Says what was read and not passed on, or `None` if this end
/// was closed.
async fn copy(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    budget: &AtomicI64,
    mut random: Random,
    counts: &Counts,
) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        // Frames are split as it comes: now and then into very small pieces.
        let most = match random.below(8) {
            0 => 1 + random.below(20) as usize,
            _ => bytes.len(),
        };
        let length = from.read(&mut bytes[..most]).await?;
        if length == 0 {
            return Ok(None);
        }
        if random.below(50) == 0 {
            tokio::time::sleep(Duration::from_micros(random.below(2_000))).await;
        }
        let left = budget.fetch_sub(length as i64, Ordering::Relaxed);
        if left < length as i64 && counts.left.fetch_sub(1, Ordering::Relaxed) > 0 {
            let passed = left.max(0) as usize;
            to.write_all(&bytes[..passed]).await?;
            return Ok(Some(bytes[passed..length].to_vec()));
        }
        to.write_all(&bytes[..length]).await?;
    }
}

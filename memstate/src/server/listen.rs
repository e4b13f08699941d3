//! Connections: accepted, counted, and secured where TLS is asked for.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

#[cfg(test)]
mod tests;
pub(crate) mod tls;

/// What connections are secured with, if they are. It may be exchanged at any time, for the connections after that.
pub(crate) type Secured = Arc<ArcSwapOption<ServerConfig>>;

/// Where connections come from.
pub(crate) struct Listener {
    tcp: TcpListener,
    secured: Secured,
    /// Bounds the connections of all listeners together.
    connections: Arc<Semaphore>,
}

/// A connection of which nothing was read.
pub(crate) struct Accepted {
    tcp: TcpStream,
    pub(crate) peer: SocketAddr,
    secured: Option<Arc<ServerConfig>>,
    permit: OwnedSemaphorePermit,
}

/// A connection, secured if it has to be.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) peer: SocketAddr,
    /// The certificate of the other end, whose chain was verified, as DER.
    pub(crate) certificate: Option<Vec<u8>>,
    /// Counts the connection as long as it is there.
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Listener {
    pub(crate) async fn bind(
        address: SocketAddr,
        secured: &Secured,
        connections: &Arc<Semaphore>,
    ) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        Ok(Listener { tcp, secured: Arc::clone(secured), connections: Arc::clone(connections) })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The next connection. One that there is no room for is closed at once.
    pub(crate) async fn accept(&self) -> Accepted {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, peer)) => match Arc::clone(&self.connections).try_acquire_owned() {
                    Ok(permit) => {
                        // Frames are written whole, so waiting for more to send only delays them.
                        let _ = tcp.set_nodelay(true);
                        return Accepted { tcp, peer, secured: self.secured.load_full(), permit };
                    }
                    Err(_) => {
                        tracing::warn!(%peer, "a connection is refused: there are as many as there may be")
                    }
                },
                Err(error) => {
                    // Such as too many open files: it may pass.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl Accepted {
    /// Does the handshake of TLS, if there is to be one, for at most as long as `limit`.
    ///
    /// # Errors
    ///
    /// If the other end does not do its part, or not in time.
    pub(crate) async fn secure(self, limit: Duration) -> io::Result<Connection> {
        let Accepted { tcp, peer, secured, permit } = self;
        let Some(config) = secured else {
            return Ok(Connection { stream: Stream::Plain(tcp), peer, certificate: None, permit });
        };
        let handshake = TlsAcceptor::from(config).accept(tcp);
        let stream = tokio::time::timeout(limit, handshake).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, "the handshake of TLS was not done in time")
        })??;
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(<[_]>::first).map(|first| first.as_ref().to_vec());
        Ok(Connection { stream: Stream::Tls(Box::new(stream)), peer, certificate, permit })
    }
}

/// The bytes of a connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(task, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(task, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, task: &mut Task<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(task, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(task, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(task),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(task),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(task),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(task),
        }
    }
}

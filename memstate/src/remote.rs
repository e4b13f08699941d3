//! [`connect`]: the typed client of a model in another process.
//!
//! ```text
//! frames   what client and server say, in bytes; both ends use it
//! surface  what the methods look like: how two versions understand each other
//! link     a connection that is made again, and what is in flight on it
//! kept     a call in flight, as it is sent and sent again
//! parts    streams: what comes one after another
//! dial     addresses, TCP, TLS
//! ```

use std::{
    fmt,
    future::IntoFuture,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

pub(crate) mod dial;
mod drive;
pub(crate) mod frames;
mod kept;
pub(crate) mod link;
pub(crate) mod parts;
pub(crate) mod surface;

use self::surface::{Dialect, Kind};
pub(crate) use self::{
    link::Link,
    parts::{Part, Parts},
};
use crate::{
    Client, Model,
    codec::{Answer, Unreadable, whole},
    model::{ReadReply, Verdict},
    schema::{Type, value},
};

/// The typed client of a model that a server answers for, in another process or on another machine: the same as
/// [`open`](crate::open) gives.
///
/// `address` is `memstate://HOST:PORT`, or `memstate+tls://HOST:PORT` for a connection under TLS; without a port it is 7117. What
/// else there is to say is said on the [`Connect`] that is awaited. It needs a runtime of tokio, which the connection's tasks
/// run on.
///
/// The connection is made again whenever it is lost. Commands that are in flight then are sent again under the
/// [request](crate::RequestId) that each of them has, so that they happen once; queries are asked again, of a state that contains
/// everything that this client has seen. When there is no connection for [`give_up_after`](Connect::give_up_after), what is in
/// flight is answered with [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown) or
/// [`Error::Unreachable`](crate::Error::Unreachable), so no call waits for ever.
///
/// Client and server may be of different versions of the code: methods are found by name, arguments and replies are carried over
/// as those of a journal are, and where that ends, the call is answered with
/// [`Error::Incompatible`](crate::Error::Incompatible).
///
/// ```no_run
/// # use memstate::collections::Vec;
/// # #[memstate::model]
/// # #[derive(Default)]
/// # struct Guestbook {
/// #     names: Vec<String>,
/// # }
/// # #[memstate::model]
/// # impl Guestbook {
/// #     pub fn sign(&mut self, name: String) -> usize {
/// #         self.names.push(name);
/// #         self.names.len()
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let guestbook = memstate::connect::<Guestbook>("memstate://127.0.0.1:7117").await?;
/// assert_eq!(guestbook.sign("Ann").await?, 1);
/// # Ok(())
/// # }
/// ```
pub fn connect<M: Model>(address: impl Into<String>) -> Connect<M> {
    Connect {
        options: dial::Options {
            address: address.into(),
            token: None,
            authorities: None,
            certificate: None,
            server_name: None,
            give_up_after: Duration::from_secs(30),
        },
        model: std::marker::PhantomData,
    }
}

/// A connection that is about to be made: await it, after changing what its defaults are not right for.
#[must_use = "nothing is connected until this is awaited"]
pub struct Connect<M: Model> {
    options: dial::Options,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> Connect<M> {
    /// Shows the server this token, or this JWT. It is sent as it is, so over a network it wants TLS.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.options.token = Some(token.into());
        self
    }

    /// Trusts the certificates of these authorities, in a file in the format PEM, and no others. Without it those that the system
    /// trusts are.
    pub fn certificate_authorities(mut self, file: impl Into<PathBuf>) -> Self {
        self.options.authorities = Some(file.into());
        self
    }

    /// Shows the server this certificate, with its private key; both are files in the format PEM.
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.options.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// The name that the server's certificate must have, if it is not the host of the address.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.options.server_name = Some(name.into());
        self
    }

    /// How long calls wait while there is no connection: 30 seconds unless it is set here. It goes on trying after that, and calls
    /// are answered at once until it has succeeded.
    pub fn give_up_after(mut self, limit: Duration) -> Self {
        self.options.give_up_after = limit;
        self
    }
}

/// Why there is no connection to a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address, or a file that was named, cannot be used.
    #[error("cannot connect to `{address}`: {why}")]
    Invalid {
        /// The address.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// Nobody answers there, or the connection cannot be secured.
    #[error("cannot connect to `{address}`: {why}")]
    Unreachable {
        /// The address.
        address: String,
        /// What the system said.
        why: String,
    },
    /// What answers does not go on: it does not know the caller, has another model, or speaks another version of the protocol.
    #[error("`{address}` refuses the connection: {why}")]
    Refused {
        /// The address.
        address: String,
        /// What it said.
        why: String,
    },
}

/// A connection that is being made.
#[must_use = "the client is there when this was awaited"]
pub struct Connecting<M: Model> {
    made: Pin<Box<dyn Future<Output = Result<Arc<Link>, ConnectError>> + Send>>,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> IntoFuture for Connect<M> {
    type Output = Result<M::Client, ConnectError>;
    type IntoFuture = Connecting<M>;

    fn into_future(self) -> Connecting<M> {
        let names = (surface::names::<M::Command>(), surface::names::<M::Query>());
        // Tracing a large model takes long, so not on the first poll but here, where it is called.
        let surface = surface::Surface::of::<M>();
        let made = drive::connect(self.options, M::NAME, surface, names);
        Connecting { made: Box::pin(made), model: std::marker::PhantomData }
    }
}

impl<M: Model> Future for Connecting<M> {
    type Output = Result<M::Client, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.made.as_mut().poll(cx).map_ok(|link| M::Client::from(Client::there(link)))
    }
}

impl<M: Model> fmt::Debug for Connect<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("model", &M::NAME)
            .field("address", &self.options.address)
            .finish_non_exhaustive()
    }
}

impl<M: Model> fmt::Debug for Connecting<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").field("model", &M::NAME).finish_non_exhaustive()
    }
}

/// What a reply is that a server of another version has written.
#[derive(Debug)]
pub(crate) struct Foreign {
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) kind: Kind,
    /// The method by the client's number; `None` for an atomic batch.
    pub(crate) method: Option<u16>,
}

impl Foreign {
    /// The type of the reply, if it is another one than ours.
    fn written(&self, method: u16, verdict: Verdict) -> Option<Type<'_>> {
        let (accepted, rejected) = self.dialect.written(self.kind, method)?;
        let shape = match verdict {
            Verdict::Accepted => accepted,
            Verdict::Rejected => rejected?,
        };
        Some(self.dialect.theirs.methods(self.kind).schema.of(shape))
    }

    /// Reads a whole reply.
    pub(crate) fn read<R>(
        &self,
        read: ReadReply<R>,
        verdict: Verdict,
        bytes: &[u8],
    ) -> Result<R, Unreadable> {
        match self.method.and_then(|method| self.written(method, verdict)) {
            Some(written) => whole(bytes, |bytes| (read.carry)(verdict, written, bytes)),
            None => whole(bytes, |bytes| (read.read)(verdict, bytes)),
        }
    }

    /// The bytes of a reply to `method` as ours would have written them.
    ///
    /// # Errors
    ///
    /// If it has no place in our types, or a value is missing that only our code has.
    pub(crate) fn as_ours(
        &self,
        link: &surface::Surface,
        method: u16,
        verdict: Verdict,
        bytes: &[u8],
    ) -> Result<Vec<u8>, Unreadable> {
        let Some(written) = self.written(method, verdict) else { return Ok(bytes.to_vec()) };
        let ours = link.methods(self.kind);
        let command = ours.command(method).ok_or_else(|| Unreadable::new("there is no such method"))?;
        let shape = match verdict {
            Verdict::Accepted => Some(&command.accepted),
            Verdict::Rejected => command.rejected.as_ref(),
        };
        let shape = shape.ok_or_else(|| Unreadable::new("a method that cannot refuse has refused"))?;
        let value = whole(bytes, |bytes| value::read(written, bytes))?;
        let mut today = Vec::new();
        value::carry(ours.schema.of(shape), &value, &mut today)
            .map_err(|error| Unreadable::new(error.to_string()))?;
        Ok(today)
    }
}

/// Reads an event as a server wrote it.
pub(crate) fn read_event<E: Answer>(dialect: Option<&Dialect>, bytes: &[u8]) -> Result<E, Unreadable> {
    match dialect.filter(|dialect| !dialect.same_events) {
        None => whole(bytes, E::get),
        Some(dialect) => {
            let commands = &dialect.theirs.commands;
            whole(bytes, |bytes| E::carry(commands.schema.of(&commands.events), bytes))
        }
    }
}

//! A server: an open model, answered to typed clients over TCP and to everybody else over HTTP.
//!
//! ```text
//! link  (frames over TCP) ┐
//!                         ├─ calls ── access: may they?  ── service ── engine
//! http  (JSON over HTTP)  ┘        └─ telemetry: how long did it take?
//! ```
//!
//! `access` finds out who calls and what they may, `settings` what everything is set to, `listen` accepts, counts and secures
//! connections. Neither front knows the other, and neither knows the model's type.

mod access;
mod calls;
mod http;
mod link;
mod listen;
mod settings;
mod telemetry;

use std::{fmt, net::SocketAddr, sync::Arc};

pub use settings::{Limits, Settings};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{
    access::Access,
    listen::{Listener, Secured},
    telemetry::Telemetry,
};
use crate::{
    Client, Model,
    service::{Hosted, Service},
};

/// What the parts of a running server share.
pub(crate) struct Context {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) access: Access,
    pub(crate) settings: Settings,
    pub(crate) telemetry: Telemetry,
    /// Is cancelled when nothing new is taken any more: what is in flight is finished.
    pub(crate) stopping: CancellationToken,
    /// States of the past that were asked for lately.
    pub(crate) pasts: calls::Pasts,
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another address or port, or end what listens there"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings contradict each other, or name something that cannot be used.
    #[error("{0}")]
    Settings(String),
}

/// Answers calls of others for a model that is open in this process.
///
/// It goes on until [`Serving::stop`], on the runtime of tokio that this is called on.
///
/// # Errors
///
/// [`ServeError`], if an address cannot be listened on, or the settings cannot be used.
pub async fn serve<M: Model>(client: &Client<M>, settings: Settings) -> Result<Serving, ServeError> {
    let hosted = Hosted::new(client).ok_or_else(|| {
        ServeError::Settings("the model is in another process, which is to serve it itself".to_owned())
    })?;
    let service: Arc<dyn Service> = Arc::new(hosted);
    let access = Access::open(service.described());
    let telemetry = Telemetry::new(service.described());
    let secured = Secured::default();
    let connections = Arc::new(Semaphore::new(settings.limits.connections));
    let listen = async |address: Option<SocketAddr>| match address {
        None => Ok(None),
        Some(address) => match Listener::bind(address, &secured, &connections).await {
            Ok(listener) => Ok(Some(listener)),
            Err(source) => Err(ServeError::Listen { address, source }),
        },
    };
    let (link, http) = (listen(settings.listen).await?, listen(settings.http).await?);
    let address = |listener: &Option<Listener>| listener.as_ref().and_then(|one| one.address().ok());
    let (link_address, http_address) = (address(&link), address(&http));
    let stopping = CancellationToken::new();
    let context = Arc::new(Context {
        service,
        access,
        settings,
        telemetry,
        stopping: stopping.clone(),
        pasts: calls::Pasts::default(),
    });
    let mut fronts = Vec::new();
    fronts.extend(link.map(|listener| tokio::spawn(link::run(listener, Arc::clone(&context)))));
    fronts.extend(http.map(|listener| tokio::spawn(http::run(listener, Arc::clone(&context)))));
    Ok(Serving { stopping, fronts, link_address, http_address })
}

/// A server that runs. When it is dropped, it goes on.
pub struct Serving {
    stopping: CancellationToken,
    fronts: Vec<JoinHandle<()>>,
    link_address: Option<SocketAddr>,
    http_address: Option<SocketAddr>,
}

impl Serving {
    /// Where typed clients are answered.
    pub fn address(&self) -> Option<SocketAddr> {
        self.link_address
    }

    /// Where HTTP is answered.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Takes nothing new, finishes what is in flight, and closes all connections. The model stays open.
    pub async fn stop(self) {
        self.stopping.cancel();
        for front in self.fronts {
            // It has told its own panic.
            let _ = front.await;
        }
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("address", &self.link_address)
            .field("http_address", &self.http_address)
            .finish_non_exhaustive()
    }
}

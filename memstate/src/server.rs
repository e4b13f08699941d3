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

pub(crate) mod access;
mod calls;
mod http;
mod link;
mod listen;
pub(crate) mod settings;
pub(crate) mod telemetry;

use std::{fmt, net::SocketAddr, sync::Arc};

pub use settings::{Algorithm, Auth, Clients, Jwt, Limits, Log, LogFormat, Otel, Role, Settings, Stop, Tls};
use tokio::{sync::Semaphore, task::JoinHandle, time::timeout_at};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use self::{
    access::Access,
    listen::{Listener, Secured, tls},
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
    /// Is cancelled when connections are closed, whatever is in flight on them.
    pub(crate) cut: CancellationToken,
    /// States of the past that were asked for lately.
    pub(crate) pasts: calls::Pasts,
    pub(crate) slow: calls::Slow,
}

/// The methods and paths that are answered over HTTP: the matrix of rights in the tests does not compile without a row for each.
#[doc(hidden)]
pub const __ROUTES: &[(&str, &str)] = &http::PATHS;

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
/// [`ServeError`], if an address cannot be listened on, or the settings or a file that they name cannot be used. It refuses to listen
/// beyond loopback without TLS and authentication, unless [the settings](Settings::insecure_listen_beyond_loopback) say so.
pub async fn serve<M: Model>(client: &Client<M>, settings: Settings) -> Result<Serving, ServeError> {
    settings.check()?;
    let hosted = Hosted::new(client).ok_or_else(|| {
        ServeError::Settings("the model is in another process, which is to serve it itself".to_owned())
    })?;
    let service: Arc<dyn Service> = Arc::new(hosted);
    let access = Access::load(service.described(), &settings).map_err(ServeError::Settings)?;
    let telemetry = Telemetry::new(service.described());
    let tls = tls::load(&settings.tls).map_err(ServeError::Settings)?;
    let secured = Secured::new(tls.map(warned).into());
    if settings.insecure_listen_beyond_loopback {
        tracing::warn!("it may listen to other machines without TLS or authentication");
    }
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
    let context = Arc::new(Context {
        slow: calls::Slow::new(service.described().queries.all().count()),
        service,
        access,
        settings,
        telemetry,
        stopping: CancellationToken::new(),
        cut: CancellationToken::new(),
        pasts: calls::Pasts::default(),
    });
    let mut fronts = Vec::new();
    fronts.extend(link.map(|listener| tokio::spawn(link::run(listener, Arc::clone(&context)))));
    fronts.extend(http.map(|listener| tokio::spawn(http::run(listener, Arc::clone(&context)))));
    Ok(Serving { context, secured, fronts, link_address, http_address })
}

/// Mentions what is odd about the files of TLS.
fn warned((config, oddities): tls::Read) -> Arc<ServerConfig> {
    for oddity in oddities {
        tracing::warn!("{oddity}");
    }
    config
}

/// How long connections may take to close that are cut off.
const CUT_LIMIT: std::time::Duration = std::time::Duration::from_secs(1);

/// A server that runs. When it is dropped, it goes on.
pub struct Serving {
    context: Arc<Context>,
    secured: Secured,
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

    /// Reads again what `settings` say of roles, tokens, JWTs and certificates, and the files that they name. It holds for all calls and
    /// connections after that, and a caller who is not known any more is let go. What else the settings say is of the next start.
    ///
    /// # Errors
    ///
    /// [`ServeError::Settings`], and nothing has changed: all of it is taken, or nothing.
    pub fn reload(&self, settings: &Settings) -> Result<(), ServeError> {
        settings.check()?;
        let had_tls = self.secured.load().is_some();
        let tls = tls::load(&settings.tls).map_err(ServeError::Settings)?;
        if tls.is_some() != had_tls {
            return Err(ServeError::Settings(format!(
                "TLS cannot be switched {} while the server runs; stop it, and start it again",
                if had_tls { "off" } else { "on" }
            )));
        }
        // Whoever listens to other machines goes on doing so, whatever the new settings say of addresses.
        let (listen, http) = (self.context.settings.listen, self.context.settings.http);
        Settings { listen, http, ..settings.clone() }.check()?;
        let prepared = self.context.access.prepare(settings).map_err(ServeError::Settings)?;
        // First the certificates of clients that are accepted, and then what these may.
        self.secured.store(tls.map(warned));
        self.context.access.replace(prepared);
        Ok(())
    }

    /// Takes nothing new, finishes what is in flight for as long as [`Stop::drain`] says, and closes all connections. The model stays
    /// open.
    pub async fn stop(self) {
        self.context.stopping.cancel();
        let end = tokio::time::Instant::now() + self.context.settings.stop.drain;
        for mut front in self.fronts {
            // It has told its own panic.
            if timeout_at(end, &mut front).await.is_err() {
                tracing::warn!("what was in flight has taken longer than `stop.drain`, and is cut off");
                self.context.cut.cancel();
                if tokio::time::timeout(CUT_LIMIT, &mut front).await.is_err() {
                    front.abort();
                    let _ = front.await;
                }
            }
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

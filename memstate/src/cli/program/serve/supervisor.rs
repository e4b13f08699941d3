//! What is told to systemd, if that has started the process: a unit of `Type=notify` is up when it says so, so whatever needs the
//! server is started after the journal was replayed.

/// Tells it, if somebody wants to know. Whoever does not hear it is none of our business.
#[cfg(unix)]
pub(super) fn tell(what: &str) {
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Ok(path) = std::env::var("NOTIFY_SOCKET") else { return };
    let told = match path.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        _ => SocketAddr::from_pathname(&path),
    }
    .and_then(|address| UnixDatagram::unbound()?.send_to_addr(what.as_bytes(), &address));
    if let Err(error) = told {
        tracing::warn!(%error, "the supervisor cannot be told {what}");
    }
}

#[cfg(not(unix))]
pub(super) fn tell(_: &str) {}

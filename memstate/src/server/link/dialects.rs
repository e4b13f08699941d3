//! What clients of other versions call methods and what they write, as far as the server has met them.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    engine::{Route, Way},
    remote::{
        frames::{Fault, Refusal},
        surface::{Kind, Surface},
    },
    service::Service,
};

/// How many versions are remembered. Each is met again with the next client of it.
const REMEMBERED: usize = 16;
/// How many bytes their descriptions have together: anybody who is let in can make some up.
const REMEMBERED_BYTES: usize = 2 << 20;
/// How large the description of a client's methods may be, in bytes.
pub(super) const SURFACE_BYTES_MAX: usize = 1 << 20;

/// A client's version of the methods.
pub(super) struct Dialect {
    theirs: Surface,
    commands: Vec<Route>,
    queries: Vec<Route>,
}

/// The versions that were met lately, the latest last.
pub(super) struct Dialects {
    known: Mutex<VecDeque<Arc<Dialect>>>,
    /// One is learnt at a time.
    turn: Semaphore,
}

impl Default for Dialects {
    fn default() -> Self {
        Dialects { known: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl Dialects {
    pub(super) fn get(&self, digest: u128) -> Option<Arc<Dialect>> {
        let mut known = self.known.lock();
        let place = known.iter().position(|dialect| dialect.theirs.digest == digest)?;
        let found = known.remove(place)?;
        known.push_back(Arc::clone(&found));
        Some(found)
    }

    /// Learns a version. That takes time, so it is done elsewhere, and one at a time.
    ///
    /// # Errors
    ///
    /// If it cannot be done now.
    pub(super) async fn learn(
        this: &Arc<Self>,
        theirs: Surface,
        service: &Arc<dyn Service>,
    ) -> Result<Arc<Dialect>, Refusal> {
        let late = |_| Refusal::Late("the description could not be looked at".to_owned());
        let _turn = this.turn.acquire().await.map_err(|_| late(()))?;
        if let Some(known) = this.get(theirs.digest) {
            return Ok(known);
        }
        let service = Arc::clone(service);
        let learnt = tokio::task::spawn_blocking(move || {
            let agreement = service.agree(&theirs);
            let (commands, queries) = (agreement.commands, agreement.queries);
            Arc::new(Dialect { theirs, commands, queries })
        });
        let dialect = learnt.await.map_err(|_| late(()))?;
        let mut known = this.known.lock();
        let bytes = |known: &VecDeque<Arc<Dialect>>| {
            known.iter().map(|dialect| dialect.theirs.bytes.len()).sum::<usize>() + dialect.theirs.bytes.len()
        };
        while !known.is_empty() && (known.len() >= REMEMBERED || bytes(&known) > REMEMBERED_BYTES) {
            known.pop_front();
        }
        known.push_back(Arc::clone(&dialect));
        Ok(dialect)
    }
}

impl Dialect {
    fn routes(&self, kind: Kind) -> &[Route] {
        match kind {
            Kind::Command => &self.commands,
            Kind::Query => &self.queries,
        }
    }

    /// The server's number of each of the client's methods.
    pub(super) fn numbers(&self, kind: Kind) -> Vec<Option<u16>> {
        let number = |route: &Route| match route.way {
            Way::Same(method) | Way::Carried { method, .. } => Some(method),
            Way::None => None,
        };
        self.routes(kind).iter().map(number).collect()
    }

    /// The server's number of a client's method.
    pub(super) fn method(&self, kind: Kind, method: u16) -> Result<u16, Fault> {
        let route = self.routes(kind).get(usize::from(method)).ok_or_else(no_such_method)?;
        match route.way {
            Way::Same(method) | Way::Carried { method, .. } => Ok(method),
            Way::None => Err(self.no_way(kind, method, route)),
        }
    }

    /// The arguments of a client's method as the server's writes them; `None` if they are so already.
    pub(super) fn carry(
        &self,
        kind: Kind,
        method: u16,
        arguments: &[u8],
        service: &dyn Service,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let route = self.routes(kind).get(usize::from(method)).ok_or_else(no_such_method)?;
        match route.way {
            Way::Same(_) => Ok(None),
            Way::Carried { method: to, version } => {
                let carried = service.carry(&self.theirs, kind, method, to, version, arguments);
                carried.map(Some).map_err(|error| {
                    let name = self.theirs.methods(kind).name(method);
                    Fault::Incompatible(format!(
                        "the arguments of `{name}` have no place in the server's types: {error}"
                    ))
                })
            }
            Way::None => Err(self.no_way(kind, method, route)),
        }
    }

    fn no_way(&self, kind: Kind, method: u16, route: &Route) -> Fault {
        let name = self.theirs.methods(kind).name(method);
        let obstacles: Vec<_> = route
            .obstacles()
            .map(|difference| match difference.path.as_str() {
                "" => difference.what.clone(),
                path => format!("`{path}`: {}", difference.what),
            })
            .collect();
        Fault::Incompatible(format!("the server takes no `{name}` of this client: {}", obstacles.join("; ")))
    }
}

pub(super) fn no_such_method() -> Fault {
    Fault::Incompatible("there is no method of this number".to_owned())
}

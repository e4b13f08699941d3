//! What clients of other versions call methods and what they write, as far as the server has met them.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use crate::{
    engine::{Route, Way},
    remote::{
        frames::Fault,
        surface::{Kind, Surface},
    },
    service::Service,
};

/// How many versions are remembered. Each is met again with the next client of it.
const REMEMBERED: usize = 64;
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
#[derive(Default)]
pub(super) struct Dialects {
    known: Mutex<VecDeque<Arc<Dialect>>>,
}

impl Dialects {
    pub(super) fn get(&self, digest: u128) -> Option<Arc<Dialect>> {
        self.known.lock().iter().find(|dialect| dialect.theirs.digest == digest).cloned()
    }

    /// Learns a version.
    pub(super) fn learn(&self, theirs: Surface, service: &dyn Service) -> Arc<Dialect> {
        let agreement = service.agree(&theirs);
        let (commands, queries) = (agreement.commands, agreement.queries);
        let dialect = Arc::new(Dialect { theirs, commands, queries });
        let mut known = self.known.lock();
        let size = |dialect: &Arc<Dialect>| dialect.theirs.bytes.len();
        let mut bytes: usize = known.iter().map(size).sum::<usize>() + size(&dialect);
        while known.len() >= REMEMBERED || (bytes > REMEMBERED_BYTES && !known.is_empty()) {
            bytes -= known.pop_front().as_ref().map_or(0, size);
        }
        known.push_back(Arc::clone(&dialect));
        dialect
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

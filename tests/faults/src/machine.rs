//! What the gates on the real machine share: a model in which loss, duplication and reordering show, a process that works on
//! it, an oracle that hears what the process was promised, and the faults of the machine itself.

pub mod books;
pub mod fiemap;
pub mod mounts;
pub mod oracle;
pub mod simulated;
pub mod slow;
pub mod told;
pub mod tracer;
pub mod watched;
pub mod worker;
pub mod workers;

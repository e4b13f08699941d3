//! The journal in files and the journal in memory, from outside: the suite that every journal passes, and everything
//! that a disk, a file system and a bystander may do to files.

mod conformance;
mod crash;
mod damage;
mod failure;
mod measure;
mod refusal;
mod support;

//! The reference: one thread that encodes, writes, syncs, decodes and applies, with no queue and no callers.
//!
//! It takes the same transfers, writes them by the same codec, and applies them to the same collections by the same method, outside of
//! a command, so without undo. Of what a journal needs it has nothing: no checksums, no chain, no outcomes, no replies.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use crate::bank::{Bank, Transfer};

/// The log and the bank.
pub struct Bare {
    file: File,
    buffer: Vec<u8>,
    /// What the transfers are applied to.
    pub bank: Bank,
}

impl Bare {
    /// A new log in `dir`.
    pub fn new(dir: &Path, bank: Bank) -> io::Result<Self> {
        let file = OpenOptions::new().create_new(true).append(true).open(dir.join("bare.log"))?;
        Ok(Bare { file, buffer: Vec::new(), bank })
    }

    /// Encodes, writes, syncs, decodes and applies a batch.
    pub fn batch(&mut self, transfers: &mut dyn Iterator<Item = Transfer>) -> io::Result<()> {
        self.buffer.clear();
        for transfer in transfers {
            let buffer = std::mem::take(&mut self.buffer);
            self.buffer = postcard::to_extend(&transfer, buffer).map_err(io::Error::other)?;
        }
        self.file.write_all(&self.buffer)?;
        self.file.sync_data()?;
        let mut rest = &self.buffer[..];
        while !rest.is_empty() {
            let (transfer, after) = postcard::take_from_bytes::<Transfer>(rest).map_err(io::Error::other)?;
            rest = after;
            self.bank.transfer(transfer.from, transfer.to, transfer.amount).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

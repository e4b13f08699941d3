use std::{path::PathBuf, sync::Arc};

use memstate::{
    disk::RealDisk,
    journal::{Journal, file::FileJournal, file::FileOptions, memory::MemoryJournal},
    testing::{disk::FaultyDisk, journal::Fixture},
};

use crate::support::{SMALL, open};

mod in_memory {
    memstate::journal_conformance!(|| Box::new(super::MemoryJournal::new()) as Box<dyn super::Journal>);
}

mod in_files {
    memstate::journal_conformance!(persistent super::OnDisk::new(Default::default()));
}

mod in_small_files {
    memstate::journal_conformance!(persistent super::OnDisk::new(super::SMALL));
}

mod on_a_simulated_disk {
    memstate::journal_conformance!(persistent super::OnFaultyDisk::default());
}

struct OnDisk {
    dir: tempfile::TempDir,
    options: FileOptions,
}

impl OnDisk {
    fn new(options: FileOptions) -> OnDisk {
        OnDisk { dir: tempfile::tempdir().unwrap(), options }
    }
}

impl Fixture for OnDisk {
    fn open(&self) -> Box<dyn Journal> {
        let dir: PathBuf = self.dir.path().join("data/bank");
        Box::new(FileJournal::open(Arc::new(RealDisk), &dir, self.options).unwrap())
    }
}

#[derive(Default)]
struct OnFaultyDisk(FaultyDisk);

impl Fixture for OnFaultyDisk {
    fn open(&self) -> Box<dyn Journal> {
        Box::new(open(&self.0).unwrap())
    }
}

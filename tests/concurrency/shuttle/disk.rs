//! A disk in memory on which another thread may have its turn before every operation.

use std::{io, path::Path, sync::Arc};

use memstate::{
    disk::{Access, Disk, DiskFile},
    testing::disk::FaultyDisk,
};
use shuttle::sync::atomic::{AtomicUsize, Ordering};

/// What shuttle sees of a disk: that it is used.
#[derive(Debug, Clone, Default)]
struct Step(Arc<AtomicUsize>);

impl Step {
    fn take(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Debug, Clone)]
pub struct TurnsDisk {
    disk: FaultyDisk,
    step: Step,
}

impl TurnsDisk {
    pub fn new(disk: FaultyDisk) -> Self {
        TurnsDisk { disk, step: Step::default() }
    }
}

struct TurnsFile {
    file: Box<dyn DiskFile>,
    step: Step,
}

impl Disk for TurnsDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        self.step.take();
        let file = self.disk.open(path, access)?;
        Ok(Box::new(TurnsFile { file, step: self.step.clone() }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step.take();
        self.disk.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        self.step.take();
        self.disk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step.take();
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step.take();
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step.take();
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        self.step.take();
        self.disk.lock(path)
    }
}

impl DiskFile for TurnsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.step.take();
        self.file.read_at(buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.step.take();
        self.file.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.step.take();
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

//! Everything that may become of the files of a journal, one thing at a time.

use std::path::{Path, PathBuf};

use memstate::testing::disk::FaultyDisk;
use memstate_tests::random::Random;

use crate::gates::crash::{
    process::{DIR, is_segment},
    sectors::SECTOR,
};

/// A place: a file, by its number, and one of its sectors.
pub type Place = (usize, usize);

/// Something that happens to the files of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Bit(usize, usize),
    Zeroed(Place),
    /// The sector at the first place holds what the one at the second does.
    Copied(Place, Place),
    Swapped(Place, Place),
    /// A sector holds what it held before; which of those, by number.
    Older(Place, usize),
    /// A file is so long.
    Cut(usize, usize),
    /// There is more at the end of a file.
    Longer(usize, Tail),
    Removed(usize),
    Emptied(usize),
    Renamed(usize, Name),
    Duplicated(usize, Name),
    /// Two files have each other's name.
    Exchanged(usize, usize),
    /// A file is as it was once, by number.
    Restored(usize),
}

/// What is more at the end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    Zeros(usize),
    Garbage(usize),
}

/// Another name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Of the next segment, or the next position's snapshot.
    Next,
    /// As if it was being made.
    Tmp,
    Bak,
}

/// The files of a journal and what they have held.
pub struct Files {
    pub names: Vec<PathBuf>,
    pub bytes: Vec<Vec<u8>>,
    /// By file, earlier bytes of sectors.
    older: Vec<Vec<(usize, Vec<u8>)>>,
    versions: Vec<(PathBuf, Vec<u8>)>,
}

impl Files {
    pub fn of(disk: &FaultyDisk, versions: Vec<(PathBuf, Vec<u8>)>) -> Files {
        let names = disk.files();
        let bytes: Vec<_> = names.iter().map(|name| disk.bytes(name).unwrap_or_default()).collect();
        let older = names.iter().map(|name| disk.older(name)).collect();
        let versions =
            versions.into_iter().filter(|(name, held)| disk.bytes(name).as_ref() != Some(held)).collect();
        Files { names, bytes, older, versions }
    }

    fn sectors(&self, file: usize) -> usize {
        self.bytes[file].len().div_ceil(SECTOR)
    }

    fn places(&self) -> Vec<Place> {
        (0..self.names.len()).flat_map(|file| (0..self.sectors(file)).map(move |at| (file, at))).collect()
    }

    /// All of them; those of which there are few come first.
    pub fn all(&self) -> Vec<Fault> {
        let files = 0..self.names.len();
        let places = self.places();
        let mut all: Vec<Fault> = (0..self.versions.len()).map(Fault::Restored).collect();
        for file in files.clone() {
            all.extend([Fault::Removed(file), Fault::Emptied(file)]);
            for name in [Name::Next, Name::Tmp, Name::Bak] {
                all.extend([Fault::Renamed(file, name), Fault::Duplicated(file, name)]);
            }
            all.extend((0..file).map(|other| Fault::Exchanged(file, other)));
            for len in [1, 100, 511, 512, 513, 1024, 5000] {
                all.extend([Fault::Longer(file, Tail::Zeros(len)), Fault::Longer(file, Tail::Garbage(len))]);
            }
            let older = self.older[file].iter().enumerate();
            all.extend(older.map(|(version, (sector, _))| Fault::Older((file, *sector), version)));
        }
        all.extend(places.iter().map(|place| Fault::Zeroed(*place)));
        for &place in &places {
            all.extend(
                places.iter().filter(|other| **other != place).map(|other| Fault::Copied(place, *other)),
            );
            all.extend(
                places.iter().filter(|other| **other < place).map(|other| Fault::Swapped(place, *other)),
            );
        }
        for file in files {
            all.extend((0..self.bytes[file].len()).map(|len| Fault::Cut(file, len)));
            all.extend((0..self.bytes[file].len() * 8).map(|bit| Fault::Bit(file, bit)));
        }
        all
    }

    /// One of them; those that only a careful reader sees are likely.
    pub fn random(&self, random: &mut Random) -> Option<Fault> {
        let mut below = |bound: usize| random.below(bound.max(1) as u64) as usize;
        let places = self.places();
        if places.is_empty() {
            return None;
        }
        let (place, other) = (places[below(places.len())], places[below(places.len())]);
        let (file, len) = (place.0, self.bytes[place.0].len());
        Some(match below(12) {
            0 | 1 if len > 0 => Fault::Bit(file, below(len * 8)),
            2 => Fault::Zeroed(place),
            3 => Fault::Copied(place, other),
            4 => Fault::Swapped(place, other),
            5 => Fault::Cut(file, below(len)),
            6 => Fault::Cut(file, below(len / SECTOR) * SECTOR),
            7 => Fault::Longer(file, [Tail::Zeros(512), Tail::Garbage(512)][below(2)]),
            _ if !self.older[file].is_empty() => {
                let version = below(self.older[file].len());
                Fault::Older((file, self.older[file][version].0), version)
            }
            _ => Fault::Zeroed(place),
        })
    }

    /// What the version of [`Fault::Restored`] is of, and holds.
    pub fn version(&self, number: usize) -> &(PathBuf, Vec<u8>) {
        &self.versions[number]
    }

    /// Lets it happen; `false` if nothing is different then.
    pub fn happen(&self, fault: Fault, disk: &FaultyDisk) -> bool {
        match fault {
            Fault::Bit(file, bit) => disk.flip(&self.names[file], bit),
            Fault::Zeroed(place) => return self.overwrite(disk, place, &[0; SECTOR]),
            Fault::Copied(to, from) => return self.overwrite(disk, to, &self.sector(from)),
            Fault::Swapped(one, other) => {
                let changed = self.overwrite(disk, one, &self.sector(other));
                return self.overwrite(disk, other, &self.sector(one)) | changed;
            }
            Fault::Older(place, version) => {
                return self.overwrite(disk, place, &self.older[place.0][version].1);
            }
            Fault::Cut(file, len) => disk.put(&self.names[file], self.bytes[file][..len].to_vec()),
            Fault::Longer(file, tail) => {
                let mut bytes = self.bytes[file].clone();
                match tail {
                    Tail::Zeros(len) => bytes.resize(bytes.len() + len, 0),
                    Tail::Garbage(len) => bytes.extend((0..len).map(|at| (at * 37 + 11) as u8)),
                }
                disk.put(&self.names[file], bytes);
            }
            Fault::Removed(file) => drop(disk.take(&self.names[file])),
            Fault::Emptied(file) => {
                disk.put(&self.names[file], Vec::new());
                return !self.bytes[file].is_empty();
            }
            Fault::Renamed(file, name) => {
                disk.take(&self.names[file]);
                disk.put(&self.named(file, name), self.bytes[file].clone());
            }
            Fault::Duplicated(file, name) => disk.put(&self.named(file, name), self.bytes[file].clone()),
            Fault::Exchanged(one, other) => {
                disk.put(&self.names[one], self.bytes[other].clone());
                disk.put(&self.names[other], self.bytes[one].clone());
                return self.bytes[one] != self.bytes[other];
            }
            Fault::Restored(version) => {
                let (name, bytes) = &self.versions[version];
                disk.put(name, bytes.clone());
            }
        }
        true
    }

    /// Whether bytes that a sector has now are what it held before it had what it held last, or nothing: a lost write.
    pub fn is_loss(&self, path: &Path, sector: usize, now: &[u8]) -> bool {
        let Some(file) = self.names.iter().position(|name| name == path) else { return false };
        let mut older = self.older[file].iter().filter(|(at, _)| *at == sector);
        now != self.sector((file, sector))
            && (now.iter().all(|byte| *byte == 0) || older.any(|(_, held)| held == now))
    }

    fn sector(&self, (file, at): Place) -> Vec<u8> {
        let bytes = &self.bytes[file];
        bytes[at * SECTOR..bytes.len().min((at + 1) * SECTOR)].to_vec()
    }

    /// Writes over a sector of what the disk holds.
    fn overwrite(&self, disk: &FaultyDisk, (file, at): Place, with: &[u8]) -> bool {
        let Some(mut bytes) = disk.bytes(&self.names[file]) else { return false };
        let rest = bytes.get_mut(at * SECTOR..).unwrap_or_default();
        let len = rest.len().min(SECTOR).min(with.len());
        if rest[..len] == with[..len] {
            return false;
        }
        rest[..len].copy_from_slice(&with[..len]);
        disk.put(&self.names[file], bytes);
        true
    }

    fn named(&self, file: usize, name: Name) -> PathBuf {
        let path = &self.names[file];
        let text = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let other = match name {
            Name::Tmp => format!("{text}.tmp"),
            Name::Bak => format!("{text}.bak"),
            Name::Next if is_segment(path) => {
                let number = self.names.iter().filter(|it| is_segment(it)).count() + 1;
                format!("journal-{number:010}.seg")
            }
            Name::Next => match text.strip_prefix("snapshot-").and_then(|it| it.parse::<u64>().ok()) {
                Some(position) => format!("snapshot-{:020}", position + 1),
                None => format!("{text}-2"),
            },
        };
        Path::new(DIR).join(other)
    }
}

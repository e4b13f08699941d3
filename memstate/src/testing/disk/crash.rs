//! What a loss of power may leave.
//!
//! Everything that is not durable is a question with a number of answers: whether a change of a directory is there, how
//! long a file is, which of its versions a sector has. One answer to each makes an image. The answers come from coins,
//! or one image after another from a walk through all of them. Answers that would make the same image are one: a
//! version that is what the disk has anyway, a sector beyond the end of its file, a file that has no name.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{
    FaultyDisk,
    storage::{Change, Content, FileId, SECTOR_BYTES, SectorBytes, Storage, put_sector, sector_of},
};

/// Images of a disk after a loss of power; see [`FaultyDisk::images`].
#[derive(Debug)]
pub struct Images {
    open: Open,
    left: usize,
    answers: Answers,
}

#[derive(Debug)]
enum Answers {
    Walk(Walk),
    Coins(Coins),
}

impl Images {
    pub(super) fn new(storage: &Storage, limit: usize, seed: u64) -> Images {
        let open = Open::of(storage);
        let mut walk = Walk::default();
        // Counted before any is made: the first of very many would all be alike.
        let mut all = 0;
        while all <= limit && walk.is_not_over() {
            open.image(&mut walk, &mut |_| {});
            walk.next();
            all += 1;
        }
        let answers = match all <= limit {
            true => Answers::Walk(Walk::default()),
            false => Answers::Coins(Coins { random: seed, drawn: 0, ..Coins::default() }),
        };
        Images { open, left: all.min(limit), answers }
    }

    /// Whether these are all that there are.
    pub fn are_all(&self) -> bool {
        matches!(self.answers, Answers::Walk(_))
    }
}

impl Iterator for Images {
    type Item = FaultyDisk;

    fn next(&mut self) -> Option<FaultyDisk> {
        self.left = self.left.checked_sub(1)?;
        let image = match &mut self.answers {
            Answers::Walk(walk) => {
                let image = self.open.build(walk);
                walk.next();
                image
            }
            Answers::Coins(coins) => {
                let image = self.open.build(coins);
                coins.drawn += 1;
                image
            }
        };
        Some(FaultyDisk::of(image))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Images {}

/// An image by the toss of coins.
pub(super) fn by_coins(storage: &Storage, seed: u64) -> FaultyDisk {
    // Neither of the two that come first of several.
    let mut coins = Coins { random: seed, drawn: 2, ..Coins::default() };
    FaultyDisk::of(Open::of(storage).build(&mut coins))
}

/// The questions that a disk leaves open.
#[derive(Debug)]
struct Open {
    durable: Storage,
    unsynced_dirs: Vec<Arc<Path>>,
    changes: Vec<Change>,
    files: BTreeMap<FileId, OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    content: Content,
    /// How long it is on the disk, and in the cache.
    lengths: (usize, usize),
    /// By sector, what it may hold instead of what the disk has.
    sectors: Vec<(usize, Vec<SectorBytes>)>,
}

/// An answer.
enum Decided<'a> {
    LostDir(&'a Arc<Path>),
    Changed(&'a Change),
    Length(FileId, usize),
    Sector(FileId, usize, &'a SectorBytes),
}

impl Open {
    fn of(storage: &Storage) -> Open {
        let open_file = |(id, content): (&FileId, &Content)| (*id, OpenFile::of(content));
        Open {
            durable: Storage {
                dirs: storage.dirs.clone(),
                entries: storage.durable_entries.clone(),
                next_id: storage.next_id,
                keeps_older: storage.keeps_older,
                ..Storage::default()
            },
            unsynced_dirs: storage.unsynced_dirs.iter().cloned().collect(),
            changes: storage.unsynced_entries.iter().map(|it| it.change.clone()).collect(),
            files: storage.files.iter().map(open_file).collect(),
        }
    }

    /// Asks everything that makes a difference, and tells each answer that is not what the disk has.
    fn image<'a>(&'a self, answers: &mut dyn Answer, tell: &mut dyn FnMut(Decided<'a>)) {
        let mut entries = self.durable.entries.clone();
        for change in &self.changes {
            if answers.choose(2) == 1 {
                change.apply(&mut entries);
                tell(Decided::Changed(change));
            }
        }
        for dir in &self.unsynced_dirs {
            if answers.choose(2) == 0 {
                entries.retain(|path, _| !path.starts_with(dir));
                tell(Decided::LostDir(dir));
            }
        }
        for id in entries.values() {
            let file = &self.files[id];
            answers.begin_file();
            let (durable, cached) = file.lengths;
            let grown = answers.length((cached - durable).div_ceil(SECTOR_BYTES));
            let length = match grown {
                0 => durable,
                grown => ((durable / SECTOR_BYTES + grown) * SECTOR_BYTES).clamp(durable, cached),
            };
            if length > durable {
                tell(Decided::Length(*id, length));
            }
            for (sector, versions) in &file.sectors {
                if sector * SECTOR_BYTES < length
                    && let Some(version) = answers.choose(versions.len() + 1).checked_sub(1)
                {
                    tell(Decided::Sector(*id, *sector, &versions[version]));
                }
            }
        }
    }

    fn build(&self, answers: &mut dyn Answer) -> Storage {
        let mut decided = Vec::new();
        self.image(answers, &mut |answer| decided.push(answer));
        let mut image = Storage {
            dirs: self.durable.dirs.clone(),
            entries: self.durable.entries.clone(),
            next_id: self.durable.next_id,
            keeps_older: self.durable.keeps_older,
            ..Storage::default()
        };
        let mut changed: BTreeMap<FileId, Vec<u8>> = BTreeMap::new();
        let mut bytes_of = |id: FileId, change: &mut dyn FnMut(&mut Vec<u8>)| {
            change(changed.entry(id).or_insert_with(|| self.files[&id].content.durable.to_vec()));
        };
        for answer in decided {
            match answer {
                Decided::LostDir(dir) => {
                    image.entries.retain(|path, _| !path.starts_with(dir));
                    image.dirs.retain(|path| !path.starts_with(dir));
                }
                Decided::Changed(change) => change.apply(&mut image.entries),
                Decided::Length(id, length) => bytes_of(id, &mut |bytes| bytes.resize(length, 0)),
                Decided::Sector(id, sector, version) => {
                    bytes_of(id, &mut |bytes| put_sector(bytes, sector, version));
                }
            }
        }
        for id in image.entries.values() {
            let content = &self.files[id].content;
            let bytes = changed.remove(id).map_or_else(|| Arc::clone(&content.durable), Arc::new);
            image.files.insert(*id, content.settled(bytes));
        }
        image.durable_entries = image.entries.clone();
        image
    }
}

impl OpenFile {
    fn of(content: &Content) -> OpenFile {
        let mut sectors = Vec::new();
        for (&sector, unsynced) in &content.unsynced {
            let durable = sector_of(&content.durable, sector);
            let mut versions: Vec<SectorBytes> = Vec::new();
            for version in &unsynced.change {
                if *version != durable && !versions.contains(version) {
                    versions.push(*version);
                }
            }
            if !versions.is_empty() {
                sectors.push((sector, versions));
            }
        }
        let lengths = (content.durable.len(), content.cached.len());
        OpenFile { content: Content { unsynced: BTreeMap::new(), ..content.clone() }, lengths, sectors }
    }
}

/// Who answers.
trait Answer {
    /// A number below `answers`, of which there is at least one. The last is what was there last.
    fn choose(&mut self, answers: usize) -> usize;

    /// By how many sectors, of `most`, a file has grown.
    fn length(&mut self, most: usize) -> usize {
        self.choose(most + 1)
    }

    /// The next answers are about another file.
    fn begin_file(&mut self) {}
}

/// One image after another: the answers of the last, each with the number that there were.
#[derive(Debug, Default)]
struct Walk {
    path: Vec<(usize, usize)>,
    at: usize,
    is_over: bool,
}

impl Walk {
    fn is_not_over(&self) -> bool {
        !self.is_over
    }

    fn next(&mut self) {
        self.at = 0;
        while let Some((answer, answers)) = self.path.pop() {
            if answer + 1 < answers {
                self.path.push((answer + 1, answers));
                return;
            }
        }
        self.is_over = true;
    }
}

impl Answer for Walk {
    fn choose(&mut self, answers: usize) -> usize {
        if self.at == self.path.len() {
            self.path.push((0, answers));
        }
        self.at += 1;
        self.path[self.at - 1].0
    }
}

/// Coins: splitmix64. All and nothing of a file are likely, however many sectors it has.
#[derive(Debug, Default)]
struct Coins {
    random: u64,
    /// How many images were drawn. The first has nothing and the second everything that was not synced.
    drawn: usize,
    mood: Mood,
}

#[derive(Debug, Default, Clone, Copy)]
enum Mood {
    #[default]
    Mixed,
    Nothing,
    All,
}

impl Coins {
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// What all answers of the image are, in the first two.
    fn extreme(&self) -> Option<Mood> {
        [Mood::Nothing, Mood::All].get(self.drawn).copied()
    }
}

impl Answer for Coins {
    fn choose(&mut self, answers: usize) -> usize {
        match self.extreme().unwrap_or(self.mood) {
            Mood::Nothing => 0,
            Mood::All => answers - 1,
            Mood::Mixed => self.below(answers),
        }
    }

    fn length(&mut self, most: usize) -> usize {
        match (self.extreme(), self.below(3)) {
            (Some(Mood::Nothing), _) | (None, 0) => 0,
            (Some(Mood::All), _) | (None, 1) => most,
            _ => self.below(most + 1),
        }
    }

    fn begin_file(&mut self) {
        self.mood = [Mood::All, Mood::Nothing, Mood::Mixed, Mood::Mixed][self.below(4)];
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;
    use crate::disk::{Access, Disk};

    fn file() -> &'static Path {
        Path::new("/d/f")
    }

    /// A file of four sectors, durable.
    fn disk() -> FaultyDisk {
        let disk = FaultyDisk::new();
        disk.put(file(), vec![1; 4 * SECTOR_BYTES]);
        disk
    }

    fn different(images: Images) -> usize {
        let count = images.len();
        let all: BTreeSet<_> = images.map(|image| image.fingerprint()).collect();
        assert_eq!(all.len(), count, "no image comes twice");
        count
    }

    #[test]
    fn every_subset_of_sectors_versions_and_lengths_comes_once() {
        let disk = disk();
        let mut open = disk.open(file(), Access::Write).unwrap();
        assert_eq!(different(disk.images(99, 0)), 1);
        open.write_at(&[2; 2 * SECTOR_BYTES], 0).unwrap();
        assert_eq!(different(disk.images(99, 0)), 4);
        open.write_at(&[3; SECTOR_BYTES], 0).unwrap();
        assert_eq!(different(disk.images(99, 0)), 6);
        // The same bytes again are no other version, and zeros in what grew are what is there without them.
        open.write_at(&[3; SECTOR_BYTES], 0).unwrap();
        open.write_at(&[0; 2 * SECTOR_BYTES], 4 * 512).unwrap();
        assert_eq!(different(disk.images(99, 0)), 18);
        open.write_at(&[4; SECTOR_BYTES], 5 * 512).unwrap();
        assert_eq!(different(disk.images(99, 0)), 24);
        open.sync().unwrap();
        assert_eq!(different(disk.images(99, 0)), 1);
    }

    #[test]
    fn changes_of_directories_are_there_or_not_each_by_itself() {
        let disk = FaultyDisk::new();
        disk.create_dir(Path::new("/d")).unwrap();
        let mut open = disk.open(Path::new("/d/new"), Access::CreateNew).unwrap();
        open.write_at(&[1; SECTOR_BYTES], 0).unwrap();
        open.sync().unwrap();
        disk.rename(Path::new("/d/new"), file()).unwrap();
        // Nothing, the file under its first name, under its second, which is the same whether it had the first.
        let names: Vec<_> = disk.images(99, 0).map(|image| image.files()).collect();
        assert_eq!(names.len(), 4);
        assert!(names.contains(&vec![]) && names.contains(&vec![file().to_owned()]));
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.remove(file()).unwrap();
        assert_eq!(different(disk.images(99, 0)), 2);
    }

    #[test]
    fn a_directory_that_was_not_synced_goes_with_what_is_in_it() {
        let disk = FaultyDisk::new();
        disk.power_off_at(1);
        disk.create_dir(Path::new("/d")).unwrap_err();
        disk.mend();
        disk.open(file(), Access::CreateNew).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        let files: BTreeSet<_> = disk.images(99, 0).map(|image| image.files().len()).collect();
        assert_eq!(files, BTreeSet::from([0, 1]));
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(disk.images(99, 0).len(), 1);
    }

    #[test]
    fn of_too_many_images_nothing_and_everything_are_the_first() {
        let disk = disk();
        let mut open = disk.open(file(), Access::Write).unwrap();
        open.write_at(&[2; 40 * SECTOR_BYTES], 0).unwrap();
        let images = disk.images(50, 7);
        assert!(!images.are_all() && images.len() == 50);
        let bytes: Vec<_> = images.map(|image| image.bytes(file()).unwrap()).collect();
        assert_eq!((&bytes[0], &bytes[1]), (&vec![1; 4 * SECTOR_BYTES], &vec![2; 40 * SECTOR_BYTES]));
        assert!(bytes.iter().collect::<BTreeSet<_>>().len() > 20);
        let again: Vec<_> = disk.images(50, 7).map(|image| image.bytes(file()).unwrap()).collect();
        assert_eq!(bytes, again);
    }

    #[test]
    fn what_an_image_gets_written_is_not_in_the_disk() {
        let disk = disk();
        let image = disk.crash(1);
        image.open(file(), Access::Write).unwrap().write_at(&[9; 10], 0).unwrap();
        let fork = image.fork();
        fork.flip(file(), 0);
        assert_eq!(disk.bytes(file()).unwrap()[0], 1);
        assert_eq!((image.bytes(file()).unwrap()[0], fork.bytes(file()).unwrap()[0]), (9, 8));
        assert!(image.images(2, 0).any(|it| it.fingerprint() == disk.fingerprint()));
    }
}

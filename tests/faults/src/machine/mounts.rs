//! File systems of our own to break: ext4 on a loop device, and a small tmpfs.
//!
//! They are mounted in a mount namespace of the thread that asks, and of the processes that it starts. So nobody else sees
//! them, and the kernel takes them away when the last of these ends, however it ends: after a panic, a signal, a SIGKILL. The loop
//! device is cleared by the kernel too, when nobody has it open any more, and its image has no name from the
//! beginning. What can be left is an empty directory, or an image whose `mkfs` was killed with us: the next run removes both.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::fd::{AsRawFd, RawFd},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    thread::{UnshareFlags, unshare_unsafe},
};

/// How our directories are called: this, the process's id, and a number.
const NAME: &str = "memstate-faults-";

/// Where Linux has a file system in memory for everybody.
const IN_MEMORY: &str = "/dev/shm";
/// How much room has to be there: for an image and what is beside it, for each core, with much to spare.
const ROOM_BYTES_MIN: u64 = 512 << 20;

const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// `_IOR('X', 125, u32)`
const SHUTDOWN: libc::Ioctl = 0x8004_587D_u32 as libc::Ioctl;
/// Nothing is written that was not, not even the journal of the file system: as if the power had gone.
const NO_LOG_FLUSH: u32 = 2;

/// Why there are no file systems to break here, if there are none: for a gate that has to say so.
pub fn missing() -> Option<String> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        if !rustix::process::geteuid().is_root() {
            return Some("only root may mount file systems: run it as root".to_owned());
        }
        if mkfs().arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Some(
                "`mkfs.ext4` is missing: `apt-get install e2fsprogs`, or `tests/faults/needs`".to_owned(),
            );
        }
        // On a thread of its own, whose namespace goes with it.
        let tried = std::thread::spawn(|| Ext4::new(16 << 20).map(drop)).join().expect("it does not panic");
        tried.err().map(|error| format!("no ext4 can be mounted on a loop device here: {error}"))
    };
    MISSING.get_or_init(find).clone()
}

/// The program that makes an ext4, which is not on everybody's path.
fn mkfs() -> Command {
    let mut command = Command::new("mkfs.ext4");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// Directories and images of runs that were killed.
fn remove_leftovers() {
    let dirs = [PathBuf::from(IN_MEMORY), std::env::temp_dir()].map(fs::read_dir);
    for entry in dirs.into_iter().flatten().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(NAME).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if let Some(pid) = pid
            // Of one that has ended and that nobody has waited for, this link leads nowhere.
            && fs::read_link(format!("/proc/{pid}/exe")).is_err()
        {
            // What is in use, or somebody else's, stays.
            let _ = match name.ends_with(".img") {
                true => fs::remove_file(entry.path()),
                false => fs::remove_dir_all(entry.path()),
            };
        }
    }
}

/// Where images are: in memory if that is possible, because what counts is what a file system hands down, and when.
///
/// Containers often have only 64 MiB there, and an image that finds no room under it is a broken disk that nobody asked for.
fn parent() -> &'static Path {
    static PARENT: OnceLock<PathBuf> = OnceLock::new();
    PARENT.get_or_init(|| {
        // First, because they take room.
        remove_leftovers();
        match rustix::fs::statvfs(IN_MEMORY) {
            Ok(shm) if shm.f_bavail.saturating_mul(shm.f_frsize) >= ROOM_BYTES_MIN => IN_MEMORY.into(),
            _ => std::env::temp_dir(),
        }
    })
}

/// A directory that goes with this.
pub struct Place(PathBuf);

impl Place {
    /// In memory, where that is possible.
    pub fn new() -> io::Result<Place> {
        Place::within(parent())
    }

    /// Among the temporary files of the machine.
    pub fn on_disk() -> io::Result<Place> {
        Place::within(&std::env::temp_dir())
    }

    fn within(parent: &Path) -> io::Result<Place> {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = parent.join(format!("{NAME}{}-{next}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Place(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is mounted there was unmounted before; if not, this finds it busy and leaves it to the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Gives this thread, and what it starts, mounts of its own.
fn own_namespace() -> io::Result<()> {
    // SAFETY: a namespace of mounts says nothing of file descriptors, which is what makes other flags unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    Ok(())
}

/// A tmpfs of a size that can be changed.
pub struct Tmpfs {
    place: Place,
}

impl Tmpfs {
    pub fn new(bytes: u64) -> io::Result<Tmpfs> {
        own_namespace()?;
        let place = Place::new()?;
        mount("none", place.path(), "tmpfs", MountFlags::empty(), Some(&*option(bytes)))?;
        Ok(Tmpfs { place })
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    pub fn resize(&self, bytes: u64) -> io::Result<()> {
        Ok(rustix::mount::mount_remount(self.path(), MountFlags::empty(), &*option(bytes))?)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        take_away(self.path());
    }
}

fn option(bytes: u64) -> std::ffi::CString {
    std::ffi::CString::new(format!("size={bytes}")).expect("it has no zero")
}

/// The blocks of a [`Ext4::scattered`].
pub const BLOCK_BYTES: u64 = 4096;

/// An ext4, made with the defaults of `mkfs.ext4` and mounted with those of the kernel.
pub struct Ext4 {
    place: Place,
    device: PathBuf,
    is_mounted: bool,
    /// Holds the device: it is cleared when this is closed and nothing is mounted.
    _held: File,
    /// Of the image, which has no name any more.
    image: File,
}

impl Ext4 {
    /// One whose image is in memory, and mounted.
    pub fn new(bytes: u64) -> io::Result<Ext4> {
        own_namespace()?;
        let place = Place::new()?;
        // Beside the place where it is mounted.
        let image = place.path().with_extension("img");
        Self::made(place, &image, bytes, false)
    }

    /// One on a tmpfs, in which all of the image has its place, and the free blocks of which are apart from each other.
    ///
    /// A loop device takes a write that was cut short for a whole one (Linux 6.18), and so tells that what is half in a hole was
    /// written. With each block of a file for itself a write is one block, and is there or fails.
    pub fn scattered(tmpfs: &Tmpfs, bytes: u64) -> io::Result<Ext4> {
        let ext4 = Self::made(Place::new()?, &tmpfs.path().join("image"), bytes, true)?;
        let comb = OpenOptions::new().create_new(true).append(true).open(ext4.path().join("comb"))?;
        let full = fill(&ext4.path().join("comb"))?;
        comb.sync_all()?;
        // Some are left together, for directories and for the lists of where the others are.
        for block in (0..full / BLOCK_BYTES).step_by(2) {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&comb, flags, block * BLOCK_BYTES, BLOCK_BYTES)?;
        }
        comb.sync_all()?;
        Ok(ext4)
    }

    fn made(place: Place, path: &Path, bytes: u64, is_whole: bool) -> io::Result<Ext4> {
        let mut image = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        if is_whole {
            io::copy(&mut io::repeat(0).take(bytes), &mut image)?;
        }
        image.set_len(bytes)?;
        let mut mkfs = mkfs();
        if is_whole {
            mkfs.args(["-b", &BLOCK_BYTES.to_string(), "-E", "nodiscard"]);
        }
        let made = mkfs.args(["-q", "-F"]).arg(path).output()?;
        let attached = match made.status.success() {
            true => attach(&image),
            false => Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned())),
        };
        fs::remove_file(path)?;
        let (device, held) = attached?;
        let mut ext4 = Ext4 { place, device, is_mounted: false, _held: held, image };
        ext4.mount()?;
        Ok(ext4)
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// The image under it.
    pub fn image(&self) -> &File {
        &self.image
    }

    fn mount(&mut self) -> io::Result<()> {
        mount(&self.device, self.place.path(), "ext4", MountFlags::empty(), None)?;
        self.is_mounted = true;
        Ok(())
    }

    /// From now on nothing reaches the disk, and every call fails.
    pub fn cut(&self) -> io::Result<()> {
        cut_off(File::open(self.path())?.as_raw_fd())
    }

    /// Forgets all that is only in memory, and reads the disk. Nothing may be open on it.
    pub fn remount(&mut self) -> io::Result<()> {
        for patience in 0.. {
            match unmount(self.path(), UnmountFlags::empty()) {
                Ok(()) => break,
                // A process that was killed may take a moment to let go.
                Err(rustix::io::Errno::BUSY) if patience < 500 => {
                    std::thread::sleep(Duration::from_millis(2))
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.is_mounted = false;
        self.mount()
    }
}

/// Does what [`Ext4::cut`] does, to the file system of a directory that is open.
pub fn cut_off(dir: RawFd) -> io::Result<()> {
    // SAFETY: the call reads one `u32` from the pointer, which is valid for it.
    match unsafe { libc::ioctl(dir, SHUTDOWN, &NO_LOG_FLUSH) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        if self.is_mounted {
            take_away(self.path());
        }
    }
}

/// Unmounts, at once if possible, and when nobody has it open any more otherwise.
fn take_away(path: &Path) {
    for patience in 0..50 {
        match unmount(path, UnmountFlags::empty()) {
            Err(rustix::io::Errno::BUSY) if patience < 49 => std::thread::sleep(Duration::from_millis(2)),
            Ok(()) => return,
            Err(_) => break,
        }
    }
    let _ = unmount(path, UnmountFlags::DETACH);
}

/// A loop device over a file, which is cleared when it is not used any more.
fn attach(image: &File) -> io::Result<(PathBuf, File)> {
    let control = OpenOptions::new().read(true).write(true).open("/dev/loop-control")?;
    // struct loop_config: fd, block_size, struct loop_info64 with lo_flags at byte 52, 64 reserved bytes.
    let mut config = [0u32; 76];
    config[0] = image.as_raw_fd() as u32;
    config[2 + 13] = LO_FLAGS_AUTOCLEAR;
    for _ in 0..50 {
        // SAFETY: the call takes no argument.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = OpenOptions::new().read(true).write(true).open(&path)?;
        // SAFETY: the call reads a `struct loop_config`, 304 bytes, from the pointer, which is valid for as many.
        if unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, config.as_ptr()) } == 0 {
            return Ok((path, device));
        }
        match io::Error::last_os_error() {
            // Somebody else was faster.
            error if error.raw_os_error() == Some(libc::EBUSY) => {}
            error => return Err(error),
        }
    }
    Err(io::Error::other("no loop device stays free"))
}

/// Fills a file system with a file until nothing fits; says how much did.
pub fn fill(path: &Path) -> io::Result<u64> {
    use std::io::Write;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let mut written = 0;
    for size in [1 << 20, 1 << 16, 1 << 12] {
        let bytes = vec![0x55; size];
        loop {
            match file.write(&bytes) {
                Ok(0) => break,
                Ok(more) => written += more as u64,
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(written)
}

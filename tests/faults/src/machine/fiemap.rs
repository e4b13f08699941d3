//! Where on the disk the bytes of a file are.

use std::{fs::File, io, os::fd::AsRawFd};

const FS_IOC_FIEMAP: libc::Ioctl = 0xC020_660B_u32 as libc::Ioctl;
const EXTENTS: usize = 1024;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Extent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved: [u64; 2],
    flags: u32,
    reserved_too: [u32; 3],
}

#[repr(C)]
struct Map {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    reserved: u32,
    extents: [Extent; EXTENTS],
}

/// The pieces of a file in order: the place in the file, the place on the disk, and the length, in bytes.
pub fn extents(file: &File) -> io::Result<Vec<(u64, u64, u64)>> {
    let mut map = Map {
        start: 0,
        length: u64::MAX,
        flags: 0,
        mapped: 0,
        count: EXTENTS as u32,
        reserved: 0,
        extents: [Extent::default(); EXTENTS],
    };
    // SAFETY: the call writes at most `count` extents into the `struct fiemap` at the pointer, which has as many.
    if unsafe { libc::ioctl(file.as_raw_fd(), FS_IOC_FIEMAP, &raw mut map) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let extents = &map.extents[..map.mapped as usize];
    Ok(extents.iter().map(|it| (it.logical, it.physical, it.length)).collect())
}

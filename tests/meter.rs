//! What a piece of work takes of memory, counted by the allocator.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// An allocator that counts for each thread: put it in place with `#[global_allocator]`, and ask [`measured`].
///
/// What would bring a thread above [`MOST`] is refused, so that a bomb ends in a message and not in a machine that swaps.
#[derive(Debug)]
pub struct Meter;

/// How many bytes a thread has at most.
pub const MOST: isize = 1 << 30;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Runs `work`, and tells how many bytes there were at the most, beyond those that there were before.
pub fn measured<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.get();
    let outer = PEAK.replace(before);
    let result = work();
    let peak = PEAK.get();
    PEAK.set(outer.max(peak));
    (result, usize::try_from(peak - before).unwrap_or(0))
}

/// Whether there is room for so many more bytes, which are counted then.
fn taken(bytes: usize) -> bool {
    let live = LIVE.get() + bytes as isize;
    if live > MOST {
        return false;
    }
    LIVE.set(live);
    if live > PEAK.get() {
        PEAK.set(live);
    }
    true
}

fn given_back(bytes: usize) {
    LIVE.set(LIVE.get() - bytes as isize);
}

// SAFETY: everything is done by `System`, with the layouts as they were given; counting neither allocates nor unwinds, because
// the thread's cells are made without either.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !taken(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !taken(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        given_back(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !taken(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        let moved = unsafe { System.realloc(memory, layout, size) };
        given_back(if moved.is_null() { size } else { layout.size() });
        moved
    }
}

//! A word to the processor that some memory is needed soon.

/// How much of a task. A waker points to the task's header, in tokio as in other runtimes, and its future comes next.
const LINES: usize = 4;
const LINE_BYTES: usize = 64;

/// Asks for what is at `address`, which may be any address, to be fetched, for writing where the target has that. It is a hint:
/// nothing is read or changed, and where the processor has no such thing nothing happens.
#[inline(always)]
pub(crate) fn prefetch(address: *const ()) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    for line in 0..LINES {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        let address = address.wrapping_byte_add(line * LINE_BYTES);
        #[allow(unsafe_code, reason = "the intrinsic takes a raw pointer")]
        // SAFETY: every x86_64 has SSE, and the instruction is defined for every address: it does not fault, and as far as the
        // program can tell it does not access memory.
        unsafe {
            _mm_prefetch::<_MM_HINT_ET0>(address.cast());
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (address, LINES, LINE_BYTES);
}

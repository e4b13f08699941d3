//! Runs a worker under ptrace, and does something to it at one of its system calls: a kill, or an error instead of the call.
//!
//! Calls are counted over all threads together, in the order in which they are entered. (strace, which could do the same,
//! counts for each thread and each call by itself, and so cannot tell the calls of a second thread from those of the first.)

use std::{
    collections::HashMap,
    io,
    os::{fd::RawFd, unix::process::CommandExt},
    ptr,
};

use super::{
    mounts,
    told::Plan,
    workers::{self, Ended, Worker},
};

/// What is done at a call.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// The process is killed when it is about to make the call.
    Kill,
    /// The call is not made, and fails with this error.
    Fail(i32),
    /// The file system that this is open on is cut off, as [`mounts::cut_off`] does it, and then the call is made.
    CutOff(RawFd),
}

/// At which call what is done.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub act: Act,
    /// The number of the call among those that count, from 1.
    pub nth: u64,
}

/// What was seen.
pub struct Traced {
    pub ended: Ended,
    /// How many calls counted.
    pub calls: u64,
    /// The call at which it was done, by its number in the kernel; `None` if the process ended before.
    pub done_at: Option<i64>,
}

/// Calls that make files, change them, or tell somebody of it. A kill between others leaves nothing else than a kill at the next of
/// these.
pub fn touches_files(call: i64) -> bool {
    matches!(
        call,
        libc::SYS_read
            | libc::SYS_write
            | libc::SYS_pread64
            | libc::SYS_pwrite64
            | libc::SYS_openat
            | libc::SYS_close
            | libc::SYS_statx
            | libc::SYS_getdents64
            | libc::SYS_fsync
            | libc::SYS_fdatasync
            | libc::SYS_renameat
            | libc::SYS_renameat2
            | libc::SYS_unlinkat
            | libc::SYS_mkdirat
            | libc::SYS_ftruncate
            | libc::SYS_fallocate
            | libc::SYS_flock
            | libc::SYS_fcntl
    ) || touches_files_as_of_old(call)
}

#[cfg(target_arch = "x86_64")]
fn touches_files_as_of_old(call: i64) -> bool {
    matches!(call, libc::SYS_open | libc::SYS_rename | libc::SYS_unlink | libc::SYS_mkdir)
}

#[cfg(not(target_arch = "x86_64"))]
fn touches_files_as_of_old(_: i64) -> bool {
    false
}

/// Syncs of files and directories.
pub fn syncs(call: i64) -> bool {
    matches!(call, libc::SYS_fsync | libc::SYS_fdatasync)
}

/// Why processes cannot be traced here, if they cannot.
pub fn missing() -> Option<String> {
    if !cfg!(target_arch = "x86_64") {
        return Some("the registers of this processor are not known here, only those of x86_64".to_owned());
    }
    let plan = Plan { lives: 0, ..Plan::look(std::env::temp_dir(), false) };
    let traced = trace(&plan, touches_files, None);
    traced
        .err()
        .map(|error| format!("processes cannot be traced here (does a container forbid ptrace?): {error}"))
}

/// Runs a plan, counts the calls that `counts` tells, and does what is to be done at one of them.
///
/// # Errors
///
/// If there is no process, or it cannot be traced.
pub fn trace(plan: &Plan, counts: fn(i64) -> bool, fault: Option<Fault>) -> Result<Traced, String> {
    let mut command = workers::command();
    let trace_me = || match request(libc::PTRACE_TRACEME, 0, 0, 0) {
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    // SAFETY: between fork and exec it makes one system call, and nothing else.
    unsafe { command.pre_exec(trace_me) };
    let child = command.spawn().map_err(|error| format!("no process can be started: {error}"))?;
    let pid = child.id() as libc::pid_t;
    let worker = Worker::of(child, plan).map_err(|error| error.to_string())?;
    let mut tracer =
        Tracer { pid, counts, fault, calls: 0, done_at: None, failing: HashMap::new(), is_set_up: false };
    let status = tracer.run().map_err(|error| format!("tracing failed: {error}"));
    if status.is_err() {
        // SAFETY: it is our child, and was not waited for.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
    let ended = worker.reaped(status?);
    Ok(Traced { ended, calls: tracer.calls, done_at: tracer.done_at })
}

struct Tracer {
    pid: libc::pid_t,
    counts: fn(i64) -> bool,
    fault: Option<Fault>,
    calls: u64,
    done_at: Option<i64>,
    /// The threads whose call is to fail, and how.
    failing: HashMap<libc::pid_t, i32>,
    is_set_up: bool,
}

impl Tracer {
    /// Lets the process run to its end, whatever that is.
    fn run(&mut self) -> io::Result<i32> {
        loop {
            let mut status = 0;
            // Only what this thread has started: other threads trace others.
            // SAFETY: the call writes one status to the pointer, which is valid for it.
            let thread = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
            if thread < 0 {
                match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => continue,
                    error => return Err(error),
                }
            }
            if !libc::WIFSTOPPED(status) {
                if thread == self.pid {
                    return Ok(status);
                }
                continue;
            }
            match self.stopped(thread, status) {
                // A thread that is being killed is not there any more, and will be waited for.
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
        }
    }

    fn stopped(&mut self, thread: libc::pid_t, status: i32) -> io::Result<()> {
        let mut signal = match libc::WSTOPSIG(status) {
            // A call, an event, or a new thread.
            libc::SIGTRAP | libc::SIGSTOP => 0,
            signal if signal == libc::SIGTRAP | 0x80 => 0,
            signal => signal,
        };
        if !self.is_set_up {
            self.is_set_up = true;
            signal = 0;
            let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
            request(libc::PTRACE_SETOPTIONS, thread, 0, options as usize)?;
        } else if libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80 {
            self.call(thread)?;
        }
        request(libc::PTRACE_SYSCALL, thread, 0, signal as usize).map(drop)
    }

    /// A thread is before or after a call.
    fn call(&mut self, thread: libc::pid_t) -> io::Result<()> {
        const ENTRY: u8 = 1;
        // struct ptrace_syscall_info: op (u8), …, and at byte 24 the number of the call.
        let mut info = [0u64; 11];
        request(
            libc::PTRACE_GET_SYSCALL_INFO,
            thread,
            size_of_val(&info),
            ptr::from_mut(&mut info).expose_provenance(),
        )?;
        if info[0] as u8 != ENTRY {
            if let Some(error) = self.failing.remove(&thread) {
                registers::answer(thread, -i64::from(error))?;
            }
            return Ok(());
        }
        let call = info[3] as i64;
        if !(self.counts)(call) {
            return Ok(());
        }
        self.calls += 1;
        match self.fault {
            Some(Fault { act, nth }) if nth == self.calls => {
                self.done_at = Some(call);
                match act {
                    // SAFETY: it is our child, and was not waited for.
                    Act::Kill => drop(unsafe { libc::kill(self.pid, libc::SIGKILL) }),
                    Act::CutOff(dir) => mounts::cut_off(dir)?,
                    Act::Fail(error) => {
                        registers::leave_out(thread)?;
                        self.failing.insert(thread, error);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Makes a request to the kernel.
fn request(what: libc::c_uint, thread: libc::pid_t, address: usize, data: usize) -> io::Result<i64> {
    // SAFETY: the requests that are made here write at most `address` bytes to `data`, and only where that is a pointer to as
    // many; the others take numbers. None of them reads or writes anything else of this process.
    match unsafe { libc::ptrace(what, thread, address, data) } {
        -1 => Err(io::Error::last_os_error()),
        answer => Ok(answer),
    }
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::{io, mem::offset_of};

    /// Makes a call one that does not exist.
    pub fn leave_out(thread: libc::pid_t) -> io::Result<()> {
        poke(thread, offset_of!(libc::user_regs_struct, orig_rax), -1)
    }

    /// Makes a call give this.
    pub fn answer(thread: libc::pid_t, with: i64) -> io::Result<()> {
        poke(thread, offset_of!(libc::user_regs_struct, rax), with)
    }

    fn poke(thread: libc::pid_t, offset: usize, value: i64) -> io::Result<()> {
        super::request(libc::PTRACE_POKEUSER, thread, offset, value as usize).map(drop)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod registers {
    use std::io;

    pub fn leave_out(_: libc::pid_t) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn answer(_: libc::pid_t, _: i64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

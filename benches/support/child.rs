//! Forked children and what they have cost. The only unsafe code of the benchmarks.

#![allow(unsafe_code)]

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What a child has cost, from before the fork until its parent knows of its end.
pub struct Spent {
    /// Whether it has done what it should.
    pub done: bool,
    pub wall: Duration,
    pub cpu: Duration,
    pub peak_kib: f64,
}

/// A child that runs.
pub struct Child {
    pid: libc::pid_t,
    began: Instant,
}

impl Child {
    /// Runs `work` in a child, as sshd does with a login. It says whether it has done what it should.
    pub fn start(work: impl FnOnce() -> bool) -> Child {
        let began = Instant::now();
        // SAFETY: the benchmarks that fork have one thread, so the child may do what its parent may.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", io::Error::last_os_error());
        if pid == 0 {
            let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or(false);
            // SAFETY: ends the child; what its parent has to do at exit is not its business.
            unsafe { libc::_exit(i32::from(!done)) };
        }
        Child { pid, began }
    }

    pub fn wait(self) -> Spent {
        let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
        // SAFETY: both places live through the call.
        let waited = unsafe { libc::wait4(self.pid, &raw mut status, 0, usage.as_mut_ptr()) };
        let wall = self.began.elapsed();
        assert_eq!(waited, self.pid, "{}", io::Error::last_os_error());
        // SAFETY: every bit pattern is a value of it, and `wait4` has filled it in.
        let usage = unsafe { usage.assume_init() };
        Spent {
            done: status == 0,
            wall,
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
            peak_kib: usage.ru_maxrss as f64,
        }
    }
}

/// Runs `work` in a child to its end.
pub fn fork(work: impl FnOnce() -> bool) -> Spent {
    Child::start(work).wait()
}

/// A child that finds out numbers.
pub struct Asked {
    child: Child,
    answer: io::PipeReader,
}

impl Asked {
    /// All of them, when it has ended.
    pub fn wait(mut self) -> Vec<f64> {
        let mut bytes = Vec::new();
        self.answer.read_to_end(&mut bytes).unwrap();
        assert!(self.child.wait().done, "see standard error");
        let (numbers, _) = bytes.as_chunks();
        numbers.iter().copied().map(f64::from_ne_bytes).collect()
    }
}

/// Has numbers found out in a child.
pub fn start_for(work: impl FnOnce() -> Vec<f64>) -> Asked {
    let (answer, mut writer) = io::pipe().unwrap();
    // What writes goes with the closure, so that the parent sees the end.
    let child = Child::start(move || {
        let mut numbers = work().into_iter();
        numbers.all(|number| writer.write_all(&number.to_ne_bytes()).is_ok())
    });
    Asked { child, answer }
}

/// A number that is found out in a child.
pub fn fork_for(work: impl FnOnce() -> f64) -> f64 {
    start_for(|| vec![work()]).wait()[0]
}

/// Gives up root's rights for good.
pub fn become_user(id: u32) {
    // SAFETY: plain system calls; this process has one thread.
    let failed =
        unsafe { libc::setgroups(0, std::ptr::null()) | libc::setgid(id) | libc::setuid(id) };
    assert_eq!(failed, 0, "{}", io::Error::last_os_error());
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
}

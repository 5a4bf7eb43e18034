// SPDX-License-Identifier: GPL-3.0-or-later
//! What a process has from whoever started the helper, and modules shall not have: descriptors that were
//! left open, and signals that are ignored.
//!
//! Unsafe code: nothing safe closes a descriptor that nobody holds, or gives a signal its default.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::fs;
use std::io;

/// Closes every descriptor but standard input, output and error. Nothing may hold another yet.
pub(super) fn close_the_rest() -> io::Result<()> {
    let listed = fs::read_dir("/proc/self/fd")?.flatten();
    let numbers = listed.filter_map(|entry| entry.file_name().to_str()?.parse::<c_int>().ok());
    // The listing's own descriptor is among them, and closed by now.
    let numbers: Vec<_> = numbers.filter(|number| *number > 2).collect();
    for number in numbers {
        // SAFETY: nothing in this process holds it, as the caller says, so nothing uses it afterwards.
        unsafe { close(number) };
    }
    Ok(())
}

/// Gives every signal what it does by default. Rust ignores SIGPIPE, a shell what its background shall not hear.
pub(super) fn heed_signals() {
    for number in 1..=LAST_SIGNAL {
        // SAFETY: no handler is installed, and to be refused, as for SIGKILL, changes nothing.
        unsafe { signal(number, SIG_DFL) };
    }
}

const LAST_SIGNAL: c_int = 64;
const SIG_DFL: usize = 0;

unsafe extern "C" {
    fn close(descriptor: c_int) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
}

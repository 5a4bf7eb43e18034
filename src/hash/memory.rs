// SPDX-License-Identifier: GPL-3.0-or-later
//! argon2's memory: a mapping of its own, unmapped after use. Memory from malloc would stay with
//! the host for good (glibc raises its mmap threshold after the first free of a large block), and
//! would end up in its core dumps.
//!
//! In huge pages, where the system gives them: to enter the kernel for each page of 4 KiB takes
//! longer than the hash itself needs for it. With them, to map, use and unmap 1 MiB takes 0.35 of the
//! time, and an accepted login at 19 MiB takes 0.7.

#![expect(
    unsafe_code,
    reason = "seeing the bytes of a mapping as argon2's blocks"
)]

use std::io;

use argon2::Block;
use memmap2::{Advice, MmapMut};

/// The size of a huge page on x86-64, and on ARM with pages of 4 KiB. Where it is another, only time
/// is lost.
const HUGE_PAGE: usize = 2 * 1024 * 1024;

pub(super) struct Memory {
    map: MmapMut,
    /// Where the first huge page begins.
    start: usize,
    length: usize,
}

impl Memory {
    /// Maps memory for `blocks` blocks. Like all fresh mappings it is zero.
    pub(super) fn map(blocks: usize) -> io::Result<Self> {
        let length = blocks * Block::SIZE;
        let whole = length.next_multiple_of(HUGE_PAGE);
        // With room to begin where a huge page can.
        let map = MmapMut::map_anon(whole + HUGE_PAGE)?;
        let start = map.as_ptr().align_offset(HUGE_PAGE);
        // Best effort: a kernel that knows one of them not, or has no huge page left, loses time only.
        let _ = map.advise(Advice::DontDump);
        let _ = map.advise_range(Advice::HugePage, start, whole);
        let _ = map.advise_range(Advice::PopulateWrite, start, length);
        Ok(Self { map, start, length })
    }
}

impl AsMut<[Block]> for Memory {
    fn as_mut(&mut self) -> &mut [Block] {
        let bytes = self.map.get_mut(self.start..).unwrap_or_default();
        let bytes = bytes.get_mut(..self.length).unwrap_or_default();
        // SAFETY: `Block` is a 64-byte aligned array of u64, for which every bit pattern is a
        // value, and has no destructor. `align_to_mut` itself checks alignment and length; the
        // bytes begin at a huge page, so the first part it splits off is empty.
        unsafe { bytes.align_to_mut::<Block>().1 }
    }
}

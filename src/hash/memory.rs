// SPDX-License-Identifier: GPL-3.0-or-later
//! argon2's memory: a mapping of its own, unmapped after use. Memory from malloc would stay with
//! the host for good (glibc raises its mmap threshold after the first free of a large block), and
//! would end up in its core dumps.

#![expect(
    unsafe_code,
    reason = "seeing the bytes of a mapping as argon2's blocks"
)]

use std::io;

use argon2::Block;
use memmap2::{Advice, MmapMut};

pub(super) struct Memory(MmapMut);

impl Memory {
    /// Maps memory for `blocks` blocks. Like all fresh mappings it is zero.
    pub(super) fn map(blocks: usize) -> io::Result<Self> {
        let map = MmapMut::map_anon(blocks * Block::SIZE)?;
        // Best effort: an old kernel without it loses nothing else.
        let _ = map.advise(Advice::DontDump);
        Ok(Self(map))
    }
}

impl AsMut<[Block]> for Memory {
    fn as_mut(&mut self) -> &mut [Block] {
        // SAFETY: `Block` is a 64-byte aligned array of u64, for which every bit pattern is a
        // value, and has no destructor. `align_to_mut` itself checks alignment and length; a
        // mapping begins at a page, so the first part it splits off is empty.
        unsafe { self.0.align_to_mut::<Block>().1 }
    }
}

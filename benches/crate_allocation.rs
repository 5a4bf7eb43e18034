//! argon2's memory as the crate takes it by itself: in the place of `src/hash/memory.rs`, to see what that one gains.

use std::io;

use argon2::Block;

pub(super) struct Memory(Vec<Block>);

impl Memory {
    pub(super) fn map(blocks: usize) -> io::Result<Self> {
        Ok(Self(vec![Block::new(); blocks]))
    }
}

impl AsMut<[Block]> for Memory {
    fn as_mut(&mut self) -> &mut [Block] {
        &mut self.0
    }
}

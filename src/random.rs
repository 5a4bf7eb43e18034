// SPDX-License-Identifier: GPL-3.0-or-later
//! The operating system's random numbers: the only file that names `getrandom`.

use crate::error::Error;

/// Fills `buffer` with random bytes.
pub fn fill(buffer: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(buffer).map_err(|source| Error::Random(Box::new(source)))
}

/// `N` random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

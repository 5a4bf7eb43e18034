// SPDX-License-Identifier: GPL-3.0-or-later
//! argon2id of one lane, for CPUs with AVX2, in half the time that the crate takes. All else is `None`
//! here, and left to the crate. The sections are those of RFC 9106.
//!
//! The crate is written for single words, of which the compiler makes vectors and many moves between
//! them. Here every vector is one of the RFC's a, b, c and d, as it lies in memory, and four
//! permutations are done side by side: within one each step waits for the one before it.
//!
//! The vectors of AVX-512 are twice as wide, and with them the hash takes a third of the time. But a
//! CPU of their first generations is then a seventh slower for most of a millisecond: a whole login
//! gains one per cent over this.
//!
//! A hash must be the same wherever it is made, so the tests compare this one with the crate's.

#![expect(
    unsafe_code,
    reason = "calling what is compiled for AVX2, and seeing blocks as vectors"
)]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_alignr_epi8, _mm256_extract_epi64, _mm256_mul_epu32,
    _mm256_or_si256, _mm256_permute4x64_epi64, _mm256_slli_epi64, _mm256_srli_epi64,
    _mm256_xor_si256,
};

use argon2::{Algorithm, Block};
use blake2::{Blake2b256, Blake2b512, Digest};
use zeroize::Zeroizing;

use super::{Cost, HASH_LEN, VERSION};

/// How many words a block has.
const WORDS: usize = Block::SIZE / 8;
/// How many slices a lane has.
const SLICES: usize = 4;

/// Four vectors, of 4 words each.
type Four = [__m256i; 4];

/// A block: 8 rows, each of which is a, b, c and d.
type Matrix = [Four; 8];

/// argon2id, if this CPU can do it so.
pub(super) fn argon2id(
    password: &[u8],
    salt: &[u8],
    cost: Cost,
    blocks: &mut [Block],
) -> Option<Zeroizing<[u8; HASH_LEN]>> {
    if cost.lanes != 1 || !is_x86_feature_detected!("avx2") {
        return None;
    }
    let seed = seed(password, salt, cost);
    for (index, block) in (0..2).zip(blocks.iter_mut()) {
        start(block, &seed, index)?;
    }
    // SAFETY: this CPU has AVX2, all that is asked for there.
    unsafe { fill(blocks, cost.passes) }?;
    end(blocks.last()?)
}

/// H_0: all there is to hash (section 3.2).
fn seed(password: &[u8], salt: &[u8], cost: Cost) -> Zeroizing<[u8; 64]> {
    let mut blake = Blake2b512::new();
    for number in [
        cost.lanes,
        HASH_LEN as u32,
        cost.memory_kib,
        cost.passes,
        VERSION,
        Algorithm::Argon2id as u32,
    ] {
        blake.update(number.to_le_bytes());
    }
    // With neither a secret nor associated data.
    for part in [password, salt, &[], &[]] {
        blake.update((part.len() as u32).to_le_bytes());
        blake.update(part);
    }
    Zeroizing::new(blake.finalize().into())
}

/// The first two blocks are H' of the seed (section 3.3): the first halves of a chain of digests,
/// and all of the last one.
fn start(block: &mut Block, seed: &[u8; 64], index: u32) -> Option<()> {
    let mut bytes = Zeroizing::new([0; Block::SIZE]);
    let mut blake = Blake2b512::new_with_prefix((Block::SIZE as u32).to_le_bytes());
    blake.update(seed);
    blake.update(index.to_le_bytes());
    blake.update([0; 4]); // the lane
    let mut digest = blake.finalize();
    for at in (0..=Block::SIZE - 64).step_by(32) {
        bytes.get_mut(at..at + 64)?.copy_from_slice(&digest);
        digest = Blake2b512::digest(digest);
    }
    for (index, word) in bytes.as_chunks().0.iter().enumerate() {
        *block.as_mut().get_mut(index)? = u64::from_le_bytes(*word);
    }
    Some(())
}

/// The hash is H' of the last block.
fn end(block: &Block) -> Option<Zeroizing<[u8; HASH_LEN]>> {
    let mut bytes = Zeroizing::new([0; Block::SIZE]);
    for (index, word) in bytes.as_chunks_mut().0.iter_mut().enumerate() {
        *word = block.as_ref().get(index)?.to_le_bytes();
    }
    let blake = Blake2b256::new_with_prefix((HASH_LEN as u32).to_le_bytes());
    let hash = blake.chain_update(bytes.as_slice()).finalize();
    Some(Zeroizing::new(hash.into()))
}

/// The blocks as what the CPU works on.
fn matrices(blocks: &mut [Block]) -> &mut [Matrix] {
    // SAFETY: both are 1,024 bytes of integers, for which every bit pattern is a value, and have no
    // destructor. `align_to_mut` itself checks alignment and length; a `Block`
    // is aligned to more than a vector needs, so the middle part is all of them.
    unsafe { blocks.align_to_mut::<Matrix>().1 }
}

/// Makes all other blocks (section 3.2, steps 5 and 6).
#[target_feature(enable = "avx2")]
fn fill(blocks: &mut [Block], passes: u32) -> Option<()> {
    let length = blocks.len() / SLICES;
    let memory = matrices(blocks);
    let mut newest = 1;
    for pass in 0..passes {
        for slice in 0..SLICES {
            let segment = Segment {
                pass,
                slice,
                length,
            };
            let mut numbers = Block::new();
            for index in segment.first()..length {
                let number = if segment.is_independent() {
                    if index == segment.first() || index % WORDS == 0 {
                        numbers = segment.numbers(passes, index / WORDS)?;
                    }
                    *numbers.as_ref().get(index % WORDS)?
                } else {
                    first_word(memory.get(newest)?)
                };
                let sources = [newest, segment.reference(index, number)];
                newest = slice * length + index;
                make(memory, sources, newest, pass > 0)?;
            }
        }
    }
    Some(())
}

/// A quarter of a pass.
struct Segment {
    pass: u32,
    slice: usize,
    /// How many blocks it has.
    length: usize,
}

impl Segment {
    /// Its first block that is not there yet.
    const fn first(&self) -> usize {
        if self.pass == 0 && self.slice == 0 {
            2
        } else {
            0
        }
    }

    /// Whether its references do not depend on what is hashed. That makes it argon2id.
    const fn is_independent(&self) -> bool {
        self.pass == 0 && self.slice < SLICES / 2
    }

    /// What its references are chosen by if they are independent, for 128 blocks (section 3.4.1.2).
    #[target_feature(enable = "avx2")]
    fn numbers(&self, passes: u32, batch: usize) -> Option<Block> {
        let input = [
            u64::from(self.pass),
            0, // the lane
            self.slice as u64,
            (self.length * SLICES) as u64,
            u64::from(passes),
            Algorithm::Argon2id as u64,
            batch as u64 + 1,
        ];
        // Of zeros and the input, twice.
        let mut blocks = [Block::new(), Block::new()];
        for (index, number) in input.into_iter().enumerate() {
            *blocks[1].as_mut().get_mut(index)? = number;
        }
        make(matrices(&mut blocks), [0, 1], 1, false)?;
        make(matrices(&mut blocks), [0, 1], 1, false)?;
        Some(blocks[1])
    }

    /// Which block, beside the newest, the one at `index` is made from (section 3.4.2): one of a window
    /// of all that are there, but for the newest.
    const fn reference(&self, index: usize, number: u64) -> usize {
        let lane = SLICES * self.length;
        let (oldest, window) = match self.pass {
            0 => (0, self.slice * self.length + index - 1),
            _ => (
                (self.slice + 1) * self.length,
                lane - self.length + index - 1,
            ),
        };
        let low = number & 0xffff_ffff;
        let back = (((low * low) >> 32) * window as u64) >> 32;
        let place = oldest + window - 1 - back as usize;
        // As a remainder, without a division.
        if place < lane { place } else { place - lane }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn first_word(block: &Matrix) -> u64 {
    _mm256_extract_epi64::<0>(block[0][0]) as u64
}

/// Makes a block of two others: G (section 3.5). From the second pass on it is laid over the old one.
#[target_feature(enable = "avx2")]
fn make(memory: &mut [Matrix], sources: [usize; 2], target: usize, over: bool) -> Option<()> {
    let [one, other] = sources;
    let input = xor(memory.get(one)?, memory.get(other)?);
    let mut output = input;
    for rows in output.as_chunks_mut().0 {
        *rows = transposed(rows_permuted(transposed(*rows)));
    }
    let mut sides = sides(output);
    for side in &mut sides {
        *side = columns_permuted(*side);
    }
    output = rows(sides);
    output = xor(&output, &input);
    let block = memory.get_mut(target)?;
    *block = if over { xor(block, &output) } else { output };
    Some(())
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(one: &Matrix, other: &Matrix) -> Matrix {
    let mut both = *one;
    for (row, other) in both.iter_mut().zip(other) {
        *row = each(*row, *other, |x, y| _mm256_xor_si256(x, y));
    }
    both
}

/// P (section 3.6) of four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn rows_permuted([mut a, mut b, mut c, mut d]: [Four; 4]) -> [Four; 4] {
    mix(&mut a, &mut b, &mut c, &mut d);
    // The diagonals.
    b = turned::<0b00_11_10_01>(b);
    c = turned::<0b01_00_11_10>(c);
    d = turned::<0b10_01_00_11>(d);
    mix(&mut a, &mut b, &mut c, &mut d);
    b = turned::<0b10_01_00_11>(b);
    c = turned::<0b01_00_11_10>(c);
    d = turned::<0b00_11_10_01>(d);
    [a, b, c, d]
}

/// P of four columns, each two words wide: a vector has one half of two of them, and the one below it the
/// other.
#[inline]
#[target_feature(enable = "avx2")]
fn columns_permuted([mut a, mut b, mut c, mut d]: [Four; 4]) -> [Four; 4] {
    mix(&mut a, &mut b, &mut c, &mut d);
    // The diagonals.
    b = shifted(b);
    c = swapped(c);
    d = swapped(shifted(d));
    mix(&mut a, &mut b, &mut c, &mut d);
    b = swapped(shifted(b));
    c = swapped(c);
    d = shifted(d);
    [a, b, c, d]
}

/// The left four columns and the right four, each as a, b, c and d.
#[inline]
const fn sides([p, q, r, s, t, u, v, w]: Matrix) -> [[Four; 4]; 2] {
    const fn left(upper: Four, lower: Four) -> Four {
        [upper[0], lower[0], upper[1], lower[1]]
    }
    const fn right(upper: Four, lower: Four) -> Four {
        [upper[2], lower[2], upper[3], lower[3]]
    }
    [
        [left(p, q), left(r, s), left(t, u), left(v, w)],
        [right(p, q), right(r, s), right(t, u), right(v, w)],
    ]
}

/// The rows of these sides.
#[inline]
const fn rows([[a, b, c, d], [e, f, g, h]]: [[Four; 4]; 2]) -> Matrix {
    const fn upper(left: Four, right: Four) -> Four {
        [left[0], left[2], right[0], right[2]]
    }
    const fn lower(left: Four, right: Four) -> Four {
        [left[1], left[3], right[1], right[3]]
    }
    [
        upper(a, e),
        lower(a, e),
        upper(b, f),
        lower(b, f),
        upper(c, g),
        lower(c, g),
        upper(d, h),
        lower(d, h),
    ]
}

#[inline]
const fn transposed([a, b, c, d]: [Four; 4]) -> [Four; 4] {
    [
        [a[0], b[0], c[0], d[0]],
        [a[1], b[1], c[1], d[1]],
        [a[2], b[2], c[2], d[2]],
        [a[3], b[3], c[3], d[3]],
    ]
}

/// Each vector with its words from these places.
#[inline]
#[target_feature(enable = "avx2")]
fn turned<const PLACES: i32>([a, b, c, d]: Four) -> Four {
    let turn = |x| _mm256_permute4x64_epi64::<PLACES>(x);
    [turn(a), turn(b), turn(c), turn(d)]
}

/// Of two halves: the words 1 and 2, and the words 3 and 0.
#[inline]
#[target_feature(enable = "avx2")]
fn shifted([a, b, c, d]: Four) -> Four {
    let shift = |x, y| _mm256_alignr_epi8::<8>(y, x);
    [shift(a, b), shift(b, a), shift(c, d), shift(d, c)]
}

#[inline]
const fn swapped([a, b, c, d]: Four) -> Four {
    [b, a, d, c]
}

/// GB (section 3.6).
#[inline]
#[target_feature(enable = "avx2")]
fn mix(a: &mut Four, b: &mut Four, c: &mut Four, d: &mut Four) {
    *a = multiplied(*a, *b);
    *d = rotated::<32, 32>(*d, *a);
    *c = multiplied(*c, *d);
    *b = rotated::<24, 40>(*b, *c);
    *a = multiplied(*a, *b);
    *d = rotated::<16, 48>(*d, *a);
    *c = multiplied(*c, *d);
    *b = rotated::<63, 1>(*b, *c);
}

/// x + y + 2 * low half of x * low half of y.
#[inline]
#[target_feature(enable = "avx2")]
fn multiplied(x: Four, y: Four) -> Four {
    each(x, y, |x, y| {
        let product = _mm256_mul_epu32(x, y);
        _mm256_add_epi64(_mm256_add_epi64(x, y), _mm256_add_epi64(product, product))
    })
}

/// x ^ y, rotated to the right. The compiler knows what the shifts are and takes one shuffle where it can.
#[inline]
#[target_feature(enable = "avx2")]
fn rotated<const RIGHT: i32, const LEFT: i32>(x: Four, y: Four) -> Four {
    each(x, y, |x, y| {
        let both = _mm256_xor_si256(x, y);
        _mm256_or_si256(
            _mm256_srli_epi64::<RIGHT>(both),
            _mm256_slli_epi64::<LEFT>(both),
        )
    })
}

#[inline]
#[target_feature(enable = "avx2")]
fn each(
    [a, b, c, d]: Four,
    [e, f, g, h]: Four,
    step: impl Fn(__m256i, __m256i) -> __m256i,
) -> Four {
    [step(a, e), step(b, f), step(c, g), step(d, h)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::by_the_crate;
    use super::*;

    fn memory(cost: Cost) -> Vec<Block> {
        // What was there before must not matter.
        let mut used = Block::new();
        used.as_mut().fill(7);
        vec![used; cost.params().unwrap().block_count()]
    }

    fn here(password: &[u8], salt: &[u8], cost: Cost) -> Option<[u8; HASH_LEN]> {
        argon2id(password, salt, cost, &mut memory(cost)).map(|hash| *hash)
    }

    fn there(password: &[u8], salt: &[u8], cost: Cost) -> [u8; HASH_LEN] {
        let params = cost.params().unwrap();
        *by_the_crate(password, salt, params, &mut memory(cost)).unwrap()
    }

    /// From the tests of the reference implementation.
    #[test]
    fn both_give_the_answers_of_the_reference_implementation() {
        for ((memory_kib, passes, lanes), answer) in [
            (
                (256, 2, 1),
                "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe",
            ),
            (
                (256, 2, 2),
                "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037",
            ),
            (
                (65_536, 1, 1),
                "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98",
            ),
        ] {
            let cost = Cost::new(memory_kib, passes, lanes).unwrap();
            let hex = |hash: [u8; HASH_LEN]| hash.map(|byte| format!("{byte:02x}")).concat();
            assert_eq!(hex(there(b"password", b"somesalt", cost)), answer);
            if let Some(hash) = here(b"password", b"somesalt", cost) {
                assert_eq!(hex(hash), answer);
            }
        }
    }

    #[test]
    fn of_one_lane_it_is_done_here_wherever_the_cpu_can() {
        let able = is_x86_feature_detected!("avx2");
        for (lanes, is_done) in [(1, able), (2, false), (4, false)] {
            let cost = Cost::new(32, 1, lanes).unwrap();
            assert_eq!(here(b"", b"somesalt", cost).is_some(), is_done);
        }
    }

    proptest! {
        // Without optimisation each takes as long as a few of others.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

        // From the least memory to batches of numbers that end within a slice.
        #[test]
        fn the_hash_is_that_of_the_crate(
            memory_kib in prop_oneof![8..64_u32, 500..600_u32],
            passes in 1..=3_u32,
            password in prop::collection::vec(any::<u8>(), 0..150),
            salt in prop::collection::vec(any::<u8>(), 8..150),
        ) {
            let cost = Cost::new(memory_kib, passes, 1).unwrap();
            if let Some(hash) = here(&password, &salt, cost) {
                prop_assert_eq!(hash, there(&password, &salt, cost));
            }
        }
    }
}

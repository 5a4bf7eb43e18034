// SPDX-License-Identifier: GPL-3.0-or-later
//! From a password to what is stored of it. With the key K of the entry:
//!
//! ```text
//! x    = BLAKE2b-512, keyed with K, over "app-passwd 1" 00 | len(user) as u16 big-endian | user | 24 letters
//! tag  = the first 16 bits of x, big-endian
//! hash = argon2id(the other 62 bytes of x, random 16-byte salt), 32 bytes, as a PHC string
//! ```
//!
//! BLAKE2b is RFC 7693, argon2id RFC 9106 (version 19), the string the PHC string format.
//!
//! The tag finds the row, so a wrong password costs no argon2 (but one guess in 65,536 for each
//! entry of the user). The length before the name makes the input unambiguous, and the name in
//! it makes a row worthless to any other user. Without the key a tag says nothing.
//!
//! The work factor is light on purpose: 112 random bits cannot be searched at any price, while
//! heavy hashing of many logins is what takes mail servers down.
//!
//! The only files that name `argon2` and `blake2` are this one and those in `hash/`.

#[cfg(target_arch = "x86_64")]
mod avx2;
// The benchmark puts another in its place, to compare.
#[cfg_attr(crate_allocation, path = "../benches/crate_allocation.rs")]
mod memory;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use blake2::Blake2bMac512;
use blake2::digest::{KeyInit, Mac};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::credential::UserName;
use crate::password::AppPassword;
use memory::Memory;

const DOMAIN: &[u8] = b"app-passwd 1\0";
const FINGERPRINT: &[u8] = b"app-passwd fingerprint 1\0";
const X_LEN: usize = 64;
const TAG_LEN: usize = 2;
const SALT_LEN: usize = 16;
/// How many bytes a seal has.
pub const SEAL_LEN: usize = 16;
const HASH_LEN: usize = 32;
const VERSION: u32 = 0x13;

/// The secret of a store, without which tags and hashes mean nothing.
pub struct Key(Zeroizing<[u8; Self::LEN]>);

impl Key {
    /// How many bytes a key has.
    pub const LEN: usize = 32;

    /// A key of these bytes.
    pub fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, for the store.
    pub fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// What this key makes of a user's password.
    pub fn proof(&self, user: &UserName, password: &AppPassword) -> Result<Proof, HashError> {
        let user = user.as_str().as_bytes();
        // A UserName has at most 255 bytes, so the length always fits.
        let length = u16::try_from(user.len()).unwrap_or(u16::MAX);
        Ok(Proof(self.mac(&[
            DOMAIN,
            &length.to_be_bytes(),
            user,
            password.letters(),
        ])?))
    }

    /// Seals parts whose first says what they are. The sealed bytes tell nothing of the key.
    pub fn seal(&self, parts: &[&[u8]]) -> Result<[u8; SEAL_LEN], HashError> {
        let mac = self.mac(parts)?;
        mac.first_chunk().copied().ok_or(HashError::Malformed)
    }

    /// A name for the key, 16 hexadecimal digits, which tells nothing of it.
    pub fn fingerprint(&self) -> Result<String, HashError> {
        let seal = self.seal(&[FINGERPRINT])?;
        Ok(seal
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    /// BLAKE2b takes any key of up to 64 bytes, so this does not fail. Should it ever, then loudly:
    /// a value that does not depend on the password would let everybody in.
    fn mac(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; X_LEN]>, HashError> {
        let mac = Blake2bMac512::new_from_slice(self.bytes());
        let mut mac = mac.map_err(|_| HashError::Malformed)?;
        parts.iter().for_each(|part| mac.update(part));
        let mut x = Zeroizing::new([0; X_LEN]);
        x.copy_from_slice(&mac.finalize().into_bytes());
        Ok(x)
    }
}

/// The keyed value x of a user's password.
pub struct Proof(Zeroizing<[u8; X_LEN]>);

impl Proof {
    /// What the row is found by.
    pub fn tag(&self) -> u16 {
        let [high, low, ..] = *self.0;
        u16::from_be_bytes([high, low])
    }

    /// What is hashed.
    fn rest(&self) -> &[u8] {
        self.0.get(TAG_LEN..).unwrap_or_default()
    }
}

/// What one hash costs: argon2id's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawCost")]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// What a row of the store may ask for. Beyond it lies nothing but harm to the host.
    pub const MAX: Self = Self {
        memory_kib: 65_536,
        passes: 16,
        lanes: 4,
    };

    /// These parameters, if they lie within the bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, HashError> {
        let cost = Self {
            memory_kib,
            passes,
            lanes,
        };
        let within = memory_kib <= Self::MAX.memory_kib
            && (1..=Self::MAX.passes).contains(&passes)
            && (1..=Self::MAX.lanes).contains(&lanes)
            && memory_kib >= 8 * lanes; // RFC 9106, section 3.1
        within.then_some(cost).ok_or(HashError::Cost)
    }

    /// Whether it is less work than `other`.
    pub const fn is_below(self, other: Self) -> bool {
        self.memory_kib < other.memory_kib || self.passes < other.passes
    }

    fn params(self) -> Result<Params, HashError> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(HASH_LEN))
            .map_err(|_| HashError::Cost)
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            memory_kib: 1_024,
            passes: 1,
            lanes: 1,
        }
    }
}

/// `[hash]` as it stands in the configuration, every key with its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for RawCost {
    fn default() -> Self {
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = Cost::default();
        Self {
            memory_kib,
            passes,
            lanes,
        }
    }
}

impl TryFrom<RawCost> for Cost {
    type Error = HashError;

    fn try_from(raw: RawCost) -> Result<Self, HashError> {
        Self::new(raw.memory_kib, raw.passes, raw.lanes)
    }
}

/// What is stored of a password: a PHC string whose parameters lie within the bounds.
pub struct Hash(PasswordHash);

impl Hash {
    /// Hashes a proof with a fresh random salt.
    pub fn of(proof: &Proof, salt: [u8; SALT_LEN], cost: Cost) -> Result<Self, HashError> {
        let malformed = |_| HashError::Malformed;
        let mut params = ParamsString::new();
        for (name, value) in [
            ("m", cost.memory_kib),
            ("t", cost.passes),
            ("p", cost.lanes),
        ] {
            params.add_decimal(name, value).map_err(malformed)?;
        }
        Ok(Self(PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(VERSION),
            params,
            salt: Some(Salt::new(&salt).map_err(malformed)?),
            hash: Some(argon2id(proof, &salt, cost)?),
        }))
    }

    /// Reads a stored string. Nothing outside the bounds is ever hashed.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let hash = PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
        let salt_len = hash.salt.as_ref().map(|salt| salt.len());
        let hash_len = hash.hash.as_ref().map(Output::len);
        let sound = hash.algorithm == ARGON2ID_IDENT
            && hash.version == Some(VERSION)
            && salt_len == Some(SALT_LEN)
            && hash_len == Some(HASH_LEN)
            && hash.params.iter().count() == 3;
        let hash = sound.then_some(Self(hash)).ok_or(HashError::Malformed)?;
        hash.cost()?;
        Ok(hash)
    }

    /// What it cost to make.
    pub fn cost(&self) -> Result<Cost, HashError> {
        let of = |name| self.0.params.get_decimal(name).ok_or(HashError::Malformed);
        Cost::new(of("m")?, of("t")?, of("p")?)
    }

    /// Whether `proof` is what was hashed. Costs one argon2; compares in constant time.
    pub fn proves(&self, proof: &Proof) -> Result<bool, HashError> {
        let salt = self.0.salt.as_ref().ok_or(HashError::Malformed)?;
        // `Output` compares in constant time.
        Ok(self.0.hash.as_ref() == Some(&argon2id(proof, salt.as_ref(), self.cost()?)?))
    }

    /// The PHC string, for the store.
    pub fn to_phc(&self) -> String {
        self.0.to_string()
    }
}

fn argon2id(proof: &Proof, salt: &[u8], cost: Cost) -> Result<Output, HashError> {
    #[cfg(test)]
    HASHES.set(HASHES.get() + 1);
    let params = cost.params()?;
    let mut memory = Memory::map(params.block_count()).map_err(HashError::Memory)?;
    #[cfg(target_arch = "x86_64")]
    if let Some(hash) = avx2::argon2id(proof.rest(), salt, cost, memory.as_mut()) {
        return Output::new(hash.as_slice()).map_err(|_| HashError::Malformed);
    }
    let hash = by_the_crate(proof.rest(), salt, params, memory.as_mut())?;
    Output::new(hash.as_slice()).map_err(|_| HashError::Malformed)
}

fn by_the_crate(
    password: &[u8],
    salt: &[u8],
    params: Params,
    blocks: &mut [Block],
) -> Result<Zeroizing<[u8; HASH_LEN]>, HashError> {
    let mut hash = Zeroizing::new([0; HASH_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, hash.as_mut_slice(), blocks)
        .map_err(|_| HashError::Cost)?;
    Ok(hash)
}

#[cfg(test)]
std::thread_local! {
    /// How many times this thread has run argon2.
    pub(crate) static HASHES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Why there is no hash.
#[derive(Debug, Error)]
pub enum HashError {
    /// Parameters out of bounds.
    #[error("argon2id takes memory_kib 8 to 65536 (8 for each lane), passes 1 to 16, lanes 1 to 4")]
    Cost,
    /// A stored string that no version of this program wrote.
    #[error("not an argon2id hash of this program")]
    Malformed,
    /// The system gave no memory.
    #[error("no memory for argon2id: {0}")]
    Memory(std::io::Error),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn password(letters: &str) -> AppPassword {
        AppPassword::parse(letters.as_bytes()).unwrap()
    }

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    const WORD: &str = "qhztwbkdmfnxrvcjplsgytae";

    fn cheap() -> Cost {
        Cost::new(8, 1, 1).unwrap()
    }

    #[test]
    fn the_keyed_value_is_blake2b_over_domain_length_user_and_letters() {
        let proof = Key::new([7; 32])
            .proof(&user("alice"), &password(WORD))
            .unwrap();
        let mut mac = Blake2bMac512::new_from_slice(&[7; 32]).unwrap();
        mac.update(b"app-passwd 1\x00\x00\x05aliceqhztwbkdmfnxrvcjplsgytae");
        let x = mac.finalize().into_bytes();
        assert_eq!(proof.tag(), u16::from_be_bytes([x[0], x[1]]));
        assert_eq!(proof.rest(), &x[2..]);
    }

    /// Computed once by Python's hashlib.blake2b(key=bytes([7] * 32)): the format never changes.
    #[test]
    fn the_format_is_that_of_every_store_there_is() {
        let proof = Key::new([7; 32])
            .proof(&user("alice"), &password(WORD))
            .unwrap();
        assert_eq!(format!("{:04x}", proof.tag()), "4107");
        assert_eq!(proof.rest()[..4], [0xfc, 0x85, 0x01, 0xf6]);
    }

    #[test]
    fn a_hash_proves_its_own_password_only() {
        let key = Key::new([7; 32]);
        let proof = key.proof(&user("alice"), &password(WORD)).unwrap();
        let hash = Hash::of(&proof, [3; 16], cheap()).unwrap();
        let hash = Hash::parse(&hash.to_phc()).unwrap();
        assert!(hash.proves(&proof).unwrap());
        for (key, name, word) in [
            (7, "bob", WORD),
            (8, "alice", WORD),
            (7, "alice", "ahztwbkdmfnxrvcjplsgytae"),
        ] {
            let other = Key::new([key; 32])
                .proof(&user(name), &password(word))
                .unwrap();
            assert!(!hash.proves(&other).unwrap(), "{key} {name} {word}");
        }
    }

    #[test]
    fn a_stored_hash_out_of_bounds_is_refused_before_it_is_hashed() {
        let good = Hash::of(
            &Key::new([7; 32])
                .proof(&user("alice"), &password(WORD))
                .unwrap(),
            [3; 16],
            cheap(),
        )
        .unwrap()
        .to_phc();
        assert!(Hash::parse(&good).is_ok());
        for (from, to) in [
            ("$argon2id$", "$argon2d$"),
            ("$argon2id$", "$argon2i$"),
            ("v=19", "v=16"),
            ("v=19$", ""),
            ("m=8", "m=65537"),
            ("m=8", "m=4294967295"),
            ("m=8", "m=7"),
            ("t=1", "t=17"),
            ("t=1", "t=0"),
            ("p=1", "p=5"),
            ("p=1", "p=2"), // 8 KiB do not do for two lanes
            ("p=1", "p=1,keyid=AAAA"),
            ("m=8,", ""),
            ("$AwMDAwMDAwMDAwMDAwMDAw$", "$AwMDAwMDAwMDAwMDAwMD$"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert!(Hash::parse(&bad).is_err(), "{bad}");
        }
        for bad in [
            "",
            "x",
            "$argon2id$",
            good.split_at(good.len() - 4).0,
            &format!("{good}AAAA"),
        ] {
            assert!(Hash::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_cost_has_bounds() {
        assert!(Cost::new(65_536, 16, 4).is_ok());
        for (m, t, p) in [
            (65_537, 1, 1),
            (7, 1, 1),
            (31, 1, 4),
            (8, 0, 1),
            (8, 17, 1),
            (8, 1, 0),
        ] {
            assert!(Cost::new(m, t, p).is_err(), "{m} {t} {p}");
        }
    }

    proptest! {
        #[test]
        fn two_users_never_share_a_hash_input(
            one in "[a-z@.]{1,40}", two in "[a-z@.]{1,40}", word in "[a-z]{24}",
        ) {
            prop_assume!(one != two);
            let key = Key::new([7; 32]);
            let (one, two) = (key.proof(&user(&one), &password(&word)).unwrap(), key.proof(&user(&two), &password(&word)).unwrap());
            prop_assert_ne!(one.rest(), two.rest());
        }
    }
}

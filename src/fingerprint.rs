// SPDX-License-Identifier: GPL-3.0-or-later
//! What an account's field in `/etc/shadow` was, without the field: enough to tell whether it is
//! another by now.
//!
//! ```text
//! fingerprint = key, 32 random bytes | seal | user
//! seal        = the first 16 bytes of BLAKE2b-512, keyed, over "app-passwd shadow 1" 00 | field
//! ```
//!
//! libpam keeps it on its handle between the two phases of a change, in the memory of the host. So it
//! is neither the hash of the password nor anything that a second look at it would give again.

use crate::credential::UserName;
use crate::hash::{HashError, Key, SEAL_LEN};

const DOMAIN: &[u8] = b"app-passwd shadow 1\0";

/// What the field of a user was.
pub struct Fingerprint {
    /// Whose field.
    pub user: UserName,
    key: Key,
    seal: [u8; SEAL_LEN],
}

impl Fingerprint {
    /// That of this field, under a key of its own.
    pub fn of(user: &UserName, field: &[u8], key: Key) -> Result<Self, HashError> {
        let seal = key.seal(&[DOMAIN, field])?;
        Ok(Self {
            user: user.clone(),
            key,
            seal,
        })
    }

    /// Whether the field was this one.
    pub fn is_of(&self, field: &[u8]) -> Result<bool, HashError> {
        Ok(self.key.seal(&[DOMAIN, field])? == self.seal)
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let user = self.user.as_str().as_bytes();
        [self.key.bytes().as_slice(), &self.seal, user].concat()
    }

    /// Reads what [`Fingerprint::to_bytes`] has written.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk::<{ Key::LEN }>()?;
        let (seal, user) = rest.split_first_chunk()?;
        Some(Self {
            user: UserName::parse(str::from_utf8(user).ok()?).ok()?,
            key: Key::new(*key),
            seal: *seal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: &[u8] = b"$y$j9T$salt$hash";

    fn fingerprint(key: u8) -> Fingerprint {
        let alice = UserName::parse("alice").unwrap();
        Fingerprint::of(&alice, FIELD, Key::new([key; Key::LEN])).unwrap()
    }

    #[test]
    fn any_other_field_is_told_apart() {
        let before = fingerprint(7);
        assert!(before.is_of(FIELD).unwrap());
        for other in [
            b"!$y$j9T$salt$hash".as_slice(),
            b"$y$j9T$salt$hasi",
            b"*",
            b"",
        ] {
            assert!(!before.is_of(other).unwrap(), "{other:?}");
        }
    }

    #[test]
    fn it_reads_back_and_holds_nothing_of_the_field() {
        let bytes = fingerprint(7).to_bytes();
        let read = Fingerprint::from_bytes(&bytes).unwrap();
        assert_eq!(read.user.as_str(), "alice");
        assert!(read.is_of(FIELD).unwrap());
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|bytes| bytes == part);
        assert!(!holds(b"salt") && !holds(b"hash"));
        assert_ne!(bytes[Key::LEN..], fingerprint(8).to_bytes()[Key::LEN..]);
    }

    #[test]
    fn what_is_cut_says_nothing() {
        let bytes = fingerprint(7).to_bytes();
        for length in 0..=Key::LEN + SEAL_LEN {
            assert!(Fingerprint::from_bytes(&bytes[..length]).is_none());
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! A ticket says which entry a login was accepted with. It travels in the PAM environment from the
//! process that authenticates to the one that opens the session, since in sshd these are two, and
//! nothing else crosses. The owner of the account can set variables there as well, so a ticket is
//! sealed with the store's key:
//!
//! ```text
//! ticket = entry "." accepted at, seconds "." seal, 32 hexadecimal digits
//! seal   = the first 16 bytes of BLAKE2b-512, keyed, over
//!          "app-passwd session 1" 00 | entry as i64 big-endian | at as i64 big-endian | user | 00 | boot id
//! ```
//!
//! It is good for ten minutes of this boot. Whoever opens the session takes it out of the
//! environment, so that no process of the user ever sees one.

use crate::clock::Timestamp;
use crate::credential::{CredentialId, UserName};
use crate::hash::Key;

/// The variable's name.
pub const VARIABLE: &str = "APP_PASSWD_TICKET";

const DOMAIN: &[u8] = b"app-passwd session 1\0";
/// Longer than any host lets a login last.
const GOOD_FOR: i64 = 600;

/// Seals a ticket for a login that was accepted now. `None`: the key cannot.
pub fn issue(
    key: &Key,
    entry: CredentialId,
    user: &UserName,
    boot: &str,
    now: Timestamp,
) -> Option<String> {
    let seal = seal(key, entry, now, user, boot)?;
    Some(format!("{entry}.{}.{seal}", now.seconds()))
}

/// The entry that a ticket says, if one of the keys sealed it for this user, lately.
pub fn read(
    ticket: &str,
    keys: &[Key],
    user: &UserName,
    boot: &str,
    now: Timestamp,
) -> Option<CredentialId> {
    let (entry, rest) = ticket.split_once('.')?;
    let (at, claimed) = rest.split_once('.')?;
    let entry = CredentialId(entry.parse().ok()?);
    let at = Timestamp::from_seconds(at.parse().ok()?);
    let lately = (-GOOD_FOR..=GOOD_FOR).contains(&now.since(at));
    let mut seals = keys
        .iter()
        .filter_map(|key| seal(key, entry, at, user, boot));
    (lately && seals.any(|seal| equal(&seal, claimed))).then_some(entry)
}

fn seal(
    key: &Key,
    entry: CredentialId,
    at: Timestamp,
    user: &UserName,
    boot: &str,
) -> Option<String> {
    let (entry, at) = (entry.0.to_be_bytes(), at.seconds().to_be_bytes());
    let (user, boot) = (user.as_str().as_bytes(), boot.as_bytes());
    let sealed = key.seal(&[DOMAIN, &entry, &at, user, b"\0", boot]).ok()?;
    Some(sealed.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Takes as long for any two texts of the same length.
fn equal(one: &str, two: &str) -> bool {
    let differing = one
        .bytes()
        .zip(two.bytes())
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == two.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000_000);

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn entry(ticket: &str, name: &str, boot: &str, later: i64) -> Option<i64> {
        let keys = [Key::new([1; 32]), Key::new([7; 32])];
        let now = Timestamp::from_seconds(NOW.seconds() + later);
        read(ticket, &keys, &user(name), boot, now).map(|entry| entry.0)
    }

    #[test]
    fn a_ticket_is_good_for_its_user_its_boot_and_ten_minutes() {
        let ticket = issue(
            &Key::new([7; 32]),
            CredentialId(12),
            &user("alice"),
            "boot",
            NOW,
        )
        .unwrap();
        assert_eq!(entry(&ticket, "alice", "boot", 0), Some(12));
        assert_eq!(entry(&ticket, "alice", "boot", 600), Some(12));
        assert_eq!(entry(&ticket, "alice", "boot", 601), None);
        assert_eq!(entry(&ticket, "alice", "other boot", 0), None);
        assert_eq!(entry(&ticket, "bob", "boot", 0), None);
        assert_eq!(
            entry(&ticket.replacen("12.", "13.", 1), "alice", "boot", 0),
            None
        );
    }

    #[test]
    fn a_forged_ticket_says_nothing() {
        let ticket = issue(
            &Key::new([8; 32]),
            CredentialId(12),
            &user("alice"),
            "boot",
            NOW,
        )
        .unwrap();
        for forged in [
            ticket.as_str(),
            "",
            "12",
            "12.",
            "12.1000000000.",
            "12.1000000000",
            "a.b.c",
        ] {
            assert_eq!(entry(forged, "alice", "boot", 0), None, "{forged}");
        }
    }
}

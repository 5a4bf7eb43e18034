// SPDX-License-Identifier: GPL-3.0-or-later
//! The field of a local account in `/etc/shadow`, and whether it says that the account is locked
//! (`passwd -l`, `usermod -L`): a hash behind a `!`. A bare `!`, `!!` or `*` never had a password and
//! is not locked. Accounts of a directory have no line there, and who may not read the file learns
//! nothing: both count as not locked. A file that cannot be read for any other reason is an error,
//! or a locked account would be let in whenever the machine is short of something.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::credential::UserName;
use crate::error::Error;

const SHADOW: &str = "/etc/shadow";
/// Longer lines than any account's are passed over.
const LONGEST_LINE: usize = 8 * 1024;

/// Whether the account of this name is locked.
pub fn is_locked(user: &UserName) -> Result<bool, Error> {
    is_locked_in(Path::new(SHADOW), user)
}

fn is_locked_in(shadow: &Path, user: &UserName) -> Result<bool, Error> {
    match field_in(shadow, user, is_locked_field) {
        Ok(locked) => Ok(locked.unwrap_or(false)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(Error::io(shadow, error)),
    }
}

/// What `judge` says of the account's field. `None`: the account has no line there.
pub fn field<T>(user: &UserName, judge: impl Fn(&[u8]) -> T) -> Result<Option<T>, Error> {
    let shadow = Path::new(SHADOW);
    field_in(shadow, user, judge).map_err(|error| Error::io(shadow, error))
}

fn field_in<T>(
    shadow: &Path,
    user: &UserName,
    judge: impl Fn(&[u8]) -> T,
) -> std::io::Result<Option<T>> {
    find(File::open(shadow)?, user.as_str().as_bytes(), judge)
}

/// What `judge` says of the second field of the line that begins with `name`. Other people's hashes
/// pass through one buffer, which is wiped.
fn find<T>(
    mut file: impl Read,
    name: &[u8],
    judge: impl Fn(&[u8]) -> T,
) -> std::io::Result<Option<T>> {
    let mut buffer = Zeroizing::new([0; LONGEST_LINE]);
    let mut filled = 0;
    loop {
        let (_, room) = buffer.split_at_mut(filled);
        let read = match file.read(room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        filled += read;
        let (text, _) = buffer.split_at(filled);
        let last = text.iter().rposition(|&byte| byte == b'\n');
        // At the end of the file, and in a full buffer, what there is counts as a line.
        let whole = match last {
            _ if read == 0 => filled,
            None if filled == LONGEST_LINE => filled,
            last => last.unwrap_or(0),
        };
        let (lines, _) = text.split_at(whole);
        for line in lines.split(|&byte| byte == b'\n') {
            let mut fields = line.split(|&byte| byte == b':');
            if fields.next() == Some(name) {
                return Ok(fields.next().map(judge));
            }
        }
        if read == 0 {
            return Ok(None);
        }
        let next = if last.is_some() {
            filled.min(whole + 1)
        } else {
            whole
        };
        buffer.copy_within(next..filled, 0);
        filled -= next;
    }
}

/// `!$y$...` and `!!$6$...` are locked; `!`, `!!`, `!*` and `*` are not.
fn is_locked_field(field: &[u8]) -> bool {
    let Some(behind) = field.strip_prefix(b"!") else {
        return false;
    };
    behind.iter().any(|byte| !b"!*".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_behind_an_exclamation_mark_is_a_locked_account() {
        for (field, locked) in [
            ("!$y$j9T$abc", true),
            ("!!$6$abc", true),
            ("!abXYZ", true),
            ("$y$j9T$abc", false),
            ("!", false),
            ("!!", false),
            ("!*", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(is_locked_field(field.as_bytes()), locked, "{field:?}");
        }
    }

    #[test]
    fn the_line_of_the_user_decides() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "root:*:1::::::\nal:!$6$x:1::::::\nalice:$6$x:1::::::\nbob:!$6$x:1",
        )
        .unwrap();
        let locked = |name| is_locked_in(file.path(), &UserName::parse(name).unwrap()).unwrap();
        assert!(!locked("alice"));
        assert!(locked("al"));
        assert!(locked("bob"));
        assert!(!locked("carol"));
        assert!(!locked("root"));
    }

    #[test]
    fn the_line_is_found_however_the_file_is_read() {
        /// Gives one byte at a time.
        struct Trickle<'a>(&'a [u8]);
        impl Read for Trickle<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let one = buffer.len().min(1);
                self.0.read(&mut buffer[..one])
            }
        }
        let long = "x".repeat(3 * LONGEST_LINE);
        let text = format!("root:*:1\n{long}:!a:1\nal:b:2\nalice:!c:3\n\nbob:!d");
        let field = |name: &str, whole: bool| {
            let keep = |field: &[u8]| String::from_utf8(field.to_vec()).unwrap();
            let bytes = text.as_bytes();
            match whole {
                true => find(bytes, name.as_bytes(), keep).unwrap(),
                false => find(Trickle(bytes), name.as_bytes(), keep).unwrap(),
            }
        };
        for whole in [true, false] {
            assert_eq!(field("al", whole).as_deref(), Some("b"));
            assert_eq!(field("alice", whole).as_deref(), Some("!c"));
            assert_eq!(field("bob", whole).as_deref(), Some("!d"));
            assert_eq!(field("carol", whole), None);
        }
    }

    #[test]
    fn a_file_that_fails_is_no_account_without_a_lock() {
        let user = UserName::parse("alice").unwrap();
        assert!(!is_locked_in(Path::new("/no/such/file"), &user).unwrap());
        assert!(is_locked_in(Path::new("/etc"), &user).is_err());
    }
}

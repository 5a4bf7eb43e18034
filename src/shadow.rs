// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether a local account is locked (`passwd -l`, `usermod -L`): its field in `/etc/shadow` is a
//! hash behind a `!`. A bare `!`, `!!` or `*` never had a password and is not locked. Accounts of a
//! directory have no line there, and who may not read the file learns nothing: both count as not
//! locked.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use zeroize::Zeroizing;

use crate::credential::UserName;

/// Whether the account of this name is locked.
pub fn is_locked(user: &UserName) -> bool {
    is_locked_in(Path::new("/etc/shadow"), user)
}

fn is_locked_in(shadow: &Path, user: &UserName) -> bool {
    let Ok(file) = File::open(shadow) else {
        return false;
    };
    let mut lines = BufReader::new(file);
    let mut line = Zeroizing::new(Vec::new());
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
        let mut fields = line.split(|&byte| byte == b':');
        if fields.next() == Some(user.as_str().as_bytes()) {
            return fields.next().is_some_and(is_locked_field);
        }
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
        let locked = |name| is_locked_in(file.path(), &UserName::parse(name).unwrap());
        assert!(!locked("alice"));
        assert!(locked("al"));
        assert!(locked("bob"));
        assert!(!locked("carol"));
        assert!(!locked("root"));
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! Caches above PAM that go on accepting a revoked password, because they do not ask again.

use std::fs;

/// saslauthd's own default, in seconds (saslauthd(8), `-t`).
const SASLAUTHD_TTL: u64 = 28_800;

/// What the person who revokes must know about caches on this machine.
pub(super) fn warnings() -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut lifetimes: Vec<(u64, i32)> = pids
        .filter_map(|pid: i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let words: Vec<_> = words
                .split(|&byte| byte == 0)
                .map(String::from_utf8_lossy)
                .collect();
            Some((saslauthd_cache(&words)?, pid))
        })
        .collect();
    // Its children have the same command line; the oldest speaks for all.
    lifetimes.sort_unstable_by_key(|&(_, pid)| pid);
    let warning = lifetimes.first().map(|(seconds, pid)| {
        format!(
            "warning: saslauthd (process {pid}) runs with -c: it may go on accepting the password for up to {seconds} s; restart it"
        )
    });
    warning.into_iter().collect()
}

/// How long a saslauthd of this command line remembers good passwords, in seconds.
fn saslauthd_cache(words: &[impl AsRef<str>]) -> Option<u64> {
    let mut words = words.iter().map(AsRef::as_ref);
    if words.next()?.rsplit('/').next()? != "saslauthd" {
        return None;
    }
    let (mut caches, mut lifetime) = (false, SASLAUTHD_TTL);
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else {
            continue;
        };
        for (index, letter) in letters.char_indices() {
            let rest = letters.get(index + 1..).filter(|rest| !rest.is_empty());
            match letter {
                'c' => caches = true,
                't' => lifetime = rest.or_else(|| words.next())?.parse().ok()?,
                // These take a value, which is no list of letters.
                'a' | 'O' | 'm' | 'n' | 's' => {
                    if rest.is_none() {
                        words.next();
                    }
                }
                _ => continue,
            }
            if letter != 'c' {
                break;
            }
        }
    }
    caches.then_some(lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saslauthd_with_a_cache_is_known_by_its_command_line() {
        for (line, lifetime) in [
            (
                "/usr/sbin/saslauthd -a pam -c -m /run/saslauthd -n 5",
                Some(28_800),
            ),
            ("/usr/sbin/saslauthd -a pam -c -t 60 -n 5", Some(60)),
            ("saslauthd -apam -crt60", Some(60)),
            ("/usr/sbin/saslauthd -a pam -m /var/-c -n 5", None),
            ("/usr/sbin/saslauthd -a c -n 5", None),
            ("grep saslauthd -c", None),
            ("", None),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(saslauthd_cache(&words), lifetime, "{line}");
        }
    }
}

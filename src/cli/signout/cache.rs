// SPDX-License-Identifier: GPL-3.0-or-later
//! Caches above PAM that go on accepting a revoked password, because they do not ask again.

use std::collections::BTreeMap;
use std::fs;

use pam_app_passwd::session::{self, Process};

use crate::cli::program;

/// saslauthd's own default, in seconds (saslauthd(8), `-t`).
const SASLAUTHD_TTL: u64 = 28_800;

/// A process of root's that is called like one of them: whoever else starts something can call it as
/// they like, with whatever command line.
pub(in crate::cli) struct Daemon {
    process: Process,
    program: Program,
    words: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    Saslauthd,
    Dovecot,
}

/// One that remembers passwords.
pub(in crate::cli) struct Cache {
    pub(in crate::cli) daemon: Daemon,
    /// For how long.
    lifetime: String,
}

/// All that may be one, the oldest first. Nobody is asked anything.
pub(in crate::cli) fn daemons() -> Vec<Daemon> {
    let mut daemons: Vec<_> = session::pids().into_iter().filter_map(Daemon::of).collect();
    daemons.sort_unstable_by_key(|daemon| daemon.process.start);
    // The children of saslauthd have its command line; the oldest speaks for all.
    let mut seen = false;
    daemons.retain(|daemon| !daemon.is_saslauthd() || !std::mem::replace(&mut seen, true));
    daemons
}

/// Those of them that are one. However many there are, they are asked for seconds only.
pub(in crate::cli) fn among(daemons: Vec<Daemon>) -> Vec<Cache> {
    let deadline = program::deadline();
    let mut told = BTreeMap::new();
    let mut lifetime = |daemon: &Daemon| match daemon.program {
        Program::Saslauthd => saslauthd_cache(&daemon.words).map(|seconds| format!("{seconds} s")),
        Program::Dovecot => told
            .entry(doveconf(&daemon.words))
            .or_insert_with_key(|ask| dovecot_cache(&program::ask(ask, deadline)?))
            .clone(),
    };
    let cache = |daemon| {
        let lifetime = lifetime(&daemon)?;
        Some(Cache { daemon, lifetime })
    };
    daemons.into_iter().filter_map(cache).collect()
}

impl Daemon {
    fn of(pid: i32) -> Option<Self> {
        let process = Process::of(pid)?;
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = words.split(|&byte| byte == 0);
        let words: Vec<_> = words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let program = match words.first()?.rsplit('/').next()? {
            "saslauthd" => Program::Saslauthd,
            // Only its first process; those that do its work are called `dovecot/auth` and so on.
            "dovecot" => Program::Dovecot,
            _ => return None,
        };
        (session::real_uid(pid) == Some(0)).then_some(Self {
            process,
            program,
            words,
        })
    }

    pub(in crate::cli) fn is_saslauthd(&self) -> bool {
        self.program == Program::Saslauthd
    }

    /// Whether it has not ended since.
    pub(super) fn goes_on(&self) -> bool {
        Process::of(self.process.pid) == Some(self.process)
    }

    /// Whether one of these commands makes it forget.
    pub(in crate::cli) fn forgets_by(&self, commands: &[Vec<String>]) -> bool {
        !self.is_saslauthd() && commands.iter().any(|words| flushes_dovecot(words))
    }
}

impl Cache {
    /// What the person who has revoked must know about it.
    pub(super) fn warning(&self) -> String {
        let remedy = match self.daemon.program {
            Program::Saslauthd => "restart it",
            Program::Dovecot => "run doveadm auth cache flush",
        };
        format!("warning: {}; {remedy}", self.describe("the password"))
    }

    /// What it does with a password that it remembers.
    pub(in crate::cli) fn describe(&self, password: &str) -> String {
        let (pid, lifetime) = (self.daemon.process.pid, &self.lifetime);
        let (program, how) = match self.daemon.program {
            Program::Saslauthd => ("saslauthd", "runs with -c"),
            Program::Dovecot => ("dovecot", "has an auth cache"),
        };
        format!(
            "{program} (process {pid}) {how}: it may go on accepting {password} for up to {lifetime}"
        )
    }
}

fn flushes_dovecot(words: &[String]) -> bool {
    let program = words.first().and_then(|program| program.rsplit('/').next());
    program == Some("doveadm")
        && words
            .windows(3)
            .any(|three| three == ["auth", "cache", "flush"])
}

/// Asks a Dovecot of this command line for the settings that decide.
fn doveconf(words: &[impl AsRef<str>]) -> Vec<String> {
    let mut words = words.iter().map(AsRef::as_ref).skip(1);
    let mut ask = vec!["doveconf".to_owned()];
    while let Some(word) = words.next() {
        if let Some(rest) = word.strip_prefix("-c") {
            let file = Some(rest)
                .filter(|rest| !rest.is_empty())
                .or_else(|| words.next());
            ask.extend(["-c", file.unwrap_or_default()].map(str::to_owned));
        }
    }
    ask.extend(["auth_cache_size", "auth_cache_ttl", "passdb"].map(str::to_owned));
    ask
}

/// How long a Dovecot of these settings remembers good passwords that PAM has judged, in its own
/// words. 2.3 does so only by a `cache_key` among the arguments of its passdb; 2.4, where every
/// passdb has a name, unless it is told not to.
fn dovecot_cache(settings: &str) -> Option<String> {
    let value = |name: &str| {
        let mut lines = settings.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
    };
    let caches = |passdb: &str| {
        let pam = passdb.starts_with("pam {") || passdb.contains("driver = pam");
        pam && match passdb.starts_with('{') {
            true => passdb.contains("cache_key="),
            false => !passdb.contains("use_cache = no"),
        }
    };
    let settings_of_passdbs = format!("\n{settings}");
    let mut passdbs = settings_of_passdbs.split("\npassdb ").skip(1);
    let keeps = value("auth_cache_size")? != "0" && passdbs.any(caches);
    value("auth_cache_ttl").filter(|_| keeps).map(str::to_owned)
}

/// How long a saslauthd of this command line remembers good passwords, in seconds.
pub(in crate::cli) fn saslauthd_cache(words: &[impl AsRef<str>]) -> Option<u64> {
    let mut words = words.iter().map(AsRef::as_ref).skip(1);
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
            ("", None),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(saslauthd_cache(&words), lifetime, "{line}");
        }
    }

    #[test]
    fn a_dovecot_is_asked_about_the_configuration_that_it_was_started_with() {
        for (line, ask) in [
            ("/usr/sbin/dovecot -F", "doveconf"),
            ("dovecot -c /srv/mail.conf -F", "doveconf -c /srv/mail.conf"),
            ("dovecot -F -c/srv/mail.conf", "doveconf -c /srv/mail.conf"),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let ask = format!("{ask} auth_cache_size auth_cache_ttl passdb");
            assert_eq!(doveconf(&words).join(" "), ask);
        }
    }

    #[test]
    fn a_dovecot_that_caches_what_pam_says_is_known_by_its_settings() {
        let passdb_2_3 = |args| format!("passdb {{\n  args = {args}\n  driver = pam\n}}");
        let passdb_2_4 = |name, line| format!("passdb {name} {{\n  {line}\n}}");
        for (size, passdb, ttl) in [
            ("1 M", passdb_2_3("cache_key=#hidden# %s"), Some("1 hours")),
            ("1 M", passdb_2_3("%s"), None),
            ("0", passdb_2_3("cache_key=#hidden# %s"), None),
            ("1M", passdb_2_4("pam", "service_name = x"), Some("1 hours")),
            ("1M", passdb_2_4("mail", "driver = pam"), Some("1 hours")),
            ("1M", passdb_2_4("pam", "use_cache = no"), None),
            ("1M", passdb_2_4("sql", "query = x"), None),
            ("0", passdb_2_4("pam", "service_name = x"), None),
        ] {
            // 2.3 prints blocks first, 2.4 last.
            let values = format!("auth_cache_size = {size}\nauth_cache_ttl = 1 hours\n");
            for settings in [format!("{values}{passdb}\n"), format!("{passdb}\n{values}")] {
                assert_eq!(dovecot_cache(&settings).as_deref(), ttl, "{settings}");
            }
        }
        assert_eq!(dovecot_cache(""), None);
    }

    #[test]
    fn a_flush_is_known_by_its_words() {
        for (line, flushes) in [
            ("doveadm auth cache flush alice", true),
            ("/usr/bin/doveadm -v auth cache flush", true),
            ("doveadm kick alice", false),
            ("echo auth cache flush", false),
        ] {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(flushes_dovecot(&words), flushes, "{line}");
        }
    }
}

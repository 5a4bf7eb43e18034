// SPDX-License-Identifier: GPL-3.0-or-later
//! How saslauthd is configured, for when it does not run: what runs is known by its command line.

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Check, Finding};
use crate::cli::signout::cache::saslauthd_cache;

/// Where it is installed.
const PROGRAM: &str = "/usr/sbin/saslauthd";
/// Where its command line is configured: on Debian, on Red Hat and on Gentoo.
const FILES: [&str; 3] = [
    "/etc/default/saslauthd",
    "/etc/sysconfig/saslauthd",
    "/etc/conf.d/saslauthd",
];
/// Where Debian configures more of them.
const INSTANCES: (&str, &str) = ("/etc/default", "saslauthd-");
/// What those files call its options.
const OPTIONS: [&str; 3] = ["OPTIONS", "FLAGS", "SASLAUTHD_OPTS"];

/// Where what is started at boot is linked to: by systemd, by init and by OpenRC.
const STARTED: &str = "/etc/systemd/system";
const RUN_LEVELS: [&str; 5] = [
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc4.d",
    "/etc/rc5.d",
    "/etc/runlevels/default",
];

/// Those of its files that give it a cache: wrong once it is started.
pub(super) fn configured() -> Vec<Finding> {
    // What is not installed asks nothing.
    if !Path::new(PROGRAM).exists() {
        return Vec::new();
    }
    let files = files().into_iter().filter(|file| has_a_cache(file));
    files.map(|file| judge(&file, is_enabled())).collect()
}

fn judge(file: &Path, is_enabled: bool) -> Finding {
    let file = file.display();
    if !is_enabled {
        let what = format!("{file} has -c for saslauthd, which is not started");
        return Finding::ok(Check::Cache, what);
    }
    let what =
        format!("{file} starts saslauthd with -c: it would go on accepting a revoked password");
    Finding::wrong(Check::Cache, what, "take -c out of it")
}

fn files() -> Vec<PathBuf> {
    let (dir, begin) = INSTANCES;
    let dir = Path::new(dir);
    let names = names(dir).into_iter();
    let instances = names.filter(|name| name.starts_with(begin));
    let files = FILES.into_iter().map(PathBuf::from);
    files.chain(instances.map(|name| dir.join(name))).collect()
}

fn is_enabled() -> bool {
    let targets = names(Path::new(STARTED)).into_iter();
    let wanted = targets.filter(|name| name.ends_with(".wants"));
    let wanted = wanted.map(|name| Path::new(STARTED).join(name));
    let mut dirs = RUN_LEVELS.into_iter().map(PathBuf::from).chain(wanted);
    dirs.any(|dir| names(&dir).iter().any(|name| starts_it(name)))
}

/// Whether a link of this name starts it: `saslauthd.service`, `S01saslauthd`, `saslauthd`.
fn starts_it(link: &str) -> bool {
    let numbered = link.strip_prefix('S');
    let digits = |c: char| c.is_ascii_digit();
    numbered
        .map_or(link, |rest| rest.trim_start_matches(digits))
        .starts_with("saslauthd")
}

fn names(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

/// Whether a file of shell variables gives it the option for its cache.
fn has_a_cache(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(options).any(gives_a_cache)
}

/// The options that a line of shell sets.
fn options(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.trim_start().split_once('=')?;
    OPTIONS.contains(&name).then_some(value)
}

fn gives_a_cache(options: &str) -> bool {
    let words = options.split(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let words: Vec<_> = ["saslauthd"].into_iter().chain(words).collect();
    saslauthd_cache(&words).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_options_are_those_that_a_line_sets() {
        for (line, cache) in [
            ("OPTIONS=\"-c -m /var/run/saslauthd\"", true),
            ("  export OPTIONS='-c'", true),
            ("FLAGS=-c", true),
            ("SASLAUTHD_OPTS=\"${SASLAUTH_MECH} -a pam -c\"", true),
            ("OPTIONS=\"-m /var/run/saslauthd\"", false),
            ("#OPTIONS=\"-c\"", false),
            ("PARAMS=\"-c\"", false),
        ] {
            assert_eq!(options(line).is_some_and(gives_a_cache), cache, "{line}");
        }
    }

    #[test]
    fn what_starts_it_is_told_by_the_name_of_the_link() {
        for (link, starts) in [
            ("saslauthd.service", true),
            ("saslauthd@mail.service", true),
            ("S01saslauthd", true),
            ("saslauthd", true),
            ("K01saslauthd", false),
            ("S01nginx", false),
        ] {
            assert_eq!(starts_it(link), starts, "{link}");
        }
    }

    #[test]
    fn what_is_configured_is_wrong_only_where_it_is_started() {
        let file = Path::new("/etc/default/saslauthd");
        assert!(judge(file, false).ok);
        assert!(!judge(file, true).ok);
    }
}

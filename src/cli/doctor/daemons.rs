// SPDX-License-Identifier: GPL-3.0-or-later
//! What runs beside the module: caches that go on accepting a revoked password, and the helper.

use std::path::Path;

use pam_app_passwd::config::Config;
use pam_app_passwd::credential::ServiceName;
use pam_app_passwd::helper;

use super::finding::{Check, Finding};
use super::services::Named;
use crate::cli::signout::cache::{self, Cache, Daemon, saslauthd_cache};

/// Where saslauthd's command line is configured, on Debian and on Red Hat.
const SASLAUTHD: [&str; 2] = ["/etc/default/saslauthd", "/etc/sysconfig/saslauthd"];
/// Where it is installed.
const SASLAUTHD_PROGRAM: &str = "/usr/sbin/saslauthd";
/// What Postfix makes it ask PAM by.
const SMTP: &str = "smtp";

/// Services whose hosts must ask the helper, and the system users that these run as; none: whoever
/// starts them.
const ASKING: [(&str, Option<&str>); 9] = [
    ("apache2", Some("www-data")),
    ("httpd", Some("apache")),
    ("nginx", Some("www-data")),
    ("postgresql", Some("postgres")),
    ("passwd", None),
    ("su", None),
    ("su-l", None),
    ("sudo", None),
    ("sudo-i", None),
];

/// Caches above PAM.
pub(super) fn caches(services: &[Named], config: Option<&Config>) -> Vec<Finding> {
    let commands = config.map_or(&[][..], |config| &config.on_revoke.run);
    let daemons = cache::daemons();
    // One that runs is known by its own command line, whatever is configured.
    let saslauthd_runs = daemons.iter().any(Daemon::is_saslauthd);
    let caches = cache::among(daemons);
    let mut findings: Vec<_> = caches
        .iter()
        .map(|cache| running(cache, commands))
        .collect();
    // Postfix may as well ask Dovecot: what is not installed asks nothing.
    let may_ask =
        services.iter().any(|named| named.name == SMTP) && Path::new(SASLAUTHD_PROGRAM).exists();
    if may_ask && !saslauthd_runs {
        let configured = SASLAUTHD.iter().filter(|file| has_a_cache(Path::new(file)));
        findings.extend(configured.map(|file| {
            let what = format!(
                "{file} starts saslauthd with -c: it would go on accepting a revoked password"
            );
            Finding::wrong(Check::Cache, what, "take -c out of it")
        }));
    }
    if findings.is_empty() {
        let what = "neither saslauthd nor Dovecot remembers passwords";
        findings.push(Finding::ok(Check::Cache, what));
    }
    findings
}

fn running(cache: &Cache, on_revoke: &[Vec<String>]) -> Finding {
    if cache.daemon.forgets_by(on_revoke) {
        let what = "Dovecot remembers passwords, and [on_revoke] makes it forget them";
        return Finding::ok(Check::Cache, what);
    }
    let hint = match cache.daemon.is_saslauthd() {
        true => "take -c out of its options (OPTIONS in /etc/default/saslauthd), and restart it",
        false => {
            "let [on_revoke] run 'doveadm auth cache flush {user}', or set auth_cache_size = 0"
        }
    };
    Finding::wrong(Check::Cache, cache.describe("a revoked password"), hint)
}

/// Whether a file of shell variables gives saslauthd the option for its cache.
fn has_a_cache(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut options = text.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        ["OPTIONS", "FLAGS"].contains(&name).then_some(value)
    });
    options.any(|value| {
        let words = value.split(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        let words: Vec<_> = ["saslauthd"].into_iter().chain(words).collect();
        saslauthd_cache(&words).is_some()
    })
}

/// The helper, where a stack needs it.
pub(super) fn helper(services: &[Named], config: &Config) -> Vec<Finding> {
    let asks = |named: &&Named| {
        let host = ASKING.iter().any(|(name, _)| *name == named.name);
        host || may_be_asked(&named.name, config)
    };
    let asking = services.iter().filter(asks);
    let asking: Vec<_> = asking.map(|named| named.name.as_str()).collect();
    if asking.is_empty() {
        return vec![Finding::ok(Check::Helper, "no stack needs the helper")];
    }
    let there = match helper::is_there() {
        Ok(()) => {
            let what = format!("it answers, as needed by {}", asking.join(", "));
            Finding::ok(Check::Helper, what)
        }
        Err(error) => Finding::error(Check::Helper, error),
    };
    let hosts = ASKING.iter().filter(|(name, _)| asking.contains(name));
    let not_allowed = hosts.filter_map(|(service, user)| {
        let user = user.filter(|_| !may_be_asked(service, config))?;
        let what = format!("{service} asks it, but may not: no line of [helper.callers] names it");
        let hint = format!("write there: {user} = [\"{service}\"]");
        Some(Finding::wrong(Check::Helper, what, hint))
    });
    [there].into_iter().chain(not_allowed).collect()
}

/// Whether a system user may ask the helper about a service.
fn may_be_asked(service: &str, config: &Config) -> bool {
    let rules = config.rules();
    let mut named = config.helper.callers.values().flatten();
    let service = ServiceName::parse(service).ok();
    service.is_some_and(|service| named.any(|named| rules.includes(named, &service)))
}

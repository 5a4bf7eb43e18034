// SPDX-License-Identifier: GPL-3.0-or-later
//! What runs beside the module: caches that go on accepting a revoked password, and the helper.

use nix::unistd::User;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::ServiceName;
use pam_app_passwd::helper;

use super::finding::{Check, Finding};
use super::saslauthd;
use super::services::Named;
use crate::cli::signout::cache::{self, Cache, Daemon};

/// What Postfix makes it ask PAM by.
const SMTP: &str = "smtp";

/// Services whose hosts must ask the helper, and the system users that these run as, by the
/// distribution; none: whoever starts them.
const ASKING: [(&str, &[&str]); 9] = [
    ("apache2", &["wwwrun", "apache", "www-data"]),
    ("httpd", &["apache", "http", "www-data"]),
    ("nginx", &["nginx", "http", "www-data"]),
    ("postgresql", &["postgres"]),
    ("passwd", &[]),
    ("su", &[]),
    ("su-l", &[]),
    ("sudo", &[]),
    ("sudo-i", &[]),
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
    // Postfix may as well ask Dovecot.
    let may_ask = services.iter().any(|named| named.name == SMTP);
    if may_ask && !saslauthd_runs {
        findings.extend(saslauthd::configured());
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
    let not_allowed = hosts
        .filter(|(service, users)| !users.is_empty() && !may_be_asked(service, config))
        .map(|(service, users)| not_allowed(service, users));
    [there].into_iter().chain(not_allowed).collect()
}

fn not_allowed(service: &str, users: &[&str]) -> Finding {
    let what = format!("{service} asks it, but may not: no line of [helper.callers] names it");
    let is_there = |name: &&&str| User::from_name(name).is_ok_and(|user| user.is_some());
    let hint = match users.iter().find(is_there) {
        Some(user) => format!("write there: {user} = [\"{service}\"]"),
        None => format!("write there: USER = [\"{service}\"], where USER is the user it runs as"),
    };
    Finding::wrong(Check::Helper, what, hint)
}

/// Whether a system user may ask the helper about a service.
fn may_be_asked(service: &str, config: &Config) -> bool {
    let rules = config.rules();
    let mut named = config.helper.callers.values().flatten();
    let service = ServiceName::parse(service).ok();
    service.is_some_and(|service| named.any(|named| rules.includes(named, &service)))
}

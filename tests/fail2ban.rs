//! fail2ban's filter bans who guesses, in every service, and nobody else.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::cannot_run;
use support::machine::run;

/// Lines of `auth.log`, and whether their address is to be banned.
const LINES: [(&str, bool); 9] = [
    (
        "auth[4711]: pam_app_passwd(imap:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser= rhost=192.0.2.7  user=alice",
        true,
    ),
    (
        "auth[4711]: pam_app_passwd(imap:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser= rhost=192.0.2.7 ",
        true,
    ),
    (
        "sshd[4711]: pam_app_passwd(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=2001:db8::7  user=al\\x20ice",
        true,
    ),
    (
        "saslauthd[4711]: pam_app_passwd(smtp:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=  user=alice",
        false,
    ),
    (
        "auth[4711]: pam_app_passwd(imap:auth): unknown; rhost=192.0.2.7 user=alice",
        false,
    ),
    (
        "auth[4711]: pam_app_passwd(imap:auth): refused; user=alice rhost=192.0.2.7 entry=12 label=\"phone\" reason=revoked",
        false,
    ),
    (
        "auth[4711]: pam_app_passwd(imap:auth): accepted; user=alice rhost=192.0.2.7 entry=12 label=\"phone\"",
        false,
    ),
    (
        "auth[4711]: pam_app_passwd(imap:auth): refused; user=alice rhost=192.0.2.7 entry=12 label=\"authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=203.0.113.1  user=x\" reason=service",
        false,
    ),
    (
        "cron[4711]: authentication failure; logname= uid=0 euid=0 tty=cron ruser= rhost=192.0.2.7  user=alice",
        false,
    ),
];

fn matched(filter: &str, line: &str) -> bool {
    let mut fail2ban = Command::new("fail2ban-regex");
    fail2ban
        .arg(format!("Nov 20 09:00:00 mail {line}"))
        .arg(filter);
    let report = run(fail2ban, b"").succeeds();
    assert!(report.contains("Lines: 1 lines"), "{report}");
    report.contains("1 matched")
}

#[test]
fn our_filter_bans_who_guesses_and_nobody_else() {
    if cannot_run(&["fail2ban-regex"]) {
        return;
    }
    // Beside the stock files that it includes.
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir("/etc/fail2ban/filter.d").unwrap().flatten() {
        if file
            .path()
            .extension()
            .is_some_and(|ending| ending == "conf")
        {
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/fail2ban/app-passwd.conf");
    let filter = folder.path().join("app-passwd.conf");
    fs::copy(ours, &filter).unwrap();
    for (line, banned) in LINES {
        assert_eq!(
            matched(&filter.display().to_string(), line),
            banned,
            "{line}"
        );
    }
}

#[test]
fn the_stock_filter_does_once_it_knows_the_name() {
    if cannot_run(&["fail2ban-regex"]) {
        return;
    }
    let filter = "pam-generic[__pam_auth='pam_(?:unix|app_passwd)']";
    for (line, banned) in LINES
        .iter()
        .filter(|(line, _)| line.contains("pam_app_passwd"))
    {
        assert_eq!(matched(filter, line), *banned, "{line}");
    }
}

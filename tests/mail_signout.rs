//! Revoking an app password signs its mail client out: the commands of `[on_revoke]` end what is open, and caches that
//! would go on accepting the password are emptied, or named.

mod support;

use std::time::{Duration, Instant};

use support::mail::{Door, Mail};

/// Ends the open connections of the user from where the entry was used last.
const KICK: &str = r#"["doveadm", "kick", "{user}", "{from}"]"#;
/// Makes Dovecot forget the passwords of the user.
const FLUSH: &str = r#"["doveadm", "auth", "cache", "flush", "{user}"]"#;

const PHONE: &str = "127.0.0.2";
const LAPTOP: &str = "127.0.0.3";

#[test]
fn the_readme_and_the_manual_show_these_very_commands() {
    let readme = include_str!("../README.md");
    let manual = include_str!("../packaging/man/app-passwd.toml.5");
    for command in [KICK, FLUSH] {
        assert!(readme.contains(command), "{command}");
        assert!(manual.contains(command), "{command}");
    }
}

fn mail_that_runs(commands: &[&str]) -> Option<Mail> {
    let run = commands.join(", ");
    let mail = Mail::start()?.stack("mail-app-passwords-only", &["imap"]);
    Some(mail.configured(&format!("[on_revoke]\nrun = [{run}]\n")))
}

#[test]
fn revoking_the_phones_password_ends_its_open_connection_and_the_laptops_goes_on() {
    let Some(mail) = mail_that_runs(&[KICK]) else {
        return;
    };
    let phone = mail.create("demo --label phone");
    let laptop = mail.create("demo --label laptop");
    let phone_session = mail.stay("demo", &phone, PHONE);
    let laptop_session = mail.stay("demo", &laptop, LAPTOP);

    let revoked = mail.tool("revoke demo phone");
    let ran = format!("Ran doveadm kick demo {PHONE}.");
    assert!(revoked.stderr.contains(&ran), "{revoked:?}");
    revoked.succeeds();
    assert!(phone_session.says("* BYE"), "{}", mail.logs());
    assert!(phone_session.ends());

    mail.deliver("after the theft");
    assert!(laptop_session.says("EXISTS"), "{}", mail.logs());
    mail.keeps_out(Door::Imap, "demo", &phone);
    mail.lets_in(Door::Imap, "demo", &laptop);
}

#[test]
fn a_phone_that_is_not_connected_is_signed_out_without_a_warning() {
    let Some(mail) = mail_that_runs(&[KICK, FLUSH]) else {
        return;
    };
    let phone = mail.create("demo --label phone");
    mail.lets_in(Door::Imap, "demo", &phone);
    let revoked = mail.tool("revoke demo phone");
    assert!(!revoked.stderr.contains("warning"), "{revoked:?}");
    revoked.succeeds();
}

#[test]
fn with_keep_sessions_the_open_connection_goes_on_and_the_password_opens_no_other() {
    let Some(mail) = mail_that_runs(&[KICK]) else {
        return;
    };
    let phone = mail.create("demo --label phone");
    let session = mail.stay("demo", &phone, PHONE);
    let revoked = mail.tool("revoke demo phone --keep-sessions");
    assert!(!revoked.stderr.contains("doveadm"), "{revoked:?}");
    revoked.succeeds();
    mail.deliver("after the revocation");
    assert!(session.says("EXISTS"), "{}", mail.logs());
    mail.keeps_out(Door::Imap, "demo", &phone);
}

#[test]
fn a_cache_of_dovecots_accepts_a_revoked_password_until_it_is_flushed() {
    let Some(mail) = mail_that_runs(&[]) else {
        return;
    };
    mail.let_dovecot_cache();
    let phone = mail.create("demo --label phone");
    mail.lets_in(Door::Imap, "demo", &phone);
    let revoked = mail.tool("revoke demo phone");
    assert!(
        revoked.stderr.contains(
            "has an auth cache: it may go on accepting the password for up to 1 hours; run doveadm auth cache flush"
        ),
        "{revoked:?}"
    );
    mail.lets_in(Door::Imap, "demo", &phone);
    mail.run("doveadm auth cache flush demo", "").succeeds();
    mail.keeps_out(Door::Imap, "demo", &phone);
}

#[test]
fn the_flush_among_the_commands_makes_a_cache_of_dovecots_forget_the_password_at_once() {
    let Some(mail) = mail_that_runs(&[FLUSH]) else {
        return;
    };
    mail.let_dovecot_cache();
    let phone = mail.create("demo --label phone");
    mail.lets_in(Door::Imap, "demo", &phone);
    let revoked = mail.tool("revoke demo phone");
    assert!(!revoked.stderr.contains("warning"), "{revoked:?}");
    mail.keeps_out(Door::Imap, "demo", &phone);
    mail.logged(r#"entry=1 label="phone" reason=revoked"#);
}

#[test]
fn a_cache_of_saslauthds_accepts_a_revoked_password_and_the_tool_says_for_how_long() {
    let Some(mail) = Mail::with_saslauthd("-c -t 600") else {
        return;
    };
    let phone = mail.create("demo --label phone");
    mail.lets_in(Door::Saslauthd, "demo", &phone);
    let revoked = mail.tool("revoke demo phone");
    assert!(
        revoked.stderr.contains(
            "runs with -c: it may go on accepting the password for up to 600 s; restart it"
        ),
        "{revoked:?}"
    );
    revoked.succeeds();
    mail.lets_in(Door::Saslauthd, "demo", &phone);
    mail.keeps_out(Door::Submission, "demo", &phone);
}

#[test]
fn a_saslauthd_that_is_restarted_by_a_command_has_forgotten_the_password_and_nobody_is_warned() {
    let Some(mail) = Mail::with_saslauthd("-c") else {
        return;
    };
    // What systemctl restart would do.
    let restart =
        "kill $(cat /run/saslauthd/saslauthd.pid); sleep 1; exec saslauthd -a pam -n 5 -c";
    let mail = mail.configured(&format!(
        "[on_revoke]\nrun = [[\"sh\", \"-c\", \"{restart}\"]]\n"
    ));
    let phone = mail.create("demo --label phone");
    mail.lets_in(Door::Saslauthd, "demo", &phone);
    let revoked = mail.tool("revoke demo phone");
    assert!(!revoked.stderr.contains("warning"), "{revoked:?}");
    mail.keeps_out(Door::Saslauthd, "demo", &phone);
}

#[test]
fn a_command_that_hangs_or_fails_is_named_and_the_revocation_stands() {
    let Some(mail) = mail_that_runs(&[
        r#"["sleep", "600"]"#,
        r#"["/no/such/command", "{user}"]"#,
        r#"["false"]"#,
        KICK,
    ]) else {
        return;
    };
    let phone = mail.create("demo --label phone");
    let session = mail.stay("demo", &phone, PHONE);
    let began = Instant::now();
    let revoked = mail.tool("revoke demo phone");
    assert!(began.elapsed() < Duration::from_secs(30), "{revoked:?}");
    assert!(
        revoked
            .stderr
            .contains("it took longer than 10 s and was killed"),
        "{revoked:?}"
    );
    assert!(
        revoked.stderr.contains("No such file or directory"),
        "{revoked:?}"
    );
    assert!(
        revoked.stderr.contains("warning: false: exit status: 1"),
        "{revoked:?}"
    );
    revoked.succeeds();
    // The commands behind them were run.
    assert!(session.ends(), "{}", mail.logs());
    mail.keeps_out(Door::Imap, "demo", &phone);
}

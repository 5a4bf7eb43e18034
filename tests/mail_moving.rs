//! On the way to app passwords: under `pam.d/mail-account-password-too` both kinds still work, and the log says which was
//! used.

mod support;

use support::WRONG;
use support::mail::{Door, Mail};

/// pam_warn's line, which an app password never gets. By hand: `journalctl --grep 'pam_warn\(imap:auth\)'`.
const ACCOUNT_PASSWORD: &str = "pam_warn(imap:auth): function=[pam_sm_authenticate] flags=0 service=[imap] \
                                terminal=[dovecot] user=[neighbour] ruser=[neighbour] rhost=[127.0.0.1]";

fn on_the_way() -> Option<Mail> {
    let mail = Mail::start()?;
    Some(mail.stack("mail-account-password-too", &["imap"]))
}

#[test]
fn the_account_password_still_works_and_the_log_says_that_it_was_that() {
    let Some(mail) = on_the_way() else { return };
    mail.create("neighbour --label phone");
    mail.lets_in(Door::Imap, "neighbour", &mail.account_password("neighbour"));
    mail.logged(ACCOUNT_PASSWORD);
    assert!(!mail.logs().contains("accepted;"), "{}", mail.logs());
}

#[test]
fn an_app_password_works_and_the_log_says_that_it_was_that() {
    let Some(mail) = on_the_way() else { return };
    let phone = mail.create("neighbour --label phone");
    mail.lets_in(Door::Imap, "neighbour", &phone);
    mail.logged(r#"pam_app_passwd(imap:auth): accepted; user=neighbour rhost=127.0.0.1 entry=1 label="phone""#);
    assert!(!mail.logs().contains("pam_warn"), "{}", mail.logs());
}

#[test]
fn a_wrong_password_is_logged_as_neither() {
    let Some(mail) = on_the_way() else { return };
    mail.create("neighbour --label phone");
    mail.keeps_out(Door::Imap, "neighbour", WRONG);
    mail.keeps_out(Door::Imap, "neighbour", "a wrong one");
    mail.logged("pam_unix(imap:auth): authentication failure;");
    let logs = mail.logs();
    assert!(!logs.contains("accepted;"), "{logs}");
    assert!(!logs.contains("pam_warn"), "{logs}");
}

#[test]
fn a_revoked_app_password_is_refused_before_the_account_password_is_asked_for() {
    let Some(mail) = on_the_way() else { return };
    let phone = mail.create("neighbour --label phone");
    mail.tool("revoke neighbour phone").succeeds();
    mail.keeps_out(Door::Imap, "neighbour", &phone);
    mail.logged(r#"refused; user=neighbour rhost=127.0.0.1 entry=1 label="phone" reason=revoked"#);
    assert!(!mail.logs().contains("pam_unix"), "{}", mail.logs());
}

#[test]
fn once_moved_the_account_password_opens_nothing_and_the_app_password_goes_on() {
    let Some(mail) = on_the_way() else { return };
    let phone = mail.create("neighbour --label phone");
    let account = mail.account_password("neighbour");
    mail.lets_in(Door::Imap, "neighbour", &account);
    let mail = mail.stack("mail-app-passwords-only", &["imap"]);
    mail.keeps_out(Door::Imap, "neighbour", &account);
    mail.lets_in(Door::Imap, "neighbour", &phone);
}

#[test]
fn without_a_store_the_account_password_goes_on() {
    let Some(mail) = on_the_way() else { return };
    mail.lets_in(Door::Imap, "neighbour", &mail.account_password("neighbour"));
    mail.keeps_out(Door::Imap, "neighbour", WRONG);
}

//! A mail client logs in: a real Dovecot, IMAP over TLS, and the stack that `pam.d/dovecot` ships.

mod support;

use support::WRONG;
use support::mail::{Door, Mail};

/// The mail is there to be read.
#[track_caller]
fn reads_the_message(mail: &Mail, user: &str, password: &str) {
    let ran = mail.fetch(user, password, 1);
    assert!(
        ran.stdout.contains("The kettle is on."),
        "{ran:?}\n{}",
        mail.logs()
    );
}

#[test]
fn the_account_password_alone_is_refused_although_it_is_right() {
    let Some(mail) = Mail::start() else { return };
    mail.keeps_out(Door::Imap, "demo", &mail.account_password("demo"));
    // It was right, else the code had not been asked for.
    mail.logged("Invalid verification code for demo");
}

#[test]
fn the_account_password_with_the_code_is_let_in_where_both_can_be_shown() {
    let Some(mail) = Mail::start() else { return };
    let both = "{ cat demo.password; oathtool --totp --base32 - <demo.code-secret; }";
    mail.run(
        &format!("{both} | pamtester imap demo authenticate acct_mgmt"),
        "",
    )
    .succeeds();
}

#[test]
fn an_app_password_logs_in_and_fetches_the_message() {
    let Some(mail) = Mail::start() else { return };
    let phone = mail.create("demo --label phone");
    reads_the_message(&mail, "demo", &phone);
    mail.logged(
        r#"pam_app_passwd(imap:auth): accepted; user=demo rhost=127.0.0.1 entry=1 label="phone""#,
    );
}

#[test]
fn a_second_app_password_works_beside_the_first() {
    let Some(mail) = Mail::start() else { return };
    let phone = mail.create("demo --label phone");
    let laptop = mail.create("demo --label laptop");
    reads_the_message(&mail, "demo", &phone);
    reads_the_message(&mail, "demo", &laptop);
    reads_the_message(&mail, "demo", &phone);
}

#[test]
fn twenty_four_letters_that_open_nothing_are_refused() {
    let Some(mail) = Mail::start() else { return };
    mail.create("demo --label phone");
    mail.keeps_out(Door::Imap, "demo", WRONG);
    mail.logged("pam_app_passwd(imap:auth): unknown; rhost=127.0.0.1 user=demo");
}

#[test]
fn another_users_app_password_is_refused() {
    let Some(mail) = Mail::start() else { return };
    let neighbours = mail.create("neighbour --label phone");
    mail.keeps_out(Door::Imap, "demo", &neighbours);
}

#[test]
fn an_app_password_for_another_service_is_refused() {
    let Some(mail) = Mail::start() else { return };
    let scanner = mail.create("demo --label scanner --service smtp");
    mail.keeps_out(Door::Imap, "demo", &scanner);
    mail.logged(r#"refused; user=demo rhost=127.0.0.1 entry=1 label="scanner" reason=service"#);
}

#[test]
fn an_app_password_is_good_from_its_network_only() {
    let Some(mail) = Mail::start() else { return };
    let here = mail.create("demo --label here --from 127.0.0.0/8");
    let elsewhere = mail.create("demo --label elsewhere --from 192.0.2.0/24");
    reads_the_message(&mail, "demo", &here);
    mail.keeps_out(Door::Imap, "demo", &elsewhere);
    mail.logged(r#"refused; user=demo rhost=127.0.0.1 entry=2 label="elsewhere" reason=network"#);
}

#[test]
fn a_revoked_app_password_is_refused_and_the_other_goes_on() {
    let Some(mail) = Mail::start() else { return };
    let phone = mail.create("demo --label phone");
    let laptop = mail.create("demo --label laptop");
    reads_the_message(&mail, "demo", &phone);
    mail.tool("revoke demo phone").succeeds();
    mail.keeps_out(Door::Imap, "demo", &phone);
    mail.logged(r#"refused; user=demo rhost=127.0.0.1 entry=1 label="phone" reason=revoked"#);
    reads_the_message(&mail, "demo", &laptop);
}

#[test]
fn list_says_when_and_from_where_each_was_used() {
    let Some(mail) = Mail::start() else { return };
    let phone = mail.create("demo --label phone");
    mail.create("demo --label laptop");
    reads_the_message(&mail, "demo", &phone);
    let entries = mail.tool("list demo --json").json();
    let phone = entries
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["label"] == "phone")
        .unwrap();
    let laptop = entries
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["label"] == "laptop")
        .unwrap();
    assert_eq!(phone["last_used"]["service"], "imap");
    assert_eq!(phone["last_used"]["from"], "127.0.0.1");
    assert_eq!(phone["last_used"]["count"], 1);
    assert!(
        phone["last_used"]["at"].as_str().unwrap() >= phone["created"].as_str().unwrap(),
        "{phone}"
    );
    assert!(laptop["last_used"].is_null(), "{laptop}");
}

#[test]
fn no_log_holds_a_password() {
    let Some(mail) = Mail::start() else { return };
    let account = mail.account_password("demo");
    let phone = mail.create("demo --label phone");
    reads_the_message(&mail, "demo", &phone);
    mail.keeps_out(Door::Imap, "demo", &account);
    mail.keeps_out(Door::Imap, "demo", WRONG);
    mail.tool("revoke demo phone").succeeds();
    mail.keeps_out(Door::Imap, "demo", &phone);
    mail.never_logged(&[&account, &phone]);
}

//! Programs that send mail: a Postfix that asks Dovecot or saslauthd about them.

mod support;

use support::mail::{Door, Mail};
use support::private_machine::eventually;

const SUBMISSION: [Door; 2] = [Door::Submission, Door::Saslauthd];

/// The delivery comes after the answer.
fn arrives(mail: &Mail, password: &str, number: usize, text: &str) -> bool {
    eventually(|| mail.fetch("demo", password, number).stdout.contains(text))
}

#[test]
fn a_mail_sent_with_an_app_password_is_read_by_imap() {
    let Some(mail) = Mail::with_every_door() else {
        return;
    };
    let phone = mail.create("demo --label phone");
    for (number, door) in (2..).zip(SUBMISSION) {
        let text = format!("through {door:?}");
        mail.send(door, "demo", &phone, &text).succeeds();
        assert!(arrives(&mail, &phone, number, &text), "{}", mail.logs());
    }
    mail.logged("sasl_method=PLAIN, sasl_username=demo");
}

#[test]
fn a_scanner_that_may_only_send_cannot_read() {
    let Some(mail) = Mail::with_every_door() else {
        return;
    };
    let mail = mail.stack("mail-app-passwords-only", &["imap", "smtp"]);
    let scanner = mail.create("neighbour --label scanner --service smtp");
    for door in SUBMISSION {
        mail.send(door, "neighbour", &scanner, "page 1").succeeds();
    }
    mail.keeps_out(Door::Imap, "neighbour", &scanner);
}

#[test]
fn nobody_sends_mail_without_a_password() {
    let Some(mail) = Mail::with_every_door() else {
        return;
    };
    for url in ["smtp-url", "smtp-saslauthd-url"] {
        let send = "echo hello | curl --silent --show-error --cacert certificate.pem \
                    --mail-from demo@example.org --mail-rcpt demo@example.org --upload-file -";
        let ran = mail.run(&format!("{send} $(cat {url})"), "");
        assert!(ran.stderr.contains("RCPT failed: 554"), "{ran:?}");
    }
}

#[test]
fn through_dovecot_an_app_password_is_good_from_its_network() {
    let Some(mail) = Mail::with_every_door() else {
        return;
    };
    let here = mail.create("demo --label here --from 127.0.0.0/8");
    let elsewhere = mail.create("demo --label elsewhere --from 192.0.2.0/24");
    mail.lets_in(Door::Submission, "demo", &here);
    mail.keeps_out(Door::Submission, "demo", &elsewhere);
    mail.logged(r#"pam_app_passwd(smtp:auth): refused; user=demo rhost=127.0.0.1 entry=2 label="elsewhere" reason=network"#);
}

/// It does not tell PAM where the client is.
#[test]
fn through_saslauthd_an_app_password_that_is_limited_to_networks_is_refused_even_from_there() {
    let Some(mail) = Mail::with_every_door() else {
        return;
    };
    let here = mail.create("demo --label here --from 127.0.0.0/8");
    mail.keeps_out(Door::Saslauthd, "demo", &here);
    mail.logged(
        r#"pam_app_passwd(smtp:auth): refused; user=demo rhost= entry=1 label="here" reason=network"#,
    );
}

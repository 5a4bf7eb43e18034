//! Every service of a mail server, and what an app password is to it: IMAP, POP3, ManageSieve, and submission through a
//! Postfix that asks Dovecot, and one that asks saslauthd. The stacks are `pam.d/mail-app-passwords-only` and, for
//! submission, `pam.d/smtp`.

mod support;

use std::thread;

use support::WRONG;
use support::mail::{DOORS, Door, Mail};

fn every_door() -> Option<Mail> {
    let mail = Mail::with_every_door()?;
    Some(mail.stack("mail-app-passwords-only", &["imap", "pop3", "sieve"]))
}

/// What the log says at this door about entry 1 of demo, which is "phone".
fn refused(door: Door, reason: &str) -> String {
    format!(
        r#"pam_app_passwd({}:auth): refused; user=demo rhost={} entry=1 label="phone" reason={reason}"#,
        door.service(),
        door.rhost()
    )
}

#[test]
fn an_app_password_opens_all_of_them() {
    let Some(mail) = every_door() else { return };
    let phone = mail.create("demo --label phone");
    for door in DOORS {
        mail.lets_in(door, "demo", &phone);
        mail.logged(&format!(
            r#"pam_app_passwd({}:auth): accepted; user=demo rhost={} entry=1 label="phone""#,
            door.service(),
            door.rhost()
        ));
    }
}

#[test]
fn the_account_password_opens_none() {
    let Some(mail) = every_door() else { return };
    let account = mail.account_password("neighbour");
    for door in DOORS {
        mail.keeps_out(door, "neighbour", &account);
        // For fail2ban: nobody else could say it.
        mail.logged(&format!(
            "pam_app_passwd({}:auth): authentication failure;",
            door.service()
        ));
    }
}

#[test]
fn twenty_four_letters_that_open_nothing_open_none() {
    let Some(mail) = every_door() else { return };
    mail.create("demo --label phone");
    for door in DOORS {
        mail.keeps_out(door, "demo", WRONG);
        mail.logged(&format!(
            "pam_app_passwd({}:auth): unknown; ",
            door.service()
        ));
    }
}

#[test]
fn another_users_app_password_opens_none() {
    let Some(mail) = every_door() else { return };
    let neighbours = mail.create("neighbour --label phone");
    for door in DOORS {
        mail.keeps_out(door, "demo", &neighbours);
    }
}

#[test]
fn an_app_password_for_one_service_opens_no_other() {
    let Some(mail) = every_door() else { return };
    for service in ["imap", "pop3", "sieve", "smtp"] {
        let own = mail.create(&format!("demo --label {service} --service {service}"));
        for door in DOORS {
            match door.service() == service {
                true => mail.lets_in(door, "demo", &own),
                false => mail.keeps_out(door, "demo", &own),
            }
        }
    }
    mail.logged(r#"pam_app_passwd(pop3:auth): refused; user=demo rhost=127.0.0.1 entry=1 label="imap" reason=service"#);
}

#[test]
fn an_expired_app_password_opens_none() {
    let Some(mail) = every_door() else { return };
    let phone = mail.create("demo --label phone --expires 1d");
    mail.alter("UPDATE credential SET expires = unixepoch() - 1");
    for door in DOORS {
        mail.keeps_out(door, "demo", &phone);
        mail.logged(&refused(door, "expired"));
    }
}

#[test]
fn a_disabled_app_password_opens_none() {
    let Some(mail) = every_door() else { return };
    let phone = mail.create("demo --label phone");
    mail.alter("UPDATE credential SET disabled = 1");
    for door in DOORS {
        mail.keeps_out(door, "demo", &phone);
        mail.logged(&refused(door, "disabled"));
    }
}

#[test]
fn a_revoked_app_password_opens_none_and_the_second_goes_on() {
    let Some(mail) = every_door() else { return };
    let phone = mail.create("demo --label phone");
    let laptop = mail.create("demo --label laptop");
    for door in DOORS {
        mail.lets_in(door, "demo", &phone);
        mail.lets_in(door, "demo", &laptop);
    }
    mail.tool("revoke demo phone").succeeds();
    for door in DOORS {
        mail.keeps_out(door, "demo", &phone);
        mail.logged(&refused(door, "revoked"));
        mail.lets_in(door, "demo", &laptop);
    }
}

#[test]
fn an_app_password_of_a_locked_account_opens_none() {
    let Some(mail) = every_door() else { return };
    let phone = mail.create("demo --label phone");
    mail.run("usermod --lock demo", "").succeeds();
    for door in DOORS {
        mail.keeps_out(door, "demo", &phone);
        mail.logged(&refused(door, "locked"));
    }
}

#[test]
fn an_app_password_of_an_expired_account_opens_none() {
    let Some(mail) = every_door() else { return };
    let phone = mail.create("demo --label phone");
    mail.run("usermod --expiredate 2020-01-01 demo", "")
        .succeeds();
    for door in DOORS {
        mail.keeps_out(door, "demo", &phone);
    }
}

#[test]
fn twenty_clients_get_in_at_once() {
    let Some(mail) = every_door() else { return };
    let phone = mail.create("demo --label phone");
    for door in DOORS {
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| mail.lets_in(door, "demo", &phone));
            }
        });
    }
}

#[test]
fn no_log_holds_a_password() {
    let Some(mail) = every_door() else { return };
    let account = mail.account_password("demo");
    let phone = mail.create("demo --label phone");
    for door in DOORS {
        mail.lets_in(door, "demo", &phone);
        mail.keeps_out(door, "demo", &account);
        mail.keeps_out(door, "demo", WRONG);
    }
    mail.tool("revoke demo phone").succeeds();
    for door in DOORS {
        mail.keeps_out(door, "demo", &phone);
        mail.logged(&refused(door, "revoked"));
    }
    mail.never_logged(&[&account, &phone]);
}

/// Names without an account, and the stack in which app-passwd alone decides.
#[test]
fn a_user_without_an_account_gets_in_with_an_app_password_and_with_nothing_else() {
    let Some(mail) = Mail::with_every_door() else {
        return;
    };
    let mail = mail
        .stack("mail-virtual-users", &["imap", "pop3", "sieve", "smtp"])
        .configured("policy.virtual_users = true\n");
    let phone = mail.create("ada --label phone");
    let laptop = mail.create("ada --label laptop");
    let other = mail.create("bert --label phone");
    for door in DOORS {
        mail.lets_in(door, "ada", &phone);
        mail.lets_in(door, "ada", &laptop);
        mail.keeps_out(door, "ada", &other);
        mail.keeps_out(door, "ada", WRONG);
        mail.keeps_out(door, "nobody-of-that-name", &phone);
    }
    mail.tool("revoke ada phone").succeeds();
    for door in DOORS {
        mail.keeps_out(door, "ada", &phone);
        mail.lets_in(door, "ada", &laptop);
    }
}

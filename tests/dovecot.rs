//! A mail client logs in: a real Dovecot, IMAP over TLS, and the stack that `pam.d/dovecot` ships.

mod support;

use std::path::Path;
use std::process::Command;

use support::private_mounts::PrivateMounts;
use support::{Ran, TOOL, WRONG, cannot_run, machine, module};

/// A private machine with a Dovecot on it, as `tests/support/dovecot.sh` describes it.
struct Mail {
    machine: PrivateMounts,
}

impl Mail {
    /// Nothing, after having said so, where that cannot be had.
    fn start() -> Option<Mail> {
        if cannot_run(&[
            "root", "unshare", "nsenter", "perl", "openssl", "dovecot", "curl",
        ]) {
            return None;
        }
        let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
        let mut machine = Command::new(support.join("private-machine.sh"));
        machine
            .arg(module())
            .arg(TOOL)
            .arg(support.join("dovecot.sh"))
            .args(["sh", "-c", "echo ready; exec cat"]);
        Some(Mail {
            machine: PrivateMounts::held_by(machine),
        })
    }

    /// Runs a line of shell on the machine, in `/run/demo`.
    fn run(&self, line: &str, input: &str) -> Ran {
        let mut command = self.machine.command("sh".as_ref());
        command.args([
            "-c",
            &format!("PATH=/run/demo/bin:$PATH; cd /run/demo; {line}"),
        ]);
        machine::run(command, input.as_bytes())
    }

    fn tool(&self, arguments: &str) -> Ran {
        self.run(&format!("app-passwd {arguments}"), "")
    }

    /// Makes an app password and returns it.
    fn create(&self, arguments: &str) -> String {
        self.tool(&format!("create {arguments}"))
            .succeeds()
            .trim_end()
            .to_owned()
    }

    fn account_password(&self, user: &str) -> String {
        self.run(&format!("cat {user}.password"), "")
            .succeeds()
            .trim_end()
            .to_owned()
    }

    /// What a mail client sees that asks for the first message in the inbox.
    fn fetch(&self, user: &str, password: &str) -> Ran {
        // The client reads the password from its standard input.
        self.run(
            "curl --silent --show-error --cacert certificate.pem --config - \"$(cat imap-url)/INBOX;MAILINDEX=1\"",
            &format!("user = \"{user}:{password}\""),
        )
    }

    #[track_caller]
    fn lets_in(&self, user: &str, password: &str) {
        let ran = self.fetch(user, password);
        assert!(
            ran.stdout.contains("The kettle is on."),
            "{ran:?}\n{}",
            self.logs()
        );
    }

    #[track_caller]
    fn keeps_out(&self, user: &str, password: &str) {
        let ran = self.fetch(user, password);
        // 67 is curl's word for a login that the server refused.
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (Some(67), ""),
            "{ran:?}\n{}",
            self.logs()
        );
    }

    /// The authentication log and Dovecot's own.
    fn logs(&self) -> String {
        self.run("cat auth.log dovecot.log", "").succeeds()
    }

    #[track_caller]
    fn logged(&self, line: &str) {
        let logs = self.logs();
        assert!(logs.contains(line), "{line:?} is not in\n{logs}");
    }
}

#[test]
fn the_account_password_alone_is_refused_although_it_is_right() {
    let Some(mail) = Mail::start() else { return };
    mail.keeps_out("demo", &mail.account_password("demo"));
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
    mail.lets_in("demo", &phone);
    mail.logged(
        r#"pam_app_passwd(imap:auth): accepted; user=demo rhost=127.0.0.1 entry=1 label="phone""#,
    );
}

#[test]
fn a_second_app_password_works_beside_the_first() {
    let Some(mail) = Mail::start() else { return };
    let phone = mail.create("demo --label phone");
    let laptop = mail.create("demo --label laptop");
    mail.lets_in("demo", &phone);
    mail.lets_in("demo", &laptop);
    mail.lets_in("demo", &phone);
}

#[test]
fn twenty_four_letters_that_open_nothing_are_refused() {
    let Some(mail) = Mail::start() else { return };
    mail.create("demo --label phone");
    mail.keeps_out("demo", WRONG);
    mail.logged("pam_app_passwd(imap:auth): unknown; rhost=127.0.0.1 user=demo");
}

#[test]
fn another_users_app_password_is_refused() {
    let Some(mail) = Mail::start() else { return };
    let neighbours = mail.create("neighbour --label phone");
    mail.keeps_out("demo", &neighbours);
}

#[test]
fn an_app_password_for_another_service_is_refused() {
    let Some(mail) = Mail::start() else { return };
    let scanner = mail.create("demo --label scanner --service smtp");
    mail.keeps_out("demo", &scanner);
    mail.logged(r#"refused; user=demo rhost=127.0.0.1 entry=1 label="scanner" reason=service"#);
}

#[test]
fn an_app_password_is_good_from_its_network_only() {
    let Some(mail) = Mail::start() else { return };
    let here = mail.create("demo --label here --from 127.0.0.0/8");
    let elsewhere = mail.create("demo --label elsewhere --from 192.0.2.0/24");
    mail.lets_in("demo", &here);
    mail.keeps_out("demo", &elsewhere);
    mail.logged(r#"refused; user=demo rhost=127.0.0.1 entry=2 label="elsewhere" reason=network"#);
}

#[test]
fn a_revoked_app_password_is_refused_and_the_other_goes_on() {
    let Some(mail) = Mail::start() else { return };
    let phone = mail.create("demo --label phone");
    let laptop = mail.create("demo --label laptop");
    mail.lets_in("demo", &phone);
    mail.tool("revoke demo phone").succeeds();
    mail.keeps_out("demo", &phone);
    mail.logged(r#"refused; user=demo rhost=127.0.0.1 entry=1 label="phone" reason=revoked"#);
    mail.lets_in("demo", &laptop);
}

#[test]
fn list_says_when_and_from_where_each_was_used() {
    let Some(mail) = Mail::start() else { return };
    let phone = mail.create("demo --label phone");
    mail.create("demo --label laptop");
    mail.lets_in("demo", &phone);
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
    mail.lets_in("demo", &phone);
    mail.keeps_out("demo", &account);
    mail.keeps_out("demo", WRONG);
    mail.tool("revoke demo phone").succeeds();
    mail.keeps_out("demo", &phone);
    let logs = mail.logs();
    for secret in [
        account.as_str(),
        phone.as_str(),
        &phone.replace('-', ""),
        WRONG,
        &WRONG.replace('-', ""),
    ] {
        assert!(!logs.contains(secret), "{logs}");
    }
}

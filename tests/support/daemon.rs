//! A real daemon that is not root, on a private machine: about every login it asks the helper.
//!
//! What every such daemon must do is said once, in [`tests_of_a_daemon_that_is_not_root!`].

use std::ops::Deref;

use super::machine::Ran;
use super::private_machine::{PrivateMachine, eventually};
use super::{WRONG, cannot_run};

/// How to have one. The scripts of `tests/support` say what stands in `/run/demo`.
pub struct Daemon {
    /// Its PAM service, and the stack in `pam.d`.
    pub service: &'static str,
    /// Its script.
    pub script: &'static str,
    /// What is needed to run it and its client.
    pub needs: &'static [&'static str],
    /// Who it runs as.
    pub user: &'static str,
    /// The exit status of a client that is refused.
    pub refusal: i32,
    /// The configuration in which it may ask.
    pub config: &'static str,
}

impl Daemon {
    /// Beside a helper. Nothing, after having said so, where that cannot be had.
    pub fn start(&self) -> Option<Running> {
        self.start_beside("helper.sh")
    }

    /// On a machine that has no helper.
    pub fn start_alone(&self) -> Option<Running> {
        self.start_beside("")
    }

    fn start_beside(&self, helper: &str) -> Option<Running> {
        let always = [
            "root", "unshare", "nsenter", "setpriv", "perl", "openssl", "sqlite3",
        ];
        if cannot_run(&[&always, self.needs].concat()) {
            return None;
        }
        let running = Running {
            machine: PrivateMachine::with(&format!("{helper} {}", self.script)),
            service: self.service,
            refusal: self.refusal,
        };
        running.configure(self.config);
        Some(running)
    }
}

/// A daemon that runs, with all that is around it.
pub struct Running {
    machine: PrivateMachine,
    service: &'static str,
    refusal: i32,
}

impl Deref for Running {
    type Target = PrivateMachine;

    fn deref(&self) -> &PrivateMachine {
        &self.machine
    }
}

impl Running {
    /// Writes the configuration of app-passwd.
    pub fn configure(&self, text: &str) {
        self.run("cat >/etc/security/app-passwd.toml", text)
            .succeeds();
    }

    /// Makes an app password for the daemon's service.
    pub fn app_password(&self, user: &str, label: &str) -> String {
        self.create(&format!(
            "{user} --label {label} --service {}",
            self.service
        ))
    }

    /// Changes the store behind the tool's back.
    pub fn alter(&self, sql: &str) {
        self.run("sqlite3 -bail /var/lib/app-passwd/store.db", sql)
            .succeeds();
    }

    /// What a client sees that has nothing but a name and a password.
    pub fn login(&self, user: &str, password: &str) -> Ran {
        self.run(&format!("login {user}"), &format!("{password}\n"))
    }

    #[track_caller]
    pub fn lets_in(&self, user: &str, password: &str) {
        let ran = self.login(user, password);
        assert_eq!(
            ran.stdout,
            "The kettle is on.\n",
            "{ran:?}\n{}",
            self.logs()
        );
    }

    #[track_caller]
    pub fn keeps_out(&self, user: &str, password: &str) {
        let ran = self.login(user, password);
        let seen = (ran.status, ran.stdout.as_str());
        assert_eq!(seen, (Some(self.refusal), ""), "{ran:?}\n{}", self.logs());
    }

    /// The authentication log and the daemon's own.
    pub fn logs(&self) -> String {
        self.shell("cat auth.log daemon.log")
    }

    /// Holds the logs to a sentence.
    #[track_caller]
    pub fn says(&self, sentence: &str) {
        let said = eventually(|| self.logs().contains(sentence));
        assert!(said, "{sentence:?} is not in\n{}", self.logs());
    }

    /// Holds the log to what the module said about a login.
    #[track_caller]
    pub fn judged(&self, verdict: &str) {
        self.says(&format!("pam_app_passwd({}:auth): {verdict}", self.service));
    }

    #[track_caller]
    pub fn refused(&self, entry: u32, label: &str, reason: &str) {
        let whose = format!("user=demo rhost=127.0.0.1 entry={entry} label=\"{label}\"");
        self.judged(&format!("refused; {whose} reason={reason}"));
    }

    pub fn stop_helper(&self) {
        self.shell("kill $(cat helper.pid)");
    }
}

pub fn the_right_app_password_is_let_in(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.app_password("demo", "good");
    running.lets_in("demo", &good);
    running.judged(r#"accepted; user=demo rhost=127.0.0.1 entry=1 label="good""#);
}

pub fn the_account_password_is_refused_although_it_is_right(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    running.app_password("demo", "good");
    running.keeps_out("demo", &running.account_password("demo"));
}

pub fn twenty_four_letters_that_open_nothing_are_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    running.app_password("demo", "good");
    running.keeps_out("demo", WRONG);
    running.judged("unknown; rhost=127.0.0.1 user=demo");
    running.keeps_out("no-such-user", WRONG);
    running.judged("unknown; rhost=127.0.0.1\n");
}

pub fn another_users_app_password_is_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let neighbours = running.app_password("neighbour", "good");
    running.keeps_out("demo", &neighbours);
    running.lets_in("neighbour", &neighbours);
}

pub fn an_app_password_for_another_service_is_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let phone = running.create("demo --label phone");
    running.keeps_out("demo", &phone);
    running.refused(1, "phone", "service");
}

pub fn what_is_expired_disabled_or_revoked_is_refused_and_the_others_go_on(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let [expired, disabled, revoked, good] =
        ["expired", "disabled", "revoked", "good"].map(|label| running.app_password("demo", label));
    for password in [&expired, &disabled, &revoked, &good] {
        running.lets_in("demo", password);
    }
    running.alter("UPDATE credential SET expires = 1 WHERE label = 'expired'");
    running.alter("UPDATE credential SET disabled = 1 WHERE label = 'disabled'");
    running.tool("revoke demo revoked").succeeds();
    for (entry, reason, password) in [
        (1, "expired", expired),
        (2, "disabled", disabled),
        (3, "revoked", revoked),
    ] {
        running.keeps_out("demo", &password);
        running.refused(entry, reason, reason);
    }
    running.lets_in("demo", &good);
}

pub fn a_locked_account_is_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.app_password("demo", "good");
    running.shell("usermod --lock demo");
    running.keeps_out("demo", &good);
    running.refused(1, "good", "locked");
}

pub fn an_expired_account_is_let_in_as_the_stack_says(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.app_password("demo", "good");
    running.shell("chage --expiredate 2001-01-01 demo");
    running.lets_in("demo", &good);
}

pub fn twenty_at_once_are_let_in_and_twenty_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let [first, second] = ["first", "second"].map(|label| running.app_password("demo", label));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| running.lets_in("demo", &first));
            scope.spawn(|| running.keeps_out("demo", WRONG));
        }
    });
    running.lets_in("demo", &second);
}

pub fn the_helper_notes_when_from_where_and_for_whom(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.app_password("demo", "good");
    running.lets_in("demo", &good);
    let entry = running.show("demo", "good");
    let used = &entry["last_used"];
    assert_eq!(used["service"], daemon.service, "{used}");
    assert_eq!(used["from"], "127.0.0.1", "{used}");
    assert!(used["at"].as_str() >= entry["created"].as_str(), "{entry}");
    let noted = running.shell("sqlite3 /var/lib/app-passwd/usage.db 'SELECT uid FROM used'");
    assert_eq!(noted, running.shell(&format!("id -u {}", daemon.user)));
}

pub fn without_a_helper_everybody_is_refused_and_the_log_has_the_remedy(daemon: &Daemon) {
    let Some(running) = daemon.start_alone() else {
        return;
    };
    let good = running.app_password("demo", "good");
    running.keeps_out("demo", &good);
    says_that_the_helper_is_missing(&running, "No such file or directory");
}

pub fn while_the_helper_is_down_everybody_is_refused_and_the_log_has_the_remedy(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.app_password("demo", "good");
    running.lets_in("demo", &good);
    running.stop_helper();
    running.keeps_out("demo", &good);
    says_that_the_helper_is_missing(&running, "Connection refused");
}

#[track_caller]
fn says_that_the_helper_is_missing(running: &Running, why: &str) {
    running.says(&format!("/run/app-passwd/socket: {why}"));
    running.says("systemctl enable --now app-passwd.socket, or run 'app-passwd serve'");
    // PAM_AUTHINFO_UNAVAIL, in the words that libpam has for it.
    running.says("Authentication service cannot retrieve authentication info");
}

pub fn a_daemon_that_is_no_named_caller_is_refused_and_the_log_has_the_remedy(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.app_password("demo", "good");
    running.lets_in("demo", &good);
    running.configure("helper.callers = {}");
    running.keeps_out("demo", &good);
    let Daemon { user, service, .. } = daemon;
    running.says(&format!(
        "{user} may ask about its own user only; a daemon needs a line"
    ));
    let line =
        format!("[helper.callers] of /etc/security/app-passwd.toml: {user} = [\"{service}\"]");
    running.says(&line);
    running.says("Authentication service cannot retrieve authentication info");
}

pub fn no_log_holds_a_password(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let account = running.account_password("demo");
    let good = running.app_password("demo", "good");
    running.lets_in("demo", &good);
    running.keeps_out("demo", &account);
    running.keeps_out("demo", WRONG);
    running.tool("revoke demo good").succeeds();
    running.keeps_out("demo", &good);
    running.stop_helper();
    running.keeps_out("demo", &good);
    let logs = running.logs();
    for secret in [&account, &good, WRONG] {
        // As it is, without its dashes, and as HTTP sends it.
        let basic = running
            .run("base64 --wrap=0", &format!("demo:{secret}"))
            .succeeds();
        for form in [secret, &secret.replace('-', ""), &basic] {
            assert!(!logs.contains(form), "{logs}");
        }
    }
}

/// The tests that every daemon has to pass which is not root: the functions above, by name.
#[macro_export]
macro_rules! tests_of_a_daemon_that_is_not_root {
    ($daemon:expr) => {
        $crate::tests_of_a_daemon_that_is_not_root! { $daemon;
            the_right_app_password_is_let_in
            the_account_password_is_refused_although_it_is_right
            twenty_four_letters_that_open_nothing_are_refused
            another_users_app_password_is_refused
            an_app_password_for_another_service_is_refused
            what_is_expired_disabled_or_revoked_is_refused_and_the_others_go_on
            a_locked_account_is_refused
            an_expired_account_is_let_in_as_the_stack_says
            twenty_at_once_are_let_in_and_twenty_refused
            the_helper_notes_when_from_where_and_for_whom
            without_a_helper_everybody_is_refused_and_the_log_has_the_remedy
            while_the_helper_is_down_everybody_is_refused_and_the_log_has_the_remedy
            a_daemon_that_is_no_named_caller_is_refused_and_the_log_has_the_remedy
            no_log_holds_a_password
        }
    };
    ($daemon:expr; $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::support::daemon::$test(&$daemon);
            }
        )*
    };
}

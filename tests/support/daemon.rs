//! A real daemon that is not root, on a private machine: about every login it asks the helper.
//!
//! What every such daemon must do is said once, in [`tests_of_a_daemon_that_is_not_root!`].

use std::path::Path;
use std::process::Command;

use super::machine::{self, Ran};
use super::private_mounts::PrivateMounts;
use super::{TOOL, WRONG, cannot_run, module};

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
        self.start_with(self.config, &["helper.sh"])
    }

    /// On a machine that has no helper.
    pub fn start_alone(&self) -> Option<Running> {
        self.start_with(self.config, &[])
    }

    /// Beside a helper whose configuration does not name it.
    pub fn start_unnamed(&self) -> Option<Running> {
        self.start_with("helper.callers = {}", &["helper.sh"])
    }

    fn start_with(&self, config: &str, beside: &[&str]) -> Option<Running> {
        let common = [
            "root", "unshare", "nsenter", "setpriv", "perl", "openssl", "sqlite3",
        ];
        if cannot_run(&[&common, self.needs].concat()) {
            return None;
        }
        let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
        let mut machine = Command::new(support.join("private-machine.sh"));
        machine.arg(module()).arg(TOOL).args(["sh", "-c"]);
        machine.args([
            r#"echo "$1" >/etc/security/app-passwd.toml; shift; exec "$@""#,
            "sh",
            config,
        ]);
        machine.args(beside.iter().map(|script| support.join(script)));
        machine
            .arg(support.join(self.script))
            .args(["sh", "-c", "echo ready; exec cat"]);
        Some(Running {
            machine: PrivateMounts::held_by(machine),
            service: self.service,
            refusal: self.refusal,
        })
    }
}

/// A daemon that runs, with all that is around it.
pub struct Running {
    machine: PrivateMounts,
    service: &'static str,
    refusal: i32,
}

impl Running {
    /// Runs a line of shell on the machine, in `/run/demo`.
    pub fn run(&self, line: &str, input: &str) -> Ran {
        let mut command = self.machine.command("sh".as_ref());
        let line = format!("PATH=/run/demo/bin:$PATH; cd /run/demo; {line}");
        command.args(["-c", &line]);
        machine::run(command, input.as_bytes())
    }

    pub fn tool(&self, arguments: &str) -> Ran {
        self.run(&format!("app-passwd {arguments}"), "")
    }

    /// Makes an app password for the daemon's service and returns it.
    pub fn create(&self, user: &str, label: &str) -> String {
        self.create_for(self.service, user, label)
    }

    pub fn create_for(&self, service: &str, user: &str, label: &str) -> String {
        let arguments = format!("create {user} --label {label} --service {service}");
        self.tool(&arguments).succeeds().trim_end().to_owned()
    }

    /// Changes the store behind the tool's back.
    pub fn alter(&self, sql: &str) {
        self.run("sqlite3 /var/lib/app-passwd/store.db", sql)
            .succeeds();
    }

    pub fn account_password(&self, user: &str) -> String {
        let password = self.run(&format!("cat {user}.password"), "").succeeds();
        password.trim_end().to_owned()
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
        self.run("cat auth.log daemon.log", "").succeeds()
    }

    /// Holds the log to a line of the module's about this daemon, from `operation` on.
    #[track_caller]
    pub fn logged(&self, operation: &str, line: &str) {
        let line = format!("pam_app_passwd({}:{operation}): {line}", self.service);
        self.says(&line);
    }

    /// Holds any log to a sentence.
    #[track_caller]
    pub fn says(&self, sentence: &str) {
        let logs = self.logs();
        assert!(logs.contains(sentence), "{sentence:?} is not in\n{logs}");
    }

    pub fn stop_helper(&self) {
        let helper = self.run("cat helper.pid", "").succeeds();
        let stop = format!(
            "grep -q serve /proc/{0}/cmdline && kill {0}",
            helper.trim_end()
        );
        self.run(&stop, "").succeeds();
    }
}

pub fn the_right_app_password_is_let_in(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.create("demo", "good");
    running.lets_in("demo", &good);
    running.logged(
        "auth",
        r#"accepted; user=demo rhost=127.0.0.1 entry=1 label="good""#,
    );
}

pub fn the_account_password_is_refused_although_it_is_right(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    running.create("demo", "good");
    running.keeps_out("demo", &running.account_password("demo"));
}

pub fn twenty_four_letters_that_open_nothing_are_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    running.create("demo", "good");
    running.keeps_out("demo", WRONG);
    running.logged("auth", "unknown; rhost=127.0.0.1 user=demo");
    running.keeps_out("no-such-user", WRONG);
    running.logged("auth", "unknown; rhost=127.0.0.1\n");
}

pub fn another_users_app_password_is_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let neighbours = running.create("neighbour", "good");
    running.keeps_out("demo", &neighbours);
    running.lets_in("neighbour", &neighbours);
}

pub fn an_app_password_for_another_service_is_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let phone = running.create_for("mail", "demo", "phone");
    running.keeps_out("demo", &phone);
    running.logged(
        "auth",
        r#"refused; user=demo rhost=127.0.0.1 entry=1 label="phone" reason=service"#,
    );
}

pub fn what_is_expired_disabled_or_revoked_is_refused_and_the_others_go_on(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let [expired, disabled, revoked, good] =
        ["expired", "disabled", "revoked", "good"].map(|label| running.create("demo", label));
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
        running.logged(
            "auth",
            &format!(
                "refused; user=demo rhost=127.0.0.1 entry={entry} label=\"{reason}\" reason={reason}"
            ),
        );
    }
    running.lets_in("demo", &good);
}

pub fn a_locked_account_is_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.create("demo", "good");
    running.run("usermod --lock demo", "").succeeds();
    running.keeps_out("demo", &good);
    running.logged(
        "auth",
        r#"refused; user=demo rhost=127.0.0.1 entry=1 label="good" reason=locked"#,
    );
}

pub fn an_expired_account_is_let_in_as_the_stack_says(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.create("demo", "good");
    running
        .run("chage --expiredate 2001-01-01 demo", "")
        .succeeds();
    running.lets_in("demo", &good);
}

pub fn twenty_at_once_are_let_in_and_twenty_refused(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let [first, second] = ["first", "second"].map(|label| running.create("demo", label));
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
    let good = running.create("demo", "good");
    running.lets_in("demo", &good);
    let entry = running.tool("show demo good --json").json();
    let used = &entry["last_used"];
    assert_eq!(used["service"], daemon.service, "{used}");
    assert_eq!(used["from"], "127.0.0.1", "{used}");
    assert!(used["at"].as_str() >= entry["created"].as_str(), "{entry}");
    let noted = running.run(
        "sqlite3 /var/lib/app-passwd/usage.db 'SELECT uid FROM used'",
        "",
    );
    let uid = running
        .run(&format!("id -u {}", daemon.user), "")
        .succeeds();
    assert_eq!(noted.succeeds(), uid);
}

pub fn without_a_helper_everybody_is_refused_and_the_log_has_the_remedy(daemon: &Daemon) {
    let Some(running) = daemon.start_alone() else {
        return;
    };
    let good = running.create("demo", "good");
    running.keeps_out("demo", &good);
    says_that_the_helper_is_missing(&running, "No such file or directory");
}

pub fn while_the_helper_is_down_everybody_is_refused_and_the_log_has_the_remedy(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let good = running.create("demo", "good");
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
    let Some(running) = daemon.start_unnamed() else {
        return;
    };
    let good = running.create("demo", "good");
    running.keeps_out("demo", &good);
    running.says("may ask about its own user only");
    running.says("[helper.callers]");
    running.says("Authentication service cannot retrieve authentication info");
}

pub fn no_log_holds_a_password(daemon: &Daemon) {
    let Some(running) = daemon.start() else {
        return;
    };
    let account = running.account_password("demo");
    let good = running.create("demo", "good");
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

//! The password of the account changes, by the real passwd and chpasswd: a change that is real ends the app passwords, one
//! that fails ends none. In the shapes that Debian, RHEL and Arch give the stack, with the files that `pam.d` ships.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::private_machine::{PrivateMachine, eventually};
use support::ssh::{BOTH_WAYS, Server};
use support::terminal::{CTRL_D, converse_on_a_terminal};
use support::{Ran, cannot_run};

const NEW: &str = "vier kleine Enten";
const REVOKED: &str =
    "The password has changed, so 2 app passwords were revoked; apps need new ones.";
/// All that the tool tells about the entries.
const EVERYTHING: &str = "app-passwd list --all --json";
/// When the store, its journal and their directory were written to.
const WRITTEN: &str = "stat -c '%n %y' /var/lib/app-passwd /var/lib/app-passwd/store.db*";
const OTHER: &str = "sechs alte Gaense";

/// Nothing, after having said so, where that cannot be had.
fn start(shape: &str, helper: &str) -> Option<PrivateMachine> {
    let needs = [
        "root", "unshare", "nsenter", "perl", "openssl", "oathtool", "setpriv", "passwd",
    ];
    if cannot_run(&needs) {
        return None;
    }
    let machine = PrivateMachine::with(&format!("passwd.sh {shape} {helper}"));
    for label in ["phone", "scanner"] {
        machine.create(&format!("demo --label {label}"));
    }
    machine.create("neighbour --label phone");
    Some(machine)
}

/// The shapes at the same time: passwd takes its time when something is wrong.
fn in_each_shape(test: impl Fn(&str) + Sync) {
    thread::scope(|threads| {
        for shape in ["debian", "rhel", "arch"] {
            let test = &test;
            threads.spawn(move || test(shape));
        }
    });
}

/// demo, who runs passwd, or root, who runs it for demo.
#[derive(Clone, Copy)]
enum Who {
    Owner,
    Root,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Who::Owner => "demo",
            Who::Root => "root",
        }
    }
}

/// Read by the helper at the next question.
fn configure(machine: &PrivateMachine, text: &str) {
    let file = machine.file(text);
    machine.shell(&format!(
        "install -m 0644 {file} /etc/security/app-passwd.toml"
    ));
}

#[track_caller]
fn assert_revoked(machine: &PrivateMachine, user: &str, labels: &[&str], by: &str) {
    for label in labels {
        let entry = machine.show(user, label);
        assert_eq!(entry["revoked"]["why"], "password changed", "{entry}");
        assert_eq!(entry["revoked"]["by"], by, "{entry}");
    }
}

fn passwd(machine: &PrivateMachine, who: Who, options: &str, answers: [&str; 3]) -> Ran {
    let line = match who {
        Who::Owner => {
            format!("setpriv --reuid=demo --regid=demo --clear-groups -- passwd {options}")
        }
        Who::Root => format!("passwd {options} demo"),
    };
    let answers = answers.map(|answer| match answer {
        CTRL_D => answer.to_owned(),
        text => text.to_owned() + "\n",
    });
    let questions = [
        "Current password: ",
        "New password: ",
        "Retype new password: ",
    ];
    converse_on_a_terminal(machine.command(&line), |shown| {
        let asked = questions.iter().position(|asked| shown.contains(asked))?;
        Some(&answers[asked])
    })
}

/// What is not a change: what is answered, by whom, and why.
fn failures(old: &str) -> Vec<(Who, [&str; 3], &'static str)> {
    vec![
        (Who::Owner, ["wrong", NEW, NEW], "wrong old password"),
        (Who::Owner, [old, NEW, "drei"], "mismatch"),
        (Who::Owner, [old, "abc", "abc"], "weak"),
        (Who::Owner, [old, CTRL_D, NEW], "^D"),
        (Who::Owner, [CTRL_D, NEW, NEW], "^D at once"),
        (Who::Root, ["", NEW, "drei"], "mismatch"),
        (Who::Root, ["", CTRL_D, NEW], "^D"),
    ]
}

#[test]
fn a_change_ends_all_app_passwords_of_the_account_and_says_how_many() {
    in_each_shape(|shape| {
        for who in [Who::Owner, Who::Root] {
            let Some(machine) = start(shape, "helper.sh") else {
                return;
            };
            let old = machine.account_password("demo");
            let changed = passwd(&machine, who, "", [&old, NEW, NEW]).succeeds();
            assert_eq!(changed.matches(REVOKED).count(), 1, "{shape} {changed}");
            let by = who.name();
            assert_revoked(&machine, "demo", &["phone", "scanner"], by);
            assert_eq!(machine.show("neighbour", "phone")["status"], "active");
            machine.logged(&format!(
                r#"revoked; user=demo entry=1 by={by} label="phone" why="password changed""#
            ));
        }
    });
}

#[test]
fn a_change_that_fails_ends_none() {
    in_each_shape(|shape| {
        let Some(machine) = start(shape, "helper.sh") else {
            return;
        };
        let old = machine.account_password("demo");
        let before = machine.shell(EVERYTHING);
        for (who, answers, why) in failures(&old) {
            let failed = passwd(&machine, who, "", answers);
            // passwd's word for it; what it says is its own.
            assert_eq!(failed.status, Some(10), "{shape} {why} {failed:?}");
            assert!(!failed.stdout.contains("app password"), "{shape} {why}");
            assert_eq!(machine.shell(EVERYTHING), before, "{shape} {why}");
        }
        assert!(
            !machine.log().contains("pam_app_passwd"),
            "{}",
            machine.log()
        );
        // And after all that a real one does.
        let changed = passwd(&machine, Who::Owner, "", [&old, NEW, NEW]).succeeds();
        assert!(changed.contains(REVOKED), "{shape} {changed}");
    });
}

#[test]
fn root_needs_no_helper() {
    in_each_shape(|shape| {
        let Some(machine) = start(shape, "") else {
            return;
        };
        let changed = passwd(&machine, Who::Root, "", ["", NEW, NEW]).succeeds();
        assert_eq!(changed.matches(REVOKED).count(), 1, "{shape} {changed}");
        assert_revoked(&machine, "demo", &["phone", "scanner"], "root");
        machine.logged(
            r#"pam_app_passwd(passwd:chauthtok): revoked; user=demo entry=1 by=root label="phone" why="password changed""#,
        );
    });
}

#[test]
fn without_a_helper_the_owner_changes_the_password_as_ever_and_the_log_says_what_to_do() {
    in_each_shape(|shape| {
        let Some(machine) = start(shape, "") else {
            return;
        };
        let (old, before) = (machine.account_password("demo"), machine.shell(EVERYTHING));
        let changed = passwd(&machine, Who::Owner, "", [&old, NEW, NEW]).succeeds();
        assert!(!changed.contains("app password"), "{shape} {changed}");
        assert_eq!(machine.shell(EVERYTHING), before, "{shape}");
        machine.logged("pam_app_passwd(passwd:chauthtok): /run/app-passwd/socket: No such file");
        machine.logged(
            "or run 'app-passwd serve'; the password has changed, and the app passwords stay",
        );
        // It has changed.
        passwd(&machine, Who::Owner, "", [NEW, OTHER, OTHER]).succeeds();
    });
}

#[test]
fn they_are_kept_where_the_configuration_says_so() {
    for (who, helper) in [
        (Who::Owner, "helper.sh"),
        (Who::Root, "helper.sh"),
        (Who::Root, ""),
    ] {
        let Some(machine) = start("debian", helper) else {
            return;
        };
        configure(&machine, "[policy]\non_password_change = \"keep\"");
        // A second line has nothing to add.
        machine.shell("echo 'password optional pam_app_passwd.so' >>/etc/pam.d/passwd");
        let (old, before) = (machine.account_password("demo"), machine.shell(EVERYTHING));
        let changed = passwd(&machine, who, "", [&old, NEW, NEW]).succeeds();
        let said = "The password has changed; 2 app passwords go on working.";
        assert_eq!(changed.matches(said).count(), 1, "{changed}");
        assert_eq!(machine.shell(EVERYTHING), before);
    }
}

#[test]
fn who_asks_passwd_to_be_quiet_is_told_nothing() {
    let Some(machine) = start("debian", "helper.sh") else {
        return;
    };
    let old = machine.account_password("demo");
    let changed = passwd(&machine, Who::Owner, "--quiet", [&old, NEW, NEW]).succeeds();
    assert!(!changed.contains("app password"), "{changed}");
    assert_revoked(&machine, "demo", &["phone", "scanner"], "demo");
}

#[test]
fn one_app_password_is_told_from_many_and_none_is_not_mentioned() {
    let Some(machine) = start("debian", "helper.sh") else {
        return;
    };
    machine.tool("revoke demo scanner").succeeds();
    let old = machine.account_password("demo");
    let changed = passwd(&machine, Who::Owner, "", [&old, NEW, NEW]).succeeds();
    let said = "The password has changed, so 1 app password was revoked; the app needs a new one.";
    assert!(changed.contains(said), "{changed}");
    let changed = passwd(&machine, Who::Owner, "", [NEW, &old, &old]).succeeds();
    assert!(!changed.contains("app password"), "{changed}");
    // What had been revoked before says by whom and why as before.
    assert_eq!(machine.show("demo", "scanner")["revoked"]["why"], "by hand");
}

#[test]
fn a_change_that_passwd_makes_without_pam_is_not_seen() {
    let Some(machine) = start("debian", "helper.sh") else {
        return;
    };
    let before = machine.shell(EVERYTHING);
    machine.shell(
        "usermod -p '*' demo; echo 'demo:$6$x$y' | chpasswd -e; passwd -l demo; passwd -d demo",
    );
    assert_eq!(machine.shell(EVERYTHING), before);
}

#[test]
fn a_helper_that_does_not_answer_delays_it_for_a_bounded_time() {
    let Some(machine) = start("debian", "helper.sh") else {
        return;
    };
    machine.shell("kill -STOP $(cat helper.pid)");
    let old = machine.account_password("demo");
    let began = Instant::now();
    let changed = passwd(&machine, Who::Owner, "", [&old, NEW, NEW]).succeeds();
    assert!(!changed.contains("app password"), "{changed}");
    // Root waits for it no longer, and does it itself.
    let changed = passwd(&machine, Who::Root, "", ["", &old, &old]).succeeds();
    assert!(changed.contains(REVOKED), "{changed}");
    assert!(
        began.elapsed() < Duration::from_secs(14),
        "{:?}",
        began.elapsed()
    );
    machine.shell("kill -CONT $(cat helper.pid)");
}

#[test]
fn a_line_that_names_a_configuration_goes_by_it_where_it_may() {
    let Some(machine) = start("debian", "helper.sh") else {
        return;
    };
    machine.shell(
        "echo '[policy]\non_password_change = \"keep\"' >/etc/security/kept.toml
         sed -i 's,pam_app_passwd.so,& conf=/etc/security/kept.toml,' /etc/pam.d/passwd",
    );
    let changed = passwd(&machine, Who::Root, "", ["", NEW, NEW]).succeeds();
    assert!(
        changed.contains("2 app passwords go on working"),
        "{changed}"
    );
    // The owner's passwd may not, and the helper has its own.
    let changed = passwd(&machine, Who::Owner, "", [NEW, OTHER, OTHER]).succeeds();
    assert!(changed.contains(REVOKED), "{changed}");
}

#[test]
fn where_only_a_failed_change_reaches_the_line_nothing_is_done_and_the_log_says_why() {
    let Some(machine) = start("rhel", "helper.sh") else {
        return;
    };
    // Not a substack any more: what pam_unix ends when it succeeds has our line in it.
    machine.shell(
        "printf 'password %s\n' 'include system-auth' 'optional pam_app_passwd.so' >/etc/pam.d/passwd",
    );
    let (old, before) = (machine.account_password("demo"), machine.shell(EVERYTHING));
    let failed = passwd(&machine, Who::Owner, "", [&old, "abc", "abc"]);
    assert_eq!(failed.status, Some(10), "{failed:?}");
    machine
        .logged("pam_app_passwd(passwd:chauthtok): nothing is known of the time before the change");
    passwd(&machine, Who::Owner, "", [&old, NEW, NEW]).succeeds();
    assert_eq!(machine.shell(EVERYTHING), before);
}

#[test]
fn chpasswd_of_many_ends_those_that_there_are_and_writes_nothing_for_the_others() {
    for helper in ["helper.sh", ""] {
        let Some(machine) = start("debian", helper) else {
            return;
        };
        machine.shell(
            "for n in $(seq 100); do
                 echo user$n:x:$((30000 + n)):100::/:/bin/sh >>/etc/passwd
                 echo user$n:*:20000:::::: >>/etc/shadow
             done",
        );
        let everybody: String = (1..=100).map(|n| format!("user{n}:{NEW}\n")).collect();
        machine
            .run("chpasswd -c SHA256 -s 1000", &everybody)
            .succeeds(); // not by PAM: as fast as it gets
        let written = machine.shell(WRITTEN);
        machine.run("chpasswd", &everybody).succeeds();
        assert_eq!(machine.shell(WRITTEN), written, "{helper}");
        // Two more are among them, each once.
        let more = format!("{everybody}demo:{NEW}\nneighbour:{NEW}\n");
        let changed = machine.run("chpasswd", &more);
        assert_eq!(changed.status, Some(0), "{changed:?}");
        assert_revoked(&machine, "demo", &["phone", "scanner"], "root");
        assert_revoked(&machine, "neighbour", &["phone"], "root");
    }
}

#[test]
fn of_very_many_app_passwords_all_are_counted() {
    let Some(machine) = start("debian", "") else {
        return;
    };
    let columns =
        "user, key, tag, hash, services, networks, created_at, created_by, disabled, virtual";
    machine.shell(&format!(
        "sqlite3 /var/lib/app-passwd/store.db 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
             INSERT INTO credential (label, {columns}) SELECT label || i, {columns} FROM credential, n WHERE id = 1'"
    ));
    let old = machine.account_password("demo");
    let said = passwd(&machine, Who::Root, "", [&old, NEW, NEW]);
    let all = "1502 app passwords were revoked";
    assert!(
        said.stdout.contains(all) || said.stderr.contains(all),
        "{said:?}"
    );
}

#[test]
fn no_sign_out_waits_until_others_have_been_told() {
    let Some(machine) = start("debian", "helper.sh") else {
        return;
    };
    configure(
        &machine,
        r#"on_revoke.run = [["touch", "/run/demo/ran.{user}"]]
           notify.command = ["sh", "-c", "sleep 7; touch /run/demo/told"]"#,
    );
    machine
        .run("chpasswd", &format!("demo:{NEW}\nneighbour:{NEW}\n"))
        .succeeds();
    let is_there = |file: &str| machine.run(&format!("test -e {file}"), "").status == Some(0);
    assert!(eventually(|| is_there("ran.neighbour")));
    assert!(is_there("ran.demo") && !is_there("told"));
    assert!(eventually(|| is_there("told")));
}

#[test]
fn what_the_app_passwords_have_opened_ends_and_last_the_session_in_which_passwd_ran() {
    let Some(server) = Server::start_beside("passwd.sh debian helper.sh") else {
        return;
    };
    let machine = &server.machine;
    configure(
        machine,
        r#"on_revoke.run = [["touch", "/run/demo/ran.{user}.{entry}"]]
           notify.command = ["sh", "-c", "cat >/run/demo/notice"]"#,
    );
    let phone = machine.create("demo --label phone --service sshd");
    let laptop = machine.create("demo --label laptop --service sshd");
    let old = machine.account_password("demo");
    let mut ended = BOTH_WAYS.map(|way| server.open(way, &[&phone]));
    let mut left_alone = server.open("publickey", &[]);
    let line =
        format!("printf \"%s\\n\" \"{old}\" \"{NEW}\" \"{NEW}\" | passwd 2>&1; exec sleep 600");
    let asker = server.ssh("password", "demo", &line, &[&laptop]);
    // It has seen what passwd said, to the end, and was ended then.
    assert!(asker.ran.stdout.contains(REVOKED), "{asker:?}");
    let done = "password updated successfully";
    assert!(asker.ran.stdout.contains(done), "{asker:?}");
    for session in &mut ended {
        assert!(session.ends());
        assert!(!machine.runs(&session.sleep));
    }
    assert!(left_alone.goes_on());
    machine.shell("test -e ran.demo.1 && test -e ran.demo.2");
    assert!(eventually(
        || machine.run("test -s notice", "").status == Some(0)
    ));
    let notice = machine.run("cat notice", "").json();
    let of = (&notice["action"], &notice["user"], &notice["by"]);
    assert_eq!(of, (&json!("revoked"), &json!("demo"), &json!("demo")));
    for entry in notice["entries"].as_array().unwrap() {
        assert_eq!(entry["revoked"]["why"], "password changed", "{notice}");
    }
}

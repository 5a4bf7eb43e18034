//! Files that others could have written or can read are refused, by the module and by the tool, and the
//! message names the file and what to do. Nothing is mended in silence.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::process::Command;

use support::machine::contains;
use support::{Code, Machine, cannot_run};

/// What is done to a good machine, by a shell in its directory, and the file that is wrong then.
type Case = (&'static str, &'static str);

const REFUSED: [Case; 21] = [
    ("chmod 0640 state/store.db", "state/store.db"),
    ("chmod 0604 state/store.db", "state/store.db"),
    ("chmod 0644 state/store.db", "state/store.db"),
    ("chmod 0660 state/store.db", "state/store.db"),
    ("chmod 0666 state/store.db", "state/store.db"),
    (
        "mv state/store.db away; ln -s ../away state/store.db",
        "state/store.db",
    ),
    (
        "rm state/store.db; ln -s nowhere state/store.db",
        "state/store.db",
    ),
    (
        "rm state/store.db; mkfifo -m 600 state/store.db",
        "state/store.db",
    ),
    (
        "rm state/store.db; mkdir -m 700 state/store.db",
        "state/store.db",
    ),
    ("chmod 0777 state", "state"),
    ("chmod 0770 state", "state"),
    ("chmod 0702 state", "state"),
    ("chmod 01777 state", "state"),
    ("mv state away; ln -s away state", "state"),
    ("chmod 0777 .", ""),
    ("chmod 0720 .", ""),
    ("chmod 0666 app-passwd.toml", "app-passwd.toml"),
    ("chmod 0664 app-passwd.toml", "app-passwd.toml"),
    (
        "rm app-passwd.toml; mkfifo -m 644 app-passwd.toml",
        "app-passwd.toml",
    ),
    (
        "rm app-passwd.toml; mkdir app-passwd.toml",
        "app-passwd.toml",
    ),
    (
        "mkdir open; mv app-passwd.toml open; ln -s open/app-passwd.toml; chmod 0777 open",
        "open",
    ),
];

const REFUSED_FOR_THEIR_OWNER: [Case; 6] = [
    ("chown nobody state/store.db", "state/store.db"),
    ("chown nobody state", "state"),
    ("chown nobody .", ""),
    ("chown nobody app-passwd.toml", "app-passwd.toml"),
    (
        "mv app-passwd.toml away; ln -s away app-passwd.toml; chown nobody away",
        "away",
    ),
    (
        "mv app-passwd.toml away; ln -s away app-passwd.toml; chown -h nobody app-passwd.toml",
        "app-passwd.toml",
    ),
];

const ACCEPTED: [&str; 6] = [
    "true",
    "chmod 0400 state/store.db",
    "chmod 01777 .",
    "chmod 0755 .",
    "chmod 0600 app-passwd.toml",
    "mv app-passwd.toml away; ln -s away app-passwd.toml",
];

#[test]
fn files_that_others_could_have_changed_or_can_read_are_refused() {
    REFUSED.iter().for_each(assert_refused);
}

#[test]
fn files_of_somebody_else_are_refused_even_for_root() {
    if cannot_run(&["root"]) {
        return;
    }
    REFUSED_FOR_THEIR_OWNER.iter().for_each(assert_refused);
}

#[test]
fn files_of_root_or_ourselves_are_good_even_below_a_sticky_directory() {
    for change in ACCEPTED {
        let (machine, password) = machine_with_a_password();
        shell_in(&machine, change);
        assert_eq!(
            machine.login("imap", "alice", &password),
            Code::SUCCESS,
            "{change}"
        );
        machine.tool(&["list"]).succeeds();
    }
}

#[test]
fn a_usage_file_that_others_can_write_does_not_fail_a_login() {
    for change in [
        "touch state/usage.db; chmod 0666 state/usage.db",
        "rm -f state/usage.db; touch victim; ln -s ../victim state/usage.db",
        "rm -f state/usage.db; mkfifo state/usage.db",
    ] {
        let (machine, password) = machine_with_a_password();
        shell_in(&machine, change);
        assert_eq!(
            machine.login("imap", "alice", &password),
            Code::SUCCESS,
            "{change}"
        );
        if let Ok(victim) = std::fs::read(machine.path("victim")) {
            assert!(victim.is_empty(), "{change}: the link was followed");
        }
    }
}

#[test]
fn the_log_line_says_what_to_fix() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let logged = support::auth_log::Logged::new("");
    let password = logged.machine.create("alice", "phone", &[]);
    shell_in(&logged.machine, "chmod 0644 state/store.db");
    let lines = logged.lines_of(
        logged.machine.client("imap", "alice").password(password),
        &["authenticate"],
    );
    let store = logged.machine.store().display().to_string();
    assert!(
        lines
            .iter()
            .any(|line| line.contains(&format!("chmod 0600 {store}"))),
        "{lines:?}"
    );
}

#[track_caller]
fn assert_refused((change, wrong): &Case) {
    let (machine, password) = machine_with_a_password();
    shell_in(&machine, change);
    assert_eq!(
        machine.login("imap", "alice", &password),
        Code::AUTHINFO_UNAVAIL,
        "{change}"
    );
    for arguments in [
        &["list"][..],
        &["create", "alice", "--label", "tablet"],
        &["revoke", "alice", "phone"],
    ] {
        let refusal = machine.tool(arguments).refuses(5);
        let wrong = machine.path(wrong).display().to_string();
        let wrong = wrong.trim_end_matches('/');
        assert!(contains(refusal.as_bytes(), wrong), "{change}: {refusal}");
        assert!(refusal.contains("hint: "), "{change}: {refusal}");
    }
}

fn machine_with_a_password() -> (Machine, String) {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    (machine, password)
}

fn shell_in(machine: &Machine, script: &str) {
    let done = Command::new("sh")
        .args(["-ec", script])
        .current_dir(machine.path(""))
        .status()
        .unwrap();
    assert!(done.success(), "{script}");
}

//! A device that still tries a password which opens nothing any more: it is named, and it harms nobody.

mod support;

use support::machine::run;
use support::{Code, Machine, WRONG, cannot_run};

/// The lines of `list --all`.
fn listed(machine: &Machine) -> Vec<String> {
    let text = machine.tool(&["list", "--all"]).succeeds();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_revoked_password_that_is_still_tried_is_named_with_its_place_and_its_beginning() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    assert!(!listed(&machine).concat().contains("STILL TRIED"));
    let refused = machine.login_from("192.0.2.7", "imap", "alice", &phone);
    assert_eq!(refused, Code::PERM_DENIED);
    // The last time, and the first: an hour ago, and twelve days.
    machine.alter_usage("UPDATE refused SET at = at - 3600, since = since - 12 * 86400");
    let noted = machine.show("alice", "1")["last_refused"].clone();
    assert_eq!(
        (noted["from"].as_str(), noted["count"].as_i64()),
        (Some("192.0.2.7"), Some(1))
    );
    machine.login_from("198.51.100.9", "smtp", "alice", &phone);
    let lines = listed(&machine);
    assert!(lines[0].ends_with("STILL TRIED"), "{lines:?}");
    let (_, tried) = lines[1].split_once("revoked").unwrap();
    let (last, since) = tried.split_once(", since ").unwrap();
    assert!(last.ends_with("smtp 198.51.100.9"), "{last}");
    assert_ne!(
        last.split_whitespace().next(),
        since.split_whitespace().next()
    );
    assert!(lines[2].trim().ends_with("active"), "{lines:?}");
    let shown = machine.tool(&["show", "alice", "1"]).succeeds();
    assert!(
        shown.contains(&format!("(revoked since {since})")),
        "{shown}"
    );
}

#[test]
fn another_reason_begins_anew() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    machine.login("sshd", "alice", &phone);
    machine.alter_usage("UPDATE refused SET at = at - 3600, since = since - 12 * 86400");
    assert!(!listed(&machine).concat().contains("STILL TRIED")); // it is a good one, at the wrong door
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine.login("imap", "alice", &phone);
    let lines = listed(&machine);
    let (_, tried) = lines[1].split_once("revoked").unwrap();
    let (last, since) = tried.split_once(" imap, since ").unwrap();
    assert_eq!(last.trim(), since);
    assert_eq!(machine.show("alice", "1")["last_refused"]["count"], 2);
}

#[test]
fn notes_of_the_first_version_are_read_and_go_on() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine.login("imap", "alice", &phone);
    machine.alter_usage("ALTER TABLE refused DROP COLUMN since; PRAGMA user_version = 1");
    machine.alter_usage("UPDATE refused SET at = at - 3600");
    let first = listed(&machine);
    machine.login("imap", "alice", &phone);
    let (now, then) = (listed(&machine), first[1].split_once(", since ").unwrap().1);
    assert!(now[1].ends_with(then) && now != first, "{now:?} {first:?}");
}

#[test]
fn guesses_that_match_nothing_count_nowhere() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    for _ in 0..3 {
        assert_eq!(machine.login("imap", "alice", WRONG), Code::AUTH_ERR);
    }
    assert!(machine.show("alice", "1")["last_refused"].is_null());
}

#[test]
fn a_stale_password_goes_no_further_and_locks_nobody_out() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("root", "phone", &[]);
    machine.tool(&["revoke", "root", "phone"]).succeeds();
    let tally = machine.path("faillock");
    let faillock = format!(
        "pam_faillock.so authfail even_deny_root deny=3 dir={}",
        tally.display()
    );
    machine.stack(
        "imap",
        &format!(
            "auth [success=2 perm_denied=die default=ignore] APP_PASSWD\n\
             auth [success=1 default=ignore] pam_debug.so auth=auth_err\n\
             auth [default=die] {faillock}\n\
             auth required pam_permit.so"
        ),
    );
    let failures = || {
        let mut faillock = std::process::Command::new("faillock");
        faillock.arg("--dir").arg(&tally).args(["--user", "root"]);
        let listed = run(faillock, b"").succeeds();
        listed.lines().filter(|line| line.ends_with('V')).count()
    };
    for _ in 0..5 {
        assert_eq!(machine.login("imap", "root", &phone), Code::PERM_DENIED);
    }
    assert!(!tally.exists());
    // Others do count: the stack is what it seems.
    assert_ne!(machine.login("imap", "root", WRONG), Code::SUCCESS);
    assert_eq!(failures(), 1);
}

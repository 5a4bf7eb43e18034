//! `policy.idle_expiry`: an entry that nobody has used for that long is refused, but never for want of notes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;

use rusqlite::Connection;
use support::auth_log::Logged;
use support::private_mounts::PrivateMounts;
use support::{Code, Machine, cannot_run};

const NINETY_DAYS: &str = "policy.idle_expiry = \"90d\"";

/// A machine with one entry, so many days after it was made, after its last use, and after the notes began.
fn machine_after(made: i64, used: Option<i64>, began: i64) -> (Machine, String) {
    let machine = Machine::configured(NINETY_DAYS);
    let password = machine.create("alice", "phone", &[]);
    // Another entry's login begins the notes.
    let other = machine.create("alice", "tablet", &[]);
    assert_eq!(machine.login("imap", "alice", other), Code::SUCCESS);
    if used.is_some() {
        assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
    }
    machine.alter(&ago("credential SET created_at = created_at", made));
    alter_notes(&machine, &ago("birth SET at = at", began));
    alter_notes(&machine, &ago("used SET at = at", used.unwrap_or(0)));
    (machine, password)
}

fn ago(set: &str, days: i64) -> String {
    format!("UPDATE {set} - {days} * 86400")
}

fn alter_notes(machine: &Machine, sql: &str) {
    let notes = Connection::open(machine.usage()).unwrap();
    notes.execute_batch(sql).unwrap();
}

#[test]
fn idleness_counts_from_the_latest_of_made_used_and_the_beginning_of_the_notes() {
    if cannot_run(&["root"]) {
        return;
    }
    let (yes, no) = ((Code::SUCCESS, "active"), (Code::PERM_DENIED, "idle"));
    for (made, used, began, expected) in [
        (91, None, 91, no),
        (89, None, 91, yes),
        (91, None, 89, yes),
        (400, Some(91), 400, no),
        (400, Some(89), 400, yes),
        (400, Some(400), 89, yes),
    ] {
        let (machine, password) = machine_after(made, used, began);
        let case = format!("made {made}, used {used:?}, noted since {began} days ago");
        let entry = machine.show("alice", "phone");
        assert_eq!(entry["status"], expected.1, "{case}");
        let code = machine.login("imap", "alice", &password);
        assert_eq!(code, expected.0, "{case}");
    }
}

#[test]
fn a_use_by_whatever_service_counts() {
    if cannot_run(&["root"]) {
        return;
    }
    let (machine, password) = machine_after(400, Some(400), 400);
    alter_notes(
        &machine,
        "INSERT INTO used SELECT entry, 'smtp', at + 399 * 86400, origin, uid, count FROM used",
    );
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
}

#[test]
fn notes_that_are_lost_expire_nobody() {
    if cannot_run(&["root"]) {
        return;
    }
    let (machine, password) = machine_after(400, Some(400), 400);
    assert_eq!(machine.login("imap", "alice", &password), Code::PERM_DENIED);
    fs::remove_file(machine.usage()).unwrap();
    assert_eq!(machine.show("alice", "phone")["status"], "active");
    assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
}

#[test]
fn damaged_notes_expire_nobody() {
    if cannot_run(&["root"]) {
        return;
    }
    let (machine, password) = machine_after(400, Some(400), 400);
    fs::write(machine.usage(), "not a database".repeat(1_000)).unwrap();
    assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
    assert_eq!(machine.show("alice", "phone")["status"], "active");
}

#[test]
fn a_login_that_could_not_note_its_use_is_not_refused_as_idle_and_the_log_says_so() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let logged = Logged::new(NINETY_DAYS);
    let machine = &logged.machine;
    let password = machine.create("alice", "phone", &[]);
    let login = || machine.client("imap", "alice").password(&password);
    assert_eq!(login().authenticate(), Code::SUCCESS);
    machine.alter("UPDATE credential SET created_at = 1");
    alter_notes(machine, "UPDATE birth SET at = 1; UPDATE used SET at = 1");
    let writer = Connection::open(machine.usage()).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let lines = logged.lines_of(login(), &["authenticate"]);
    let said = "idle, but not refused since its use cannot be noted here";
    assert!(lines[0].contains("accepted; "), "{lines:?}");
    assert!(lines[1].contains(said), "{lines:?}");
    writer.execute_batch("COMMIT").unwrap();
    let lines = logged.lines_of(login(), &["authenticate"]);
    assert!(lines[0].ends_with("reason=idle"), "{lines:?}");
}

#[test]
fn nobody_is_idle_where_the_state_cannot_be_written() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let (machine, password) = machine_after(400, Some(400), 400);
    let state = machine.state().display().to_string();
    let script = format!("mount --bind {state} {state}; mount -o remount,bind,ro {state}");
    let machine = machine.inside(PrivateMounts::new(&script));
    let client = machine.client("imap", "alice").password(&password);
    assert_eq!(client.authenticate(), Code::SUCCESS);
}

#[test]
fn other_reasons_are_said_also_where_idleness_is_not() {
    if cannot_run(&["root"]) {
        return;
    }
    let (machine, password) = machine_after(400, Some(400), 400);
    let writer = Connection::open(machine.usage()).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    for (service, code) in [("sshd", Code::PERM_DENIED), ("imap", Code::SUCCESS)] {
        let client = machine.client(service, "alice").password(&password);
        assert_eq!(client.authenticate(), code, "{service}");
    }
}

#[test]
fn a_successor_of_an_idle_entry_is_fresh() {
    if cannot_run(&["root"]) {
        return;
    }
    let (machine, _) = machine_after(400, Some(400), 400);
    let fresh = machine.tool(&["rotate", "alice", "phone"]).succeeds();
    assert_eq!(machine.login("imap", "alice", fresh.trim()), Code::SUCCESS);
}

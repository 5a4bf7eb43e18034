//! Between `create` and `revoke`: entries that are disabled and enabled, edited and rotated, and what that means for
//! logins, for predecessors, and for what is open.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;

use rusqlite::Connection;
use serde_json::json;
use support::{Code, Machine, cannot_run};

// -- disable and enable

#[test]
fn a_disabled_entry_is_refused_until_it_is_enabled_again() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let tablet = machine.create("alice", "tablet", &[]);
    let disabled = machine
        .tool(&["disable", "alice", "phone", "--json"])
        .json();
    assert_eq!(disabled, json!([machine.show("alice", "phone")]));
    assert_eq!(disabled[0]["status"], "disabled");
    assert_eq!(machine.login("imap", "alice", &phone), Code::PERM_DENIED);
    assert_eq!(machine.login("imap", "alice", &tablet), Code::SUCCESS);
    machine.tool(&["enable", "alice", "phone"]).succeeds();
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
}

#[test]
fn what_is_disabled_or_enabled_already_is_done_without_an_event() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for verb in ["enable", "disable", "disable", "enable", "enable"] {
        machine.tool(&[verb, "alice", "phone"]).succeeds();
    }
    let expected = [r#"disabled 1 label="phone""#, r#"enabled 1 label="phone""#];
    assert_eq!(events(&machine)[1..], expected);
}

#[test]
fn several_are_disabled_or_enabled_together_or_not_at_all() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    machine.create("bob", "watch", &[]);
    unchanged(&machine, 3, &["disable", "alice", "phone", "watch"]);
    machine.tool(&["disable", "alice", "1", "2"]).succeeds();
    unchanged(&machine, 3, &["enable", "alice", "phone", "3"]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    unchanged(&machine, 4, &["enable", "alice", "1", "2"]);
    assert_eq!(machine.show("alice", "1")["status"], "disabled");
}

#[test]
fn enabling_says_what_else_keeps_an_entry_shut() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET disabled = 1, expires = 1");
    let ran = machine.tool(&["enable", "alice", "phone"]);
    assert!(ran.stderr.contains("expired"), "{ran:?}");
    ran.succeeds();
}

#[test]
fn disabling_signs_out_and_enabling_does_not() {
    let Some(machine) = machine_that_notes_what_it_ends() else {
        return;
    };
    let phone = machine.create("alice", "phone", &[]);
    machine.login_from("192.0.2.7", "imap", "alice", &phone);
    machine
        .tool(&["disable", "alice", "phone", "--keep-sessions"])
        .succeeds();
    machine.tool(&["enable", "alice", "phone"]).succeeds();
    assert_eq!(ended(&machine), [""; 0]);
    machine.tool(&["disable", "alice", "phone"]).succeeds();
    assert_eq!(ended(&machine), ["1 imap 192.0.2.7"]);
}

// -- what these tests look at

/// Runs the tool, which has to refuse and to leave the store alone; returns what it said.
#[track_caller]
fn unchanged(machine: &Machine, status: i32, arguments: &[&str]) -> String {
    let before = machine.dump();
    let said = machine.tool(arguments).refuses(status);
    assert_eq!(machine.dump(), before, "{arguments:?} changed the store");
    said
}

/// A machine whose command on revoking leaves a file for each use that it is to end.
fn machine_that_notes_what_it_ends() -> Option<Machine> {
    if cannot_run(&["root"]) {
        return None;
    }
    let machine = Machine::new();
    let ended = machine.path("ended");
    fs::create_dir(&ended).unwrap();
    let config = fs::read_to_string(machine.config()).unwrap();
    let file = format!("{}/{{entry}} {{service}} {{from}}", ended.display());
    machine.write_config(&format!(
        "{config}on_revoke.run = [[\"touch\", {file:?}]]\n"
    ));
    Some(machine)
}

fn ended(machine: &Machine) -> Vec<String> {
    let files = fs::read_dir(machine.path("ended")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What was done to which entry, and its detail.
fn events(machine: &Machine) -> Vec<String> {
    let store = Connection::open(machine.store()).unwrap();
    let sql = "SELECT action || ' ' || entry || ' ' || detail FROM event ORDER BY id";
    let mut events = store.prepare(sql).unwrap();
    let events = events.query_map([], |row| row.get(0)).unwrap();
    events.map(Result::unwrap).collect()
}

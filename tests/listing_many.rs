//! `list --json` of very many entries: it holds a page of them at a time, and nobody waits for its reader.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;
use std::io::Read;
use std::process::{Child, Stdio};

use serde_json::{Value as Json, json};
use support::machine::run;
use support::strace::{trace_in, traced};
use support::{Code, Machine, cannot_run};

const MANY: usize = 50_000;

/// A machine with the entries 1 to MANY, each noted to be used as often as its number says.
fn crowded() -> Machine {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--service", "imap"]);
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})"
    );
    machine.alter(&format!(
        "{numbers}
         INSERT INTO credential (user, label, key, tag, hash, services, networks, created_at, created_by)
         SELECT 'user' || n, label, key, tag, hash, services, networks, created_at, created_by
         FROM credential, numbers;"
    ));
    machine.alter_usage(&format!(
        "{numbers}
         INSERT INTO used (entry, service, at, uid, count) SELECT n, 'imap', 1, 0, n FROM numbers;"
    ));
    machine
}

/// `list --json`, whose reader has read so many bytes and then pauses.
fn stalled(machine: &Machine, bytes: usize) -> (Child, Vec<u8>) {
    let mut list = machine.tool_command(&["list", "--json"]);
    let mut list = list.stdout(Stdio::piped()).spawn().unwrap();
    let mut read = vec![0; bytes];
    list.stdout.as_mut().unwrap().read_exact(&mut read).unwrap();
    (list, read)
}

/// What it answers when its reader goes on.
fn the_whole(mut list: Child, mut read: Vec<u8>) -> Vec<Json> {
    let rest = list.stdout.as_mut().unwrap().read_to_end(&mut read);
    rest.unwrap();
    assert!(list.wait().unwrap().success());
    serde_json::from_slice(&read).unwrap()
}

#[test]
fn every_entry_is_listed_once_with_its_last_use() {
    let machine = crowded();
    let entries = machine.tool(&["list", "--json"]).json();
    let entries = entries.as_array().unwrap();
    assert_eq!(entries.len(), MANY);
    for (number, entry) in (1..).zip(entries) {
        assert_eq!(entry["id"], number);
        assert_eq!(entry["last_used"]["count"], number, "{entry}");
    }
    let of_one = machine.tool(&["list", "user7", "--json"]).json();
    assert_eq!(of_one, json!([entries[6]]));
}

#[test]
fn a_reader_that_stalls_keeps_no_change_and_no_login_waiting() {
    let machine = crowded();
    let (list, read) = stalled(&machine, 1);
    let password = machine.create("bob", "tablet", &["--service", "imap"]);
    assert_eq!(machine.login("imap", "bob", &password), Code::SUCCESS);
    let last = format!("user{MANY}");
    machine.tool(&["revoke", &last, "phone"]).succeeds();
    machine.tool(&["disable", "user40000", "phone"]).succeeds();
    // What is not read yet is shown as it is by then.
    let entries = the_whole(list, read);
    assert_eq!(entries.len(), MANY);
    assert_eq!(entries[0]["label"], "phone");
    assert_eq!(entries[39_999]["status"], "disabled");
    let made = &entries[MANY - 1];
    assert_eq!(
        (&made["user"], &made["id"]),
        (&json!("bob"), &json!(MANY + 1))
    );
}

#[test]
fn its_memory_does_not_grow_with_the_entries() {
    let machine = crowded();
    let (list, read) = stalled(&machine, MANY * 300);
    let status = fs::read_to_string(format!("/proc/{}/status", list.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().strip_suffix(" kB").unwrap();
    assert!(peak.parse::<usize>().unwrap() < 32 * 1024, "{status}");
    assert_eq!(the_whole(list, read).len(), MANY);
}

#[test]
fn what_is_noted_about_others_is_not_read_for_one() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = crowded();
    // Their first one and their last one lie as far apart as any.
    machine.alter(&format!(
        "UPDATE credential SET user = 'alice', label = 'tablet' WHERE id = {MANY}"
    ));
    for arguments in [
        &["list", "alice"][..],
        &["list", "alice", "--json"],
        &["revoke", "alice", "--never-used", "--dry-run"],
        &["revoke", "alice", "1", "--json"],
    ] {
        let trace = machine.path("calls");
        let tool = traced(machine.tool_command(arguments), "pread64", &trace);
        run(tool, b"").succeeds();
        // Of databases alone: a Dovecot on this machine has it run doveconf, which reads its libraries.
        let is_page = |call: &&str| call.contains(", 4096, ");
        let pages = trace_in(&trace).lines().filter(is_page).count();
        assert!(pages > 0);
        assert!(pages < 100, "{arguments:?}: {pages}");
    }
}

#[test]
fn a_damaged_entry_is_warned_of_wherever_it_stands() {
    let machine = crowded();
    machine.alter("UPDATE credential SET label = '12' WHERE id IN (1, 1000, 1001, 40000)");
    let ran = machine.tool(&["list", "--json"]);
    assert_eq!(ran.stderr.matches("warning: ").count(), 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("40000"), "{}", ran.stderr);
    assert_eq!(ran.json().as_array().unwrap().len(), MANY - 4);
}

#[test]
fn notes_that_cannot_be_read_are_warned_of_once() {
    let machine = crowded();
    machine.alter_usage("ALTER TABLE used RENAME TO gone");
    let ran = machine.tool(&["list", "--json"]);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(ran.json()[7]["last_used"], json!(null));
}

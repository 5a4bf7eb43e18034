//! No bulk change refuses a login while it runs: twenty thousand entries are changed, and somebody else logs in all
//! the while.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use std::fs;
use std::process::Stdio;

use support::{Code, Machine};

const MANY: usize = 20_000;

/// A machine with many entries, and the password of one that no change here is about.
fn crowded() -> (Machine, String) {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--service", "imap"]);
    machine.alter(&format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})
         INSERT INTO credential (user, label, key, tag, hash, services, networks, created_at, created_by, expires)
         SELECT 'user' || n, label, key, tag, hash, 'mail', networks, created_at, created_by, 1
         FROM credential, numbers;"
    ));
    (machine, password)
}

/// Runs the tool, and logs alice in again and again until it has ended.
fn logins_go_on_during(arguments: &[&str], machine: &Machine, password: &str) {
    let mut tool = machine.tool_command(arguments);
    tool.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut tool = tool.spawn().unwrap();
    let mut logins = 0;
    let status = loop {
        let code = machine.login("imap", "alice", password);
        assert_eq!(code, Code::SUCCESS, "login {logins} during {arguments:?}");
        logins += 1;
        if let Some(status) = tool.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success(), "{arguments:?}: {status}");
    assert!(logins > 10, "{logins} logins during {arguments:?}");
}

fn count(machine: &Machine, arguments: &[&str]) -> usize {
    let entries = machine.tool(&[&["list", "--json"], arguments].concat());
    entries.json().as_array().unwrap().len()
}

#[test]
fn logins_go_on_while_many_entries_are_revoked() {
    let (machine, password) = crowded();
    let revoke = ["revoke", "--everyone", "--service", "mail", "--yes"];
    logins_go_on_during(&revoke, &machine, &password);
    assert_eq!(count(&machine, &[]), 1);
}

#[test]
fn logins_go_on_while_many_entries_are_pruned() {
    let (machine, password) = crowded();
    logins_go_on_during(&["prune", "--expired", "--yes"], &machine, &password);
    assert_eq!(count(&machine, &[]), 1);
    machine.alter("UPDATE credential SET revoked_at = 0 WHERE revoked_at IS NOT NULL");
    machine.alter("UPDATE event SET at = 0");
    logins_go_on_during(&["prune", "--yes"], &machine, &password);
    assert_eq!(count(&machine, &["--all"]), 1);
}

#[test]
fn logins_go_on_while_a_large_store_is_backed_up_and_restored() {
    let (machine, password) = crowded();
    let file = machine.path("backup").display().to_string();
    logins_go_on_during(&["backup", &file], &machine, &password);
    machine
        .tool(&["revoke", "--everyone", "--service", "mail", "--yes"])
        .succeeds();
    logins_go_on_during(&["restore", &file, "--yes"], &machine, &password);
    assert_eq!(count(&machine, &[]), 1, "what was revoked stays so");
}

#[test]
fn logins_go_on_while_many_entries_are_imported() {
    let (crowded, _) = crowded();
    // Each hash is of its own, as it is where nobody makes up entries.
    crowded.alter(
        "UPDATE credential SET hash = substr(hash, 1, length(hash) - 43) ||
         substr(replace(hex(randomblob(30)), 'F', 'a'), 1, 42) || 'A'",
    );
    let machine = Machine::new();
    let password = machine.create("alice", "tablet", &[]);
    let lines = crowded.tool(&["export", "--with-key"]).succeeds();
    let file = machine.path("export").display().to_string();
    fs::write(&file, lines).unwrap();
    logins_go_on_during(&["import", &file, "--with-key"], &machine, &password);
    assert_eq!(count(&machine, &[]), MANY + 2);
}

#[test]
fn logins_go_on_while_many_app_passwords_are_made_from_a_list() {
    let machine = Machine::configured("hash.memory_kib = 8");
    let password = machine.create("alice", "phone", &[]);
    let lines: String = (0..MANY)
        .map(|number| format!("{{\"user\":\"user{number}\",\"label\":\"phone\"}}\n"))
        .collect();
    let file = machine.path("list").display().to_string();
    fs::write(&file, lines).unwrap();
    logins_go_on_during(&["create", "--from-list", &file], &machine, &password);
    assert_eq!(count(&machine, &[]), MANY + 1);
}

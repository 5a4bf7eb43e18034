//! The tool, killed at every step of a change: the next login, through the module alone, reads the store
//! and repairs it; the change is there with its event, or neither is; and changes work on afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use rusqlite::Connection;
use support::machine::run;
use support::strace::killed;
use support::{Code, Machine, WRONG, cannot_run};

/// The steps: every call that changes a file or its name.
const CALLS: [&str; 15] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "linkat",
    "mkdir",
    "fchmod",
    "chmod",
];

/// Runs the tool again and again, each time killed at one more step, until no step is left; between the
/// runs `check` looks at what is there. Returns how often it was killed.
fn kill_at_every_step(
    mut prepare: impl FnMut() -> Vec<String>,
    mut check: impl FnMut(),
    machine: &Machine,
) -> usize {
    let mut times = 0;
    for call in CALLS {
        for step in 1.. {
            let arguments = prepare();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let survived =
                run(killed(machine.tool_command(&arguments), call, step), b"").status == Some(0);
            check();
            if survived {
                break;
            }
            times += 1;
        }
    }
    times
}

#[test]
fn the_first_create_can_be_killed_at_any_step() {
    if cannot_run(&["strace"]) {
        return;
    }
    let mut times = 0;
    for call in CALLS {
        for step in 1.. {
            let machine = Machine::new();
            let create = machine.tool_command(&["create", "alice", "--label", "phone"]);
            let survived = run(killed(create, call, step), b"").status == Some(0);
            // There may be no store yet, or one without a row that this opens.
            let code = machine.login("imap", "alice", WRONG);
            assert!(
                [Code::AUTHINFO_UNAVAIL, Code::AUTH_ERR].contains(&code),
                "{call} {step}: {code:?}"
            );
            let password = machine.create("alice", "tablet", &[]);
            assert_eq!(
                machine.login("imap", "alice", password),
                Code::SUCCESS,
                "{call} {step}"
            );
            assert_consistent(&machine);
            if survived {
                break;
            }
            times += 1;
        }
    }
    assert!(times > 10, "killed {times} times");
}

#[test]
fn a_create_can_be_killed_at_any_step() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::configured("policy.max_per_user = 0");
    let password = machine.create("alice", "phone", &[]);
    let mut number = 0;
    let prepare = || {
        number += 1;
        ["create", "alice", "--label", &format!("number {number}")]
            .map(str::to_owned)
            .to_vec()
    };
    let check = || {
        assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
        assert_eq!(machine.login("imap", "alice", WRONG), Code::AUTH_ERR);
        assert_consistent(&machine);
    };
    let times = kill_at_every_step(prepare, check, &machine);
    assert!(times > 10, "killed {times} times");
    let last = machine.create("alice", "last", &[]);
    assert_eq!(machine.login("imap", "alice", last), Code::SUCCESS);
}

#[test]
fn a_revoke_can_be_killed_at_any_step() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::configured("policy.max_per_user = 0");
    let kept = machine.create("alice", "phone", &[]);
    let doomed = std::cell::RefCell::new((0, String::new()));
    let prepare = || {
        let number = doomed.borrow().0 + 1;
        let label = format!("number {number}");
        *doomed.borrow_mut() = (number, machine.create("alice", &label, &[]));
        ["revoke", "alice", &label].map(str::to_owned).to_vec()
    };
    let check = || {
        let (number, password) = doomed.borrow().clone();
        let code = machine.login("imap", "alice", &password);
        assert_eq!(machine.login("imap", "alice", &kept), Code::SUCCESS);
        assert_consistent(&machine);
        let revoked = events(&machine, &format!("number {number}")) == 2;
        assert_eq!(
            code,
            if revoked {
                Code::PERM_DENIED
            } else {
                Code::SUCCESS
            }
        );
    };
    let times = kill_at_every_step(prepare, check, &machine);
    assert!(times > 5, "killed {times} times");
}

#[test]
fn a_prune_can_be_killed_at_any_step() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::new();
    let kept = machine.create("alice", "phone", &[]);
    let prepare = || {
        for label in ["first", "second"] {
            machine.create("alice", label, &[]);
        }
        let revoke = ["revoke", "alice", "first", "second"];
        machine.tool(&revoke).succeeds();
        machine.alter("UPDATE credential SET revoked_at = 0 WHERE revoked_at IS NOT NULL");
        ["prune", "--yes"].map(str::to_owned).to_vec()
    };
    let check = || {
        assert_eq!(machine.login("imap", "alice", &kept), Code::SUCCESS);
        let store = Connection::open(machine.store()).unwrap();
        let count = |sql: &str| -> i64 { store.query_row(sql, [], |row| row.get(0)).unwrap() };
        let made = count("SELECT count(*) FROM event WHERE action = 'created'");
        let purged = count("SELECT count(*) FROM event WHERE action = 'purged'");
        assert_eq!(count("SELECT count(*) FROM credential"), made - purged);
        assert_eq!(purged % 2, 0, "both or none");
    };
    let times = kill_at_every_step(prepare, check, &machine);
    assert!(times > 5, "killed {times} times");
}

/// How many events there are of the entry with this label.
fn events(machine: &Machine, label: &str) -> i64 {
    let sql =
        "SELECT count(*) FROM event JOIN credential ON entry = credential.id WHERE label = ?1";
    Connection::open(machine.store())
        .unwrap()
        .query_row(sql, [label], |row| row.get(0))
        .unwrap()
}

/// What must be true whatever happened: a sound file, and as many events as changes.
#[track_caller]
fn assert_consistent(machine: &Machine) {
    let store = Connection::open(machine.store()).unwrap();
    let sound: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let sql = "SELECT (SELECT count(*) + count(revoked_at) FROM credential) - (SELECT count(*) FROM event)";
    let missing: i64 = store.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(
        missing, 0,
        "changes without an event, or events without a change"
    );
    let keys: i64 = store
        .query_row("SELECT count(*) FROM key", [], |row| row.get(0))
        .unwrap();
    assert_eq!(keys, 1);
}

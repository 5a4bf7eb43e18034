//! `app-passwd revoke` by conditions: which entries they mean, what is asked, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be
#![allow(clippy::disallowed_methods)] // what is long ago can only be told by the clock

mod support;

use std::fs;

use rusqlite::Connection;
use serde_json::{Value as Json, json};
use support::machine::run;
use support::terminal::answer_on_a_terminal;
use support::{Code, Machine, Ran, cannot_run};

/// Made and used so many days ago: old entries that are in use, that were, and that never were, and
/// one that is new.
const ENTRIES: [(&str, &str, i64, Option<i64>); 5] = [
    ("alice", "in use", 100, Some(1)),
    ("alice", "given up", 100, Some(95)),
    ("alice", "forgotten", 100, None),
    ("alice", "new", 1, None),
    ("bob", "forgotten", 100, None),
];

fn furnished() -> Machine {
    let machine = Machine::new();
    for (user, label, made, used) in ENTRIES {
        let password = machine.create(user, label, &[]);
        age(&machine, user, label, made);
        if let Some(days) = used {
            assert_eq!(machine.login("imap", user, &password), Code::SUCCESS);
            let id = &machine.show(user, label)["id"];
            alter_notes(
                &machine,
                &format!("UPDATE used SET at = at - {days} * 86400 WHERE entry = {id}"),
            );
        }
    }
    alter_notes(&machine, "UPDATE birth SET at = at - 1000 * 86400");
    machine
}

fn age(machine: &Machine, user: &str, label: &str, days: i64) {
    machine.alter(&format!(
        "UPDATE credential SET created_at = created_at - {days} * 86400
         WHERE user = '{user}' AND label = '{label}'"
    ));
}

fn alter_notes(machine: &Machine, sql: &str) {
    let notes = Connection::open(machine.usage()).unwrap();
    notes.execute_batch(sql).unwrap();
}

/// What would be revoked, as `user label`.
fn meant(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    let dry = [&["revoke", "--dry-run", "--json"], arguments].concat();
    let entries = machine.tool(&dry).json();
    names(&entries)
}

fn names(entries: &Json) -> Vec<String> {
    let name = |entry: &Json| {
        let [user, label] = ["user", "label"].map(|field| entry[field].as_str().unwrap());
        format!("{user} {label}")
    };
    entries.as_array().unwrap().iter().map(name).collect()
}

#[test]
fn unused_since_means_what_was_neither_used_nor_made_since_then() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = furnished();
    let unused = |when| meant(&machine, &["alice", "--unused-since", when]);
    assert_eq!(unused("90d"), ["alice given up", "alice forgotten"]);
    assert_eq!(unused("99d"), ["alice forgotten"]);
    assert_eq!(unused("101d"), [""; 0]);
    assert_eq!(
        unused("12h"),
        [
            "alice in use",
            "alice given up",
            "alice forgotten",
            "alice new"
        ]
    );
    assert_eq!(unused("2000-01-01"), [""; 0]);
}

#[test]
fn never_used_means_what_no_use_is_noted_of() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = furnished();
    assert_eq!(
        meant(&machine, &["alice", "--never-used"]),
        ["alice forgotten", "alice new"]
    );
}

#[test]
fn created_before_means_what_is_older() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = furnished();
    let older = |when| meant(&machine, &["--everyone", "--created-before", when]).len();
    assert_eq!([older("90d"), older("12h"), older("101d")], [4, 5, 0]);
    // Tomorrow's date takes today's with it.
    assert_eq!(older("2999-01-01"), 5);
}

#[test]
fn a_service_means_entries_that_name_it() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create(
        "alice",
        "laptop",
        &["--service", "imap", "--service", "smtp"],
    );
    machine.create("alice", "anything", &["--service", "any"]);
    let with = |service| meant(&machine, &["alice", "--service", service]);
    assert_eq!(with("imap"), ["alice laptop"]);
    assert_eq!(with("SMTP"), ["alice laptop"]);
    assert_eq!(with("mail"), ["alice phone"]);
    assert_eq!(with("any"), ["alice anything"]);
    assert_eq!(with("pop3"), [""; 0]);
}

#[test]
fn every_condition_must_be_met() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = furnished();
    let meant = |arguments: &[&str]| meant(&machine, arguments);
    assert_eq!(
        meant(&["alice", "--never-used", "--created-before", "90d"]),
        ["alice forgotten"]
    );
    assert_eq!(
        meant(&[
            "--everyone",
            "--never-used",
            "--unused-since",
            "90d",
            "--service",
            "mail"
        ]),
        ["alice forgotten", "bob forgotten"]
    );
    assert_eq!(
        meant(&["--everyone", "--never-used", "--service", "imap"]),
        [""; 0]
    );
}

#[test]
fn what_they_mean_is_revoked_and_nothing_else() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = furnished();
    let arguments = [
        "revoke",
        "--everyone",
        "--unused-since",
        "90d",
        "--yes",
        "--json",
    ];
    let revoked = machine.tool(&arguments).json();
    assert_eq!(
        names(&revoked),
        ["alice given up", "alice forgotten", "bob forgotten"]
    );
    for entry in revoked.as_array().unwrap() {
        assert_eq!(entry["status"], "revoked");
        assert_eq!(entry["revoked"]["why"], "by hand");
    }
    let live = machine.tool(&["list", "--json"]).json();
    assert_eq!(names(&live), ["alice in use", "alice new"]);
    // Those that are revoked already are not meant.
    let before = machine.dump();
    assert_eq!(machine.tool(&arguments).json(), json!([]));
    assert_eq!(machine.dump(), before);
}

#[test]
fn every_revocation_has_its_event() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("bob", "phone", &[]);
    machine
        .tool(&["revoke", "--everyone", "--service", "mail", "--yes"])
        .succeeds();
    let events = machine.tool(&["log", "--json"]).json();
    let told: Vec<_> = events.as_array().unwrap()[2..]
        .iter()
        .map(|event| (&event["action"], &event["user"]))
        .collect();
    let revoked = json!("revoked");
    assert_eq!(
        told,
        [(&revoked, &json!("alice")), (&revoked, &json!("bob"))]
    );
}

#[test]
fn a_dry_run_lists_changes_nothing_and_asks_nothing() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    let before = machine.dump();
    for target in [&["--all"][..], &["tablet", "phone"], &["--service", "mail"]] {
        let dry = [&["revoke", "alice", "--dry-run"], target].concat();
        let table = machine.tool(&dry).succeeds();
        assert_eq!(table, machine.tool(&["list", "alice"]).succeeds());
        let dry = [&dry[..], &["--json"]].concat();
        assert_eq!(
            machine.tool(&dry).json(),
            machine.tool(&["list", "alice", "--json"]).json()
        );
    }
    assert_eq!(machine.dump(), before);
}

#[test]
fn a_machine_without_a_store_has_nothing_to_revoke() {
    let machine = Machine::new();
    for arguments in [
        &["revoke", "alice", "--never-used"][..],
        &["revoke", "--everyone", "--unused-since", "1d"],
    ] {
        machine.tool(arguments).succeeds();
    }
    assert_eq!(machine.dump(), "no store");
}

#[test]
fn the_question_names_how_many_and_whose() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    for (user, label) in [("alice", "phone"), ("alice", "tablet"), ("bob", "phone")] {
        machine.create(user, label, &[]);
    }
    let ask = |arguments: &[&str], answer: &str| -> Ran {
        let revoke = [&["revoke", "--service", "mail"], arguments].concat();
        answer_on_a_terminal(machine.tool_command(&revoke), "?", answer)
    };
    let before = machine.dump();
    for (arguments, question) in [
        (&["--everyone"], "Revoke 3 app passwords of 2 users? [y/N]"),
        (&["alice"], "Revoke 2 app passwords of alice? [y/N]"),
        (&["bob"], "Revoke 1 app password of bob? [y/N]"),
    ] {
        let ran = ask(arguments, "n\n");
        assert!(ran.stdout.contains(question), "{ran:?}");
        assert_eq!(ran.status, Some(2));
        assert_eq!(machine.dump(), before);
    }
    assert_eq!(ask(&["--everyone"], "y\n").status, Some(0));
    assert_eq!(machine.tool(&["list", "--json"]).json(), json!([]));
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_done() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    refused(&machine, 2, &["revoke", "alice", "--service", "mail"]);
    refused(
        &machine,
        2,
        &["revoke", "--everyone", "--created-before", "2999-01-01"],
    );
}

#[test]
fn what_is_left_out_or_said_twice_is_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let usages: [&[&str]; 12] = [
        &["--never-used"],
        &["--everyone"],
        &["--everyone", "--all"],
        &["--everyone", "--all", "--never-used"],
        &["--everyone", "alice", "--never-used"],
        &["alice", "--all", "--never-used"],
        &["alice", "phone", "--service", "mail"],
        &["alice", "--service", "mail", "--service", "imap"],
        &["alice", "--service", "im ap"],
        &["alice", "--unused-since", "2999-01-01"],
        &["alice", "--created-before", "0d"],
        &["alice", "--created-before", ""],
    ];
    for usage in usages {
        refused(&machine, 2, &[&["revoke", "--yes"], usage].concat());
    }
}

#[track_caller]
fn refused(machine: &Machine, status: i32, arguments: &[&str]) -> String {
    let before = machine.dump();
    let said = machine.tool(arguments).refuses(status);
    assert_eq!(machine.dump(), before, "{arguments:?} changed the store");
    said
}

#[test]
fn a_date_is_its_beginning_where_the_machine_is() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    // 18:30 UTC is past midnight where it is 5:45 later, and not yet where it is earlier.
    machine.alter("UPDATE credential SET created_at = unixepoch('2025-06-30 18:30')");
    for (zone, is_meant) in [("UTC0", true), ("XYZ-5:45", false)] {
        let dry = [
            "revoke",
            "alice",
            "--created-before",
            "2025-07-01",
            "--dry-run",
            "--json",
        ];
        let mut command = machine.tool_command(&dry);
        command.env("TZ", zone);
        let meant = run(command, b"").json();
        assert_eq!(names(&meant).len(), usize::from(is_meant), "{zone}");
    }
}

#[test]
fn notes_that_cannot_be_read_revoke_nobody() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = furnished();
    fs::write(
        machine.usage(),
        "not a database, and longer than its header would be: ".repeat(9),
    )
    .unwrap();
    for condition in [&["--never-used"][..], &["--unused-since", "90d"]] {
        let revoke = [&["revoke", "--everyone", "--yes"], condition].concat();
        let said = refused(&machine, 5, &revoke);
        assert!(said.contains("usage.db"), "{said}");
    }
    // Other conditions do not look at them.
    let arguments = ["revoke", "--everyone", "--created-before", "90d", "--yes"];
    machine.tool(&arguments).succeeds();
}

#[test]
fn notes_that_begin_later_are_worth_a_warning() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = furnished();
    let dry = ["revoke", "alice", "--unused-since", "90d", "--dry-run"];
    let ran = machine.tool(&dry);
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
    alter_notes(&machine, "UPDATE birth SET at = at + 950 * 86400");
    let ran = machine.tool(&dry);
    assert!(
        ran.stderr.contains("warning: uses are noted since"),
        "{ran:?}"
    );
    fs::remove_file(machine.usage()).unwrap();
    let ran = machine.tool(&dry);
    assert!(ran.stderr.contains("warning: no use"), "{ran:?}");
}

#[test]
fn an_entry_that_cannot_be_read_is_said_and_left() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    machine.alter("UPDATE credential SET services = 'm ail' WHERE label = 'phone'");
    let ran = machine.tool(&[
        "revoke",
        "--everyone",
        "--service",
        "mail",
        "--yes",
        "--json",
    ]);
    assert!(ran.stderr.contains("warning: "), "{ran:?}");
    assert_eq!(names(&ran.json()), ["alice tablet"]);
}

#[test]
fn all_of_a_user_includes_what_cannot_be_read_and_says_how_many_that_are() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    for label in ["phone", "tablet"] {
        machine.create("alice", label, &[]);
    }
    machine.alter("UPDATE credential SET services = 'm ail' WHERE label = 'phone'");
    let revoke = machine.tool_command(&["revoke", "alice", "--all"]);
    let ran = answer_on_a_terminal(revoke, "[y/N]", "y\n");
    for said in [
        "'revoke USER --all' revokes it, too",
        "Revoke 2 app passwords of alice, of which 1 cannot be read? [y/N]",
        "Revoked: 2 \"tablet\" of alice.",
        "Revoked: 1 app password that cannot be read.",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
    let ran = machine.tool(&["list"]);
    assert!(ran.stderr.contains("it is revoked already"), "{ran:?}");
    assert!(!ran.stderr.contains("--all"), "{ran:?}");
}

#[test]
fn where_nothing_can_be_read_all_of_a_user_is_asked_about_too() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET services = 'm ail'");
    let before = machine.dump();
    let ran = machine.tool(&["revoke", "alice", "--all"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert_eq!(machine.dump(), before);
    let ran = machine.tool(&["revoke", "alice", "--all", "--yes", "--json"]);
    assert!(ran.stderr.contains("Revoked: 1 app password"), "{ran:?}");
    assert!(!ran.stderr.contains("has no app passwords"), "{ran:?}");
    assert_eq!(ran.json(), json!([]));
}

//! `app-passwd log`: who did what, when. What a transcript cannot show.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use serde_json::{Value as Json, json};
use support::machine::run;
use support::strace::{trace_in, traced};
use support::{Machine, cannot_run};

#[test]
fn every_change_is_told_in_its_order() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("bob", "phone", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    let events = log(&machine, &[]);
    let told: Vec<_> = events
        .iter()
        .map(|event| (event["action"].as_str(), &event["user"], &event["entry"]))
        .collect();
    assert_eq!(
        told,
        [
            (Some("created"), &json!("alice"), &json!(1)),
            (Some("created"), &json!("bob"), &json!(2)),
            (Some("revoked"), &json!("alice"), &json!(1)),
        ]
    );
    let entry = machine.show("alice", "1");
    assert_eq!(events[0]["at"], entry["created"]);
    assert_eq!(events[0]["by"], entry["created_by"]);
    assert_eq!(events[2]["at"], entry["revoked"]["at"]);
    assert_eq!(events[2]["detail"], "label=\"phone\" why=\"by hand\"");
}

#[test]
fn the_log_of_a_user_has_that_users_events_only() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("bob", "phone", &[]);
    about_the_store(&machine);
    let users = |arguments: &[&str]| -> Vec<Json> {
        let events = log(&machine, arguments);
        events.iter().map(|event| event["user"].clone()).collect()
    };
    assert_eq!(users(&["bob"]), [json!("bob")]);
    assert_eq!(users(&["carol"]), [Json::Null; 0]);
    assert_eq!(users(&[]), [json!("alice"), json!("bob"), Json::Null]);
}

#[test]
fn of_many_events_the_newest_are_told_still_in_their_order() {
    let machine = Machine::new();
    for (user, label) in [("alice", "one"), ("bob", "two"), ("alice", "three")] {
        machine.create(user, label, &[]);
    }
    let entries = |arguments: &[&str]| -> Vec<i64> {
        let events = log(&machine, arguments);
        let entry = |event: &Json| event["entry"].as_i64().unwrap();
        events.iter().map(entry).collect()
    };
    assert_eq!(entries(&["--last", "2"]), [2, 3]);
    assert_eq!(entries(&["alice", "--last=2"]), [1, 3]);
    assert_eq!(entries(&["--last", "4"]), [1, 2, 3]);
    assert_eq!(entries(&["--last", "0"]), [0; 0]);
}

/// A machine with so many events of alice's that they are looked for in pieces, few of bob's among them, and a
/// gap where some were forgotten.
fn crowded() -> Machine {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter(
        "WITH RECURSIVE ids (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM ids WHERE id < 40000)
         INSERT INTO event SELECT id, id, 'root', 'edited', 'alice', id, '' FROM ids;
         UPDATE event SET user = 'bob' WHERE id IN (2, 4999, 5000, 5001, 14999, 15000, 39999);
         DELETE FROM event WHERE id BETWEEN 6000 AND 13000",
    );
    machine
}

#[test]
fn among_very_many_events_none_is_missed_and_none_told_twice() {
    let machine = crowded();
    let entries = |arguments: &[&str]| -> Vec<i64> {
        let events = log(&machine, arguments);
        let entry = |event: &Json| event["entry"].as_i64().unwrap();
        events.iter().map(entry).collect()
    };
    let all: Vec<i64> = (1..6000).chain(13001..=40000).collect();
    let of_bob = [2, 4999, 5000, 5001, 14999, 15000, 39999];
    assert_eq!(entries(&[]), all);
    assert_eq!(entries(&["bob"]), of_bob);
    assert_eq!(entries(&["carol"]), [0; 0]);
    for last in [1, 2, 3, 6, 7, 8] {
        let newest = of_bob.len().saturating_sub(last);
        let last = format!("--last={last}");
        assert_eq!(entries(&["bob", &last]), of_bob[newest..]);
    }
    for last in [1, 5_000, 5_001, 5_002, 30_000] {
        let newest = all.len() - last;
        let last = format!("--last={last}");
        assert_eq!(entries(&[&last]), all[newest..]);
    }
}

#[test]
fn whoever_looks_for_the_events_of_one_user_lets_changes_in_between() {
    if cannot_run(&["strace"]) {
        return;
    }
    let few = Machine::new();
    few.create("alice", "phone", &[]);
    let [many, few] = [crowded(), few].map(|machine| {
        let trace = machine.path("calls");
        let log = machine.tool_command(&["log", "carol", "--last", "1"]);
        run(traced(log, "fcntl", &trace), b"").succeeds();
        trace_in(&trace).matches("F_UNLCK").count()
    });
    assert!(many >= few + 6, "{many} {few}");
}

#[test]
fn what_concerns_the_store_as_a_whole_has_no_user_and_no_entry() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    about_the_store(&machine);
    let event = log(&machine, &[]).pop().unwrap();
    let expected = json!({
        "at": "2020-09-13T12:26:40Z", "by": "root", "action": "restored", "user": null, "entry": null,
        "detail": "entries=12",
    });
    assert_eq!(event, expected);
    let text = machine.tool(&["log"]).succeeds();
    let words: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(words[2..], ["root", "restored", "-", "-", "entries=12"]);
}

#[test]
fn what_other_people_typed_is_escaped() {
    let machine = Machine::new();
    machine.create("al\u{202e}ice", "phone", &[]);
    machine.alter(
        "UPDATE event SET by = char(27) || '[31m', action = char(7), detail = char(10, 155)",
    );
    let text = machine.tool(&["log"]).succeeds();
    let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(raw), "{text:?}");
    assert_eq!(text.lines().count(), 2, "{text:?}");
}

#[test]
fn a_machine_without_a_store_has_no_events() {
    let machine = Machine::new();
    assert_eq!(log(&machine, &[]), [Json::Null; 0]);
    assert_eq!(machine.dump(), "no store");
}

fn log(machine: &Machine, arguments: &[&str]) -> Vec<Json> {
    let log = machine.tool(&[&["log", "--json"], arguments].concat());
    log.json().as_array().unwrap().clone()
}

/// Adds an event that is about no user and no entry.
fn about_the_store(machine: &Machine) {
    machine.alter(
        "INSERT INTO event (at, by, action, user, entry, detail)
         VALUES (1600000000, 'root', 'restored', '', 0, 'entries=12')",
    );
}

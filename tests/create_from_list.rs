//! Very many app passwords are made at once: all or none, and all that are stored are shown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs::{self, File};
use std::process::Stdio;

use serde_json::json;
use support::auth_log::Logged;
use support::machine::run;
use support::strace::killed;
use support::{Code, Machine, Ran, cannot_run};

/// Makes what the lines wish for; they are its standard input.
fn create(machine: &Machine, lines: &str, options: &[&str]) -> Ran {
    let arguments = [&["create", "--from-list", "-"], options].concat();
    machine.tool_reading(lines.as_bytes(), &arguments)
}

/// Refuses it, and leaves the store alone; returns what is said.
#[track_caller]
fn refused(machine: &Machine, status: i32, lines: &str) -> String {
    let before = machine.dump();
    let said = create(machine, lines, &[]).refuses(status);
    assert_eq!(machine.dump(), before, "{lines}");
    said
}

#[test]
fn each_line_makes_an_app_password_that_opens_what_it_says() {
    let machine = Machine::new();
    let lines = r#"{"user":"alice","label":"phone"}

        {"user":"bob","label":"scanner","services":["smtp","imap"],"networks":["192.0.2.7"],"expires":"90d"}
        {"user":"alice","label":"tablet","services":[],"networks":[],"expires":null}"#;
    let shown = create(&machine, lines, &[]).succeeds();
    let shown: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let names: Vec<_> = shown.iter().map(|line| (line[0], line[1])).collect();
    assert_eq!(
        names,
        [("alice", "phone"), ("bob", "scanner"), ("alice", "tablet")]
    );
    assert_eq!(machine.login("imap", "alice", shown[0][2]), Code::SUCCESS);
    assert_eq!(
        machine.login_from("192.0.2.7", "smtp", "bob", shown[1][2]),
        Code::SUCCESS
    );
    assert_eq!(machine.login("smtp", "bob", shown[1][2]), Code::PERM_DENIED);
    assert_eq!(machine.show("alice", "tablet")["services"], json!(["mail"]));
    let events = machine.dump();
    assert_eq!(
        events
            .lines()
            .filter(|line| line.starts_with("event "))
            .count(),
        3
    );
}

#[test]
fn in_json_they_are_one_array() {
    let machine = Machine::new();
    let made = create(&machine, r#"{"user":"alice","label":"phone"}"#, &["--json"]).json();
    let password = made[0]["password"].as_str().unwrap().to_owned();
    let mut entry = machine.show("alice", "phone");
    entry["password"] = json!(password);
    assert_eq!(made, json!([entry]));
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
    assert_eq!(create(&machine, "", &["--json"]).json(), json!([]));
}

#[test]
fn one_line_that_is_wrong_undoes_all() {
    let machine = Machine::configured("policy.max_per_user = 2");
    let good = r#"{"user":"alice","label":"phone"}"#;
    for (bad, status, place) in [
        ("", 4, "-:2: alice has an app password \"phone\" already"),
        (r#"{"user":"alice","label":" phone "}"#, 4, "-:2: "),
        (r#"{"user":"bob"}"#, 2, "-:2: missing field `label`"),
        (
            r#"{"user":"bob","label":"a","colour":"blue"}"#,
            2,
            "-:2: unknown field `colour`",
        ),
        (r#"{"user":"-bob","label":"a"}"#, 2, "-:2: "),
        (r#"{"user":"bob","label":"12"}"#, 2, "-:2: a label"),
        (
            r#"{"user":"bob","label":"a","networks":["192.0.2.7/24"]}"#,
            2,
            "-:2: ",
        ),
        (
            r#"{"user":"bob","label":"a","expires":"2020-01-01"}"#,
            2,
            "-:2: ",
        ),
        (
            r#"{"user":"bob","label":"a","services":["app-passwd"]}"#,
            4,
            "-:2: ",
        ),
        (r#"["bob", "a"]  ["#, 2, "-:2: "),
        ("{", 2, "-:2: "),
        ("{}{}", 2, "-:2: "),
    ] {
        let bad = if bad.is_empty() { good } else { bad };
        let said = refused(&machine, status, &format!("{good}\n{bad}\n"));
        assert!(said.contains(place), "{bad}: {said}");
    }
    machine.create("alice", "phone", &[]);
    let two = "{\"user\":\"alice\",\"label\":\"a\"}\n{\"user\":\"alice\",\"label\":\"b\"}";
    let said = refused(&machine, 4, two);
    assert!(
        said.contains("-:2: alice has 2 app passwords, which is the limit"),
        "{said}"
    );
    refused(
        &machine,
        2,
        &format!("{{\"user\":\"{}\"}}", "x".repeat(100_000)),
    );
    let none = machine.path("none").display().to_string();
    machine.tool(&["create", "--from-list", &none]).refuses(1);
}

#[test]
fn users_must_be_known_unless_they_are_virtual() {
    let machine = Machine::new();
    let text = format!("state_dir = \"{}\"", machine.state().display());
    machine.write_config(&text);
    let lines = "{\"user\":\"root\",\"label\":\"phone\"}\n{\"user\":\"nobody-of-that-name\",\"label\":\"phone\"}";
    let said = refused(&machine, 4, lines);
    assert!(said.contains("-:2: the system knows no user"), "{said}");
    create(&machine, lines, &["--virtual"]).succeeds();
}

#[test]
fn the_longest_lifetime_holds_for_a_list_too_and_is_said_once() {
    let machine = Machine::configured("policy.max_lifetime = \"30d\"");
    let lines = "{\"user\":\"a\",\"label\":\"x\"}\n{\"user\":\"b\",\"label\":\"x\",\"expires\":\"90d\"}\n{\"user\":\"c\",\"label\":\"x\",\"expires\":\"1d\"}";
    let ran = create(&machine, lines, &[]);
    assert!(
        ran.stderr
            .contains("policy.max_lifetime ends 2 of them on "),
        "{ran:?}"
    );
    assert_eq!(
        machine.show("a", "x")["expires"],
        machine.show("b", "x")["expires"]
    );
    assert_ne!(
        machine.show("a", "x")["expires"],
        machine.show("c", "x")["expires"]
    );
}

#[test]
fn what_cannot_be_shown_is_revoked_all_of_it() {
    let machine = Machine::new();
    let file = machine.path("list");
    fs::write(
        &file,
        "{\"user\":\"a\",\"label\":\"x\"}\n{\"user\":\"b\",\"label\":\"x\"}",
    )
    .unwrap();
    let file = file.display().to_string();
    for options in [&[][..], &["--json"]] {
        let arguments = [&["create", "--from-list", &file], options].concat();
        let full = File::create("/dev/full").unwrap();
        let mut command = machine.tool_command(&arguments);
        let ran = command
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&ran.stderr).contains("were revoked"),
            "{ran:?}"
        );
    }
    let list = machine.tool(&["list", "--all", "--json"]).json();
    let why = |entry: &serde_json::Value| entry["revoked"]["why"] == "not shown";
    assert_eq!(
        list.as_array()
            .unwrap()
            .iter()
            .filter(|entry| why(entry))
            .count(),
        4
    );
    assert_eq!(machine.tool(&["list", "--json"]).json(), json!([]));
}

#[test]
fn very_many_are_one_line_in_the_log_and_an_event_each() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let log = Logged::new("hash.memory_kib = 8");
    let lines = |count: usize| -> String {
        let line = |number| format!("{{\"user\":\"user{number}\",\"label\":\"list {count}\"}}\n");
        (0..count).map(line).collect()
    };
    let received = |count| {
        let ran = create(&log.machine, &lines(count), &[]);
        assert_eq!(ran.stderr.lines().count(), 1, "a bar is for terminals");
        ran.succeeds();
        log.received()
    };
    let few = received(3);
    assert!(
        few.len() == 3 && few[2].contains("created; user=user2 "),
        "{few:?}"
    );
    let many = received(1_001);
    assert!(
        many.len() == 1 && many[0].ends_with(" events=1001"),
        "{many:?}"
    );
    let events = log.machine.dump();
    let events = events.lines().filter(|line| line.starts_with("event "));
    assert_eq!(events.count(), 1_004);
}

#[test]
fn a_list_that_is_killed_at_any_step_is_all_or_nothing() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::configured("policy.max_per_user = 0");
    let own = machine.create("alice", "phone", &[]);
    let file = machine.path("list");
    let mut times = 0;
    for call in ["pwrite64", "fsync", "fdatasync", "ftruncate", "unlink"] {
        for step in 1.. {
            let lines: Vec<_> = (0..3)
                .map(|n| format!("{{\"user\":\"user{n}\",\"label\":\"{call} {step}\"}}"))
                .collect();
            fs::write(&file, lines.join("\n")).unwrap();
            let list = machine.tool_command(&["create", "--from-list", file.to_str().unwrap()]);
            let survived = run(killed(list, call, step), b"").status == Some(0);
            assert_eq!(machine.login("imap", "alice", &own), Code::SUCCESS);
            let made = machine.tool(&["list", "--json"]).json();
            let label = format!("{call} {step}");
            let made = made
                .as_array()
                .unwrap()
                .iter()
                .filter(|entry| entry["label"] == label);
            let made = made.count();
            assert!(made == 3 || (made == 0 && !survived), "{label}: {made}");
            if survived {
                break;
            }
            times += 1;
        }
    }
    assert!(times > 5, "killed {times} times");
}

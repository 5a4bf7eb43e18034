//! Two at once: what somebody changes while the tool waits for the store, asks its question or shows a password. What
//! is done then is what still is to be done, and what is said, told and ended is what was done.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value as Json, json};
use support::private_mounts::PrivateMounts;
use support::terminal::converse_on_a_terminal;
use support::{Code, Machine, Ran, cannot_run};

/// What a rotation of entry 1 with an overlap does in the store.
const ROTATE: &str = "
    UPDATE credential SET replaced_by = 2 WHERE id = 1;
    INSERT INTO credential
        (user, label, key, tag, hash, services, networks, created_at, created_by, replaces, virtual)
    SELECT user, label, key, tag, hash, services, networks, created_at, created_by, 1, virtual
    FROM credential WHERE id = 1;";

const REVOKE_1: &str =
    "UPDATE credential SET revoked_at = 1, revoked_by = 'x', revoked_why = 'by hand' WHERE id = 1;";

/// Runs the tool while somebody else changes the store: it can look, but not change anything before.
fn overtaken(machine: &Machine, arguments: &[&str], change: &str) -> Ran {
    let store = Connection::open(machine.store()).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tool = machine.tool_command(arguments);
    let tool = tool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let tool = tool.spawn().unwrap();
    sleep(Duration::from_millis(800)); // it has looked by then, and waits
    store.execute_batch(change).unwrap();
    store.execute_batch("COMMIT").unwrap();
    tool.wait_with_output().unwrap().into()
}

/// Answers the question of the tool with yes, after `meanwhile`. Standard output holds all.
fn asked(command: Command, mut meanwhile: impl FnMut()) -> Ran {
    converse_on_a_terminal(command, |shown| {
        shown.contains("[y/N]").then(|| {
            meanwhile();
            "y\n"
        })
    })
}

// -- while it waits for the store

#[test]
fn a_successor_has_the_limits_that_the_old_one_has_in_that_moment() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let narrowed =
        "UPDATE credential SET services = 'imap', networks = '192.0.2.7/32', expires = 32188147200";
    overtaken(&machine, &["rotate", "alice", "phone"], narrowed).succeeds();
    let successor = machine.show("alice", "2");
    assert_eq!(successor["services"], json!(["imap"]));
    assert_eq!(successor["networks"], json!(["192.0.2.7/32"]));
    assert_eq!(successor["expires"], "2990-01-01T00:00:00Z");
}

#[test]
fn what_was_disabled_meanwhile_gets_no_successor() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let disabled = "UPDATE credential SET disabled = 1";
    overtaken(&machine, &["rotate", "alice", "phone"], disabled).refuses(4);
    assert_eq!(
        machine
            .tool(&["list", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_label_means_a_successor_that_was_made_meanwhile() {
    for (arguments, field, value) in [
        (
            &["revoke", "alice", "phone"][..],
            "status",
            json!("revoked"),
        ),
        (&["disable", "alice", "phone"], "status", json!("disabled")),
        (
            &["edit", "alice", "phone", "--service", "imap"],
            "services",
            json!(["imap"]),
        ),
    ] {
        let machine = Machine::new();
        machine.create("alice", "phone", &[]);
        let ran = overtaken(&machine, arguments, ROTATE);
        assert!(ran.stderr.contains("1 goes along"), "{ran:?}");
        ran.succeeds();
        for id in ["1", "2"] {
            assert_eq!(
                machine.show("alice", id)[field],
                value,
                "{arguments:?} {id}"
            );
        }
    }
}

#[test]
fn an_edit_passes_over_a_predecessor_that_was_revoked_meanwhile() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter(ROTATE);
    let edit = ["edit", "alice", "phone", "--service", "imap"];
    overtaken(&machine, &edit, REVOKE_1).succeeds();
    assert_eq!(machine.show("alice", "2")["services"], json!(["imap"]));
    assert_eq!(machine.show("alice", "1")["services"], json!(["mail"]));
}

#[test]
fn what_somebody_else_has_disabled_is_not_told_as_ours() {
    let machine = told();
    machine.create("alice", "phone", &[]);
    let disabled = "UPDATE credential SET disabled = 1";
    overtaken(&machine, &["disable", "alice", "phone"], disabled).succeeds();
    assert_eq!(notices(&machine).len(), 1);
}

// -- while it asks

#[test]
fn revoke_all_means_all_that_are_live_after_the_question_and_tells_of_those_alone() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = told();
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    let meanwhile = || {
        machine.tool(&["revoke", "alice", "phone"]).succeeds();
        machine.create("alice", "watch", &[]);
        sleep(Duration::from_millis(1_100));
    };
    let ran = asked(
        machine.tool_command(&["revoke", "alice", "--all"]),
        meanwhile,
    );
    assert!(
        ran.stdout.contains("Revoke 2 app passwords of alice?"),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("Revoked: 2 \"tablet\", 3 \"watch\" of alice."),
        "{ran:?}"
    );
    let notice = notices(&machine).pop().unwrap();
    let ids = notice["entries"].as_array().unwrap().iter();
    assert_eq!(
        ids.map(|entry| entry["id"].clone()).collect::<Vec<_>>(),
        [2, 3]
    );
    // It was revoked when that was answered, and not before it was made.
    let watch = machine.show("alice", "watch");
    assert!(
        watch["revoked"]["at"].as_str() > watch["created"].as_str(),
        "{watch}"
    );
    assert_eq!(notice["at"], watch["revoked"]["at"]);
}

#[test]
fn a_bulk_revoke_leaves_what_does_not_meet_the_conditions_any_more_and_what_was_not_shown() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    for label in ["phone", "tablet"] {
        machine.create("alice", label, &["--service", "smtp"]);
    }
    let meanwhile = || {
        machine
            .tool(&["edit", "alice", "phone", "--service", "imap"])
            .succeeds();
        machine.create("alice", "watch", &["--service", "smtp"]);
    };
    let revoke = machine.tool_command(&["revoke", "alice", "--service", "smtp"]);
    let ran = asked(revoke, meanwhile);
    assert!(
        ran.stdout.contains("Revoked: 2 \"tablet\" of alice."),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("Not revoked, since changed meanwhile: 1 app password."),
        "{ran:?}"
    );
    let status = |label| machine.show("alice", label)["status"].clone();
    assert_eq!(
        ["phone", "tablet", "watch"].map(status),
        ["active", "revoked", "active"]
    );
}

#[test]
fn what_was_used_while_the_question_was_open_is_not_revoked_as_unused() {
    if cannot_run(&["root", "setsid"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let meanwhile = || assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
    asked(
        machine.tool_command(&["revoke", "alice", "--never-used"]),
        meanwhile,
    );
    assert_eq!(machine.show("alice", "phone")["status"], "active");
}

#[test]
fn prune_leaves_what_has_got_a_new_end_meanwhile() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    for label in ["phone", "tablet"] {
        machine.create("alice", label, &[]);
    }
    machine.alter("UPDATE credential SET expires = 1");
    let meanwhile = || {
        drop(
            machine
                .tool(&["edit", "alice", "phone", "--expires", "1d"])
                .succeeds(),
        )
    };
    let ran = asked(machine.tool_command(&["prune", "--expired"]), meanwhile);
    assert!(
        ran.stdout.contains("Revoked: 2 \"tablet\" of alice."),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("Not revoked, since changed meanwhile: 1 app password."),
        "{ran:?}"
    );
    assert_eq!(machine.show("alice", "phone")["status"], "active");
}

#[test]
fn prune_leaves_an_account_that_is_back() {
    if cannot_run(&["root", "setsid", "unshare", "nsenter"]) {
        return;
    }
    let script = "mount -t tmpfs tmpfs /mnt
                  cp /etc/passwd /mnt/passwd
                  mount --bind /mnt/passwd /etc/passwd";
    let machine = Machine::new().inside(PrivateMounts::new(script));
    for user in ["alice", "bob"] {
        machine.create(user, "phone", &[]);
    }
    machine.alter("UPDATE credential SET virtual = 0");
    let meanwhile = || {
        let back = "echo 'alice:x:4711:4711::/:/bin/sh' >>/etc/passwd";
        let mut shell = machine.command(Path::new("sh"));
        assert!(shell.args(["-c", back]).status().unwrap().success());
    };
    let ran = asked(machine.tool_command(&["prune", "--gone-users"]), meanwhile);
    assert!(ran.stdout.contains("of 2 deleted accounts?"), "{ran:?}");
    assert_eq!(machine.show("alice", "phone")["status"], "active");
    assert_eq!(machine.show("bob", "phone")["status"], "revoked");
}

// -- while it shows a password

/// Runs the tool until it shows a password that nobody takes yet.
fn showing(machine: &Machine, arguments: &[&str]) -> (Child, std::io::PipeReader) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'\n'; 65_536]).unwrap(); // as much as a pipe takes
    let mut tool = machine.tool_command(arguments);
    let tool = tool.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let is_made = || machine.tool(&["show", "alice", "2"]).status == Some(0);
    let mut patience = std::iter::repeat_n(Duration::from_millis(50), 200);
    while !is_made() {
        sleep(patience.next().expect("a successor within ten seconds"));
    }
    (tool, reader)
}

#[test]
fn a_successor_that_cannot_be_shown_is_revoked_though_its_label_is_anothers_by_then() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let (tool, reader) = showing(&machine, &["rotate", "alice", "phone"]);
    machine
        .tool(&["edit", "alice", "2", "--label", "tablet"])
        .succeeds();
    machine.create("alice", "phone", &[]);
    drop(reader);
    let ran = Ran::from(tool.wait_with_output().unwrap());
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert_eq!(machine.show("alice", "2")["revoked"]["why"], "not shown");
}

#[test]
fn an_old_one_that_was_revoked_while_its_successor_was_shown_has_ended() {
    for options in [&["--overlap", "1d"][..], &[]] {
        let machine = Machine::new();
        machine.create("alice", "phone", &[]);
        let rotate = [&["rotate", "alice", "phone"], options].concat();
        let (tool, mut reader) = showing(&machine, &rotate);
        machine.tool(&["revoke", "alice", "1"]).succeeds();
        let mut shown = String::new();
        reader.read_to_string(&mut shown).unwrap();
        let ran = Ran::from(tool.wait_with_output().unwrap());
        assert!(
            ran.stderr.contains("2 replaces 1, which is revoked."),
            "{ran:?}"
        );
        ran.succeeds();
        assert_eq!(machine.show("alice", "1")["revoked"]["why"], "by hand");
        assert_eq!(machine.login("imap", "alice", shown.trim()), Code::SUCCESS);
    }
}

// -- when nobody can be answered

#[test]
fn what_is_limited_is_told_and_ended_though_nobody_can_be_answered() {
    if cannot_run(&["root"]) {
        return;
    }
    for (arguments, action, ends) in [
        (&["disable", "alice", "phone"][..], "disabled", true),
        (
            &["edit", "alice", "phone", "--service", "smtp"],
            "edited",
            true,
        ),
        (&["enable", "alice", "phone"], "enabled", false),
    ] {
        let machine = told();
        let phone = machine.create("alice", "phone", &[]);
        assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
        machine.alter(&format!(
            "UPDATE credential SET disabled = {}",
            u8::from(!ends)
        ));
        let mut tool = machine.tool_command(&[arguments, &["--json"]].concat());
        let full = File::create("/dev/full").unwrap();
        assert_eq!(tool.stdout(full).status().unwrap().code(), Some(1));
        assert_eq!(notices(&machine)[1]["action"], action);
        assert_eq!(machine.path("ended").exists(), ends, "{action}");
    }
}

#[test]
fn what_a_rotation_ends_is_ended_before_anybody_is_told() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = told();
    let phone = machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
    let ended = machine.path("ended");
    let notify = format!("notify.command = [\"test\", \"-e\", {ended:?}]\n");
    let config = fs::read_to_string(machine.config()).unwrap();
    let (config, _) = config.split_once("notify.command").unwrap();
    machine.write_config(&(config.to_owned() + &notify));
    let ran = machine.tool(&["rotate", "alice", "phone"]);
    assert!(
        ended.exists() && !ran.stderr.contains("[notify]"),
        "{ran:?}"
    );
}

/// A machine whose notices are lines of the file `told`, and which makes the file `ended` when something is to be ended.
fn told() -> Machine {
    let machine = Machine::new();
    let [told, ended] = ["told", "ended"].map(|name| machine.path(name).display().to_string());
    let tell = format!("cat >>{told}; echo >>{told}");
    let config = fs::read_to_string(machine.config()).unwrap();
    machine.write_config(&format!(
        "{config}on_revoke.run = [[\"touch\", {ended:?}]]\nnotify.command = [\"sh\", \"-c\", {tell:?}]\n"
    ));
    machine
}

fn notices(machine: &Machine) -> Vec<Json> {
    let told = fs::read_to_string(machine.path("told")).unwrap();
    let lines = told.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

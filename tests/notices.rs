//! `[notify]`: who is told of changes, of what, and that nobody has to wait for them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // what is not there is a failed test

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use support::Machine;
use support::machine::run;

/// A machine whose notices are lines of the file `told`.
fn machine() -> Machine {
    let machine = Machine::new();
    notify(
        &machine,
        &format!("cat >>{0}; echo >>{0}", machine.path("told").display()),
    );
    machine
}

fn notify(machine: &Machine, script: &str) {
    let config = fs::read_to_string(machine.config()).unwrap();
    let (config, _) = config.split_once("[notify]").unwrap_or((&config, ""));
    let command = format!("{config}[notify]\ncommand = [\"sh\", \"-c\", {script:?}]\n");
    machine.write_config(&command);
}

fn told(machine: &Machine) -> Vec<Json> {
    let lines = fs::read_to_string(machine.path("told")).unwrap_or_default();
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_was_created_and_revoked_is_told_with_the_facts_and_without_the_secret() {
    let machine = machine();
    let password = machine.create("alice", "phone", &["--from", "192.0.2.0/24"]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    let told = told(&machine);
    assert_eq!(told.len(), 2);
    for (notice, action) in told.iter().zip(["created", "revoked"]) {
        assert_eq!(notice["action"], action);
        assert_eq!(
            (&notice["user"], &notice["entry"]),
            (&"alice".into(), &1.into())
        );
        assert_eq!(notice["by"], notice["entries"][0]["created_by"]);
        assert!(notice["at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(notice["entries"][0]["label"], "phone");
        assert_eq!(notice["entries"][0]["networks"][0], "192.0.2.0/24");
        let letters = notice.to_string().replace('-', "");
        assert!(!letters.contains(&password.replace('-', "")));
    }
    assert_eq!(told[0]["entries"][0]["status"], "active");
    assert_eq!(told[1]["entries"][0]["revoked"]["why"], "by hand");
}

#[test]
fn what_was_edited_disabled_enabled_and_rotated_is_told_and_what_was_so_already_is_not() {
    let machine = machine();
    machine.create("alice", "phone", &[]);
    for arguments in [
        &["edit", "alice", "phone", "--service", "imap"][..],
        &["edit", "alice", "phone", "--service", "imap"],
        &["enable", "alice", "phone"],
        &["disable", "alice", "phone"],
        &["disable", "alice", "phone"],
        &["enable", "alice", "phone"],
        &["rotate", "alice", "phone", "--overlap", "1d"],
        &["edit", "alice", "phone", "--expires", "1h"],
    ] {
        machine.tool(arguments).succeeds();
    }
    let told = told(&machine);
    let said: Vec<_> = told
        .iter()
        .skip(1)
        .map(|notice| (notice["action"].as_str().unwrap(), &notice["entry"]))
        .collect();
    let (old, new, both) = (&1.into(), &2.into(), &Json::Null);
    let expected = [
        ("edited", old),
        ("disabled", old),
        ("enabled", old),
        ("rotated", new),
        ("edited", both),
    ];
    assert_eq!(said, expected);
    assert_eq!(told[4]["entries"][0]["replaces"], 1);
}

#[test]
fn what_was_revoked_together_is_told_once() {
    let machine = machine();
    for label in ["phone", "tablet", "scanner"] {
        machine.create("alice", label, &[]);
    }
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine
        .tool(&["revoke", "alice", "--all", "--yes"])
        .succeeds();
    let told = told(&machine);
    let last = told.last().unwrap();
    assert_eq!((told.len(), &last["action"]), (5, &"revoked".into()));
    assert_eq!(
        (&last["user"], &last["entry"]),
        (&"alice".into(), &Json::Null)
    );
    let labels = last["entries"].as_array().unwrap().iter();
    let labels: Vec<_> = labels.map(|entry| entry["label"].clone()).collect();
    assert_eq!(labels, ["tablet", "scanner"]);
}

#[test]
fn a_bulk_change_is_told_once_for_all_users_and_what_is_purged_is_not() {
    let machine = machine();
    for user in ["alice", "bob"] {
        for label in ["phone", "tablet"] {
            machine.create(user, label, &[]);
        }
    }
    machine.alter("UPDATE credential SET expires = 1 WHERE label = 'tablet'");
    machine.tool(&["prune", "--expired", "--yes"]).succeeds();
    machine
        .tool(&["revoke", "--everyone", "--service", "mail", "--yes"])
        .succeeds();
    machine.alter("UPDATE credential SET revoked_at = 0");
    machine.tool(&["prune", "--yes"]).succeeds();
    let told = &told(&machine)[4..];
    assert_eq!(told.len(), 2);
    for (notice, why) in told.iter().zip(["expired", "by hand"]) {
        assert_eq!(
            (&notice["action"], &notice["user"]),
            (&"revoked".into(), &Json::Null)
        );
        assert_eq!(notice["entries"].as_array().unwrap().len(), 2);
        assert_eq!(notice["entries"][1]["revoked"]["why"], why);
    }
}

#[test]
fn a_revocation_that_nobody_could_be_answered_about_is_told() {
    let machine = machine();
    machine.create("alice", "phone", &[]);
    let mut revoke = machine.tool_command(&["revoke", "alice", "phone", "--json"]);
    let full = fs::File::create("/dev/full").unwrap();
    assert_eq!(revoke.stdout(full).status().unwrap().code(), Some(1));
    assert_eq!(told(&machine)[1]["action"], "revoked");
}

#[test]
fn what_changes_nothing_is_not_told() {
    let machine = machine();
    machine.create("alice", "phone", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine
        .tool(&["create", "alice", "--label", "7"])
        .refuses(2);
    machine.tool(&["revoke", "alice", "phone"]).succeeds(); // done already
    machine
        .tool(&["revoke", "alice", "--all", "--yes"])
        .succeeds(); // there are none
    machine.tool(&["list"]).succeeds();
    assert_eq!(told(&machine).len(), 2);
}

#[test]
fn a_command_that_fails_is_told_and_fails_nothing() {
    let machine = machine();
    for (script, why) in [("exit 7", "exit status: 7"), ("kill -9 $$", "signal: 9")] {
        notify(&machine, script);
        let ran = machine.tool(&["create", "alice", "--label", script]);
        assert!(
            ran.stderr
                .contains(&format!("warning: [notify] sh -c {script}: {why}")),
            "{ran:?}"
        );
        assert_eq!(ran.succeeds().trim().len(), 29);
    }
    machine.write_config(
        &fs::read_to_string(machine.config())
            .unwrap()
            .replace("\"sh\"", "\"/no/such\""),
    );
    let ran = machine.tool(&["revoke", "alice", "--all", "--yes"]);
    assert!(ran.stderr.contains("warning: [notify] /no/such"), "{ran:?}");
    ran.succeeds();
}

#[test]
fn a_command_that_hangs_is_killed_with_all_that_it_has_started() {
    let machine = machine();
    // What it starts would keep standard error open, which the reader of this test waits for.
    notify(&machine, "sleep 4711 & sleep 4711");
    let ran = machine.tool(&["create", "alice", "--label", "phone"]);
    assert!(
        ran.stderr
            .contains("it took longer than 10 s and was killed"),
        "{ran:?}"
    );
    ran.succeeds();
}

#[test]
fn what_it_prints_does_not_mix_with_the_secret() {
    let machine = machine();
    notify(&machine, "echo hello");
    let ran = machine.tool(&["create", "alice", "--label", "phone"]);
    assert!(ran.stderr.contains("hello"), "{ran:?}");
    assert_eq!(ran.succeeds().trim().len(), 29);
}

#[test]
fn a_restore_is_told_and_names_no_entries() {
    let machine = machine();
    machine.create("alice", "phone", &[]);
    let file = machine.path("b").display().to_string();
    machine.tool(&["backup", &file]).succeeds();
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine.tool(&["restore", &file, "--yes"]).succeeds();
    let told = told(&machine);
    let restored = told.last().unwrap();
    assert_eq!(restored["action"], "restored");
    assert!(restored["user"].is_null() && restored["entry"].is_null());
    assert_eq!(restored["entries"], serde_json::json!([]));
}

#[test]
fn the_example_mails_each_owner() {
    let machine = Machine::new();
    let (outbox, sendmail) = (machine.path("outbox"), machine.path("sendmail"));
    let script = format!(
        "#!/bin/sh\n{{ echo \"$@\"; cat; }} >>{}\n",
        outbox.display()
    );
    fs::write(&sendmail, script).unwrap();
    support::machine::set_mode(&sendmail, 0o755);
    let mut example =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/tell-owner"));
    example.env("SENDMAIL", sendmail);
    let notice = r#"{"at":"2026-11-20T09:00:00Z","by":"root","action":"revoked","user":null,"entry":null,"entries":[
        {"user":"alice","label":"a \"phone\"","services":["mail"]},{"user":"bob","label":"scanner","services":["smtp","imap"]}]}"#;
    run(example, notice.as_bytes()).succeeds();
    let mails = fs::read_to_string(outbox).unwrap();
    let (to_alice, to_bob) = mails.split_once("-i -- bob\n").unwrap();
    assert!(
        to_alice.starts_with("-i -- alice\nSubject: App password revoked\n"),
        "{mails}"
    );
    assert!(
        to_alice.contains("  revoked: a \"phone\" (mail)\n") && !to_alice.contains("scanner"),
        "{mails}"
    );
    assert!(
        to_bob.contains("  revoked: scanner (smtp, imap)\n"),
        "{mails}"
    );
}

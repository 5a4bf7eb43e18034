//! `app-passwd prune`: what is forgotten, what is revoked, and what stays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use serde_json::{Value as Json, json};
use support::private_mounts::{PrivateMounts, USERS_CANNOT_BE_ASKED_ABOUT};
use support::terminal::answer_on_a_terminal;
use support::{Code, Machine, cannot_run};

/// Alice's and bob's: live, expired, revoked today and revoked long ago.
fn furnished() -> Machine {
    let machine = Machine::new();
    for user in ["alice", "bob"] {
        for label in ["live", "expired", "revoked", "long revoked"] {
            machine.create(user, label, &[]);
        }
        machine
            .tool(&["revoke", user, "revoked", "long revoked"])
            .succeeds();
    }
    machine.alter(
        "UPDATE credential SET expires = created_at - 1 WHERE label = 'expired';
         UPDATE credential SET revoked_at = revoked_at - 366 * 86400 WHERE label = 'long revoked';",
    );
    machine
}

/// Everything that is remembered, as `user label status`.
fn remembered(machine: &Machine) -> Vec<String> {
    names(&machine.tool(&["list", "--all", "--json"]).json())
}

fn names(entries: &Json) -> Vec<String> {
    let name = |entry: &Json| {
        ["user", "label", "status"]
            .map(|field| entry[field].as_str().unwrap())
            .join(" ")
    };
    entries.as_array().unwrap().iter().map(name).collect()
}

fn events(machine: &Machine, arguments: &[&str]) -> Vec<Json> {
    let log = machine.tool(&[&["log", "--json"], arguments].concat());
    log.json().as_array().unwrap().clone()
}

#[test]
fn what_was_revoked_longer_ago_than_it_is_kept_is_forgotten() {
    let machine = furnished();
    let purged = machine.tool(&["prune", "--yes", "--json"]).json();
    assert_eq!(
        names(&purged),
        ["alice long revoked revoked", "bob long revoked revoked"]
    );
    assert_eq!(
        remembered(&machine),
        [
            "alice live active",
            "alice expired expired",
            "alice revoked revoked",
            "bob live active",
            "bob expired expired",
            "bob revoked revoked",
        ]
    );
    // Its id is never used again, though it was the last.
    machine.create("bob", "long revoked", &[]);
    assert_eq!(machine.show("bob", "long revoked")["id"], 9);
}

#[test]
fn how_long_is_configured() {
    let machine = furnished();
    let config = std::fs::read_to_string(machine.config()).unwrap();
    machine.write_config(&format!("{config}policy.keep_revoked = \"400d\"\n"));
    assert_eq!(machine.tool(&["prune", "--json"]).json(), json!([]));
    machine.write_config(&format!("{config}policy.keep_revoked = \"365d\"\n"));
    let dry = machine.tool(&["prune", "--dry-run", "--json"]);
    assert_eq!(dry.json().as_array().unwrap().len(), 2);
}

#[test]
fn what_is_forgotten_opens_nothing_and_is_unknown() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    assert_eq!(machine.login("imap", "alice", &password), Code::PERM_DENIED);
    machine.alter("UPDATE credential SET revoked_at = 0");
    machine.tool(&["prune", "--yes"]).succeeds();
    assert_eq!(machine.login("imap", "alice", &password), Code::AUTH_ERR);
    machine.tool(&["show", "alice", "1"]).refuses(3);
}

#[test]
fn each_entry_that_is_forgotten_leaves_an_event() {
    let machine = furnished();
    machine.tool(&["prune", "alice", "--yes"]).succeeds();
    let event = events(&machine, &[]).pop().unwrap();
    assert_eq!(event["action"], "purged");
    assert_eq!(
        (&event["user"], &event["entry"]),
        (&json!("alice"), &json!(4))
    );
    assert_eq!(event["detail"], "label=\"long revoked\"");
    // What was done before is told as ever.
    let actions: Vec<_> = events(&machine, &["alice"])
        .iter()
        .map(|event| event["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        actions.iter().filter(|action| *action == "created").count(),
        4
    );
}

#[test]
fn old_events_are_forgotten_and_how_many_is_remembered() {
    let machine = furnished();
    let before = events(&machine, &[]).len();
    machine.alter("UPDATE event SET at = at - 731 * 86400 WHERE entry IN (1, 2, 5)");
    let ran = machine.tool(&["prune", "--yes"]);
    assert!(ran.stderr.contains("Purged 3 events."), "{ran:?}");
    let left = events(&machine, &[]);
    assert_eq!(
        left.len(),
        before - 3 + 3,
        "two entries and the events were purged"
    );
    let event = left.last().unwrap();
    assert_eq!(event["action"], "pruned");
    assert_eq!(
        (&event["user"], &event["entry"]),
        (&Json::Null, &Json::Null)
    );
    let detail = event["detail"].as_str().unwrap();
    assert!(detail.starts_with("events=3 before="), "{detail}");
}

#[test]
fn for_one_user_nothing_of_others_is_touched() {
    let machine = furnished();
    machine.alter("UPDATE event SET at = at - 731 * 86400");
    let arguments = ["prune", "alice", "--expired", "--yes", "--json"];
    let changed = machine.tool(&arguments).json();
    assert_eq!(
        names(&changed),
        ["alice expired revoked", "alice long revoked revoked"]
    );
    assert_eq!(events(&machine, &["bob"]).len(), 6);
    assert!(remembered(&machine).contains(&"bob long revoked revoked".to_owned()));
    let event = events(&machine, &[]).pop().unwrap();
    assert!(
        event["detail"]
            .as_str()
            .unwrap()
            .ends_with(" user=\"alice\""),
        "{event}"
    );
}

#[test]
fn what_has_expired_is_revoked_only_if_that_is_asked_for() {
    let machine = furnished();
    machine.tool(&["prune", "--yes"]).succeeds();
    assert_eq!(machine.show("alice", "expired")["status"], "expired");
    let revoked = machine
        .tool(&["prune", "--expired", "--yes", "--json"])
        .json();
    assert_eq!(
        names(&revoked),
        ["alice expired revoked", "bob expired revoked"]
    );
    assert_eq!(revoked[0]["revoked"]["why"], "expired");
    let event = events(&machine, &["alice"]).pop().unwrap();
    assert_eq!(event["detail"], "label=\"expired\" why=\"expired\"");
}

#[test]
fn the_account_that_the_system_knows_no_more_is_gone_and_a_virtual_user_is_not() {
    let machine = furnished();
    machine.create("root", "phone", &[]);
    let prune = ["prune", "--gone-users", "--dry-run", "--json"];
    let gone = || names(&machine.tool(&prune).json()).into_iter();
    let gone = || {
        gone()
            .filter(|name| !name.contains("long"))
            .collect::<Vec<_>>()
    };
    assert_eq!(gone(), [""; 0], "the system never knew alice and bob");
    machine.alter("UPDATE credential SET virtual = 0 WHERE user = 'alice'");
    assert_eq!(gone(), ["alice live active", "alice expired expired"]);
    machine
        .tool(&["prune", "--gone-users", "--expired", "--yes"])
        .succeeds();
    for (user, label, why) in [
        ("alice", "live", "account deleted"),
        ("alice", "expired", "account deleted"),
        ("bob", "expired", "expired"),
    ] {
        assert_eq!(
            machine.show(user, label)["revoked"]["why"],
            why,
            "{user} {label}"
        );
    }
    assert_eq!(machine.show("bob", "live")["status"], "active");
    assert_eq!(machine.show("root", "phone")["status"], "active");
}

#[test]
fn users_that_the_system_cannot_be_asked_about_are_not_gone() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET virtual = 0");
    let machine = machine.inside(PrivateMounts::new(USERS_CANNOT_BE_ASKED_ABOUT));
    let before = machine.dump();
    let said = machine.tool(&["prune", "--gone-users", "--yes"]).refuses(5);
    assert!(said.contains("alice"), "{said}");
    assert_eq!(machine.dump(), before);
}

#[test]
fn a_dry_run_changes_nothing_and_asks_nothing() {
    let machine = furnished();
    machine.alter("UPDATE event SET at = at - 731 * 86400 WHERE entry = 1");
    let before = machine.dump();
    let ran = machine.tool(&["prune", "--expired", "--dry-run"]);
    let sentence =
        "Would revoke 2 expired app passwords, purge 2 revoked app passwords, purge 1 event.";
    assert!(ran.stderr.contains(sentence), "{ran:?}");
    assert_eq!(ran.succeeds().lines().count(), 1 + 4);
    let entries = machine
        .tool(&["prune", "--expired", "--dry-run", "--json"])
        .json();
    assert_eq!(
        names(&entries),
        [
            "alice expired expired",
            "alice long revoked revoked",
            "bob expired expired",
            "bob long revoked revoked",
        ]
    );
    assert_eq!(machine.dump(), before);
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_done() {
    let machine = furnished();
    let before = machine.dump();
    let said = machine.tool(&["prune"]).refuses(2);
    assert!(said.contains("--yes"), "{said}");
    machine.tool_reading(b"y\n", &["prune"]).refuses(2);
    assert_eq!(machine.dump(), before);
}

#[test]
fn the_question_names_what_is_to_be_done_and_how_often() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = furnished();
    machine.alter("UPDATE credential SET virtual = 0 WHERE user = 'bob'");
    let prune = || machine.tool_command(&["prune", "--expired", "--gone-users"]);
    let before = machine.dump();
    let ran = answer_on_a_terminal(prune(), "?", "\n");
    let question = "Prune: revoke 2 app passwords of 1 deleted account, \
                    revoke 1 expired app password, purge 2 revoked app passwords? [y/N]";
    assert!(ran.stdout.contains(question), "{ran:?}");
    assert_eq!(ran.status, Some(2));
    assert_eq!(machine.dump(), before);
    assert_eq!(answer_on_a_terminal(prune(), "?", "y\n").status, Some(0));
    assert_eq!(remembered(&machine).len(), 6);
}

#[test]
fn where_there_is_nothing_to_do_nothing_is_asked_or_written() {
    let machine = Machine::new();
    for arguments in [&["prune"][..], &["prune", "--expired", "--gone-users"]] {
        let ran = machine.tool(arguments);
        assert_eq!(ran.stderr, "There is nothing to prune.\n");
    }
    // A job that runs every night is quiet then.
    let ran = machine.tool(&["prune", "--yes"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(machine.dump(), "no store");
    machine.create("alice", "phone", &[]);
    let before = machine.dump();
    assert_eq!(machine.tool(&["prune", "--json"]).json(), json!([]));
    assert_eq!(machine.dump(), before);
}

#[test]
fn a_key_stays_though_no_entry_names_it_any_more() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine.alter("UPDATE credential SET revoked_at = 0");
    machine.tool(&["prune", "--yes"]).succeeds();
    let password = machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
}

#[test]
fn malformed_usage_is_refused() {
    let machine = furnished();
    let before = machine.dump();
    for arguments in [
        &["prune", "al:ice", "--yes"][..],
        &["prune", "alice", "bob", "--yes"],
        &["prune", "--all", "--yes"],
    ] {
        machine.tool(arguments).refuses(2);
    }
    assert_eq!(machine.dump(), before);
}

//! Entries move from one machine to another with their hashes, so that the passwords go on working; the
//! key that they need goes along only when both sides say so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs::{self, File};
use std::process::Stdio;

use serde_json::{Value as Json, json};
use support::machine::{run, set_mode};
use support::strace::killed;
use support::terminal::{answer_on_a_terminal, converse_on_a_terminal};
use support::{Code, Machine, cannot_run};

/// What a machine exports, in a file of another.
fn moved(from: &Machine, to: &Machine, options: &[&str]) -> String {
    let lines = from.tool(&[&["export"], options].concat()).succeeds();
    written(to, &lines)
}

fn written(machine: &Machine, lines: &str) -> String {
    let file = machine.path("export").display().to_string();
    fs::write(&file, lines).unwrap();
    set_mode(file.as_ref(), 0o600);
    file
}

fn lines(machine: &Machine, options: &[&str]) -> Vec<Json> {
    let lines = machine.tool(&[&["export"], options].concat()).succeeds();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Runs the tool, which has to refuse and to leave the store alone; returns what it said.
#[track_caller]
fn refused(machine: &Machine, status: i32, arguments: &[&str]) -> String {
    let before = machine.dump();
    let said = machine.tool(arguments).refuses(status);
    assert_eq!(machine.dump(), before, "{arguments:?} changed the store");
    said
}

#[test]
fn entries_move_with_their_key_and_their_passwords_go_on_working() {
    let (old, new) = (Machine::new(), Machine::new());
    let limits = [
        "--service",
        "imap",
        "--from",
        "192.0.2.0/24",
        "--expires",
        "90d",
    ];
    let phone = old.create("alice", "phone", &limits);
    let tablet = old.create("bob", "tablet", &[]);
    old.tool(&["revoke", "bob", "tablet"]).succeeds();
    let own = new.create("alice", "own", &[]);
    let file = moved(&old, &new, &["--with-key"]);
    let said = new.tool(&["import", &file, "--with-key", "--json"]).json();
    assert_eq!(said[0]["id"], 2);
    for (user, entry) in [("alice", "phone"), ("bob", "3")] {
        let (mut here, mut there) = (
            new.show(user, entry),
            old.show(user, if user == "bob" { "2" } else { entry }),
        );
        assert!(here["id"].take() != there["id"].take());
        assert_eq!(here, there);
    }
    assert_eq!(
        new.login_from("192.0.2.7", "imap", "alice", &phone),
        Code::SUCCESS
    );
    assert_eq!(
        new.login_from("198.51.100.7", "imap", "alice", &phone),
        Code::PERM_DENIED
    );
    assert_eq!(new.login("imap", "bob", &tablet), Code::PERM_DENIED);
    assert_eq!(new.login("imap", "alice", &own), Code::SUCCESS);
    // A new one is made with the own key, not with the one that came.
    let own_key = &lines(&new, &["alice"])[1]["key"];
    let watch = new.create("carol", "watch", &[]);
    assert_eq!(&lines(&new, &["carol"])[1]["key"], own_key);
    assert_eq!(new.login("imap", "carol", &watch), Code::SUCCESS);
}

#[test]
fn every_imported_entry_and_key_has_its_event() {
    let (old, new) = (Machine::new(), Machine::new());
    old.create("alice", "phone", &[]);
    old.create("bob", "tablet", &[]);
    let file = moved(&old, &new, &["--with-key"]);
    new.tool(&["import", &file, "--with-key"]).succeeds();
    let events = new.dump();
    let imported = events
        .lines()
        .filter(|line| line.starts_with("event ") && line.contains("\"imported\""));
    assert_eq!(imported.count(), 3);
}

#[test]
fn without_its_key_nothing_is_imported() {
    let (old, new) = (Machine::new(), Machine::new());
    old.create("alice", "phone", &[]);
    let file = moved(&old, &new, &[]);
    let said = refused(&new, 4, &["import", &file, "--with-key"]);
    assert!(said.contains("export --with-key"), "{said}");
    let file = moved(&old, &new, &["--with-key"]);
    let said = refused(&new, 4, &["import", &file]);
    assert!(said.contains("--with-key adds"), "{said}");
    assert!(!new.store().exists());
    new.create("carol", "phone", &[]);
    refused(&new, 4, &["import", &file]);
}

#[test]
fn where_the_key_is_known_the_entries_alone_will_do() {
    let (old, new) = (Machine::new(), Machine::new());
    old.create("alice", "phone", &[]);
    let file = moved(&old, &new, &["--with-key"]);
    new.tool(&["import", &file, "--with-key"]).succeeds();
    let tablet = old.create("alice", "tablet", &[]);
    let file = moved(&old, &new, &[]);
    let ran = new.tool(&["import", &file]);
    assert!(
        ran.stderr
            .contains("Imported 1 app password; 1 were there already."),
        "{ran:?}"
    );
    assert_eq!(new.login("imap", "alice", &tablet), Code::SUCCESS);
}

#[test]
fn importing_again_changes_nothing() {
    let (old, new) = (Machine::new(), Machine::new());
    old.create("alice", "phone", &[]);
    let file = moved(&old, &new, &["--with-key"]);
    let first = new.tool(&["import", &file, "--with-key", "--json"]).json();
    assert_eq!(first.as_array().unwrap().len(), 1);
    new.tool(&["revoke", "alice", "phone"]).succeeds();
    let before = new.dump();
    assert_eq!(
        new.tool(&["import", &file, "--with-key", "--json"]).json(),
        json!([])
    );
    assert_eq!(
        new.dump(),
        before,
        "and what was revoked here stays revoked"
    );
    // A machine's own entries are there already, too.
    let own = moved(&old, &old, &["--with-key"]);
    let before = old.dump();
    old.tool(&["import", &own]).succeeds();
    assert_eq!(old.dump(), before);
}

#[test]
fn an_import_is_all_or_nothing() {
    let (old, new) = (
        Machine::new(),
        Machine::configured("policy.max_per_user = 2"),
    );
    for label in ["phone", "tablet", "watch"] {
        old.create("alice", label, &[]);
    }
    old.create("bob", "phone", &[]);
    new.create("bob", "phone", &[]);
    let file = moved(&old, &new, &["--with-key"]);
    let said = refused(&new, 4, &["import", &file, "--with-key"]);
    assert!(
        said.contains("export:5: alice has 2 app passwords, which is the limit"),
        "{said}"
    );
    // Nor does it leave a new store behind.
    let bare = Machine::configured("policy.max_per_user = 2");
    refused(&bare, 4, &["import", &file, "--with-key"]);
    assert!(!bare.state().exists());
    old.tool(&["revoke", "alice", "watch"]).succeeds();
    let file = moved(&old, &new, &["--with-key"]);
    let said = refused(&new, 4, &["import", &file, "--with-key"]);
    assert!(
        said.contains("export:6: bob has an app password \"phone\" already"),
        "{said}"
    );
    new.tool(&["revoke", "bob", "phone"]).succeeds();
    new.tool(&["import", &file, "--with-key"]).succeeds();
}

#[test]
fn entries_that_name_each_other_do_so_afterwards() {
    let (old, new) = (Machine::new(), Machine::new());
    new.create("carol", "phone", &[]);
    old.create("alice", "phone", &[]);
    old.alter("UPDATE credential SET replaced_by = 2");
    old.create("alice", "phone", &[]);
    old.alter("UPDATE credential SET replaces = 1 WHERE id = 2");
    let file = moved(&old, &new, &["--with-key"]);
    new.tool(&["import", &file, "--with-key"]).succeeds();
    assert_eq!(new.show("alice", "2")["replaced_by"], 3);
    assert_eq!(new.show("alice", "3")["replaces"], 2);
}

#[test]
fn a_predecessor_whose_successor_was_rotated_in_turn_moves_with_them() {
    let (old, new) = (Machine::new(), Machine::new());
    let first = old.create("alice", "phone", &[]);
    old.tool(&["rotate", "alice", "1", "--overlap", "30d"])
        .succeeds();
    let last = old.tool(&["rotate", "alice", "2"]).succeeds();
    let file = moved(&old, &new, &["--with-key"]);
    new.tool(&["import", &file, "--with-key"]).succeeds();
    for password in [first.as_str(), last.trim()] {
        assert_eq!(new.login("imap", "alice", password), Code::SUCCESS);
    }
    assert_eq!(new.show("alice", "phone")["id"], 3);
}

#[test]
fn an_entry_has_a_successor_only_where_both_say_so() {
    let old = Machine::new();
    let new = Machine::configured("policy.max_per_user = 2");
    for (user, label) in [
        ("alice", "first"),
        ("alice", "second"),
        ("alice", "third"),
        ("bob", "phone"),
    ] {
        old.create(user, label, &[]);
    }
    let links = |links: &[(i64, &str, &str)]| {
        old.alter("UPDATE credential SET replaces = NULL, replaced_by = NULL");
        for (id, replaces, replaced_by) in links {
            old.alter(&format!(
                "UPDATE credential SET replaces = {replaces}, replaced_by = {replaced_by} WHERE id = {id}"
            ));
        }
        moved(&old, &new, &["--with-key"])
    };
    for wrong in [
        &[(1, "NULL", "1")][..],
        &[(1, "1", "1")],
        &[(1, "NULL", "2")],
        &[(1, "NULL", "4"), (4, "1", "NULL")],
        &[(1, "2", "2"), (2, "1", "1")],
        &[(1, "3", "2"), (2, "1", "3"), (3, "2", "1")],
    ] {
        let file = links(wrong);
        let said = refused(&new, 2, &["import", &file, "--with-key"]);
        assert!(
            said.contains(":3: \"replaced_by\" names no successor"),
            "{said}"
        );
    }
    // One that is not in the file may have been purged: it has none any more, and counts.
    let file = links(&[(1, "NULL", "99")]);
    refused(&new, 4, &["import", &file, "--with-key"]);
    let file = links(&[(1, "NULL", "2"), (2, "1", "3"), (3, "2", "NULL")]);
    new.tool(&["import", &file, "--with-key"]).succeeds();
    // Nor has a live entry whose successor is revoked.
    assert_eq!(new.show("alice", "2")["replaced_by"], 3);
    old.tool(&["revoke", "alice", "3"]).succeeds();
    old.alter("UPDATE credential SET replaced_by = 3 WHERE id = 2");
    let another = Machine::new();
    let file = moved(&old, &another, &["--with-key"]);
    another.tool(&["import", &file, "--with-key"]).succeeds();
    assert_eq!(another.show("alice", "2")["replaced_by"], json!(null));
}

#[test]
fn users_must_be_known_unless_they_are_virtual() {
    let old = Machine::new();
    old.create("alice", "phone", &[]);
    let own_users = |machine: &Machine| {
        let text = format!("state_dir = \"{}\"", machine.state().display());
        machine.write_config(&text);
    };
    let new = Machine::new();
    own_users(&new);
    let file = moved(&old, &new, &["--with-key"]);
    new.tool(&["import", &file, "--with-key"]).succeeds();
    old.alter("UPDATE credential SET virtual = 0");
    let new = Machine::new();
    own_users(&new);
    let file = moved(&old, &new, &["--with-key"]);
    let said = refused(&new, 4, &["import", &file, "--with-key"]);
    assert!(
        said.contains("export:3: the system knows no user 'alice'"),
        "{said}"
    );
    old.tool(&["revoke", "alice", "phone"]).succeeds();
    let file = moved(&old, &new, &["--with-key"]);
    new.tool(&["import", &file, "--with-key"]).succeeds();
}

#[test]
fn what_is_malformed_is_refused_with_its_line() {
    let (old, new) = (Machine::new(), Machine::new());
    old.create("alice", "phone", &[]);
    let sound = old.tool(&["export", "--with-key"]).succeeds();
    let secret = lines(&old, &["--with-key"])[1]["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    for (from, to, place) in [
        (sound.as_str(), "", ":1: "),
        (&sound, "{\"kind\":\"entry\"}", ":1: missing field"),
        (&sound, "[]\n", ":1: "),
        ("app-passwd export", "something else", ":1: not an export"),
        ("\"version\":1", "\"version\":2", ":1: version 2"),
        ("\"kind\":\"key\"", "\"kind\":\"header\"", ":2: "),
        (
            &secret,
            &secret.replace(&secret[..2], "zz"),
            ":2: that is not the key",
        ),
        (&secret, &secret[2..], ":2: that is not the key"),
        (
            &secret,
            &format!("00{}", &secret[2..]),
            ":2: that is not the key",
        ),
        ("\"alice\"", "\"-alice\"", ":3: "),
        ("\"phone\"", "\"12\"", ":3: a label"),
        ("\"mail\"", "\"m ail\"", ":3: "),
        ("\"networks\":[]", "\"networks\":[\"192.0.2.7/24\"]", ":3: "),
        ("\"tag\":", "\"tag\":65536", ":3: "),
        ("m=1024", "m=65537", ":3: "),
        ("$argon2id$", "$argon2d$", ":3: "),
        ("\"created\":\"2", "\"created\":\"x2", ": not a time"),
        ("\"disabled\":false", "\"disabled\":0", ":3: "),
        ("\"disabled\":false,", "", ":3: missing field `disabled`"),
        (
            "\"disabled\":",
            "\"password\":\"x\",\"disabled\":",
            ":3: unknown field `password`",
        ),
        (
            "\"revoked\":null",
            "\"revoked\":{\"at\":\"2026-11-20T09:00:00Z\",\"by\":\"root\",\"why\":\"lost\"}",
            ":3: ",
        ),
    ] {
        let spoiled = sound.replace(from, to);
        assert_ne!(spoiled, sound, "{from}");
        let file = written(&new, &spoiled);
        let said = refused(&new, 2, &["import", &file, "--with-key"]);
        assert!(said.contains(place), "{from} -> {to}: {said}");
        assert!(!said.contains(&secret), "{said}");
    }
    let file = written(&new, &(sound.clone() + sound.lines().last().unwrap()));
    let said = refused(&new, 2, &["import", &file, "--with-key"]);
    assert!(said.contains(":4: a second entry with the id 1"), "{said}");
    let none = new.path("none").display().to_string();
    refused(&new, 1, &["import", &none]);
    assert!(!new.store().exists());
}

#[test]
fn an_import_is_read_from_standard_input_as_well() {
    let (old, new) = (Machine::new(), Machine::new());
    let phone = old.create("alice", "phone", &[]);
    let lines = old.tool(&["export", "--with-key"]).succeeds();
    new.tool_reading(lines.as_bytes(), &["import", "-", "--with-key"])
        .succeeds();
    assert_eq!(new.login("imap", "alice", phone), Code::SUCCESS);
}

#[test]
fn a_key_in_a_file_that_others_may_read_is_warned_about() {
    let (old, new) = (Machine::new(), Machine::new());
    old.create("alice", "phone", &[]);
    let file = moved(&old, &new, &["--with-key"]);
    set_mode(file.as_ref(), 0o644);
    let ran = new.tool(&["import", &file, "--with-key"]);
    assert!(
        ran.stderr.contains("warning: ") && ran.stderr.contains("chmod 0600"),
        "{ran:?}"
    );
    ran.succeeds();
}

#[test]
fn a_large_import_shows_how_far_it_is_on_a_terminal_and_nowhere_else() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let old = Machine::new();
    old.create("alice", "phone", &[]);
    old.alter(
        "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)
         INSERT INTO credential (user, label, key, tag, hash, services, networks, created_at, created_by, virtual)
         SELECT 'user' || n, label, key, tag, substr(hash, 1, length(hash) - 6) || (n + 10000) || 'A',
                services, networks, created_at, created_by, virtual FROM credential, numbers",
    );
    let said = "Imported 3000 app passwords.";
    let new = Machine::new();
    let file = moved(&old, &new, &["--with-key"]);
    let import = ["import", &file, "--with-key"];
    let ran = converse_on_a_terminal(new.tool_command(&import), |_| None);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(
        ran.stdout.contains("reading ") && ran.stdout.contains('%'),
        "{ran:?}"
    );
    assert!(ran.stdout.contains(said), "{ran:?}");
    let new = Machine::new();
    let ran = new.tool(&import);
    assert_eq!(ran.stderr, format!("{said}\n"));
    ran.succeeds();
}

// -- export

#[test]
fn an_export_is_a_header_the_key_if_asked_for_and_the_entries() {
    let machine = Machine::new();
    assert_eq!(
        lines(&machine, &["--with-key"]).len(),
        1,
        "no store, no entries"
    );
    machine.create("alice", "phone", &[]);
    machine.create("bob", "tablet", &[]);
    let kinds = |options: &[&str]| {
        let lines = lines(&machine, options);
        lines
            .iter()
            .map(|line| line["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&[]), ["header", "entry", "entry"]);
    assert_eq!(kinds(&["--with-key"]), ["header", "key", "entry", "entry"]);
    assert_eq!(kinds(&["bob"]), ["header", "entry"]);
    assert_eq!(kinds(&["carol", "--with-key"]), ["header"]);
    let array = machine.tool(&["export", "--with-key", "--json"]).json();
    let mut lines = lines(&machine, &["--with-key"]);
    let mut array = array.as_array().unwrap().clone();
    for header in [&mut array[0], &mut lines[0]] {
        header["created"].take();
    }
    assert_eq!(array, lines);
    let before = machine.dump();
    machine.tool(&["export"]).succeeds();
    assert_eq!(machine.dump(), before);
}

#[test]
fn a_key_never_reaches_a_terminal() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let secret = lines(&machine, &["--with-key"])[1]["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let ran = answer_on_a_terminal(
        machine.tool_command(&["export", "--with-key"]),
        "hint: ",
        "",
    );
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(!ran.stdout.contains(&secret));
}

#[test]
fn an_export_that_cannot_be_written_is_a_failure() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let full = File::create("/dev/full").unwrap();
    let ran = machine
        .tool_command(&["export"])
        .stdout(full)
        .stderr(Stdio::null())
        .status();
    assert_eq!(ran.unwrap().code(), Some(1));
}

// -- killed

#[test]
fn an_import_that_is_killed_at_any_step_is_all_or_nothing() {
    if cannot_run(&["strace"]) {
        return;
    }
    let old = Machine::new();
    let phone = old.create("alice", "phone", &[]);
    let tablet = old.create("alice", "tablet", &[]);
    let mut times = 0;
    for call in ["pwrite64", "fsync", "fdatasync", "ftruncate", "unlink"] {
        for step in 1.. {
            let new = Machine::new();
            let own = new.create("carol", "phone", &[]);
            let file = moved(&old, &new, &["--with-key"]);
            let import = new.tool_command(&["import", &file, "--with-key"]);
            let survived = run(killed(import, call, step), b"").status == Some(0);
            assert_eq!(new.login("imap", "carol", own), Code::SUCCESS);
            let codes = [&phone, &tablet].map(|password| new.login("imap", "alice", password));
            assert!(
                codes == [Code::SUCCESS; 2] || (!survived && codes == [Code::AUTH_ERR; 2]),
                "{call} {step}: {codes:?}"
            );
            new.tool(&["import", &file, "--with-key"]).succeeds();
            assert_eq!(new.login("imap", "alice", &phone), Code::SUCCESS);
            if survived {
                break;
            }
            times += 1;
        }
    }
    assert!(times > 5, "killed {times} times");
}

//! A backup is a whole, sound store, taken while logins go on; a restore puts it in place while they go
//! on, and opens nothing again that was revoked or disabled.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::credential::{Label, UserName};
use pam_app_passwd::error::Error;
use pam_app_passwd::hash::{Cost, Hash};
use pam_app_passwd::password::AppPassword;
use pam_app_passwd::random;
use pam_app_passwd::store::{NewCredential, Store};
use rusqlite::Connection;
use serde_json::json;
use support::machine::{dump, run, set_mode};
use support::strace::{failing, killed};
use support::terminal::answer_on_a_terminal;
use support::{Code, Machine, cannot_run};

/// Takes a backup beside the machine's configuration, and returns where it is.
fn backup(machine: &Machine, name: &str) -> String {
    let file = machine.path(name).display().to_string();
    machine.tool(&["backup", &file]).succeeds();
    file
}

fn restore(machine: &Machine, file: &str) -> serde_json::Value {
    machine.tool(&["restore", file, "--yes", "--json"]).json()
}

/// What stands in the directory of the store under a name of its own.
fn kept(machine: &Machine) -> Vec<PathBuf> {
    let entries = fs::read_dir(machine.state()).unwrap();
    let mut kept: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    kept.retain(|path| path.display().to_string().contains("before-restore"));
    kept.sort();
    kept
}

// -- backup

#[test]
fn a_backup_holds_everything_and_is_for_its_owner_only() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("bob", "tablet", &[]);
    machine.tool(&["revoke", "bob", "tablet"]).succeeds();
    let before = machine.dump();
    let file = machine.path("b").display().to_string();
    let said = machine.tool(&["backup", &file, "--json"]).json();
    assert_eq!(said, json!({ "file": file, "entries": 2 }));
    assert_eq!(dump(file.as_ref()), before);
    assert_eq!(machine.dump(), before, "a backup changes nothing");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(
        fs::read_dir(machine.state().parent().unwrap())
            .unwrap()
            .filter(|file| {
                file.as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with("b.")
            })
            .count(),
        0,
        "nothing else stays beside it"
    );
}

#[test]
fn a_backup_replaces_a_file_only_when_told_to() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    let first = fs::read(&file).unwrap();
    machine.create("alice", "tablet", &[]);
    let said = machine.tool(&["backup", &file]).refuses(1);
    assert!(said.contains("--force"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), first);
    machine.tool(&["backup", &file, "--force"]).succeeds();
    assert_eq!(dump(file.as_ref()), machine.dump());
}

#[test]
fn a_backup_goes_only_where_it_is_safe_and_where_nothing_else_is() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let before = machine.dump();
    let open = machine.path("open");
    fs::create_dir(&open).unwrap();
    set_mode(&open, 0o777);
    symlink("/dev/null", machine.path("link")).unwrap();
    let in_state = |name: &str| machine.state().join(name).display().to_string();
    for (file, status) in [
        ("-".to_owned(), 2),
        (in_state("store.db"), 2),
        (in_state("store.db-journal"), 2),
        (in_state("b"), 2),
        (machine.path("link").display().to_string(), 1),
        (machine.path("none/b").display().to_string(), 1),
        (open.join("b").display().to_string(), 5),
        ("/dev/null".to_owned(), 1),
        ("/".to_owned(), 5),
    ] {
        machine.tool(&["backup", &file, "--force"]).refuses(status);
    }
    assert_eq!(machine.dump(), before);
    assert_eq!(fs::read_dir(&open).unwrap().count(), 0);
}

#[test]
fn there_is_no_backup_of_no_store_and_none_of_a_damaged_one() {
    let machine = Machine::new();
    let file = machine.path("b").display().to_string();
    machine.tool(&["backup", &file]).refuses(5);
    assert!(!machine.state().exists());
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET hash = 'x'");
    machine.tool(&["backup", &file]).refuses(5);
    machine.alter(
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'credential_by_tag'",
    );
    machine.tool(&["backup", &file]).refuses(5);
    assert!(!fs::exists(&file).unwrap());
}

#[test]
fn a_backup_that_fails_leaves_nothing_that_holds_the_key() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let place = machine.path("place");
    fs::create_dir(&place).unwrap();
    let file = place.join("b").display().to_string();
    for call in ["write", "fsync", "rename"] {
        let again = machine.tool_command(&["backup", &file]);
        let ran = run(failing(again, call, "EIO", 1), b"");
        assert_eq!(ran.status, Some(1), "{call}: {ran:?}");
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0, "{call}");
    }
    machine.tool(&["backup", &file]).succeeds();
}

#[test]
fn a_place_is_named_in_full_however_long_it_is() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let place = machine.path(&format!("{0}/{0}", "long".repeat(50)));
    fs::create_dir_all(&place).unwrap();
    let file = place.join("b").display().to_string();
    let ran = machine.tool(&["backup", &file]);
    assert!(ran.stderr.contains(&format!("to {file}. ")), "{ran:?}");
    ran.succeeds();
}

#[test]
fn a_backup_that_is_killed_leaves_the_one_before() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    let whole = dump(file.as_ref());
    let mut times = 0;
    for call in ["write", "fsync", "rename"] {
        for step in 1.. {
            let again = machine.tool_command(&["backup", &file, "--force"]);
            let survived = run(killed(again, call, step), b"").status == Some(0);
            assert_eq!(dump(file.as_ref()), whole, "{call} {step}");
            if survived {
                break;
            }
            times += 1;
        }
    }
    assert!(times > 3, "killed {times} times");
}

// -- restore

#[test]
fn a_journal_that_somebody_else_has_put_beside_a_backup_is_not_believed() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let shared = machine.path("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o1777);
    let file = shared.join("b").display().to_string();
    machine.tool(&["backup", &file]).succeeds();
    let sound = fs::read(&file).unwrap();
    fs::write(
        shared.join("b-journal"),
        journal_of_a_forgery(&machine, &sound),
    )
    .unwrap();
    restore(&machine, &file);
    assert_eq!(machine.show("alice", "phone")["status"], "active");
    assert_eq!(fs::read(&file).unwrap(), sound);
    // SQLite would have believed it.
    assert!(dump(file.as_ref()).contains("mallory"));
}

/// What a writer that was killed would have left beside a store of mallory's.
fn journal_of_a_forgery(machine: &Machine, sound: &[u8]) -> Vec<u8> {
    let forgery = machine.path("forgery");
    fs::write(&forgery, sound).unwrap();
    let writer = Connection::open(&forgery).unwrap();
    let change = "UPDATE credential SET user = 'mallory'; PRAGMA synchronous = OFF; BEGIN;
                  UPDATE credential SET user = 'nobody';";
    writer.execute_batch(change).unwrap();
    fs::read(machine.path("forgery-journal")).unwrap()
}

#[test]
fn a_restore_brings_back_what_was() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    let lost = machine.create("alice", "tablet", &[]);
    let old_state = machine.dump();
    let said = restore(&machine, &file);
    assert_eq!(
        (&said["entries"], &said["still_revoked"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
    assert_eq!(machine.login("imap", "alice", &lost), Code::AUTH_ERR);
    // Nothing is lost for ever.
    let kept = kept(&machine);
    assert_eq!(said["old_state"], kept[0].display().to_string());
    assert_eq!(
        fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(dump(&kept[0]), old_state);
    restore(&machine, &kept[0].display().to_string());
    assert_eq!(machine.login("imap", "alice", &lost), Code::SUCCESS);
}

#[test]
fn what_was_revoked_since_stays_revoked() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let tablet = machine.create("alice", "tablet", &[]);
    let file = backup(&machine, "b");
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    let revoked = machine.show("alice", "1");
    assert_eq!(restore(&machine, &file)["still_revoked"], 1);
    assert_eq!(machine.show("alice", "1"), revoked);
    assert_eq!(machine.login("imap", "alice", &phone), Code::PERM_DENIED);
    assert_eq!(machine.login("imap", "alice", &tablet), Code::SUCCESS);
    let events = machine.dump();
    assert!(events.contains("again=\\\"after a restore\\\""), "{events}");
}

#[test]
fn what_was_disabled_since_stays_disabled() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let tablet = machine.create("alice", "tablet", &[]);
    machine.create("alice", "watch", &[]);
    let laptop = machine.create("alice", "laptop", &[]);
    machine.tool(&["disable", "alice", "watch"]).succeeds();
    let file = backup(&machine, "b");
    machine
        .tool(&["disable", "alice", "phone", "laptop"])
        .succeeds();
    machine.tool(&["revoke", "alice", "laptop"]).succeeds();
    let said = restore(&machine, &file);
    assert_eq!(
        (&said["still_revoked"], &said["still_disabled"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(machine.login("imap", "alice", &phone), Code::PERM_DENIED);
    assert_eq!(machine.login("imap", "alice", &tablet), Code::SUCCESS);
    assert_eq!(machine.login("imap", "alice", laptop), Code::PERM_DENIED);
    let events = machine.tool(&["log", "alice", "--json"]).json();
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["action"], &last["entry"], &last["detail"]),
        (
            &json!("disabled"),
            &json!(1),
            &json!("label=\"phone\" again=\"after a restore\"")
        )
    );
    machine.tool(&["enable", "alice", "phone"]).succeeds();
    assert_eq!(machine.login("imap", "alice", phone), Code::SUCCESS);
}

#[test]
fn a_successor_that_was_revoked_since_leaves_its_predecessor_the_label() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let rotate = ["rotate", "alice", "phone", "--overlap", "1d"];
    machine.tool(&rotate).succeeds();
    let file = backup(&machine, "b");
    machine.tool(&["revoke", "alice", "2"]).succeeds();
    restore(&machine, &file);
    assert_eq!(machine.show("alice", "phone")["id"], 1);
    assert_eq!(machine.show("alice", "1")["replaced_by"], json!(null));
}

#[test]
fn a_restore_is_an_event_and_no_number_is_given_twice() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    let last_event = number(&machine, "SELECT max(id) FROM event");
    restore(&machine, &file);
    let restored = number(
        &machine,
        "SELECT id FROM event WHERE action = 'restored' AND user = '' AND entry = 0",
    );
    assert!(restored > last_event);
    machine.create("alice", "watch", &[]);
    assert_eq!(machine.show("alice", "watch")["id"], 3);
}

fn number(machine: &Machine, sql: &str) -> i64 {
    let store = Connection::open(machine.store()).unwrap();
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn an_older_backup_is_brought_up_to_date() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    let older = "ALTER TABLE credential DROP COLUMN virtual; PRAGMA user_version = 1";
    Connection::open(&file)
        .unwrap()
        .execute_batch(older)
        .unwrap();
    let backup = dump(file.as_ref());
    restore(&machine, &file);
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
    assert_eq!(machine.show("alice", "phone")["status"], "active");
    assert_eq!(
        dump(file.as_ref()),
        backup,
        "the backup itself is left alone"
    );
}

#[test]
fn a_restore_refuses_what_is_newer_damaged_or_not_a_store() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let before = machine.dump();
    let spoil = |name: &str, sql: &str| {
        let file = backup(&machine, name);
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        file
    };
    let newer = spoil("newer", "PRAGMA user_version = 99");
    assert!(
        machine
            .tool(&["restore", &newer, "--yes"])
            .refuses(5)
            .contains("newer")
    );
    let cut_short = backup(&machine, "cut short");
    fs::write(&cut_short, &fs::read(&cut_short).unwrap()[..9_000]).unwrap();
    let text = machine.path("text").display().to_string();
    fs::write(&text, "a text of some length ".repeat(100)).unwrap();
    let empty = machine.path("empty").display().to_string();
    fs::write(&empty, "").unwrap();
    for file in [
        cut_short,
        text,
        empty,
        spoil("a row", "UPDATE credential SET hash = 'x'"),
        spoil(
            "an index",
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'credential_by_tag'",
        ),
        spoil("no key", "PRAGMA foreign_keys = OFF; DELETE FROM key"),
        spoil("negative", "PRAGMA user_version = -1"),
        spoil("wal", "PRAGMA journal_mode = WAL"),
    ] {
        set_mode(file.as_ref(), 0o600);
        machine.tool(&["restore", &file, "--yes"]).refuses(5);
        assert_eq!(machine.dump(), before, "{file}");
    }
    assert!(kept(&machine).is_empty());
}

#[test]
fn a_restore_believes_only_what_nobody_else_can_have_written() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let before = machine.dump();
    let file = backup(&machine, "b");
    set_mode(file.as_ref(), 0o622);
    machine.tool(&["restore", &file, "--yes"]).refuses(5);
    let store = machine.store().display().to_string();
    machine.tool(&["restore", &store, "--yes"]).refuses(2);
    machine.tool(&["restore", "/dev/null", "--yes"]).refuses(5);
    let none = machine.path("none").display().to_string();
    machine.tool(&["restore", &none, "--yes"]).refuses(1);
    assert_eq!(machine.dump(), before);
}

#[test]
fn last_uses_are_forgotten_where_they_may_be_other_peoples() {
    let (machine, other) = (Machine::new(), Machine::new());
    let phone = machine.create("alice", "phone", &[]);
    other.create("bob", "phone", &[]);
    let (own, others) = (backup(&machine, "b"), backup(&other, "b"));
    let use_it = || assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
    let is_noted = || !machine.show("alice", "phone")["last_used"].is_null();
    use_it();
    assert_eq!(restore(&machine, &own)["usage_forgotten"], false);
    assert!(is_noted());
    // The same number is another's.
    assert_eq!(restore(&machine, &others)["usage_forgotten"], true);
    assert!(machine.show("bob", "phone")["last_used"].is_null());
    restore(&machine, &own);
    assert!(!is_noted());
    use_it();
    assert!(is_noted());
    // Whose the notes are is not known without the store, and their file may be damaged itself.
    fs::remove_file(machine.store()).unwrap();
    assert_eq!(restore(&machine, &own)["usage_forgotten"], true);
    use_it();
    fs::write(machine.store(), vec![0x5a; 20_000]).unwrap();
    fs::write(machine.usage(), vec![0x5a; 20_000]).unwrap();
    let ran = machine.tool(&["restore", &own, "--yes"]);
    assert!(ran.stderr.contains("last uses is forgotten"), "{ran:?}");
    ran.succeeds();
    assert!(!is_noted());
    use_it();
    assert!(is_noted());
    fs::remove_file(machine.usage()).unwrap();
    assert_eq!(restore(&machine, &others)["usage_forgotten"], false);
}

#[test]
fn a_restore_makes_a_store_where_there_is_none() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    fs::remove_dir_all(machine.state()).unwrap();
    assert_eq!(restore(&machine, &file)["old_state"], json!(null));
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode(machine.state()), mode(machine.store())),
        (0o700, 0o600)
    );
}

#[test]
fn a_restore_replaces_a_store_that_cannot_be_read() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    let sound = fs::read(machine.store()).unwrap();
    let half = [&sound[..4_096], &[0x5a; 8_192], &sound[12_288..]].concat();
    for (count, damaged) in [vec![0x5a; 20_000], half, sound[..5_000].to_vec()]
        .iter()
        .enumerate()
    {
        fs::write(machine.store(), damaged).unwrap();
        let ran = machine.tool(&["restore", &file, "--yes"]);
        assert!(ran.stderr.contains("opens again"), "{ran:?}");
        ran.succeeds();
        assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
        let kept: Vec<_> = kept(&machine)
            .into_iter()
            .filter(|file| !file.display().to_string().ends_with("-journal"))
            .collect();
        assert_eq!(kept.len(), count + 1);
        assert!(
            kept.iter().any(|kept| fs::read(kept).unwrap() == *damaged),
            "as it was"
        );
    }
    machine.alter("PRAGMA user_version = 99");
    restore(&machine, &file);
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
}

#[test]
fn what_was_revoked_stays_so_where_the_damaged_store_still_says_so() {
    let machine = Machine::configured("policy.max_per_user = 0\nhash.memory_kib = 8");
    for number in 1..=60 {
        machine.create("alice", &format!("number {number}"), &[]);
    }
    let file = backup(&machine, "b");
    machine
        .tool(&["revoke", "alice", "--all", "--yes"])
        .succeeds();
    machine.create("bob", "phone", &[]);
    let sound = fs::read(machine.store()).unwrap();

    // An index: nothing of the entries is lost.
    machine.alter("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'credential_by_tag'");
    let said = machine.tool(&["restore", &file, "--yes"]);
    assert!(said.stderr.contains("stays so"), "{said:?}");
    said.succeeds();
    assert_eq!(revoked(&machine), 60);
    machine.create("carol", "phone", &[]);
    assert_eq!(machine.show("carol", "phone")["id"], 62);

    // A page of them: what stands on the others stays revoked.
    let mut damaged = sound.clone();
    let mut pages = damaged.chunks_mut(4_096);
    let holds = |page: &[u8], text: &[u8]| page.windows(text.len()).any(|there| there == text);
    let page = pages.find(|page| holds(page, b"number 30") && holds(page, b"$argon2"));
    page.unwrap().fill(0x5a);
    fs::write(machine.store(), damaged).unwrap();
    let said = machine.tool(&["restore", &file, "--yes"]);
    assert!(said.stderr.contains("opens again, unless"), "{said:?}");
    said.succeeds();
    assert!((20..60).contains(&revoked(&machine)));
}

fn revoked(machine: &Machine) -> i64 {
    number(
        machine,
        "SELECT count(*) FROM credential WHERE revoked_at IS NOT NULL",
    )
}

#[test]
fn restores_at_once_keep_each_old_state() {
    let (machine, other) = (Machine::new(), Machine::new());
    machine.create("alice", "phone", &[]);
    other.create("bob", "phone", &[]);
    let files = [backup(&machine, "b"), backup(&other, "b")];
    std::thread::scope(|threads| {
        for file in files.iter().cycle().take(6) {
            threads.spawn(|| restore(&machine, file));
        }
    });
    let kept = kept(&machine);
    assert_eq!(kept.len(), 6, "{kept:?}");
    // One of them is the state before all restores.
    let untouched = |file: &PathBuf| !dump(file).contains("restored");
    assert_eq!(kept.iter().filter(|file| untouched(file)).count(), 1);
}

#[test]
fn a_restore_asks_and_names_what_is_replaced_by_what() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    let before = machine.dump();
    machine.tool(&["restore", &file]).refuses(2);
    for (answer, status) in [("\n", 2), ("n\n", 2), ("y\n", 0)] {
        let ran = answer_on_a_terminal(machine.tool_command(&["restore", &file]), "?", answer);
        assert_eq!(ran.status, Some(status), "{ran:?}");
        let question = "1 that was revoked since stays revoked. Replace 2 app passwords (1 revoked, last change ";
        assert!(ran.stdout.contains(question), "{}", ran.stdout);
        assert!(
            ran.stdout
                .contains(" by 1 app password (0 revoked, last change "),
            "{}",
            ran.stdout
        );
        assert_eq!(machine.dump() == before, status == 2, "{answer:?}");
    }
}

// -- while others work

#[test]
fn a_revocation_while_a_store_is_restored_is_not_lost() {
    let machine = Machine::configured("policy.max_per_user = 0\nhash.memory_kib = 8");
    let passwords: Vec<_> = (0..20)
        .map(|number| machine.create("alice", &format!("number {number}"), &[]))
        .collect();
    let file = backup(&machine, "b");
    std::thread::scope(|threads| {
        let revoking = threads.spawn(|| {
            for number in 0..passwords.len() {
                machine
                    .tool(&["revoke", "alice", &format!("number {number}")])
                    .succeeds();
            }
        });
        while !revoking.is_finished() {
            restore(&machine, &file);
        }
    });
    for password in passwords {
        assert_eq!(machine.login("imap", "alice", password), Code::PERM_DENIED);
    }
}

#[test]
fn nothing_is_made_with_the_key_of_a_store_that_another_has_replaced_meanwhile() {
    let (machine, other) = (Machine::new(), Machine::new());
    machine.create("alice", "phone", &[]);
    other.create("bob", "phone", &[]);
    let file = backup(&other, "b");
    let mut store = Store::open(&machine.state()).unwrap().unwrap();
    let new = prepared(&store);
    restore(&machine, &file);
    let before = machine.dump();
    let mut change = store.change().unwrap();
    assert!(matches!(
        change.create(&new),
        Err(Error::StoreReplaced(path)) if path == machine.store()
    ));
    drop(change);
    assert_eq!(machine.dump(), before);
}

/// What is slow about a new entry: done before the store is locked.
fn prepared(store: &Store) -> NewCredential {
    let key = store.own_key().unwrap();
    let password = AppPassword::generate(random::fill).unwrap();
    let user = UserName::parse("alice").unwrap();
    let proof = key.key.proof(&user, &password).unwrap();
    let cost = Cost::new(8, 1, 1).unwrap();
    NewCredential {
        key,
        tag: proof.tag(),
        hash: Hash::of(&proof, random::bytes().unwrap(), cost).unwrap(),
        user,
        label: Label::parse("tablet").unwrap(),
        services: vec![],
        networks: vec![],
        created: Timestamp::from_seconds(0),
        created_by: "root".to_owned(),
        expires: None,
        is_virtual: false,
    }
}

#[test]
fn a_restore_that_is_killed_at_any_step_leaves_the_old_store_or_the_new_one() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let file = backup(&machine, "b");
    let tablet = machine.create("alice", "tablet", &[]);
    let whole = backup(&machine, "whole");
    let mut times = 0;
    for call in [
        "pwrite64",
        "fsync",
        "fdatasync",
        "ftruncate",
        "fallocate",
        "write",
        "rename",
        "unlink",
    ] {
        for step in 1.. {
            let again = machine.tool_command(&["restore", &file, "--yes"]);
            let survived = run(killed(again, call, step), b"").status == Some(0);
            assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
            let new = number(
                &machine,
                "SELECT count(*) FROM event WHERE detail LIKE 'entries=1 %'",
            ) == 1;
            let expected = if new { Code::AUTH_ERR } else { Code::SUCCESS };
            assert_eq!(
                machine.login("imap", "alice", &tablet),
                expected,
                "{call} {step}"
            );
            assert!(new || !survived, "{call} {step}");
            if survived {
                break;
            }
            times += 1;
            restore(&machine, &whole);
        }
        restore(&machine, &whole);
    }
    assert!(times > 10, "killed {times} times");
}

#[test]
fn a_restore_that_a_full_disk_stops_leaves_the_old_store() {
    if cannot_run(&["strace"]) {
        return;
    }
    let mut times = 0;
    for call in ["write", "pwrite64", "fsync", "fdatasync", "ftruncate"] {
        let machine = Machine::new();
        let phone = machine.create("alice", "phone", &[]);
        let file = backup(&machine, "b");
        let tablet = machine.create("alice", "tablet", &[]);
        let before = machine.dump();
        for step in 1.. {
            let again = machine.tool_command(&["restore", &file, "--yes"]);
            let ran = run(failing(again, call, "ENOSPC", step), b"");
            if ran.status == Some(0) {
                break;
            }
            assert_eq!(ran.status, Some(5), "{call} {step}: {ran:?}");
            assert_eq!(machine.dump(), before, "{call} {step}: {ran:?}");
            assert!(kept(&machine).is_empty(), "{call} {step}: {ran:?}");
            for password in [&phone, &tablet] {
                let code = machine.login("imap", "alice", password);
                assert_eq!(code, Code::SUCCESS, "{call} {step}");
            }
            times += 1;
        }
    }
    assert!(times > 5, "it failed {times} times");
}

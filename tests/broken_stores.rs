//! A store that is missing, damaged, newer, busy, on a full disk or on a read-only one; and a `usage.db`
//! that is anything at all, which never fails a login.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use support::private_mounts::PrivateMounts;
use support::{Code, Machine, WRONG, cannot_run};

/// Makes a store what the first version wrote.
const TO_SCHEMA_1: &str = "ALTER TABLE credential DROP COLUMN virtual; PRAGMA user_version = 1";

// -- missing, newer, damaged

#[test]
fn without_a_store_a_login_is_unavailable_and_nothing_is_made() {
    let machine = Machine::new();
    assert_eq!(
        machine.login("imap", "alice", WRONG),
        Code::AUTHINFO_UNAVAIL
    );
    assert!(!machine.state().exists());
}

#[test]
fn without_a_store_the_tool_lists_nothing_and_makes_nothing() {
    let machine = Machine::new();
    assert_eq!(machine.tool(&["list", "--json"]).succeeds().trim(), "[]");
    assert_eq!(
        machine
            .tool(&["list", "alice", "--all", "--json"])
            .succeeds()
            .trim(),
        "[]"
    );
    machine.tool(&["list"]).succeeds();
    assert_eq!(
        machine
            .tool(&["revoke", "alice", "--all", "--yes", "--json"])
            .succeeds()
            .trim(),
        "[]"
    );
    machine.tool(&["show", "alice", "phone"]).refuses(3);
    machine.tool(&["revoke", "alice", "phone"]).refuses(3);
    assert!(!machine.state().exists());
}

#[test]
fn a_store_of_a_newer_version_is_refused_with_a_clear_error() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.alter("PRAGMA user_version = 99");
    assert_eq!(
        machine.login("imap", "alice", &password),
        Code::AUTHINFO_UNAVAIL
    );
    for arguments in [
        &["list"][..],
        &["create", "alice", "--label", "tablet"],
        &["revoke", "alice", "phone"],
    ] {
        let refusal = machine.tool(arguments).refuses(5);
        assert!(
            refusal.contains("newer") && refusal.contains("hint: "),
            "{refusal}"
        );
    }
    machine.alter("PRAGMA user_version = 2");
    assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
}

#[test]
fn a_store_of_an_older_version_lets_people_in_and_is_brought_up_to_date_by_what_changes_it() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let newest = machine.dump();
    machine.alter(TO_SCHEMA_1);
    let older = machine.dump();
    assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
    assert_eq!(machine.dump(), older);
    machine.tool(&["list"]).succeeds();
    assert_eq!(machine.dump(), older);
    machine
        .tool(&["revoke", "bob", "--all", "--yes"])
        .succeeds();
    assert_eq!(machine.dump(), newest);
    assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
}

#[test]
fn nobody_of_an_older_store_is_taken_for_a_deleted_account() {
    let machine = Machine::new();
    let password = machine.create("info@example.org", "phone", &[]);
    machine.alter(TO_SCHEMA_1);
    let prune = ["prune", "--gone-users", "--yes", "--json"];
    assert_eq!(machine.tool(&prune).succeeds().trim(), "[]");
    assert_eq!(
        machine.login("imap", "info@example.org", &password),
        Code::SUCCESS
    );
}

#[test]
fn a_damaged_store_never_opens_a_wrong_door_and_never_ends_its_host() {
    let machine = Machine::configured("hash.memory_kib = 8");
    let good = machine.create("alice", "phone", &[]);
    let others = machine.create("bob", "phone", &[]);
    let sound = fs::read(machine.store()).unwrap();
    let mut random = Random(1);
    for round in 0..300 {
        let mut damaged = sound.clone();
        for _ in 0..1 + random.below(8) {
            damaged[random.below(sound.len())] = random.next() as u8;
        }
        fs::write(machine.store(), damaged).unwrap();
        let client = machine
            .client("imap", "alice")
            .password(WRONG)
            .password(&others)
            .password(&good);
        let ran = client.run(&["authenticate"; 3]);
        assert!(ran.status.is_some(), "round {round}: the host was killed");
        let codes: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(codes.len(), 3, "round {round}: {ran:?}");
        for code in &codes[..2] {
            assert!(
                ["authenticate 7 AUTH_ERR", "authenticate 9 AUTHINFO_UNAVAIL"].contains(code),
                "round {round}: {code}"
            );
        }
        assert!(
            machine.tool(&["list"]).status.is_some(),
            "round {round}: the tool was killed"
        );
    }
}

#[test]
fn a_store_cut_short_is_unavailable() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let sound = fs::read(machine.store()).unwrap();
    for length in [0, 1, 15, 16, 99, 100, 4_096, sound.len() - 4_096] {
        fs::write(machine.store(), &sound[..length]).unwrap();
        assert_ne!(
            machine.login("imap", "alice", WRONG),
            Code::SUCCESS,
            "{length} bytes"
        );
        let code = machine.login("imap", "alice", &good);
        assert_eq!(code, Code::AUTHINFO_UNAVAIL, "{length} bytes");
    }
}

#[test]
fn a_hash_that_costs_more_than_allowed_or_is_another_algorithm_is_unavailable() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let changes = [
        ("$m=1024,", "$m=4194304,"),
        ("t=1,", "t=4000000000,"),
        ("p=1$", "p=255$"),
        ("argon2id", "argon2d"),
        ("v=19", "v=16"),
    ];
    for (from, to) in changes {
        machine.alter(&format!(
            "UPDATE credential SET hash = replace(hash, '{from}', '{to}')"
        ));
        let began = Instant::now();
        let code = machine.login("imap", "alice", &good);
        assert_eq!(code, Code::AUTHINFO_UNAVAIL, "{to}");
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{to} was computed"
        );
        machine.alter(&format!(
            "UPDATE credential SET hash = replace(hash, '{to}', '{from}')"
        ));
    }
    assert_eq!(machine.login("imap", "alice", &good), Code::SUCCESS);
}

/// xorshift64: the same numbers each time, so that a failure can be looked at again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }
}

// -- busy. SQLite's locks belong to processes, so whoever waits has to be another one than the test.

/// Locks the store for a while and returns what a login got meanwhile, and after how long.
fn login_beside_a_writer(lasting: Duration) -> (Code, Duration) {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let client = machine.client("imap", "alice").password(password);
    let writer = Connection::open(machine.store()).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    thread::scope(|scope| {
        let login = scope.spawn(|| {
            let began = Instant::now();
            (client.authenticate(), began.elapsed())
        });
        thread::sleep(lasting);
        writer.execute_batch("COMMIT").unwrap();
        login.join().unwrap()
    })
}

#[test]
fn a_store_that_is_busy_for_a_moment_is_waited_for() {
    let (code, waited) = login_beside_a_writer(Duration::from_secs(1));
    assert_eq!(code, Code::SUCCESS);
    assert!(
        waited >= Duration::from_millis(900) && waited < Duration::from_secs(2),
        "{waited:?}"
    );
}

#[test]
fn a_store_that_stays_busy_is_unavailable_after_three_seconds() {
    let (code, waited) = login_beside_a_writer(Duration::from_secs(5));
    assert_eq!(code, Code::AUTHINFO_UNAVAIL);
    assert!(
        waited > Duration::from_secs(2) && waited < Duration::from_millis(3_900),
        "{waited:?}"
    );
}

#[test]
fn a_store_that_stays_busy_is_reported_by_the_tool_with_the_process_that_holds_it() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let writer = Connection::open(machine.store()).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let refusal = machine.tool(&["revoke", "alice", "phone"]).refuses(5);
    assert!(
        refusal.contains(&std::process::id().to_string()),
        "{refusal}"
    );
}

#[test]
fn two_first_creates_at_once_make_one_store() {
    let one_after_the_other = Machine::new();
    one_after_the_other.create("alice", "phone", &[]);
    one_after_the_other.create("bob", "phone", &[]);
    for _ in 0..10 {
        let machine = &Machine::new();
        let passwords = thread::scope(|scope| {
            let create = |user| scope.spawn(move || machine.create(user, "phone", &[]));
            [create("alice"), create("bob")].map(|thread| thread.join().unwrap())
        });
        assert_eq!(
            files(machine),
            files(&one_after_the_other),
            "something is left behind"
        );
        assert_eq!(machine.dump().matches("\nkey ").count(), 1);
        for (user, password) in ["alice", "bob"].iter().zip(&passwords) {
            assert_eq!(machine.login("imap", user, password), Code::SUCCESS);
        }
    }
}

fn files(machine: &Machine) -> BTreeSet<OsString> {
    fs::read_dir(machine.state())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect()
}

#[test]
fn a_login_never_changes_the_store() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let before = fs::read(machine.store()).unwrap();
    for password in [password.as_str(), WRONG, "hunter2"] {
        machine.login("imap", "alice", password);
        machine.login("sshd", "alice", password);
    }
    assert!(fs::read(machine.store()).unwrap() == before);
}

// -- disks

#[test]
fn on_a_read_only_disk_logins_work_and_changes_are_refused() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let revoked = machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    let machine = read_only(machine);
    let login = |password: &str| {
        machine
            .client("imap", "alice")
            .password(password)
            .authenticate()
    };
    assert_eq!(login(&good), Code::SUCCESS);
    assert_eq!(login(&revoked), Code::PERM_DENIED);
    assert_eq!(login(WRONG), Code::AUTH_ERR);
    for change in [
        &["create", "alice", "--label", "watch"][..],
        &["revoke", "alice", "phone"],
        &["enable", "alice", "phone"],
    ] {
        let said = machine.tool(change).refuses(5);
        assert!(
            said.contains("only be read") && said.contains("read-only"),
            "{said}"
        );
    }
    assert_eq!(login(&good), Code::SUCCESS);
}

#[test]
fn on_a_read_only_disk_whatever_only_reads_does_so_also_from_an_older_store() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    for schema in ["", TO_SCHEMA_1] {
        let machine = Machine::new();
        let password = machine.create("alice", "phone", &[]);
        machine.alter(schema);
        let machine = read_only(machine);
        let backup = machine.path("b").display().to_string();
        for reading in [
            &["list"][..],
            &["list", "alice", "--all", "--json"],
            &["show", "alice", "phone"],
            &["log"],
            &["status"],
            &["export", "--with-key"],
            &["backup", &backup],
        ] {
            machine.tool(reading).succeeds();
        }
        let check = machine.tool_reading(password.as_bytes(), &["check", "alice"]);
        assert_eq!(check.status, Some(0), "{check:?}");
        let doctor = machine.tool(&["doctor", "--pam-dir", "/no/such/directory"]);
        for check in ["store", "accounts"] {
            assert!(
                doctor.stdout.contains(&format!("ok     {check} ")),
                "{doctor:?}"
            );
        }
    }
}

fn read_only(machine: Machine) -> Machine {
    let state = machine.state().display().to_string();
    let script = format!("mount --bind {state} {state}; mount -o remount,bind,ro {state}");
    machine.inside(PrivateMounts::new(&script))
}

#[test]
fn on_a_full_disk_logins_and_revoking_work() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new();
    let state = machine.state().display().to_string();
    fs::create_dir(machine.state()).unwrap();
    let mounts = PrivateMounts::new(&format!("mount -t tmpfs -o size=1m,mode=700 tmpfs {state}"));
    let machine = machine.inside(mounts);
    let labels: Vec<String> = (1..=25).map(|number| format!("number {number}")).collect();
    let passwords: Vec<String> = labels
        .iter()
        .map(|label| machine.create("alice", label, &[]))
        .collect();
    let fill =
        format!("cat /dev/zero > {state}/full 2>/dev/null || test $(stat -f -c %a {state}) = 0");
    assert!(
        machine
            .command("sh".as_ref())
            .args(["-c", &fill])
            .status()
            .unwrap()
            .success()
    );

    let login = |password: &str| {
        machine
            .client("imap", "alice")
            .password(password)
            .authenticate()
    };
    for (label, password) in labels.iter().zip(&passwords) {
        assert_eq!(login(password), Code::SUCCESS, "{label}");
        machine.tool(&["revoke", "alice", label]).succeeds();
        assert_eq!(login(password), Code::PERM_DENIED, "{label}");
    }
    machine.tool(&["create", "alice", "--label", "phone"]);
    assert!(machine.tool(&["list"]).status == Some(0));
}

// -- usage.db

/// Whatever stands where `usage.db` should, a login succeeds and takes no longer than this.
const PATIENCE: Duration = Duration::from_millis(1_500);

#[track_caller]
fn assert_login_works(machine: &Machine, password: &str, what: &str) {
    let began = Instant::now();
    let code = machine
        .client("imap", "alice")
        .password(password)
        .authenticate();
    assert_eq!(code, Code::SUCCESS, "{what}");
    assert!(began.elapsed() < PATIENCE, "{what}: {:?}", began.elapsed());
}

#[test]
fn a_usage_file_that_is_damaged_is_begun_anew() {
    if cannot_run(&["root"]) {
        return;
    }
    let other_tables = || {
        let path = tempfile::NamedTempFile::new().unwrap();
        Connection::open(path.path())
            .unwrap()
            .execute_batch("CREATE TABLE colour (name TEXT)")
            .unwrap();
        fs::read(path.path()).unwrap()
    };
    let contents = [
        ("nothing", Vec::new()),
        ("no database", b"this is no database".repeat(500)),
        ("another database", other_tables()),
    ];
    for (what, content) in contents {
        for journal in [None, Some(b"this is no journal".repeat(100))] {
            let machine = Machine::new();
            let password = machine.create("alice", "phone", &[]);
            assert_login_works(&machine, &password, what);
            fs::write(machine.usage(), &content).unwrap();
            if let Some(journal) = &journal {
                fs::write(machine.state().join("usage.db-journal"), journal).unwrap();
            }
            assert_login_works(&machine, &password, what);
            assert_login_works(&machine, &password, what);
            let used = &machine.show("alice", "phone")["last_used"];
            assert_eq!(
                used["service"],
                "imap",
                "{what}, journal: {}",
                journal.is_some()
            );
        }
    }
}

#[test]
fn a_damaged_usage_file_never_fails_a_login() {
    let machine = Machine::configured("hash.memory_kib = 8");
    let good = machine.create("alice", "phone", &[]);
    assert_login_works(&machine, &good, "sound");
    let Ok(sound) = fs::read(machine.usage()) else {
        return;
    };
    let mut random = Random(2);
    for round in 0..100 {
        let mut damaged = sound.clone();
        for _ in 0..1 + random.below(8) {
            damaged[random.below(sound.len())] = random.next() as u8;
        }
        fs::write(machine.usage(), damaged).unwrap();
        assert_login_works(&machine, &good, &format!("round {round}"));
        machine.tool(&["list"]).succeeds();
    }
}

#[test]
fn a_usage_file_can_be_deleted_at_any_time() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    for _ in 0..3 {
        assert_login_works(&machine, &password, "deleted");
        machine.tool(&["list"]).succeeds();
        let _ = fs::remove_file(machine.usage());
    }
}

#[test]
fn a_usage_file_that_cannot_be_written_is_left_alone() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    fs::create_dir(machine.usage()).unwrap();
    assert_login_works(&machine, &password, "a directory");
    fs::remove_dir(machine.usage()).unwrap();
    assert_login_works(&machine, &password, "nothing");
    support::machine::set_mode(&machine.state(), 0o500);
    assert_login_works(&machine, &password, "a directory that may not be written");
    support::machine::set_mode(&machine.state(), 0o700);
}

#[test]
fn a_usage_file_that_is_locked_is_not_waited_for() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    assert_login_works(&machine, &password, "free");
    let writer = Connection::open(machine.usage()).unwrap();
    for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        writer.execute_batch(lock).unwrap();
        // A refusal is something new to note.
        let client = machine.client("sshd", "alice").password(&password);
        let began = Instant::now();
        assert_eq!(client.authenticate(), Code::PERM_DENIED);
        assert!(began.elapsed() < PATIENCE, "{lock}: {:?}", began.elapsed());
        assert_login_works(&machine, &password, lock);
        writer.execute_batch("COMMIT").unwrap();
    }
}

//! Between `create` and `revoke`: entries that are disabled and enabled, edited and rotated, and what that means for
//! logins, for predecessors, and for what is open.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs::{self, File};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value as Json, json};
use support::machine::contains;
use support::{Code, Machine, cannot_run};

// -- disable and enable

#[test]
fn a_disabled_entry_is_refused_until_it_is_enabled_again() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    let tablet = machine.create("alice", "tablet", &[]);
    let disabled = machine
        .tool(&["disable", "alice", "phone", "--json"])
        .json();
    assert_eq!(disabled, json!([machine.show("alice", "phone")]));
    assert_eq!(disabled[0]["status"], "disabled");
    assert_eq!(machine.login("imap", "alice", &phone), Code::PERM_DENIED);
    assert_eq!(machine.login("imap", "alice", &tablet), Code::SUCCESS);
    machine.tool(&["enable", "alice", "phone"]).succeeds();
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
}

#[test]
fn what_is_disabled_or_enabled_already_is_done_without_an_event() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for verb in ["enable", "disable", "disable", "enable", "enable"] {
        machine.tool(&[verb, "alice", "phone"]).succeeds();
    }
    let expected = [r#"disabled 1 label="phone""#, r#"enabled 1 label="phone""#];
    assert_eq!(events(&machine)[1..], expected);
}

#[test]
fn several_are_disabled_or_enabled_together_or_not_at_all() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    machine.create("bob", "watch", &[]);
    unchanged(&machine, 3, &["disable", "alice", "phone", "watch"]);
    machine.tool(&["disable", "alice", "1", "2"]).succeeds();
    unchanged(&machine, 3, &["enable", "alice", "phone", "3"]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    unchanged(&machine, 4, &["enable", "alice", "1", "2"]);
    assert_eq!(machine.show("alice", "1")["status"], "disabled");
}

#[test]
fn enabling_says_what_else_keeps_an_entry_shut() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET disabled = 1, expires = 1");
    let ran = machine.tool(&["enable", "alice", "phone"]);
    assert!(ran.stderr.contains("expired"), "{ran:?}");
    ran.succeeds();
}

#[test]
fn disabling_signs_out_and_enabling_does_not() {
    let Some(machine) = machine_that_notes_what_it_ends() else {
        return;
    };
    let phone = machine.create("alice", "phone", &[]);
    machine.login_from("192.0.2.7", "imap", "alice", &phone);
    machine
        .tool(&["disable", "alice", "phone", "--keep-sessions"])
        .succeeds();
    machine.tool(&["enable", "alice", "phone"]).succeeds();
    assert_eq!(ended(&machine), [""; 0]);
    machine.tool(&["disable", "alice", "phone"]).succeeds();
    assert_eq!(ended(&machine), ["1 imap 192.0.2.7"]);
}

// -- edit

#[test]
fn what_is_edited_counts_from_the_next_login_and_the_password_stays() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &["--service", "imap"]);
    edit(
        &machine,
        "phone",
        &["--service", "smtp", "--from", "192.0.2.0/24"],
    );
    for (service, from, answer) in [
        ("imap", "192.0.2.7", Code::PERM_DENIED),
        ("smtp", "192.0.2.7", Code::SUCCESS),
        ("smtp", "198.51.100.7", Code::PERM_DENIED),
    ] {
        let code = machine.login_from(from, service, "alice", &phone);
        assert_eq!(code, answer, "{service} {from}");
    }
    edit(&machine, "phone", &["--any-network"]);
    let code = machine.login_from("198.51.100.7", "smtp", "alice", &phone);
    assert_eq!(code, Code::SUCCESS);
}

#[test]
fn an_expired_entry_is_good_again_when_its_expiry_is_edited() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET expires = 1");
    assert_eq!(machine.login("imap", "alice", &phone), Code::PERM_DENIED);
    edit(&machine, "phone", &["--expires", "1d"]);
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
}

#[test]
fn an_edit_is_an_event_that_says_what_differs_and_no_event_if_nothing_does() {
    let machine = Machine::new();
    machine.create("alice", "phone", &["--service", "imap"]);
    edit(&machine, "phone", &["--label", "a \"b\""]);
    edit(
        &machine,
        "1",
        &[
            "--service",
            "imap",
            "--from",
            "192.0.2.7",
            "--expires",
            "2990-01-01T00:00:00Z",
        ],
    );
    edit(&machine, "1", &["--from", "192.0.2.7"]);
    edit(
        &machine,
        "1",
        &["--any-network", "--expires", "never", "--service", "any"],
    );
    let expected = [
        r#"edited 1 label="phone" new_label="a \x22b\x22""#,
        r#"edited 1 label="a \x22b\x22" networks=192.0.2.7/32 expires=32188147200"#,
        r#"edited 1 label="a \x22b\x22" services=any networks=any expires=never"#,
    ];
    assert_eq!(events(&machine)[1..], expected);
}

#[test]
fn no_edit_prolongs_a_life_beyond_max_lifetime() {
    let machine = Machine::configured("policy.max_lifetime = \"9d\"");
    machine.create("alice", "phone", &["--expires", "1d"]);
    let day = 86_400;
    // Made three days ago: it has six left.
    machine.alter(&format!(
        "UPDATE credential SET created_at = created_at - 3 * {day}"
    ));
    for (expires, days, is_said) in [("never", 9, true), ("30d", 9, true), ("2d", 5, false)] {
        let ran = machine.tool(&["edit", "alice", "phone", "--expires", expires]);
        assert_eq!(
            ran.stderr.contains("policy.max_lifetime"),
            is_said,
            "{ran:?}"
        );
        ran.succeeds();
        let lifetime = lifetime(&machine.show("alice", "phone"));
        // What is counted from the edit has the seconds until then on top.
        let expected = days * day..days * day + 60;
        assert!(expected.contains(&lifetime), "{expires}: {lifetime}");
    }
}

#[test]
fn an_edit_that_does_not_touch_the_expiry_leaves_it_alone() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let config = fs::read_to_string(machine.config()).unwrap();
    machine.write_config(&format!("{config}policy.max_lifetime = \"1d\"\n"));
    edit(&machine, "phone", &["--label", "tablet"]);
    assert_eq!(machine.show("alice", "tablet")["expires"], Json::Null);
}

#[test]
fn an_expiry_whose_longest_life_is_over_cannot_be_edited() {
    let machine = Machine::configured("policy.max_lifetime = \"1d\"");
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET created_at = 1, expires = NULL");
    for expires in ["never", "1h"] {
        let said = unchanged(
            &machine,
            4,
            &["edit", "alice", "phone", "--expires", expires],
        );
        assert!(said.contains("rotate"), "{said}");
    }
}

#[test]
fn a_label_is_another_live_entrys_or_free() {
    let machine = Machine::new();
    for label in ["phone", "tablet", "watch"] {
        machine.create("alice", label, &[]);
    }
    machine.create("bob", "laptop", &[]);
    machine.tool(&["revoke", "alice", "watch"]).succeeds();
    unchanged(
        &machine,
        4,
        &["edit", "alice", "phone", "--label", " tablet "],
    );
    unchanged(&machine, 2, &["edit", "alice", "phone", "--label", "12"]);
    for label in ["phone", "watch", "laptop", "phone"] {
        edit(&machine, "1", &["--label", label]);
        assert_eq!(machine.show("alice", "1")["label"], label);
    }
}

#[test]
fn an_edit_signs_out_what_would_be_refused_now_and_nothing_else() {
    let Some(machine) = machine_that_notes_what_it_ends() else {
        return;
    };
    let phone = machine.create("alice", "phone", &[]);
    for (service, from) in [
        ("imap", "192.0.2.7"),
        ("smtp", "192.0.2.8"),
        ("sieve", "2001:db8::7"),
    ] {
        let code = machine.login_from(from, service, "alice", &phone);
        assert_eq!(code, Code::SUCCESS, "{service}");
    }
    edit(&machine, "phone", &["--label", "tablet", "--expires", "1h"]);
    edit(
        &machine,
        "tablet",
        &["--service", "mail", "--service", "caldav"],
    );
    edit(
        &machine,
        "tablet",
        &["--service", "imap", "--keep-sessions"],
    );
    edit(&machine, "tablet", &["--service", "any"]);
    assert_eq!(ended(&machine), [""; 0]);
    edit(&machine, "tablet", &["--from", "192.0.2.0/24"]);
    assert_eq!(ended(&machine), ["1 sieve 2001:db8::7"]);
    edit(&machine, "tablet", &["--service", "smtp", "--any-network"]);
    assert_eq!(ended(&machine), ["1 imap 192.0.2.7", "1 sieve 2001:db8::7"]);
}

/// Edits an entry of alice's.
#[track_caller]
fn edit(machine: &Machine, entry: &str, options: &[&str]) {
    let arguments = [&["edit", "alice", entry], options].concat();
    machine.tool(&arguments).succeeds();
}

/// How long an entry lives in all, in seconds.
fn lifetime(entry: &Json) -> i64 {
    let [created, expires] = ["created", "expires"].map(|field| {
        let time: jiff::Timestamp = entry[field].as_str().unwrap().parse().unwrap();
        time.as_second()
    });
    expires - created
}

// -- rotate

#[test]
fn a_successor_has_the_same_label_and_limits_and_the_old_one_is_revoked() {
    let machine = Machine::new();
    let limits = [
        ["--service", "imap"],
        ["--from", "192.0.2.0/24"],
        ["--expires", "2990-01-01T00:00:00Z"],
    ];
    let old = machine.create("alice", "phone", &limits.concat());
    let mut new = machine.tool(&["rotate", "alice", "phone", "--json"]).json();
    let password = new.as_object_mut().unwrap().remove("password").unwrap();
    assert_eq!(new, machine.show("alice", "2"));
    let revoked = machine.show("alice", "1");
    for field in ["user", "label", "services", "networks", "expires"] {
        assert_eq!(new[field], revoked[field], "{field}");
    }
    assert_eq!(
        (&new["replaces"], &new["replaced_by"]),
        (&json!(1), &Json::Null)
    );
    assert_eq!(
        (&revoked["replaces"], &revoked["replaced_by"]),
        (&Json::Null, &json!(2))
    );
    assert_eq!(revoked["revoked"]["why"], "rotated");
    let login = |password| machine.login_from("192.0.2.7", "imap", "alice", password);
    assert_eq!(login(password.as_str().unwrap()), Code::SUCCESS);
    assert_eq!(login(&old), Code::PERM_DENIED);
    let expected = [
        r#"created 2 label="phone" services=imap networks=192.0.2.0/24 expires=32188147200"#,
        r#"rotated 1 label="phone" replaced_by=2"#,
        r#"revoked 1 label="phone" why="rotated""#,
    ];
    assert_eq!(events(&machine)[1..], expected);
}

#[test]
fn with_an_overlap_both_are_good_until_it_is_over() {
    let machine = Machine::new();
    let old = machine.create("alice", "phone", &[]);
    let new = rotate(&machine, "phone", &["--overlap", "2s"]);
    for password in [&old, &new] {
        assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
    }
    sleep(Duration::from_millis(2_100));
    assert_eq!(machine.login("imap", "alice", &old), Code::PERM_DENIED);
    assert_eq!(machine.login("imap", "alice", &new), Code::SUCCESS);
    assert_eq!(machine.show("alice", "1")["status"], "expired");
}

#[test]
fn an_overlap_never_prolongs() {
    let machine = Machine::new();
    for (label, expires, overlap, days) in [("phone", "9d", "1d", 1), ("tablet", "1d", "9d", 1)] {
        machine.create("alice", label, &["--expires", expires]);
        let old = machine.show("alice", label)["id"].to_string();
        rotate(&machine, label, &["--overlap", overlap]);
        let lives = lifetime(&machine.show("alice", &old));
        // A second may have passed between the two.
        assert!(
            (0..60).contains(&(lives - days * 86_400)),
            "{label}: {lives}"
        );
    }
}

#[test]
fn the_life_of_a_successor_begins_now_and_is_bounded_by_max_lifetime() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET created_at = 1");
    let config = fs::read_to_string(machine.config()).unwrap();
    machine.write_config(&format!("{config}policy.max_lifetime = \"1d\"\n"));
    let ran = machine.tool(&["rotate", "alice", "phone"]);
    assert!(ran.stderr.contains("policy.max_lifetime"), "{ran:?}");
    assert_eq!(lifetime(&machine.show("alice", "2")), 86_400);
}

#[test]
fn the_successor_of_a_virtual_user_is_a_virtual_users() {
    let machine = Machine::new();
    for user in ["alice@example.org", "root"] {
        machine.create(user, "phone", &[]);
        machine.tool(&["rotate", user, "phone"]).succeeds();
    }
    let store = Connection::open(machine.store()).unwrap();
    let sql = "SELECT group_concat(id) FROM credential WHERE virtual";
    let ids: String = store.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(ids, "1,2");
}

#[test]
fn a_successor_has_the_cost_of_today() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let config = fs::read_to_string(machine.config()).unwrap();
    machine.write_config(&format!("{config}hash.memory_kib = 2048\n"));
    rotate(&machine, "phone", &["--overlap", "1d"]);
    let dump = machine.dump();
    for cost in ["m=1024,", "m=2048,"] {
        assert_eq!(dump.matches(cost).count(), 1, "{cost}");
    }
}

#[test]
fn a_predecessor_counts_neither_for_its_label_nor_for_the_limit() {
    let machine = Machine::configured("policy.max_per_user = 2");
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    rotate(&machine, "phone", &["--overlap", "1d"]);
    rotate(&machine, "phone", &["--overlap", "1d"]);
    unchanged(&machine, 4, &["create", "alice", "--label", "watch"]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    unchanged(&machine, 4, &["create", "alice", "--label", "phone"]);
    edit(&machine, "4", &["--label", "new phone"]);
    machine.create("alice", "phone", &[]);
}

#[test]
fn what_has_come_to_its_end_or_has_a_successor_gets_none() {
    let machine = Machine::new();
    for label in ["disabled", "expired", "revoked", "replaced"] {
        machine.create("alice", label, &[]);
    }
    machine.tool(&["disable", "alice", "disabled"]).succeeds();
    machine.alter("UPDATE credential SET expires = 1 WHERE label = 'expired'");
    machine.tool(&["revoke", "alice", "revoked"]).succeeds();
    rotate(&machine, "replaced", &["--overlap", "1d"]);
    for (entry, why) in [
        ("1", "disabled"),
        ("2", "expired"),
        ("3", "revoked"),
        ("4", "successor"),
    ] {
        let said = unchanged(&machine, 4, &["rotate", "alice", entry]);
        assert!(said.contains(why), "{said}");
    }
    unchanged(&machine, 3, &["rotate", "alice", "phone"]);
    unchanged(&machine, 3, &["rotate", "bob", "1"]);
    for overlap in ["", "1", "0s", "tomorrow", "2990-01-01"] {
        let option = format!("--overlap={overlap}");
        unchanged(&machine, 2, &["rotate", "alice", "replaced", &option]);
    }
}

#[test]
fn a_successor_that_cannot_be_shown_is_revoked_and_the_old_one_is_as_it_was() {
    for options in [&[][..], &["--json"], &["--overlap", "1d"]] {
        let machine = Machine::new();
        let old = machine.create("alice", "phone", &["--expires", "9d"]);
        let before = machine.show("alice", "1");
        let ran = machine
            .tool_command(&[&["rotate", "alice", "phone"], options].concat())
            .stdout(File::create("/dev/full").unwrap())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        assert!(contains(&ran.stderr, "1 is as it was"), "{ran:?}");
        assert_eq!(machine.show("alice", "1"), before);
        assert_eq!(machine.show("alice", "2")["revoked"]["why"], "not shown");
        assert_eq!(machine.login("imap", "alice", &old), Code::SUCCESS);
        let new = rotate(&machine, "phone", &[]);
        assert_eq!(machine.login("imap", "alice", &new), Code::SUCCESS);
    }
}

#[test]
fn of_two_rotations_at_once_one_is_refused() {
    let machine = &Machine::new();
    machine.create("alice", "phone", &[]);
    let statuses = std::thread::scope(|scope| {
        let rotate = || scope.spawn(|| machine.tool(&["rotate", "alice", "1"]).status.unwrap());
        let mut statuses = [rotate(), rotate()].map(|thread| thread.join().unwrap());
        statuses.sort_unstable();
        statuses
    });
    assert_eq!(statuses, [0, 4]);
    assert_eq!(machine.show("alice", "phone")["id"], 2);
}

#[test]
fn rotating_signs_the_old_one_out_unless_it_overlaps() {
    let Some(machine) = machine_that_notes_what_it_ends() else {
        return;
    };
    let mut password = machine.create("alice", "phone", &[]);
    for options in [&["--overlap", "1d"][..], &["--keep-sessions"], &[]] {
        machine.login_from("192.0.2.7", "imap", "alice", &password);
        assert_eq!(ended(&machine), [""; 0], "{options:?}");
        password = rotate(&machine, "phone", options);
    }
    assert_eq!(ended(&machine), ["3 imap 192.0.2.7"]);
}

// -- a label that an overlapping predecessor has as well

/// Alice's phone was rotated: 1 overlaps with its successor 2.
fn overlapping() -> Machine {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    rotate(&machine, "phone", &["--overlap", "1d"]);
    machine
}

#[test]
fn what_takes_something_away_takes_it_from_the_predecessor_too_and_says_so() {
    let takers: [&[&str]; 6] = [
        &["revoke", "alice", "phone"],
        &["disable", "alice", "phone"],
        &["edit", "alice", "phone", "--service", "imap"],
        &["edit", "alice", "phone", "--from", "192.0.2.7"],
        &["edit", "alice", "phone", "--expires", "1h"],
        // This gives something as well.
        &["edit", "alice", "phone", "--service", "caldav"],
    ];
    for arguments in takers {
        let machine = overlapping();
        let ran = machine.tool(arguments);
        let said = "1 goes along: it is the predecessor of 2.\n";
        assert!(ran.stderr.contains(said), "{arguments:?} {ran:?}");
        ran.succeeds();
        let [old, new] = ["1", "2"].map(|id| machine.show("alice", id));
        for field in ["services", "networks", "status"] {
            assert_eq!(old[field], new[field], "{arguments:?} {field}");
        }
    }
}

#[test]
fn what_gives_something_gives_it_to_the_successor_alone() {
    let givers: [&[&str]; 3] = [
        &[
            "edit",
            "alice",
            "phone",
            "--service",
            "mail",
            "--service",
            "caldav",
        ],
        &["edit", "alice", "phone", "--expires", "9d"],
        &["edit", "alice", "phone", "--label", "new phone"],
    ];
    for arguments in givers {
        let machine = overlapping();
        let before = machine.show("alice", "1");
        let ran = machine.tool(arguments);
        assert!(
            ran.stderr.contains("1, its predecessor, stays as it is."),
            "{ran:?}"
        );
        ran.succeeds();
        assert_eq!(machine.show("alice", "1"), before, "{arguments:?}");
    }
}

#[test]
fn a_label_enables_the_successor_alone_and_says_what_stays_disabled() {
    let machine = overlapping();
    machine.tool(&["disable", "alice", "phone"]).succeeds();
    let ran = machine.tool(&["enable", "alice", "phone"]);
    let said = "1, its predecessor, stays disabled: app-passwd enable alice 1\n";
    assert!(ran.stderr.ends_with(said), "{ran:?}");
    assert_eq!(machine.show("alice", "1")["status"], "disabled");
    assert_eq!(machine.show("alice", "2")["status"], "active");
    let ran = machine.tool(&["enable", "alice", "1", "phone"]);
    let both = "Enabled: 1 \"phone\", 2 \"phone\" of alice.\n";
    assert_eq!(ran.stderr, both);
}

#[test]
fn an_id_means_one_entry_alone() {
    for arguments in [
        &["disable", "alice", "2"][..],
        &["edit", "alice", "2", "--service", "imap"],
    ] {
        let machine = overlapping();
        let before = machine.show("alice", "1");
        machine.tool(arguments).succeeds();
        assert_eq!(machine.show("alice", "1"), before, "{arguments:?}");
    }
}

#[test]
fn of_an_edit_that_takes_and_gives_a_predecessor_gets_the_lists_that_take_from_it() {
    let machine = Machine::new();
    let networks = ["--from", "192.0.2.0/24", "--from", "198.51.100.7"];
    machine.create("alice", "phone", &networks);
    rotate(&machine, "phone", &["--overlap", "1d"]);
    let more = ["--service", "mail", "--service", "caldav"];
    let others = ["--from", "198.51.100.0/24"];
    edit(&machine, "phone", &[&more[..], &others].concat());
    let predecessor = machine.show("alice", "1");
    assert_eq!(predecessor["services"], json!(["mail"]));
    assert_eq!(predecessor["networks"], json!(["198.51.100.0/24"]));
}

#[test]
fn an_edit_gives_nothing_to_a_predecessor_from_which_it_takes_nothing() {
    let machine = overlapping();
    edit(&machine, "1", &["--service", "imap", "--from", "192.0.2.7"]);
    // Takes sieve and the rest from the successor; the predecessor has less already.
    edit(
        &machine,
        "phone",
        &[
            "--service",
            "imap",
            "--service",
            "smtp",
            "--from",
            "192.0.2.0/24",
        ],
    );
    let predecessor = machine.show("alice", "1");
    assert_eq!(predecessor["services"], json!(["imap"]));
    assert_eq!(predecessor["networks"], json!(["192.0.2.7/32"]));
}

#[test]
fn while_it_has_a_successor_an_entry_cannot_be_made_to_end_later() {
    let machine = overlapping();
    for expires in ["9d", "never"] {
        let said = unchanged(&machine, 4, &["edit", "alice", "1", "--expires", expires]);
        assert!(said.contains("successor, 2"), "{said}");
    }
    edit(&machine, "1", &["--expires", "1h"]);
    machine.tool(&["revoke", "alice", "2"]).succeeds();
    edit(&machine, "1", &["--expires", "9d"]);
}

#[test]
fn who_loses_the_successor_has_the_label_alone_counts_again_and_may_get_another() {
    for end in [
        &["revoke", "alice", "2"][..],
        &["prune", "--expired", "--yes"],
    ] {
        let machine = Machine::configured("policy.max_per_user = 1");
        machine.create("alice", "phone", &[]);
        rotate(&machine, "phone", &["--overlap", "1d"]);
        machine.alter("UPDATE credential SET expires = 1 WHERE id = 2");
        machine.tool(end).succeeds();
        assert_eq!(machine.show("alice", "phone")["id"], 1, "{end:?}");
        assert_eq!(machine.show("alice", "1")["replaced_by"], Json::Null);
        unchanged(&machine, 4, &["create", "alice", "--label", "phone"]);
        unchanged(&machine, 4, &["create", "alice", "--label", "tablet"]);
        rotate(&machine, "1", &[]);
    }
}

#[test]
fn where_another_has_its_label_by_then_it_is_not_sent_to_a_successor_that_is_revoked() {
    let machine = overlapping();
    edit(&machine, "2", &["--label", "new phone"]);
    machine.create("alice", "phone", &[]);
    machine.tool(&["revoke", "alice", "2"]).succeeds();
    let said = unchanged(&machine, 4, &["rotate", "alice", "1"]);
    assert!(said.contains("make another"), "{said}");
}

#[test]
fn what_a_rotation_that_was_killed_has_left_without_an_end_the_next_one_ends() {
    let killed = || {
        let machine = overlapping();
        machine.alter("UPDATE credential SET expires = NULL WHERE id = 1");
        machine
    };
    let said = "1 goes along: it is the predecessor of 2.\n";
    let machine = killed();
    let ran = machine.tool(&["rotate", "alice", "phone"]);
    assert!(ran.stderr.contains(said), "{ran:?}");
    for id in ["1", "2"] {
        assert_eq!(machine.show("alice", id)["revoked"]["why"], "rotated");
    }
    let machine = killed();
    let ran = machine.tool(&["rotate", "alice", "phone", "--overlap", "1h"]);
    assert!(ran.stderr.contains(said), "{ran:?}");
    let [old, new] = ["1", "2"].map(|id| machine.show("alice", id));
    assert_eq!(old["expires"], new["expires"]);
    assert!(lifetime(&old) < 3_700, "{old}");
    // An id means one alone, and what ends before that stays as it is.
    let machine = killed();
    rotate(&machine, "2", &[]);
    assert_eq!(machine.show("alice", "1")["status"], "active");
    let ran = machine.tool(&["edit", "alice", "1", "--expires", "1h"]);
    ran.succeeds();
    let before = machine.show("alice", "1");
    rotate(&machine, "phone", &["--overlap", "1d"]);
    assert_eq!(machine.show("alice", "1"), before);
}

/// Rotates an entry of alice's and returns the new password.
#[track_caller]
fn rotate(machine: &Machine, entry: &str, options: &[&str]) -> String {
    let arguments = [&["rotate", "alice", entry], options].concat();
    machine.tool(&arguments).succeeds().trim_end().to_owned()
}

// -- what these tests look at

/// Runs the tool, which has to refuse and to leave the store alone; returns what it said.
#[track_caller]
fn unchanged(machine: &Machine, status: i32, arguments: &[&str]) -> String {
    let before = machine.dump();
    let said = machine.tool(arguments).refuses(status);
    assert_eq!(machine.dump(), before, "{arguments:?} changed the store");
    said
}

/// A machine whose command on revoking leaves a file for each use that it is to end.
fn machine_that_notes_what_it_ends() -> Option<Machine> {
    if cannot_run(&["root"]) {
        return None;
    }
    let machine = Machine::new();
    let ended = machine.path("ended");
    fs::create_dir(&ended).unwrap();
    let config = fs::read_to_string(machine.config()).unwrap();
    let file = format!("{}/{{entry}} {{service}} {{from}}", ended.display());
    machine.write_config(&format!(
        "{config}on_revoke.run = [[\"touch\", {file:?}]]\n"
    ));
    Some(machine)
}

fn ended(machine: &Machine) -> Vec<String> {
    let files = fs::read_dir(machine.path("ended")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What was done to which entry, and its detail.
fn events(machine: &Machine) -> Vec<String> {
    let store = Connection::open(machine.store()).unwrap();
    let sql = "SELECT action || ' ' || entry || ' ' || detail FROM event ORDER BY id";
    let mut events = store.prepare(sql).unwrap();
    let events = events.query_map([], |row| row.get(0)).unwrap();
    events.map(Result::unwrap).collect()
}

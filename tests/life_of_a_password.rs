//! An app password from `create` to `revoke`, through the tool and the module, and all that limits it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value as Json;
use support::private_mounts::PrivateMounts;
use support::{Code, Machine, WRONG, is_root};

#[test]
fn from_create_to_revoke() {
    let machine = Machine::new();

    let phone = machine.create("alice", "phone", &[]);
    assert_eq!(
        machine.login_from("192.0.2.7", "imap", "alice", &phone),
        Code::SUCCESS
    );
    let tablet = machine.create("alice", "tablet", &[]);
    assert_eq!(machine.login("smtp", "alice", &tablet), Code::SUCCESS);

    let list = machine.tool(&["list", "alice", "--json"]).json();
    assert_eq!(labels(&list), ["phone", "tablet"]);
    // Only root's logins are noted: see the next test.
    if is_root() {
        assert_eq!(list[0]["last_used"]["from"], "192.0.2.7");
        assert_eq!(list[0]["last_used"]["service"], "imap");
        assert_eq!(list[0]["last_used"]["count"], 1);
        assert_eq!(list[1]["last_used"]["from"], Json::Null);
    }

    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    assert_eq!(machine.login("imap", "alice", &phone), Code::PERM_DENIED);
    assert_eq!(machine.login("imap", "alice", &tablet), Code::SUCCESS);
    assert_eq!(
        labels(&machine.tool(&["list", "alice", "--json"]).json()),
        ["tablet"]
    );

    let phone_again = machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("imap", "alice", &phone_again), Code::SUCCESS);
    assert_eq!(machine.login("imap", "alice", &phone), Code::PERM_DENIED);

    machine
        .tool(&["revoke", "alice", "--all", "--yes"])
        .succeeds();
    for password in [phone, tablet, phone_again] {
        assert_eq!(machine.login("imap", "alice", &password), Code::PERM_DENIED);
    }
    assert_eq!(machine.login("imap", "alice", WRONG), Code::AUTH_ERR);
    assert_eq!(
        labels(&machine.tool(&["list", "alice", "--json"]).json()).len(),
        0
    );
    assert_eq!(
        labels(&machine.tool(&["list", "alice", "--all", "--json"]).json()).len(),
        3
    );
}

#[test]
fn a_use_is_noted_when_the_real_user_is_root_and_only_then() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    assert_eq!(machine.show("alice", "phone")["last_used"], Json::Null);
    machine.login("imap", "alice", phone);
    assert_eq!(
        machine.show("alice", "phone")["last_used"].is_null(),
        !is_root()
    );
    assert_eq!(machine.usage().exists(), is_root());
}

#[test]
fn the_last_refusal_is_noted_with_its_reason() {
    if support::cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &["--service", "imap"]);
    machine.login_from("192.0.2.9", "smtp", "alice", &phone);
    let refused = &machine.show("alice", "phone")["last_refused"];
    assert_eq!(refused["service"], "smtp");
    assert_eq!(refused["from"], "192.0.2.9");
    assert_eq!(refused["reason"], "service");
    assert_eq!(refused["count"], 1);
    assert_eq!(machine.show("alice", "phone")["last_used"], Json::Null);
}

#[test]
fn a_lasting_change_of_use_is_noted_once_a_minute_at_most() {
    if support::cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    machine.login_from("192.0.2.7", "imap", "alice", &phone);
    let noted = std::fs::metadata(machine.usage())
        .unwrap()
        .modified()
        .unwrap();
    for _ in 0..3 {
        machine.login_from("192.0.2.7", "imap", "alice", &phone);
    }
    assert_eq!(
        std::fs::metadata(machine.usage())
            .unwrap()
            .modified()
            .unwrap(),
        noted
    );
    assert_eq!(machine.show("alice", "phone")["last_used"]["count"], 1);
}

// -- services

#[test]
fn services_are_judged_by_name_and_by_group() {
    let machine = Machine::configured("services.office = [\"imap\", \"caldav\"]");
    let (yes, no) = (Code::SUCCESS, Code::PERM_DENIED);
    // --service options, and what imap, smtp, caldav, office, sshd and app-passwd say
    let table: [(&[&str], [Code; 6]); 9] = [
        (&[], [yes, yes, no, no, no, no]),
        (&["mail"], [yes, yes, no, no, no, no]),
        (&["imap"], [yes, no, no, no, no, no]),
        (&["IMAP"], [yes, no, no, no, no, no]),
        (&["imap", "caldav"], [yes, no, yes, no, no, no]),
        (&["office"], [yes, no, yes, yes, no, no]),
        (&["any"], [yes, yes, yes, yes, no, no]),
        (&["any", "sshd"], [yes, yes, yes, yes, yes, no]),
        (&["sshd", "app-passwd"], [no, no, no, no, yes, no]),
    ];
    for (number, (services, expected)) in table.iter().enumerate() {
        let label = format!("number {number}");
        let options: Vec<&str> = services
            .iter()
            .flat_map(|service| ["--service", service])
            .collect();
        // An entry for `app-passwd` may be refused by the tool; if not, it never opens it.
        let ran = machine.tool(&[&["create", "alice", "--label", &label], &options[..]].concat());
        if services.contains(&"app-passwd") && ran.status != Some(0) {
            continue;
        }
        let password = ran.succeeds().trim_end().to_owned();
        let tried = ["imap", "smtp", "caldav", "office", "sshd", "app-passwd"];
        let codes = tried.map(|service| machine.login(service, "alice", &password));
        assert_eq!(codes, *expected, "{services:?}");
    }
}

#[test]
fn services_are_compared_without_regard_to_case_as_libpam_does() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--service", "Imap"]);
    assert_eq!(machine.login("IMAP", "alice", password), Code::SUCCESS);
}

#[test]
fn protected_services_have_to_be_named() {
    let machine = Machine::configured("policy.max_per_user = 0");
    let any = machine.create("alice", "any", &["--service", "any"]);
    let protected = [
        "sshd",
        "sshd-session",
        "login",
        "remote",
        "su",
        "su-l",
        "sudo",
        "sudo-i",
        "runuser",
        "runuser-l",
        "doas",
        "polkit-1",
        "pkexec",
        "passwd",
        "chpasswd",
        "chsh",
        "chfn",
        "newusers",
        "systemd-user",
        "cron",
        "atd",
        "vsftpd",
        "proftpd",
        "gdm-password",
        "gdm-launch-environment",
        "lightdm",
        "sddm",
        "kde",
        "xdm",
        "xscreensaver",
        "i3lock",
        "swaylock",
        "gtklock",
        "xrdp-sesman",
        "cockpit",
        "webmin",
        "proxmox-ve-auth",
        "other",
    ];
    for service in protected {
        assert_eq!(
            machine.login(service, "alice", &any),
            Code::PERM_DENIED,
            "{service}"
        );
        let named = machine.create("alice", service, &["--service", service]);
        assert_eq!(
            machine.login(service, "alice", named),
            Code::SUCCESS,
            "{service}"
        );
    }
}

#[test]
fn protected_services_are_added_to_and_taken_from_by_the_configuration() {
    let machine = Machine::configured(
        "policy.protected_services = [\"nextcloud\"]\npolicy.protected_except = [\"vsftpd\"]",
    );
    let any = machine.create("alice", "any", &["--service", "any"]);
    assert_eq!(machine.login("nextcloud", "alice", &any), Code::PERM_DENIED);
    assert_eq!(machine.login("vsftpd", "alice", &any), Code::SUCCESS);
    assert_eq!(machine.login("sshd", "alice", &any), Code::PERM_DENIED);
}

#[test]
fn the_module_argument_service_does_not_hide_a_protected_service() {
    let machine = Machine::new();
    machine.stack("sshd", "auth required APP_PASSWD service=imap");
    let password = machine.create("alice", "phone", &["--service", "imap"]);
    assert_eq!(machine.login("sshd", "alice", password), Code::PERM_DENIED);
    let any = machine.create("alice", "any", &["--service", "any"]);
    assert_eq!(machine.login("sshd", "alice", any), Code::PERM_DENIED);
}

#[test]
fn the_services_of_an_entry_without_any_come_from_the_configuration() {
    let machine = Machine::configured("policy.default_services = [\"caldav\"]");
    let password = machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("caldav", "alice", &password), Code::SUCCESS);
    assert_eq!(machine.login("imap", "alice", &password), Code::PERM_DENIED);
}

#[test]
fn a_later_change_of_a_group_changes_what_it_opens_and_one_that_is_gone_opens_nothing() {
    let machine = Machine::configured("services.office = [\"caldav\"]");
    let password = machine.create("alice", "phone", &["--service", "office"]);
    assert_eq!(machine.login("caldav", "alice", &password), Code::SUCCESS);
    let config = std::fs::read_to_string(machine.config()).unwrap();
    machine.write_config(&config.replace("caldav", "carddav"));
    assert_eq!(
        machine.login("caldav", "alice", &password),
        Code::PERM_DENIED
    );
    assert_eq!(machine.login("carddav", "alice", &password), Code::SUCCESS);
    machine.write_config(&config.replace("services.office", "services.other-office"));
    assert_eq!(
        machine.login("caldav", "alice", &password),
        Code::PERM_DENIED
    );
}

// -- networks

#[test]
fn networks_are_judged_by_the_address_of_the_remote_host() {
    let machine = Machine::new();
    // networks, hosts inside, hosts outside
    let table: [[&[&str]; 3]; 6] = [
        [
            &["192.0.2.0/24"],
            &["192.0.2.0", "192.0.2.255"],
            &["192.0.3.0", "2001:db8::7"],
        ],
        [
            &["192.0.2.7"],
            &["192.0.2.7", "::ffff:192.0.2.7"],
            &["192.0.2.8"],
        ],
        [&["192.0.2.7/32"], &["::ffff:c000:207"], &["::192.0.2.7"]],
        [
            &["2001:db8::/32"],
            &["2001:db8::7", "2001:DB8:FFFF::"],
            &["2001:db9::", "192.0.2.7"],
        ],
        [
            &["192.0.2.0/25", "2001:db8::7"],
            &["192.0.2.7", "2001:db8::7"],
            &["192.0.2.128"],
        ],
        [&["127.0.0.0/8"], &["127.0.0.1"], &["localhost", "::1"]],
    ];
    for (number, [networks, inside, outside]) in table.into_iter().enumerate() {
        let label = format!("number {number}");
        let options: Vec<&str> = networks
            .iter()
            .flat_map(|network| ["--from", network])
            .collect();
        let password = machine.create("alice", &label, &options);
        let login = |host: &str| machine.login_from(host, "imap", "alice", &password);
        for host in inside {
            assert_eq!(login(host), Code::SUCCESS, "{networks:?} {host}");
        }
        for host in outside {
            assert_eq!(login(host), Code::PERM_DENIED, "{networks:?} {host}");
        }
        let code = machine.login("imap", "alice", &password);
        assert_eq!(
            code,
            Code::PERM_DENIED,
            "{networks:?} without a remote host"
        );
    }
}

#[test]
fn an_entry_without_networks_is_good_from_anywhere() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    for host in ["192.0.2.7", "2001:db8::7", "mail.example.org", ""] {
        assert_eq!(
            machine.login_from(host, "imap", "alice", &password),
            Code::SUCCESS,
            "{host:?}"
        );
    }
    assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
}

// -- time

#[test]
fn expired_password_is_refused_even_though_right() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--expires", "2s"]);
    assert_eq!(machine.login("imap", "alice", &password), Code::SUCCESS);
    sleep(Duration::from_millis(2_100));
    assert_eq!(machine.login("imap", "alice", &password), Code::PERM_DENIED);
    assert_eq!(machine.show("alice", "phone")["status"], "expired");
}

#[test]
fn a_password_that_expires_later_is_good_now() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--expires", "90d"]);
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
}

#[test]
fn max_lifetime_cuts_a_longer_or_missing_expiry() {
    let machine = Machine::configured("policy.max_lifetime = \"1d\"");
    for (label, options) in [("none", &[][..]), ("longer", &["--expires", "9d"])] {
        machine.create("alice", label, options);
        let entry = machine.show("alice", label);
        let day = |time: &Json| {
            time.as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
                .as_second()
        };
        assert_eq!(
            day(&entry["expires"]) - day(&entry["created"]),
            86_400,
            "{label}"
        );
    }
}

#[test]
fn an_entry_that_lay_idle_is_refused() {
    if support::cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::configured("policy.idle_expiry = \"2s\"");
    let phone = machine.create("alice", "phone", &[]);
    let tablet = machine.create("alice", "tablet", &[]);
    // Idleness is counted from when uses are noted at all.
    assert_eq!(machine.login("imap", "alice", phone), Code::SUCCESS);
    sleep(Duration::from_millis(3_100));
    assert_eq!(machine.login("imap", "alice", &tablet), Code::PERM_DENIED);
    assert_eq!(machine.show("alice", "tablet")["status"], "idle");
    assert_eq!(
        machine.show("alice", "tablet")["last_refused"]["reason"],
        "idle"
    );
}

#[test]
fn a_disabled_entry_is_refused() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET disabled = 1");
    assert_eq!(machine.login("imap", "alice", password), Code::PERM_DENIED);
    assert_eq!(machine.show("alice", "phone")["status"], "disabled");
}

#[test]
fn an_account_that_was_locked_is_refused_and_one_that_never_had_a_password_is_not() {
    if support::cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let hash = "$y$j9T$WyYUzT9cW8cJtXlqWvVWn.$3c0Fo7eG4JVYLV3yQqP5o9nMqXyNnN3s8mC8fHjlrG4";
    let (yes, no) = (Code::SUCCESS, Code::PERM_DENIED);
    let accounts = [
        ("alice", hash.to_owned(), yes),
        ("locked", format!("!{hash}"), no),
        (
            "old-locked",
            "!$1$abcdefgh$0123456789abcdefghijkl".to_owned(),
            no,
        ),
        ("bare", "!".to_owned(), yes),
        ("star", "*".to_owned(), yes),
        ("locked-star", "!*".to_owned(), yes),
        ("twice", "!!".to_owned(), yes),
        ("empty", String::new(), yes),
    ];
    let machine = Machine::new();
    let lines = accounts
        .iter()
        .map(|(user, field, _)| format!("{user}:{field}:20000:0:99999:7:::\n"));
    let shadow = machine.path("shadow");
    std::fs::write(&shadow, lines.collect::<String>()).unwrap();
    let mount = format!("mount --bind {} /etc/shadow", shadow.display());
    let machine = machine.inside(PrivateMounts::new(&mount));
    for (user, field, expected) in &accounts {
        let password = machine.create(user, "phone", &[]);
        let code = machine
            .client("imap", user)
            .password(password)
            .authenticate();
        assert_eq!(code, *expected, "{user}: {field:?}");
    }
    let password = machine.create("nobody-local", "phone", &[]);
    assert_eq!(
        machine
            .client("imap", "nobody-local")
            .password(password)
            .authenticate(),
        yes
    );
}

#[test]
fn the_reason_that_is_first_in_the_list_is_said() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--from", "192.0.2.0/24"]);
    let reason = || {
        let input = format!("{password}\n");
        let arguments = [
            "check",
            "alice",
            "--service",
            "sshd",
            "--from",
            "198.51.100.1",
            "--json",
        ];
        let ran = machine.tool_reading(input.as_bytes(), &arguments);
        serde_json::from_str::<Json>(&ran.stdout).unwrap()["reason"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(reason(), "protected");
    machine.alter("UPDATE credential SET services = 'smtp'");
    assert_eq!(reason(), "protected");
    machine.alter("UPDATE credential SET expires = 1");
    assert_eq!(reason(), "expired");
    machine.alter("UPDATE credential SET disabled = 1");
    assert_eq!(reason(), "disabled");
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    assert_eq!(reason(), "revoked");
}

// -- whose password it is

#[test]
fn the_password_of_another_user_opens_nothing() {
    let machine = Machine::new();
    let alice = machine.create("alice", "phone", &[]);
    machine.create("bob", "phone", &[]);
    assert_eq!(machine.login("imap", "bob", &alice), Code::AUTH_ERR);
    assert_eq!(machine.login("imap", "alice", &alice), Code::SUCCESS);
}

#[test]
fn a_row_moved_to_another_user_never_verifies() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET user = 'bob'");
    assert_eq!(machine.login("imap", "bob", &password), Code::AUTH_ERR);
    assert_eq!(machine.login("imap", "alice", &password), Code::AUTH_ERR);
}

#[test]
fn a_row_moved_to_another_user_never_verifies_whatever_its_tag() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    // Bob's entries are found under every tag there is.
    machine.alter("UPDATE credential SET user = 'bob'");
    let tag: i64 = Connection::open(machine.store())
        .unwrap()
        .query_row("SELECT tag FROM credential", [], |row| row.get(0))
        .unwrap();
    for step in [1, 256, 32_768] {
        machine.alter(&format!(
            "UPDATE credential SET tag = {}",
            (tag + step) % 65_536
        ));
        assert_eq!(machine.login("imap", "bob", &password), Code::AUTH_ERR);
    }
}

#[test]
fn two_entries_forced_onto_one_tag_both_work() {
    let machine = Machine::new();
    let phone = machine.create("alice", "phone", &[]);
    // Entries whose tag is the phone's, one before and one after it in every order that there is.
    machine.create("alice", "older", &[]);
    machine.create("alice", "newer", &[]);
    machine.alter(
        "UPDATE credential SET tag = (SELECT tag FROM credential WHERE label = 'phone');
         UPDATE credential SET id = id + 100 WHERE label = 'phone'",
    );
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
    machine.alter("UPDATE credential SET id = id - 200 WHERE label = 'phone'");
    assert_eq!(machine.login("imap", "alice", &phone), Code::SUCCESS);
}

#[test]
fn twenty_five_passwords_of_one_user_all_work() {
    let machine = Machine::new();
    let passwords: Vec<String> = (1..=25)
        .map(|number| machine.create("alice", &format!("number {number}"), &[]))
        .collect();
    for password in &passwords {
        assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
    }
}

#[test]
fn what_is_accepted_is_what_check_says() {
    let machine = Machine::new();
    let password = machine.create(
        "alice",
        "phone",
        &["--service", "imap", "--from", "192.0.2.0/24"],
    );
    for (service, from) in [
        ("imap", "192.0.2.7"),
        ("smtp", "192.0.2.7"),
        ("imap", "198.51.100.7"),
    ] {
        let accepted = machine.login_from(from, service, "alice", &password) == Code::SUCCESS;
        let input = format!("{}\n", password.to_uppercase());
        let check = ["check", "alice", "--service", service, "--from", from];
        let ran = machine.tool_reading(input.as_bytes(), &check);
        assert_eq!(
            ran.status,
            Some(if accepted { 0 } else { 1 }),
            "{service} {from} {ran:?}"
        );
    }
}

fn labels(list: &Json) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["label"].as_str().unwrap())
        .collect()
}

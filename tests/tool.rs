//! The tool: what it accepts and refuses, its exit codes, its streams, its JSON, its questions.
//!
//! Every refusal is one line of error, perhaps one of hint, the right exit code, and an unchanged store.
//! `cli/*.md` are transcripts of it; each has a machine of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be
#![allow(clippy::disallowed_methods)] // whether a stamp is of now can only be told by the clock

mod support;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value as Json, json};
use support::machine::{contains, install, run, set_mode};
use support::private_mounts::{PrivateMounts, USERS_CANNOT_BE_ASKED_ABOUT};
use support::terminal::{CTRL_BACKSLASH, CTRL_C, CTRL_D, answer_on_a_terminal};
use support::{Code, Machine, Ran, TOOL, WRONG, cannot_run};

// -- transcripts

#[test]
fn transcripts() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = fs::read_dir(manifest.join("tests/cli"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.push(manifest.join("README.md"));
    files.sort();
    for file in files {
        let machine = Machine::new().inside(PrivateMounts::new(SURROUNDINGS));
        let transcript = machine.path(file.file_name().unwrap().to_str().unwrap());
        fs::write(
            &transcript,
            transcript_in(&fs::read_to_string(&file).unwrap()),
        )
        .unwrap();
        trycmd::TestCases::new()
            .register_bin("app-passwd", configured_tool(&machine))
            .register_bin("sleep", PathBuf::from("/bin/sleep"))
            .case(transcript);
    }
}

/// What transcripts expect: a mail server's services and sshd, stacks that are not in force yet, no helper, and a
/// directory to work in.
const SURROUNDINGS: &str = concat!(
    r#"
    mount -t tmpfs -o mode=0755 tmpfs /run
    mount -t tmpfs -o mode=0755 tmpfs /etc/pam.d
    cd /etc/pam.d
    touch imap smtp sshd
    mkdir new good bad
    module=/etc/pam.d/new/pam_app_passwd.so
    printf 'pam_app_passwd-"#,
    env!("CARGO_PKG_VERSION"),
    r#"' >$module
    printf '%s\n' "auth required $module" 'account required pam_unix.so' > good/imap
    printf '%s\n' "auth optional $module nullok" 'auth required pam_permit.so' > bad/imap
    mount -t tmpfs -o mode=0700 tmpfs /mnt
    cd /mnt
    cp '"#,
    env!("CARGO_MANIFEST_DIR"),
    r#"'/tests/cli/files/* .
    chmod 0600 *
"#
);

/// The tool as a transcript calls it: with nothing but a verb, on a machine of its own.
fn configured_tool(machine: &Machine) -> PathBuf {
    let command = machine.tool_command(&[]);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
    let (script, path) = (machine.path("script"), machine.path("app-passwd"));
    let text = format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "));
    fs::write(&script, text).unwrap();
    install(&script, &path);
    path
}

/// The blocks marked `console`. They show passwords, dates and times as they look; any other will do.
fn transcript_in(text: &str) -> String {
    let blocks = text
        .split("```console\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    blocks
        .map(|block| format!("```console\n{}```\n", with_wildcards(block)))
        .collect()
}

fn with_wildcards(block: &str) -> String {
    let line = |line: &str| match line.starts_with('$') {
        true => line.to_owned() + "\n",
        false => line.split(' ').map(wildcard).collect::<Vec<_>>().join(" ") + "\n",
    };
    block.lines().map(line).collect()
}

fn wildcard(word: &str) -> &str {
    let shape: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let is_password = word.len() == 29 && word.split('-').all(|group| group.len() == 4);
    let is_time = ["0000-00-00", "00:00", "00:00."].contains(&shape.as_str());
    if is_password || is_time { "[..]" } else { word }
}

// -- refusals

/// Runs the tool, which has to refuse and to leave the store alone; returns what it said.
#[track_caller]
fn refused(machine: &Machine, status: i32, arguments: &[&str]) -> String {
    let before = machine.dump();
    let said = machine.tool(arguments).refuses(status);
    assert_eq!(machine.dump(), before, "{arguments:?} changed the store");
    let with_json = [&["--json"], arguments].concat();
    assert_eq!(
        machine.tool(&with_json).refuses(status),
        said,
        "the same refusal with --json"
    );
    assert_eq!(machine.dump(), before, "{arguments:?} changed the store");
    said
}

#[test]
fn malformed_usage_is_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let usages: [&[&str]; 15] = [
        &[],
        &["crate"],
        &["create"],
        &["create", "alice"],
        &["create", "--label", "phone"],
        &["create", "alice", "--label"],
        &["create", "alice", "--label", "a", "--label", "b"],
        &["create", "alice", "--label", "a", "--colour", "blue"],
        &["create", "alice", "bob", "--label", "a"],
        &["list", "alice", "bob"],
        &["show", "alice"],
        &["revoke", "alice"],
        &["revoke", "alice", "phone", "--all", "--yes"],
        &["check"],
        &["log", "alice", "bob"],
    ];
    for arguments in usages {
        refused(&machine, 2, arguments);
    }
}

#[test]
fn malformed_labels_are_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let long = "x".repeat(65);
    let labels = [
        "",
        " ",
        "\t",
        "12",
        "007",
        &long,
        "a\nb",
        "a\tb",
        "\u{1b}[31m",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{9b}b",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{200f}b",
        "a\u{61c}b",
    ];
    for label in labels {
        let said = refused(&machine, 2, &["create", "alice", "--label", label]);
        assert!(
            said.chars().all(|c| c == '\n' || !c.is_control()),
            "{said:?} is not escaped"
        );
    }
}

#[test]
fn labels_are_trimmed_and_up_to_sixty_four_characters_of_any_script() {
    let machine = Machine::new();
    let (long, wide) = ("x".repeat(64), "é".repeat(64));
    let labels = [
        ("phone", "phone"),
        ("  my phone ", "my phone"),
        ("1 phone", "1 phone"),
        ("手机", "手机"),
        (&long, &long),
        (&wide, &wide),
        ("-", "-"),
        ("a \"b\" 'c' \\", "a \"b\" 'c' \\"),
        ("x", "x"),
    ];
    for (given, kept) in labels {
        let option = format!("--label={given}");
        machine.tool(&["create", "alice", &option]).succeeds();
        assert_eq!(machine.show("alice", kept)["label"], kept);
    }
}

#[test]
fn malformed_users_are_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let long = "x".repeat(256);
    for user in [
        "",
        "al:ice",
        "../alice",
        "al\nice",
        "al\u{1b}ice",
        "al\u{85}ice",
        &long,
    ] {
        refused(&machine, 2, &["create", user, "--label", "tablet"]);
    }
    refused(
        &machine,
        2,
        &["create", "--label", "tablet", "--", "-alice"],
    );
}

#[test]
fn users_are_kept_as_they_are_given() {
    let machine = Machine::new();
    let long = "x".repeat(255);
    for user in [
        "alice",
        "alice@example.org",
        "a",
        "Alice",
        "al ice",
        "älice",
        &long,
    ] {
        let password = machine.create(user, "phone", &[]);
        assert_eq!(
            machine.login("imap", user, password),
            Code::SUCCESS,
            "{user}"
        );
        assert_eq!(machine.show(user, "phone")["user"], user);
    }
}

#[test]
fn capitals_in_the_name_of_a_virtual_user_are_worth_a_warning() {
    let machine = Machine::new();
    let ran = machine.tool(&["create", "Alice@example.org", "--label", "phone"]);
    assert!(ran.stderr.to_lowercase().contains("warning"), "{ran:?}");
    let ran = machine.tool(&["create", "alice@example.org", "--label", "phone"]);
    assert!(
        !ran.stderr.to_lowercase().contains("warning: capital"),
        "{ran:?}"
    );
}

#[test]
fn a_user_that_the_system_does_not_know_is_refused_unless_users_are_virtual() {
    let machine = Machine::new();
    let config = fs::read_to_string(machine.config()).unwrap();
    machine.write_config(&config.replace("virtual_users = true", "virtual_users = false"));
    let said = refused(&machine, 4, &["create", "no-such-user", "--label", "phone"]);
    assert!(said.contains("--virtual"), "{said}");
    machine.create("no-such-user", "phone", &["--virtual"]);
    machine.create("root", "phone", &[]);
    // The other verbs take any name.
    machine.tool(&["show", "no-such-user", "phone"]).succeeds();
    machine.tool(&["list", "nobody-at-all"]).succeeds();
    refused(&machine, 3, &["show", "nobody-at-all", "phone"]);
    machine
        .tool(&["revoke", "no-such-user", "phone"])
        .succeeds();
}

#[test]
fn whether_a_user_is_virtual_is_never_guessed_from_a_system_that_cannot_be_asked() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new().inside(PrivateMounts::new(USERS_CANNOT_BE_ASKED_ABOUT));
    let create = ["create", "alice", "--label", "phone", "--virtual"];
    let said = machine.tool(&create).refuses(5);
    assert!(
        said.contains("cannot ask the system for user alice"),
        "{said}"
    );
    let list = ["create", "--from-list", "-", "--virtual"];
    let line = br#"{"user":"alice","label":"phone"}"#;
    machine.tool_reading(line, &list).refuses(5);
    machine.create("root", "phone", &["--virtual"]);
}

#[test]
fn malformed_networks_are_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let networks = [
        "",
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/-1",
        "2001:db8::/129",
        "192.0.2.0/255.255.255.0",
        "192.0.2.007",
        "192.0.2.0 /24",
        "fe80::1%eth0",
        "any",
        "192.0.2.1,192.0.2.2",
    ];
    for network in networks {
        refused(
            &machine,
            2,
            &["create", "alice", "--label", "tablet", "--from", network],
        );
    }
}

#[test]
fn a_network_with_host_bits_is_refused_with_the_right_one_as_hint() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for (given, right) in [
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("2001:db8::7/32", "2001:db8::/32"),
    ] {
        let said = refused(
            &machine,
            2,
            &["create", "alice", "--label", "tablet", "--from", given],
        );
        let hint = said
            .lines()
            .find(|line| line.starts_with("hint: "))
            .unwrap();
        assert!(hint.contains(right), "{said}");
    }
}

#[test]
fn networks_are_kept_in_their_canonical_form() {
    let machine = Machine::new();
    let table = [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("2001:DB8:0::7", "2001:db8::7/128"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ];
    for (number, (given, kept)) in table.iter().enumerate() {
        let label = format!("number {number}");
        machine.create("alice", &label, &["--from", given]);
        assert_eq!(machine.show("alice", &label)["networks"], json!([kept]));
    }
}

#[test]
fn a_network_is_kept_once_however_often_and_however_it_is_given() {
    let machine = Machine::new();
    let given = [
        "192.0.2.7",
        "192.0.2.7/32",
        "::ffff:192.0.2.7",
        "2001:db8::/32",
    ];
    let options = given.map(|network| ["--from", network]).concat();
    machine.create("alice", "phone", &options);
    let line = json!({ "user": "alice", "label": "tablet", "networks": given }).to_string();
    let list = ["create", "--from-list", "-"];
    machine.tool_reading(line.as_bytes(), &list).succeeds();
    machine.create("alice", "watch", &[]);
    let edit = [&["edit", "alice", "watch"][..], &options].concat();
    machine.tool(&edit).succeeds();
    let export = machine.tool(&["export", "--with-key"]).succeeds();
    let twice = export.replace("[\"192.0.2.7/32\",", "[\"192.0.2.7/32\",\"192.0.2.7\",");
    assert_ne!(twice, export);
    let other = Machine::new();
    let import = ["import", "-", "--with-key"];
    other.tool_reading(twice.as_bytes(), &import).succeeds();
    for (machine, label) in [
        (&machine, "phone"),
        (&machine, "tablet"),
        (&machine, "watch"),
        (&other, "phone"),
    ] {
        let networks = &machine.show("alice", label)["networks"];
        assert_eq!(
            *networks,
            json!(["192.0.2.7/32", "2001:db8::/32"]),
            "{label}"
        );
    }
}

#[test]
fn malformed_and_past_times_are_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let times = [
        "",
        "0",
        "0s",
        "0d",
        "90",
        "d",
        "-1d",
        "1y",
        "1M",
        "1 d",
        "90D",
        "tomorrow",
        "never",
        "2990-07-01T12:00[Europe/Berlin]",
        "2020-01-01",
        "2020-01-01T00:00:00Z",
        "2999-13-01",
        "2999-02-30",
        "2999-01-01T25:00:00Z",
        "2999-1-1",
        "99999999999999999999d",
        "1.5d",
    ];
    for time in times {
        let option = format!("--expires={time}");
        refused(
            &machine,
            2,
            &["create", "alice", "--label", "tablet", &option],
        );
    }
}

#[test]
fn times_are_spans_dates_and_moments() {
    let machine = Machine::new();
    let spans = [
        ("90s", 90),
        ("5m", 300),
        ("2h", 7_200),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("1d12h", 129_600),
    ];
    for (span, seconds) in spans {
        machine.create("alice", span, &["--expires", span]);
        let entry = machine.show("alice", span);
        let [created, expires] =
            ["created", "expires"].map(|field| moment(&entry[field]).as_second());
        assert_eq!(expires - created, seconds, "{span}");
    }
    // RFC 3339 keeps its moment; without an offset it is local time, and a date is its end there.
    for (given, utc) in [
        ("2990-07-01T12:00:00Z", "2990-07-01T12:00:00Z"),
        ("2990-07-01T12:00:00+02:00", "2990-07-01T10:00:00Z"),
    ] {
        machine.create("alice", given, &["--expires", given]);
        assert_eq!(machine.show("alice", given)["expires"], utc);
    }
}

#[test]
fn dates_and_times_without_an_offset_are_local() {
    let machine = Machine::new();
    for (zone, date, time) in [
        (
            "UTC0",
            ["2990-07-01T23:59:59Z", "2990-07-02T00:00:00Z"],
            "2990-07-01T12:00:00Z",
        ),
        (
            "XYZ-5:45",
            ["2990-07-01T18:14:59Z", "2990-07-01T18:15:00Z"],
            "2990-07-01T06:15:00Z",
        ),
    ] {
        let expires = |when: &str| {
            let mut create = machine.tool_command(&[
                "create",
                "alice",
                "--label",
                "x",
                "--json",
                "--expires",
                when,
            ]);
            create.env("TZ", zone);
            let entry = run(create, b"").json();
            machine.tool(&["revoke", "alice", "x"]).succeeds();
            entry["expires"].as_str().unwrap().to_owned()
        };
        let end = expires("2990-07-01");
        assert!(
            date.contains(&end.as_str()),
            "{zone}: a date is its end: {end}"
        );
        assert_eq!(expires("2990-07-01T12:00:00"), time, "{zone}");
    }
}

#[test]
fn malformed_services_are_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for service in ["", "im ap", "im/ap", "im\nap", "im,ap", "\u{1b}imap"] {
        refused(
            &machine,
            2,
            &["create", "alice", "--label", "tablet", "--service", service],
        );
    }
}

#[test]
fn a_service_that_is_neither_a_group_nor_a_file_is_worth_a_warning() {
    let machine = Machine::new();
    let ran = machine.tool(&[
        "create",
        "alice",
        "--label",
        "phone",
        "--service",
        "no-such-service",
    ]);
    assert!(ran.stderr.contains("no-such-service"), "{ran:?}");
    let ran = machine.tool(&["create", "alice", "--label", "tablet", "--service", "mail"]);
    assert!(!ran.stderr.to_lowercase().contains("warning"), "{ran:?}");
}

#[test]
fn a_second_live_entry_with_the_same_label_is_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    refused(&machine, 4, &["create", "alice", "--label", "phone"]);
    refused(&machine, 4, &["create", "alice", "--label", " phone "]);
    machine.create("bob", "phone", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine.create("alice", "phone", &[]);
}

#[test]
fn more_live_entries_than_the_limit_are_refused() {
    let machine = Machine::configured("policy.max_per_user = 2");
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    let said = refused(&machine, 4, &["create", "alice", "--label", "watch"]);
    assert!(said.contains('2'), "{said}");
    machine.create("bob", "watch", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine.create("alice", "watch", &[]);
}

#[test]
fn an_entry_that_is_not_there_is_refused() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("bob", "tablet", &[]);
    for entry in [
        "tablet",
        "99",
        "2",
        "Phone",
        "phon",
        "-1",
        "0",
        "1e0",
        "99999999999999999999",
    ] {
        refused(&machine, 3, &["show", "alice", "--", entry]);
        refused(&machine, 3, &["revoke", "alice", "--", entry]);
        refused(&machine, 3, &["revoke", "alice", "--", "phone", entry]);
    }
    refused(&machine, 3, &["show", "carol", "phone"]);
}

#[test]
fn a_command_line_in_a_hint_can_be_copied_whatever_the_user_is_called() {
    let machine = Machine::new();
    for user in ["alice", "alice liddell", "o'hara", "$(reboot)"] {
        machine.create(user, "phone", &[]);
        let said = refused(&machine, 4, &["create", user, "--label", "phone"]);
        let (_, line) = said.split_once("revoke it: app-passwd ").unwrap();
        let mut shell = machine.command("sh".as_ref());
        let line = format!("\"$0\" --config \"$1\" {}", line.trim_end());
        shell.args(["-c", &line, TOOL]).arg(machine.config());
        run(shell, b"").succeeds();
        assert_eq!(machine.show(user, "phone")["status"], "revoked", "{said}");
    }
}

#[test]
fn a_configuration_that_says_what_it_must_not_is_refused_with_line_and_column() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let good = fs::read_to_string(machine.config()).unwrap();
    let state = good.lines().next().unwrap();
    let mistakes = [
        "colour = \"blue\"",
        "[polcy]\nmax_per_user = 1",
        "[policy]\nmax_per_users = 1",
        "[policy]\nmax_per_user = \"1\"",
        "[policy]\nmax_per_user = -1",
        "[policy]\nmax_lifetime = \"90\"",
        "[policy]\nmax_lifetime = 90",
        "[policy]\non_password_change = \"forget\"",
        "[policy]\nvirtual_users = \"yes\"",
        "[policy]\ndefault_services = \"mail\"",
        "[hash]\nmemory_kib = 65537",
        "[hash]\npasses = 17",
        "[hash]\nlanes = 5",
        "[hash]\npasses = 0",
        "[services]\nmail = \"imap\"",
        "[on_revoke]\nrun = [\"doveadm\"]",
        "[policy",
        "[policy]\nmax_per_user = 1\nmax_per_user = 2",
    ];
    for mistake in mistakes {
        machine.write_config(&format!("{state}\n{mistake}\n"));
        let said = machine.tool(&["list"]).refuses(5);
        let place = said
            .split(&format!("{}:", machine.config().display()))
            .nth(1)
            .unwrap_or_default();
        let numbers: Vec<&str> = place.splitn(3, ':').take(2).collect();
        assert!(
            numbers.iter().all(|number| number.parse::<u32>().is_ok()),
            "{mistake}: {said}"
        );
        assert_eq!(
            machine.login("imap", "alice", WRONG),
            Code::AUTHINFO_UNAVAIL,
            "{mistake}"
        );
    }
    machine.write_config("state_dir = \"relative\"\n");
    machine.tool(&["list"]).refuses(5);
}

#[test]
fn without_a_configuration_the_defaults_hold() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new().inside(PrivateMounts::new(
        "mount -t tmpfs -o mode=755 tmpfs /var/lib",
    ));
    fs::remove_file(machine.config()).unwrap();
    assert_eq!(machine.tool(&["list", "--json"]).succeeds().trim(), "[]");
    let password = machine.create("root", "phone", &[]);
    assert_eq!(
        machine
            .client("imap", "root")
            .password(&password)
            .authenticate(),
        Code::SUCCESS
    );
    let modes = machine
        .command("stat".as_ref())
        .args(["-c", "%n %a %U:%G", "/var/lib/app-passwd"])
        .output();
    assert_eq!(
        modes.unwrap().stdout,
        b"/var/lib/app-passwd 700 root:root\n"
    );
}

#[test]
fn state_is_made_for_root_only_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let machine = Machine::new();
        let create = machine.tool_command(&["create", "alice", "--label", "phone"]);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
        shell.arg(create.get_program()).args(create.get_args());
        let password = run(shell, b"").succeeds();
        assert_eq!(
            machine.login("imap", "alice", password.trim_end()),
            Code::SUCCESS,
            "umask {umask}"
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&machine.state()), 0o700, "umask {umask}");
        for file in fs::read_dir(machine.state()).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600, "umask {umask}");
        }
    }
}

#[test]
fn who_is_not_root_is_not_permitted() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    set_mode(&machine.path(""), 0o755);
    // The clone may lie where nobody can go.
    let tool = machine.path("tool");
    install(TOOL.as_ref(), &tool);
    let export = machine.path("export");
    fs::write(&export, machine.tool(&["export"]).succeeds()).unwrap();
    let before = machine.dump();
    for arguments in [
        &["list"][..],
        &["create", "alice", "--label", "tablet"],
        &["revoke", "alice", "phone"],
        &["edit", "alice", "phone", "--label", "tablet"],
        &["disable", "alice", "phone"],
        &["enable", "alice", "phone"],
        &["rotate", "alice", "phone"],
        &["check", "alice"],
        &["log"],
        &["prune", "--yes"],
        &["status"],
        &["doctor"],
        &["backup", "/tmp/no-backup"],
        &["restore", "/etc/passwd", "--yes"],
        &["export"],
        &["import", export.to_str().unwrap()],
        &["create", "--from-list", "/dev/null"],
    ] {
        let mut command = std::process::Command::new(&tool);
        command
            .arg("--config")
            .arg(machine.config())
            .args(arguments)
            .uid(65_534)
            .gid(65_534);
        let said = run(command, WRONG.as_bytes()).refuses(5);
        assert!(said.contains("root"), "{said}");
    }
    assert_eq!(machine.dump(), before);
}

// -- streams and JSON

#[test]
fn the_secret_goes_alone_to_standard_output() {
    let machine = Machine::new();
    let ran = machine.tool(&["create", "alice", "--label", "phone"]);
    let groups: Vec<&str> = ran.stdout.strip_suffix('\n').unwrap().split('-').collect();
    assert_eq!(groups.len(), 6);
    let letters =
        |group: &&str| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_lowercase());
    assert!(groups.iter().all(letters), "{groups:?}");
    assert!(
        !ran.stderr.is_empty() && !ran.stderr.contains(groups[0]),
        "{ran:?}"
    );
}

#[test]
fn create_says_an_entry_with_its_password_as_json() {
    let machine = Machine::new();
    let options = [
        "--service",
        "imap",
        "--service",
        "mail",
        "--from",
        "192.0.2.7",
        "--expires",
        "2990-01-01T00:00:00Z",
    ];
    let ran = machine.tool(
        &[
            &["create", "alice", "--label", "phone", "--json"],
            &options[..],
        ]
        .concat(),
    );
    let mut entry = ran.json();
    let password = entry["password"].as_str().unwrap().to_owned();
    assert_eq!(
        machine.login_from("192.0.2.7", "imap", "alice", &password),
        Code::SUCCESS
    );
    assert_eq!((password.len(), password.matches('-').count()), (29, 5));
    let (created, by) = (entry["created"].take(), entry["created_by"].take());
    assert!(
        created.as_str().unwrap().ends_with('Z') && created.as_str().unwrap().len() == 20,
        "{created}"
    );
    assert!((jiff::Timestamp::now().as_second() - moment(&created).as_second()).abs() < 60);
    assert!(!by.as_str().unwrap().is_empty());
    let expected = json!({
        "id": 1, "user": "alice", "label": "phone", "services": ["imap", "mail"], "networks": ["192.0.2.7/32"],
        "created": null, "created_by": null, "expires": "2990-01-01T00:00:00Z", "status": "active",
        "revoked": null, "replaces": null, "replaced_by": null, "last_used": null, "last_refused": null,
        "password": password,
    });
    assert_eq!(entry, expected);
}

#[test]
fn show_says_an_entry_without_its_password_as_json() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let by_label = machine.show("alice", "phone");
    assert_eq!(by_label, machine.show("alice", "1"));
    let fields: Vec<&String> = by_label.as_object().unwrap().keys().collect();
    assert_eq!(fields.len(), 14, "{fields:?}");
    assert_eq!(by_label["services"], json!(["mail"]));
    assert_eq!(by_label["networks"], json!([]));
    assert_eq!(by_label["expires"], Json::Null);
}

#[test]
fn a_use_and_a_refusal_are_objects_in_json() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.login_from("192.0.2.7", "imap", "alice", &password);
    machine.login("sshd", "alice", &password);
    let mut entry = machine.show("alice", "phone");
    for field in ["last_used", "last_refused"] {
        let at = entry[field]["at"].take();
        assert!((jiff::Timestamp::now().as_second() - moment(&at).as_second()).abs() < 60);
    }
    let used = json!({ "at": null, "service": "imap", "from": "192.0.2.7", "count": 1 });
    assert_eq!(entry["last_used"], used);
    let refused =
        json!({ "at": null, "service": "sshd", "from": null, "reason": "protected", "count": 1 });
    assert_eq!(entry["last_refused"], refused);
}

#[test]
fn list_says_live_entries_and_with_all_the_revoked_too() {
    let machine = Machine::new();
    for (user, label) in [("alice", "phone"), ("bob", "phone"), ("alice", "tablet")] {
        machine.create(user, label, &[]);
    }
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    let ids = |arguments: &[&str]| {
        let list = machine
            .tool(&[&["list", "--json"], arguments].concat())
            .json();
        let mut ids: Vec<i64> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["id"].as_i64().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&[]), [2, 3]);
    assert_eq!(ids(&["--all"]), [1, 2, 3]);
    assert_eq!(ids(&["alice"]), [3]);
    assert_eq!(ids(&["alice", "--all"]), [1, 3]);
    assert_eq!(ids(&["carol"]), [0; 0]);
    let table = machine.tool(&["list"]).succeeds();
    assert!(table.contains("tablet") && table.contains("bob"), "{table}");
}

#[test]
fn what_other_people_typed_is_escaped_before_it_reaches_a_terminal() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let rhost = "\u{1b}]0;owned\u{7}\u{202e}";
    machine.login_from(rhost, "imap", "alice", &password);
    machine.login_from(rhost, "sshd", "alice", &password);
    for arguments in [&["list"][..], &["show", "alice", "phone"]] {
        let text = machine.tool(arguments).succeeds();
        assert!(
            !text
                .chars()
                .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{text:?}"
        );
    }
    // JSON carries it as it is, or escaped: but never raw control characters.
    let json = machine
        .tool(&["show", "alice", "phone", "--json"])
        .succeeds();
    assert!(!json.contains('\u{1b}'), "{json:?}");
}

#[test]
fn json_and_config_stand_before_or_after_the_verb() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let config = machine.config().display().to_string();
    let orders: [&[&str]; 5] = [
        &["--json", "--config", &config, "list", "alice"],
        &["--config", &config, "--json", "list", "alice"],
        &["--json", "list", "--config", &config, "alice"],
        &["list", "alice", "--json", "--config", &config],
        &["list", "--json", &format!("--config={config}"), "alice"],
    ];
    for arguments in orders {
        let mut command = std::process::Command::new(TOOL);
        command.args(arguments);
        assert_eq!(
            run(command, b"").json()[0]["label"],
            "phone",
            "{arguments:?}"
        );
    }
}

#[test]
fn help_and_version_need_no_configuration_and_no_store() {
    for arguments in [&["--help"][..], &["--version"], &["create", "--help"]] {
        let mut command = std::process::Command::new(TOOL);
        command.args(arguments);
        let ran = run(command, b"");
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        assert!(ran.stdout.contains("app-passwd"), "{arguments:?}");
    }
}

#[test]
fn a_secret_that_cannot_be_shown_is_revoked_at_once() {
    let machine = Machine::new();
    let (reader, closed_pipe) = std::io::pipe().unwrap();
    drop(reader);
    let outputs: [Stdio; 2] = [
        File::create("/dev/full").unwrap().into(),
        closed_pipe.into(),
    ];
    for (output, (label, options)) in outputs
        .into_iter()
        .zip([("phone", &[][..]), ("tablet", &["--json"])])
    {
        let arguments = [&["create", "alice", "--label", label], options].concat();
        let ran = machine
            .tool_command(&arguments)
            .stdout(output)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(1), "{label}");
        assert!(contains(&ran.stderr, "app-passwd: error: "), "{ran:?}");
    }
    let list = machine.tool(&["list", "alice", "--all", "--json"]).json();
    for entry in list.as_array().unwrap() {
        assert_eq!(entry["status"], "revoked");
        assert_eq!(entry["revoked"]["why"], "not shown");
    }
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[test]
fn a_list_that_cannot_be_shown_is_a_failure() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", "alice", "phone"],
        &["log"],
        &["prune", "--dry-run", "--json"],
    ] {
        let full = File::create("/dev/full").unwrap();
        let ran = machine
            .tool_command(arguments)
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(1), "{arguments:?} {ran:?}");
    }
}

// -- revoke

#[test]
fn revoke_takes_ids_and_labels_and_says_the_entries_as_json() {
    let machine = Machine::new();
    for label in ["phone", "tablet", "watch"] {
        machine.create("alice", label, &[]);
    }
    let revoked = machine
        .tool(&["revoke", "alice", "1", "tablet", "--json"])
        .json();
    let said: Vec<_> = revoked
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (&entry["label"], &entry["status"]))
        .collect();
    assert_eq!(
        said,
        [
            (&json!("phone"), &json!("revoked")),
            (&json!("tablet"), &json!("revoked"))
        ]
    );
    assert_eq!(revoked[0]["revoked"]["why"], "by hand");
    assert_eq!(revoked[0]["revoked"]["by"], revoked[0]["created_by"]);
    moment(&revoked[0]["revoked"]["at"]);
    assert_eq!(machine.show("alice", "watch")["status"], "active");
}

#[test]
fn revoke_of_several_is_all_or_nothing() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("bob", "tablet", &[]);
    refused(&machine, 3, &["revoke", "alice", "phone", "tablet"]);
    refused(&machine, 3, &["revoke", "alice", "1", "2"]);
    assert_eq!(machine.show("alice", "phone")["status"], "active");
}

#[test]
fn revoking_a_revoked_id_again_is_done_already() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.tool(&["revoke", "alice", "1"]).succeeds();
    let before = machine.dump();
    machine.tool(&["revoke", "alice", "1"]).succeeds();
    assert_eq!(machine.dump(), before);
}

#[test]
fn revoke_all_without_a_terminal_and_without_yes_does_nothing() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let said = refused(&machine, 2, &["revoke", "alice", "--all"]);
    assert!(said.contains("--yes"), "{said}");
    for answer in ["y\n", "yes\n"] {
        machine
            .tool_reading(answer.as_bytes(), &["revoke", "alice", "--all"])
            .refuses(2);
    }
    assert_eq!(machine.show("alice", "phone")["status"], "active");
}

#[test]
fn revoke_all_of_nobody_is_done() {
    let machine = Machine::new();
    machine.create("bob", "phone", &[]);
    let before = machine.dump();
    machine
        .tool(&["revoke", "alice", "--all", "--yes"])
        .succeeds();
    assert_eq!(
        machine
            .tool(&["revoke", "alice", "--all", "--yes", "--json"])
            .json(),
        json!([])
    );
    assert_eq!(machine.dump(), before);
}

#[test]
fn revoke_all_asks_on_the_terminal_and_takes_no_for_the_default() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let table = [
        ("y\n", Some(0), 0),
        ("yes\n", Some(0), 0),
        ("n\n", Some(2), 2),
        ("\n", Some(2), 2),
        ("what?\n", Some(2), 2),
        (CTRL_D, Some(2), 2),
    ];
    for (answer, status, left) in table {
        let machine = Machine::new();
        machine.create("alice", "phone", &[]);
        machine.create("alice", "tablet", &[]);
        let ran = answer_on_a_terminal(
            machine.tool_command(&["revoke", "alice", "--all"]),
            "?",
            answer,
        );
        assert!(
            ran.stdout.contains('2'),
            "the question names the count: {}",
            ran.stdout
        );
        assert_eq!(ran.status, status, "{answer:?} {ran:?}");
        assert_eq!(live(&machine), left, "{answer:?}");
    }
}

#[test]
fn an_interrupted_question_does_nothing() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let ran = answer_on_a_terminal(
        machine.tool_command(&["revoke", "alice", "--all"]),
        "?",
        CTRL_C,
    );
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert_eq!(live(&machine), 1);
}

#[test]
fn what_is_said_after_a_question_has_a_line_of_its_own() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    for (arguments, question, answer) in [
        (&["revoke", "alice", "--all"][..], "[y/N] ", "n\n"),
        (&["revoke", "alice", "--all"], "[y/N] ", CTRL_C),
        (&["revoke", "alice", "--all"], "[y/N] ", CTRL_BACKSLASH),
        (&["revoke", "alice", "--all"], "[y/N] ", CTRL_D),
        (&["check", "alice"], "App password: ", CTRL_C),
        (&["check", "alice"], "App password: ", CTRL_BACKSLASH),
        (&["check", "alice"], "App password: ", CTRL_D),
        (
            &["check", "alice"],
            "App password: ",
            &format!("{password}{CTRL_C}"),
        ),
    ] {
        let ran = answer_on_a_terminal(machine.tool_command(arguments), question, answer);
        assert_eq!(ran.status, Some(2), "{answer:?} {ran:?}");
        let said: Vec<&str> = ran.stdout.lines().collect();
        let [asked, error] = said[..] else {
            panic!("{answer:?} {ran:?}");
        };
        assert!(asked.contains(question), "{answer:?} {ran:?}");
        assert!(!asked.contains(&password), "{answer:?} {ran:?}");
        assert_eq!(error, "app-passwd: error: cancelled; nothing was changed");
    }
    assert_eq!(live(&machine), 1);
}

#[test]
fn a_terminal_is_as_it_was_after_a_question_however_that_ended() {
    if cannot_run(&["setsid", "stty"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let check = machine.tool_command(&["check", "alice"]);
    let check: Vec<_> = check
        .get_args()
        .map(|word| word.to_str().unwrap())
        .collect();
    for answer in ["hunter2\n", CTRL_C, CTRL_BACKSLASH, CTRL_D] {
        let mut shell = machine.command("sh".as_ref());
        let script = r#"stty -g; "$0" "$@"; stty -g"#;
        shell.args(["-c", script, TOOL]).args(&check);
        let ran = answer_on_a_terminal(shell, "App password: ", answer);
        let said: Vec<&str> = ran.stdout.lines().collect();
        assert!(
            said.len() > 2 && said.first() == said.last(),
            "{answer:?} {ran:?}"
        );
    }
}

fn live(machine: &Machine) -> usize {
    machine
        .tool(&["list", "alice", "--json"])
        .json()
        .as_array()
        .unwrap()
        .len()
}

// -- check

fn check(machine: &Machine, password: &str, arguments: &[&str]) -> Ran {
    machine.tool_reading(
        format!("{password}\n").as_bytes(),
        &[&["check", "alice"], arguments].concat(),
    )
}

#[test]
fn check_says_which_entry_it_is_and_whether_it_is_accepted() {
    let machine = Machine::new();
    let password = machine.create(
        "alice",
        "phone",
        &["--service", "imap", "--from", "192.0.2.0/24"],
    );
    let (ok, no) = (Some(0), Some(1));
    // What is not given is not judged.
    let table: [(&[&str], _, _); 6] = [
        (&[], ok, Json::Null),
        (&["--service", "imap"], ok, Json::Null),
        (&["--from", "192.0.2.7"], ok, Json::Null),
        (&["--service", "smtp"], no, json!("service")),
        (&["--service", "sshd"], no, json!("protected")),
        (
            &["--service", "imap", "--from", "198.51.100.7"],
            no,
            json!("network"),
        ),
    ];
    for (arguments, status, reason) in table {
        assert_eq!(
            check(&machine, &password, arguments).status,
            status,
            "{arguments:?}"
        );
        let ran = check(&machine, &password, &[arguments, &["--json"]].concat());
        assert_eq!(ran.status, status, "{arguments:?}");
        let said: Json = serde_json::from_str(&ran.stdout).unwrap();
        let entry = machine.show("alice", "phone");
        assert_eq!(
            said,
            json!({ "accepted": reason.is_null(), "reason": reason, "entry": entry })
        );
    }
}

#[test]
fn check_says_unknown_of_what_opens_nothing() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for password in [WRONG, "hunter2", ""] {
        assert_eq!(
            check(&machine, password, &[]).status,
            Some(1),
            "{password:?}"
        );
        let ran = check(&machine, password, &["--json"]);
        assert_eq!(ran.status, Some(1));
        let said: Json = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            said,
            json!({ "accepted": false, "reason": "unknown", "entry": null })
        );
    }
}

#[test]
fn check_changes_nothing() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let before = machine.dump();
    for arguments in [&[][..], &["--service", "imap"], &["--service", "sshd"]] {
        check(&machine, &password, arguments);
    }
    assert_eq!(machine.dump(), before);
    let entry = machine.show("alice", "phone");
    assert_eq!(
        (&entry["last_used"], &entry["last_refused"]),
        (&Json::Null, &Json::Null)
    );
}

#[test]
fn check_reads_one_line_or_all_there_is() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    for input in [
        password.clone(),
        format!("{password}\n"),
        format!("{password}\r\n"),
        format!("{password}\nmore\n"),
    ] {
        assert_eq!(
            machine
                .tool_reading(input.as_bytes(), &["check", "alice"])
                .status,
            Some(0),
            "{input:?}"
        );
    }
}

#[test]
fn check_asks_on_the_terminal_without_showing_what_is_typed() {
    if cannot_run(&["setsid"]) {
        return;
    }
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let check = machine.tool_command(&["check", "alice"]);
    let ran = answer_on_a_terminal(check, ":", &format!("{password}\n"));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(!ran.stdout.contains(&password), "{}", ran.stdout);
}

// -- events

#[test]
fn every_change_has_its_event() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    machine
        .tool(&["revoke", "alice", "--all", "--yes"])
        .succeeds();
    let events = machine
        .dump()
        .lines()
        .filter(|line| line.starts_with("event "))
        .count();
    assert_eq!(events, 4);
}

fn moment(time: &Json) -> jiff::Timestamp {
    time.as_str().unwrap().parse().unwrap()
}

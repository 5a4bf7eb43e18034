//! No secret in any output but the one line of `create`: not on a stream, in the log, in a file, in an
//! argument or in the environment of a process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use support::auth_log::Logged;
use support::holder::{self, Scene};
use support::machine::contains;
use support::{Machine, Ran, WRONG, cannot_run, is_root};

/// A password in every form that it might be found in.
struct Planted(String);

impl Planted {
    #[track_caller]
    fn assert_not_in(&self, place: &str, bytes: &[u8]) {
        let plain = self.0.replace('-', "");
        let lower = bytes.to_ascii_lowercase();
        // Two groups are enough to be a leak.
        let forms = [
            self.0.clone(),
            plain.clone(),
            self.0[..9].to_owned(),
            plain[16..].to_owned(),
            hex(&plain),
        ];
        for form in forms {
            assert!(!contains(&lower, &form), "a secret is in {place}");
        }
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that programs have said so far.
struct Said<'a> {
    texts: Vec<(String, Vec<u8>)>,
    /// Read after each of them: a log that nobody reads is soon full.
    log: Option<&'a Logged>,
}

impl Said<'_> {
    fn note(&mut self, place: &str, ran: &Ran) {
        self.texts.push((
            place.to_owned(),
            format!("{}\n{}", ran.stdout, ran.stderr).into_bytes(),
        ));
        if let Some(log) = self.log {
            self.texts.push((
                format!("the log after {place}"),
                log.received().join("\n").into_bytes(),
            ));
        }
    }
}

const STACK: &str = "auth required APP_PASSWD debug\naccount required APP_PASSWD";

#[test]
fn a_whole_life_shows_a_secret_only_in_the_line_of_create() {
    let machine = Machine::new();
    machine.stack("imap", STACK);
    let mut said = Said {
        texts: Vec::new(),
        log: None,
    };
    let secrets = live(&machine, &mut said);
    assert_not_said(&machine, &said, &secrets);
}

#[test]
fn a_whole_life_shows_no_secret_in_the_log() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let logged = Logged::new("");
    logged.machine.stack("imap", STACK);
    let mut said = Said {
        texts: Vec::new(),
        log: Some(&logged),
    };
    let secrets = live(&logged.machine, &mut said);
    for words in [
        "accepted; ",
        "refused; ",
        "unknown; ",
        "not an app password",
    ] {
        let caught = said.texts.iter().any(|(_, text)| contains(text, words));
        assert!(caught, "no line in the log with {words:?}");
    }
    assert_not_said(&logged.machine, &said, &secrets);
}

/// Creates, uses, misuses and revokes passwords; notes all that is said but the lines of `create`.
fn live(machine: &Machine, said: &mut Said<'_>) -> Vec<Planted> {
    let create = machine.tool(&["create", "alice", "--label", "phone"]);
    let phone = create.stdout.trim().to_owned();
    said.note(
        "create, standard error",
        &Ran {
            stdout: String::new(),
            ..create
        },
    );
    let create = machine.tool(&[
        "create",
        "alice",
        "--label",
        "tablet",
        "--service",
        "any",
        "--json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&create.stdout).unwrap();
    let tablet = json["password"].as_str().unwrap().to_owned();
    said.note(
        "create --json, standard error",
        &Ran {
            stdout: String::new(),
            ..create
        },
    );

    let rotate = machine.tool(&["rotate", "alice", "tablet", "--overlap", "1h"]);
    let successor = rotate.stdout.trim().to_owned();
    said.note(
        "rotate, standard error",
        &Ran {
            stdout: String::new(),
            ..rotate
        },
    );

    let login = |service: &str, user: &str, password: &str| {
        let client = machine
            .client(service, user)
            .rhost("192.0.2.7")
            .password(password);
        client.run(&["authenticate", "acct_mgmt", "setcred"])
    };
    for password in [
        &phone,
        &tablet,
        &successor,
        &phone.to_uppercase(),
        &phone.replace('-', " "),
    ] {
        said.note("a login", &login("imap", "alice", password));
        said.note("a refused login", &login("sshd", "alice", password));
        said.note("a login of another user", &login("imap", "bob", password));
        // The password typed into the field for the name, and as a part of something longer.
        said.note(
            "a login with a password for a name",
            &login("imap", password, password),
        );
        said.note(
            "a login with too much",
            &login("imap", "alice", &format!("{password}x")),
        );
        let input = format!("{password}\n");
        for arguments in [
            &["check", "alice"][..],
            &["check", "alice", "--service", "sshd", "--json"],
            &["check", "bob"],
        ] {
            said.note("check", &machine.tool_reading(input.as_bytes(), arguments));
        }
    }
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", "alice", "phone"],
        &["edit", "alice", "phone", "--label", "old phone"],
        &["disable", "alice", "old phone"],
        &["enable", "alice", "old phone"],
        &["revoke", "alice", "old phone"],
    ] {
        said.note(arguments[0], &machine.tool(arguments));
    }
    said.note("a revoked login", &login("imap", "alice", &phone));
    fs::write(machine.config(), "colour = \"blue\"").unwrap();
    said.note(
        "a login without a configuration",
        &login("imap", "alice", &tablet),
    );
    said.note(
        "check without a configuration",
        &machine.tool_reading(tablet.as_bytes(), &["check", "alice"]),
    );
    [phone, tablet, successor].map(Planted).into()
}

fn assert_not_said(machine: &Machine, said: &Said<'_>, secrets: &[Planted]) {
    let files = fs::read_dir(machine.state())
        .unwrap()
        .map(|file| file.unwrap().path());
    let files: Vec<_> = files
        .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect();
    assert!(files.iter().any(|(name, _)| name.ends_with("store.db")));
    for (place, bytes) in said.texts.iter().chain(&files) {
        secrets
            .iter()
            .for_each(|secret| secret.assert_not_in(place, bytes));
    }
    if is_root() {
        assert!(files.iter().any(|(name, _)| name.ends_with("usage.db")));
    }
}

#[test]
fn a_secret_is_never_in_the_arguments_or_the_environment_of_a_process() {
    let machine = Machine::new();
    let secret = Planted(machine.create("alice", "phone", &[]));
    let check = machine.tool_command(&["check", "alice"]);
    let client = machine
        .client("imap", "alice")
        .option(&["authenticate"])
        .command;
    for mut command in [check, client] {
        let mut child = start(&mut command);
        let mut input = child.stdin.take().unwrap();
        // Without the end of the line and of the file it goes on waiting.
        input.write_all(secret.0.as_bytes()).unwrap();
        sleep(Duration::from_millis(100));
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
            secret.assert_not_in(file, &bytes);
        }
        drop(input);
        child.wait().unwrap();
    }
}

fn start(command: &mut Command) -> std::process::Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "an unoptimised build copies what it moves; the shipped one does not"
)]
fn no_copy_of_a_password_stays_in_the_memory_of_the_host() {
    let machine = Machine::new();
    let revoked = machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    // They are typed with dashes. Without them they are nobody's but the module's: this process must not
    // make such a copy itself, which is why the search goes letter by letter.
    for typed in [
        machine.create("alice", "phone", &[]),
        revoked,
        WRONG.to_owned(),
    ] {
        let mut pam = machine.pam("imap", "alice");
        pam.password(&typed).authenticate();
        assert!(
            !is_in_memory_without_dashes(typed.as_bytes()),
            "before pam_end"
        );
        drop(pam);
        assert!(
            !is_in_memory_without_dashes(typed.as_bytes()),
            "after pam_end"
        );
    }
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "an unoptimised build copies what it moves; the shipped one does not"
)]
fn no_copy_of_what_an_account_holder_proves_or_gets_stays_in_the_memory_of_the_helper() {
    if cannot_run(&holder::NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    let proof = scene.machine.account_password("demo");
    let made = scene.proven("demo", "create --label phone").succeeds();
    let helper = scene.machine.shell("cat helper.pid");
    let process = format!("/proc/{}", helper.trim());
    let process = scene.machine.seen_from_here(&process);
    assert!(
        !is_in_memory(&process, |bytes| contains(bytes, &proof)),
        "the proof"
    );
    let made = made.trim().as_bytes();
    assert!(!is_in_memory(&process, |bytes| has_letters(bytes, made)));
    let whole = String::from_utf8(made.to_vec()).unwrap();
    assert!(!is_in_memory(&process, |bytes| contains(bytes, &whole)));
    // It is searched, and what stays there is found.
    assert!(is_in_memory(&process, |bytes| contains(
        bytes,
        "app-passwd.toml"
    )));
}

#[test]
fn the_search_of_the_memory_finds_what_is_there() {
    let typed = b"zzyy-xxww-vvuu-ttss-rrqq-ppoo";
    assert!(!is_in_memory_without_dashes(typed));
    let plain: Vec<u8> = typed.iter().copied().filter(|byte| *byte != b'-').collect();
    assert!(is_in_memory_without_dashes(typed));
    drop(std::hint::black_box(plain));
}

/// Whether the letters stand somewhere in what this process can write to.
fn is_in_memory_without_dashes(typed: &[u8]) -> bool {
    is_in_memory("/proc/self".as_ref(), |bytes| has_letters(bytes, typed))
}

/// Whether something is in a part of what a process can write to.
fn is_in_memory(process: &Path, is_in: impl Fn(&[u8]) -> bool) -> bool {
    let memory = fs::File::open(process.join("mem")).unwrap();
    let maps = fs::read_to_string(process.join("maps")).unwrap();
    maps.lines()
        .filter(|line| line.contains(" rw"))
        .any(|line| {
            let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let [start, end] =
                [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            // Another thread may just have given it back.
            memory.read_exact_at(&mut bytes, start).is_ok() && is_in(&bytes)
        })
}

fn has_letters(bytes: &[u8], typed: &[u8]) -> bool {
    let letters = || typed.iter().filter(|byte| **byte != b'-');
    let begins = |at: &usize| bytes[*at] == typed[0] && bytes[at + 1] == typed[1];
    (0..bytes.len().saturating_sub(24))
        .filter(begins)
        .any(|at| letters().eq(&bytes[at..at + 24]))
}

#[test]
fn two_passwords_are_never_alike_and_use_every_letter() {
    let machine = Machine::configured("policy.max_per_user = 0");
    let passwords: Vec<String> = (1..=40)
        .map(|n| machine.create("alice", &format!("number {n}"), &[]))
        .collect();
    let mut letters: Vec<char> = passwords.concat().chars().collect();
    letters.sort_unstable();
    letters.dedup();
    // 960 letters: that one of 26 is missing happens once in 10^15 times.
    assert_eq!(
        letters.iter().collect::<String>(),
        "-abcdefghijklmnopqrstuvwxyz"
    );
    let mut different = passwords.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), passwords.len());
}

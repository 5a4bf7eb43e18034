//! The module as a shared object: what it exports and needs, its arguments, its one prompt, and that
//! even a panic inside it leaves its host alive.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::machine::{cargo, profile_directory, target_directory};
use support::pam::{ECHO_OFF, Prompt};
use support::{Answer, Code, Machine, WRONG, cannot_run, module};

const ENTRY_POINTS: [&str; 6] = [
    "pam_sm_acct_mgmt",
    "pam_sm_authenticate",
    "pam_sm_chauthtok",
    "pam_sm_close_session",
    "pam_sm_open_session",
    "pam_sm_setcred",
];

#[test]
fn the_module_exports_the_six_entry_points_and_nothing_else() {
    if cannot_run(&["nm"]) {
        return;
    }
    let symbols = output(
        "nm",
        &["--dynamic", "--defined-only", "--format=posix"],
        &module(),
    );
    let mut names: Vec<&str> = symbols
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ENTRY_POINTS);
}

#[test]
fn the_module_needs_only_the_c_library_and_libpam() {
    if cannot_run(&["readelf"]) {
        return;
    }
    let dynamic = output("readelf", &["--dynamic", "--wide"], &module());
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let needed: Vec<&str> = needed
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    let known = ["libpam.so", "libc.so", "libm.so", "libgcc_s.so", "ld-linux"];
    for library in &needed {
        assert!(
            known.iter().any(|known| library.starts_with(known)),
            "{library} of {needed:?}"
        );
    }
}

#[test]
fn the_module_stays_mapped_after_pam_end() {
    if cannot_run(&["readelf"]) {
        return;
    }
    let dynamic = output("readelf", &["--dynamic", "--wide"], &module());
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn a_panic_in_any_entry_point_is_abort_and_the_host_lives_and_nothing_is_printed() {
    let machine = Machine::new();
    let panicking = module_that_panics();
    let lines = ["auth", "account", "session", "password"]
        .map(|kind| format!("{kind} required {panicking}"));
    machine.stack("imap", &lines.join("\n"));
    let operations = [
        "authenticate",
        "setcred",
        "acct_mgmt",
        "open_session",
        "close_session",
        "chauthtok",
    ];
    let ran = machine
        .client("imap", "alice")
        .password(WRONG)
        .run(&operations);
    let expected = operations
        .map(|operation| format!("{operation} 26 ABORT\n"))
        .concat();
    assert_eq!((ran.stdout, ran.stderr), (expected, String::new()));
    assert_eq!(ran.status, Some(Code::ABORT.0), "the host ended by itself");
}

/// The module, built so that every entry point panics inside its guard.
fn module_that_panics() -> String {
    let target = target_directory().join("planted-panic");
    let profile = profile_directory();
    let built = target.join(profile.file_name().unwrap());
    lend_dependencies(&profile, &built);
    let mut build = cargo(
        &[
            "rustc",
            "--lib",
            "--crate-type=cdylib",
            "--no-default-features",
        ],
        &target,
    );
    build.args(["--", "--cfg=planted_panic", "--cap-lints=allow"]);
    assert!(build.status().unwrap().success());
    built.join("libpam_app_passwd.so").display().to_string()
}

/// What is compiled already, and nobody changes, so that only the module is compiled here. If it does not fit, cargo
/// compiles it anew.
fn lend_dependencies(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let script = "cp --archive --no-clobber .fingerprint \"$1\"
        cp --archive --link --no-clobber build deps \"$1\"
        cd \"$1\" && rm -rf .fingerprint/app-passwd-* deps/*app_passwd*";
    let mut copy = Command::new("sh");
    copy.current_dir(from).args(["-c", script, "sh"]).arg(to);
    assert!(copy.status().unwrap().success());
}

#[test]
fn the_only_prompt_is_one_for_a_hidden_password() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    for answer in [password.as_str(), WRONG, "hunter2", ""] {
        let mut pam = machine.pam("imap", "alice");
        pam.password(answer).authenticate();
        pam.acct_mgmt();
        pam.setcred();
        assert_eq!(pam.prompts().len(), 1, "{answer:?}");
        assert_eq!(pam.prompts()[0].style, ECHO_OFF, "{answer:?}");
    }
}

#[test]
fn nobody_is_asked_twice_when_the_conversation_fails() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for answer in [Answer::Null, Answer::Error, Answer::Nothing] {
        let mut pam = machine.pam("imap", "alice");
        pam.answer([answer, Answer::from(WRONG)]).authenticate();
        assert_eq!(pam.prompts().len(), 1);
    }
}

#[test]
fn nobody_is_asked_for_a_user_name() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let mut pam = support::Handle::start(&machine.confdir(), b"imap", None);
    let code = pam
        .answer([password.as_str().into(), "alice".into()])
        .authenticate();
    assert_ne!(code, Code::SUCCESS);
    assert!(
        pam.prompts().iter().all(|prompt| prompt.style == ECHO_OFF),
        "{:?}",
        pam.prompts()
    );
}

#[test]
fn authtok_prompt_is_the_text_of_the_prompt() {
    let machine = Machine::new();
    machine.stack(
        "imap",
        "auth required APP_PASSWD [authtok_prompt=App password: ]",
    );
    let mut pam = machine.pam("imap", "alice");
    pam.password("hunter2").authenticate();
    assert_eq!(
        pam.prompts(),
        [Prompt {
            style: ECHO_OFF,
            text: "App password: ".to_owned()
        }]
    );
}

#[test]
fn a_password_that_an_earlier_module_asked_for_is_taken_without_a_prompt() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--service", "imap"]);
    for argument in ["", "try_first_pass", "use_first_pass"] {
        // The first line refuses whatever it gets, for the service, and leaves the password behind.
        let first = "auth [default=ignore] APP_PASSWD service=elsewhere";
        machine.stack(
            "imap",
            &format!("{first}\nauth required APP_PASSWD {argument}"),
        );
        let mut pam = machine.pam("imap", "alice");
        assert_eq!(
            pam.password(&password).authenticate(),
            Code::SUCCESS,
            "{argument:?}"
        );
        assert_eq!(pam.prompts().len(), 1, "{argument:?}");
    }
}

#[test]
fn the_next_module_gets_the_password_without_asking_again() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.stack(
        "imap",
        "auth [success=done default=ignore] APP_PASSWD\nauth required pam_unix.so use_first_pass nodelay",
    );
    let mut pam = machine.pam("imap", "alice");
    assert_ne!(pam.password("hunter2").authenticate(), Code::SUCCESS);
    assert_eq!(pam.prompts().len(), 1);
}

#[test]
fn arguments_are_understood_and_unknown_ones_ignored() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let arguments = [
        "debug",
        "quiet",
        "nodelay",
        "log_failures",
        "service=imap",
        "colour=blue",
        "DEBUG",
        "=",
    ];
    for argument in arguments {
        machine.stack("imap", &format!("auth required APP_PASSWD {argument}"));
        assert_eq!(
            machine.login("imap", "alice", &password),
            Code::SUCCESS,
            "{argument}"
        );
        assert_eq!(
            machine.login("imap", "alice", WRONG),
            Code::AUTH_ERR,
            "{argument}"
        );
    }
}

#[test]
fn service_changes_the_name_used_for_scope() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &["--service", "imap"]);
    machine.stack("imaps-legacy", "auth required APP_PASSWD");
    assert_eq!(
        machine.login("imaps-legacy", "alice", &password),
        Code::PERM_DENIED
    );
    machine.stack("imaps-legacy", "auth required APP_PASSWD service=imap");
    assert_eq!(
        machine.login("imaps-legacy", "alice", &password),
        Code::SUCCESS
    );
}

fn output(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(file)
        .output()
        .expect("a program that runs");
    String::from_utf8(output.stdout).expect("text")
}

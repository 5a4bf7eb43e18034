//! `doctor`: what it finds wrong, and that it knows as well as libpam does what a stack comes to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;
use support::machine::{run, set_mode};
use support::pam::Handle;
use support::private_mounts::PrivateMounts;
use support::strace::killed;
use support::{Code, Machine, cannot_run};

// -- stacks

#[test]
fn nothing_is_wrong_with_the_stacks_that_are_shipped() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    // Beside Debian's own, which include each other.
    for file in files_in(Path::new("/etc/pam.d"))
        .into_iter()
        .chain(files_in(&root().join("pam.d")))
    {
        let name = file.file_name().unwrap().to_str().unwrap();
        if !name.contains("passwd-") {
            machine.stack(name, &with_module(&file));
        }
    }
    let findings = findings(&machine);
    assert_eq!(wrong_about(&findings, "stack"), "");
    for service in ["dovecot", "sshd", "su", "su-l", "sudo", "smtp", "passwd"] {
        let sound = format!("/{service}: nothing is wrong");
        let said = |finding: &Json| finding["what"].as_str().unwrap().contains(&sound);
        let there = machine.confdir().join(service).exists();
        assert!(
            !there || findings.iter().any(said),
            "{service}: {findings:#?}"
        );
    }
}

#[test]
fn nothing_is_wrong_with_those_for_other_distributions() {
    if cannot_run(&["root"]) {
        return;
    }
    let rhel = "password requisite pam_pwhistory.so\npassword sufficient pam_unix.so use_authtok\n\
                password required pam_deny.so";
    let arch = "auth required pam_unix.so\naccount required pam_unix.so\n\
                -password [success=1 default=ignore] pam_systemd_home.so\n\
                password required pam_unix.so\npassword optional pam_permit.so";
    for (shipped, system_auth) in [("passwd-rhel", rhel), ("passwd-arch", arch)] {
        let machine = Machine::new();
        machine.stack("system-auth", system_auth);
        machine.stack("postlogin", "session optional pam_umask.so silent");
        machine.stack("passwd", &with_module(&root().join("pam.d").join(shipped)));
        assert_eq!(wrong_about(&findings(&machine), "stack"), "", "{shipped}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).into_iter().flatten();
    files.map(|file| file.unwrap().path()).collect()
}

/// The text of a stack, for `Machine::stack`.
fn with_module(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.replace("pam_app_passwd.so", "APP_PASSWD")
}

/// A stack, and what is wrong with it; nothing if it is empty.
const STACKS: &[(&str, &str, &str)] = &[
    // Whom it lets in.
    (
        "imap",
        "auth optional APP_PASSWD\nauth required pam_permit.so",
        "refused here (whatever it was) can get in",
    ),
    (
        "imap",
        "auth [success=1 perm_denied=ignore default=die] APP_PASSWD\nauth optional pam_env.so\nauth required pam_permit.so",
        "refused here (perm_denied) can get in",
    ),
    (
        "imap",
        "auth sufficient APP_PASSWD\nauth required pam_google_authenticator.so nullok\nauth required pam_permit.so",
        "can get in",
    ),
    (
        "imap",
        "auth sufficient APP_PASSWD\nauth required pam_unix.so try_first_pass",
        "",
    ),
    (
        "imap",
        "auth required pam_env.so\nauth sufficient APP_PASSWD\nauth [default=1 ignore=ignore success=ok] pam_localuser.so\n\
         auth sufficient pam_unix.so\nauth sufficient pam_sss.so forward_pass\nauth required pam_deny.so",
        "",
    ),
    (
        "gdm-password",
        "auth requisite pam_nologin.so\nauth sufficient pam_succeed_if.so user ingroup nopasswdlogin\n\
         auth [success=2 default=ignore] APP_PASSWD\nauth [success=1 default=ignore] pam_unix.so\n\
         auth requisite pam_deny.so\nauth required pam_permit.so\nauth optional pam_gnome_keyring.so",
        "",
    ),
    // Whom it keeps out.
    (
        "imap",
        "auth [success=1 default=ignore] APP_PASSWD\nauth requisite pam_unix.so\n\
         auth required pam_google_authenticator.so\nauth required pam_permit.so",
        "accepted here does not get in",
    ),
    (
        "imap",
        "auth [success=3 default=ignore] APP_PASSWD\nauth requisite pam_unix.so\nauth required pam_permit.so",
        "accepted here does not get in",
    ),
    (
        "imap",
        "auth required pam_unix.so\nauth required APP_PASSWD",
        "accepted here does not get in",
    ),
    (
        "imap",
        "auth requisite pam_unix.so\nauth required APP_PASSWD",
        "nobody with an app password comes as far as this line",
    ),
    (
        "app-passwd",
        "auth sufficient APP_PASSWD\nauth required pam_unix.so",
        "no app password ever opens this service",
    ),
    // What it passes over.
    (
        "imap",
        "auth sufficient APP_PASSWD\nauth sufficient pam_unix.so\nauth requisite pam_succeed_if.so uid >= 1000\n\
         auth sufficient pam_sss.so forward_pass\nauth required pam_deny.so",
        "",
    ),
    (
        "imap",
        "auth [success=1 default=ignore] APP_PASSWD\nauth requisite pam_nologin.so\nauth required pam_permit.so",
        "passes over pam_nologin.so",
    ),
    (
        "imap",
        "auth sufficient APP_PASSWD\nauth required pam_faillock.so preauth\nauth required pam_unix.so",
        "passes over pam_faillock.so",
    ),
    (
        "imap",
        "auth requisite pam_faillock.so preauth\nauth sufficient APP_PASSWD\nauth sufficient pam_unix.so\n\
         auth [default=die] pam_faillock.so authfail",
        "",
    ),
    (
        "imap",
        "auth [success=3 default=ignore] APP_PASSWD\nauth requisite pam_unix.so\n\
         auth [success=1 default=ignore] pam_succeed_if.so user notingroup code\nauth required pam_google_authenticator.so\n\
         auth required pam_shells.so\nauth required pam_permit.so",
        "",
    ),
    (
        "imap",
        "auth required APP_PASSWD\naccount sufficient APP_PASSWD\naccount required pam_access.so",
        "passes over pam_access.so",
    ),
    (
        "sshd",
        "auth sufficient APP_PASSWD\nauth required pam_unix.so\nauth optional pam_group.so",
        "keeps pam_group.so below it from giving",
    ),
    // Words.
    (
        "imap",
        "auth required APP_PASSWD nullok quite",
        "the module knows no argument 'nullok'",
    ),
    (
        "imap",
        "auth requird APP_PASSWD",
        "libpam cannot read this line",
    ),
    (
        "imap",
        "audh required APP_PASSWD",
        "libpam cannot read this line",
    ),
    (
        "imap",
        "auth required APP_PASSWD\naccount include none",
        "libpam cannot read this line",
    ),
    // Other types.
    (
        "sshd",
        "auth required APP_PASSWD\naccount required APP_PASSWD",
        "refuses everybody who comes without an app password",
    ),
    (
        "imap",
        "auth required APP_PASSWD\naccount required APP_PASSWD",
        "",
    ),
    (
        "passwd",
        "password sufficient pam_unix.so\npassword optional APP_PASSWD\npassword required pam_deny.so",
        "is not reached after pam_unix.so",
    ),
    (
        "passwd",
        "password required pam_pwhistory.so\npassword sufficient pam_unix.so use_authtok\npassword optional APP_PASSWD",
        "is not reached after pam_unix.so",
    ),
    (
        "passwd",
        "password requisite pam_pwquality.so\npassword sufficient pam_unix.so use_authtok\npassword optional APP_PASSWD",
        "is not reached after pam_unix.so",
    ),
    (
        "passwd",
        "password required pam_unix.so\npassword required pam_mount.so\npassword sufficient pam_permit.so\npassword optional APP_PASSWD",
        "is not reached after pam_unix.so",
    ),
    (
        "passwd",
        "password [success=done user_unknown=ignore default=die] pam_ldap.so\npassword required pam_unix.so\npassword optional APP_PASSWD",
        "",
    ),
    (
        "passwd",
        "password optional APP_PASSWD\npassword required pam_unix.so",
        "stands above pam_unix.so",
    ),
    (
        "passwd",
        "password required pam_ldap.so\npassword optional APP_PASSWD",
        "no line of this stack changes a password in /etc/shadow",
    ),
    (
        "passwd",
        "password requisite pam_pwquality.so\npassword [success=1 default=ignore] pam_unix.so\npassword requisite pam_deny.so\n\
         password required pam_permit.so\npassword optional APP_PASSWD",
        "",
    ),
    (
        "sshd",
        "session required pam_env.so\nsession optional APP_PASSWD",
        "stands below pam_env.so",
    ),
    (
        "sshd",
        "session optional APP_PASSWD\nsession required pam_loginuid.so",
        "stands above pam_loginuid.so",
    ),
];

#[test]
fn what_is_wrong_with_a_stack_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    for (service, text, wrong) in STACKS {
        let machine = Machine::new();
        machine.stack(service, text);
        let said = wrong_about(&findings(&machine), "stack");
        assert!(said.contains(wrong), "{text}: {said}");
        assert_eq!(said.is_empty(), wrong.is_empty(), "{text}: {said}");
    }
}

#[test]
fn what_is_longer_than_any_service_needs_is_named_and_judged_no_further() {
    if cannot_run(&["root"]) {
        return;
    }
    let ours = "auth required APP_PASSWD\n";
    for text in [
        format!("{ours}{}", "auth required pam_unix.so\n".repeat(1_000)),
        format!("{ours}{}", "# a comment\n".repeat(100_000)),
        format!("{ours}{}", "auth substack imap\n".repeat(20)),
        format!("{ours}{}", "@include /dev/zero\n"),
    ] {
        let machine = Machine::new();
        machine.stack("imap", &text);
        let began = std::time::Instant::now();
        let said = wrong_about(&findings(&machine), "stack");
        assert!(began.elapsed().as_secs() < 10, "{said}");
        let (much, line) = ("it has more than 500 steps", "libpam cannot read this line");
        assert!(said.contains(much) || said.contains(line), "{said}");
    }
}

#[test]
fn deep_substacks_are_walked_in_no_time() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let lines = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=bad] pam_access.so\n\
                 auth [success=ignore perm_denied=reset auth_err=ok maxtries=ok default=2] pam_unix.so\n";
    for level in 0..14 {
        let next = format!("{lines}auth substack level{}\n{lines}", level + 1);
        machine.stack(&format!("level{level}"), &next);
    }
    machine.stack("level14", &lines.repeat(4));
    machine.stack("imap", "auth required APP_PASSWD\nauth substack level0\n");
    let began = std::time::Instant::now();
    findings(&machine);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[test]
fn what_is_left_over_beside_a_file_is_no_service() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    for name in [
        ".imap.swp",
        "#imap#",
        "imap~",
        "imap.orig",
        "imap.save",
        "imap.pacnew",
        "imap.pacsave",
        "imap.rpmorig",
        "imap.ucf-dist",
        "imap.dpkg-old",
    ] {
        machine.stack(
            name,
            "auth optional APP_PASSWD\nauth required pam_permit.so",
        );
    }
    assert_eq!(wrong_about(&findings(&machine), "stack"), "");
}

#[test]
fn a_line_is_named_where_it_stands() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.stack("common-mail", "\nauth optional APP_PASSWD # here");
    machine.stack("imap", "@include common-mail\nauth required pam_permit.so");
    let said = wrong_about(&findings(&machine), "stack");
    let place = format!("imap: {}/common-mail:2: ", machine.confdir().display());
    assert!(said.starts_with(&place), "{said}");
    assert_eq!(
        said.lines().count(),
        1,
        "a part is not judged by itself: {said}"
    );
}

#[test]
fn a_module_in_the_file_that_all_services_include_is_named_with_them() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.stack(
        "common-auth",
        "auth sufficient APP_PASSWD\nauth required pam_unix.so",
    );
    machine.stack("imap", "@include common-auth");
    machine.stack("login", "@include common-auth");
    let findings = findings(&machine);
    let said = wrong_about(&findings, "stack");
    assert!(
        said.contains("every service that includes this file takes app passwords: imap, login"),
        "{said}"
    );
    let protected = said_by(&findings, "protected");
    assert!(
        protected.contains("login takes app passwords that name it: none yet"),
        "{protected}"
    );
}

#[test]
fn a_module_that_is_not_there_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    for missing in ["/no/such/pam_app_passwd.so", "pam_app_password.so"] {
        machine.stack("imap", &format!("auth required {missing}"));
        let said = wrong_about(&findings(&machine), "module");
        assert!(
            said.contains(&format!("imap:1: there is no module {missing}")),
            "{said}"
        );
    }
    fs::remove_file(machine.confdir().join("imap")).unwrap();
    assert_eq!(wrong_about(&findings(&machine), "module"), "");
}

#[test]
fn a_module_of_another_version_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let other = machine.path("pam_app_passwd.so.other");
    fs::write(&other, "pam_app_passwd-0.0.0").unwrap();
    let other = other.display();
    machine.stack("imap", &format!("auth required {other}"));
    machine.stack(
        "pop3",
        "auth required APP_PASSWD\naccount required APP_PASSWD",
    );
    let said = wrong_about(&findings(&machine), "module");
    assert_eq!(
        said,
        format!("{other}: not the module that belongs to this tool")
    );
}

#[test]
fn a_stack_that_others_may_write_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.stack("imap", "auth required APP_PASSWD");
    set_mode(&machine.confdir().join("imap"), 0o666);
    let said = wrong_about(&findings(&machine), "files");
    assert!(said.contains("imap: others may write it"), "{said}");
}

#[test]
fn a_configuration_that_a_stack_names_is_judged_too() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let other = machine.path("other.toml");
    let line = format!("auth required pam_app_passwd.so conf={}", other.display());
    machine.stack("imap", &line);
    let said = wrong_about(&findings(&machine), "configuration");
    assert!(said.contains("other.toml: a stack names it"), "{said}");
    fs::write(&other, "polcy = 1\n").unwrap();
    let said = wrong_about(&findings(&machine), "configuration");
    assert!(
        said.contains("other.toml:1:1: unknown field `polcy`"),
        "{said}"
    );
}

// -- the state

#[test]
fn files_that_are_too_open_are_named_and_left_alone() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for (path, mode) in [(machine.store(), 0o644), (machine.state(), 0o777)] {
        let before = fs::metadata(&path).unwrap().permissions();
        set_mode(&path, mode);
        let findings = findings(&machine);
        assert!(wrong_about(&findings, "files").contains(path.to_str().unwrap()));
        assert!(
            wrong_about(&findings, "store").contains("may"),
            "{findings:#?}"
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode
        );
        fs::set_permissions(&path, before).unwrap();
    }
}

#[test]
fn what_restores_have_left_beside_the_store_is_counted_and_what_is_unfinished_is_wrong() {
    if cannot_run(&["root", "strace"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let file = machine.path("b").display().to_string();
    machine.tool(&["backup", &file]).succeeds();
    let kept = "old states that restores have kept, each with a key";
    assert!(!said_by(&findings(&machine), "files").contains(kept));
    let restore = ["restore", &file, "--yes"];
    machine.tool(&restore).succeeds();
    machine.tool(&restore).succeeds();
    let said = findings(&machine);
    assert!(said_by(&said, "files").contains(&format!("{kept}: 2")));
    assert_eq!(wrong_about(&said, "files"), "");
    run(killed(machine.tool_command(&restore), "linkat", 1), b"");
    let said = findings(&machine);
    assert!(said_by(&said, "files").contains(&format!("{kept}: 2")));
    let wrong = wrong_about(&said, "files");
    assert!(
        wrong.contains(".partial: left by a restore that was killed"),
        "{wrong}"
    );
    let of_files = |finding: &&Json| finding["check"] == "files" && finding["ok"] == false;
    let hint = said.iter().find(of_files).unwrap()["hint"]
        .as_str()
        .unwrap();
    let (_, remedy) = hint.split_once(": ").unwrap();
    let mut shell = machine.command("sh".as_ref());
    shell.args(["-c", remedy]);
    run(shell, b"").succeeds();
    assert_eq!(wrong_about(&findings(&machine), "files"), "");
}

#[test]
fn a_damaged_store_is_named_with_the_entry() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter("UPDATE credential SET services = 'a b'");
    let said = wrong_about(&findings(&machine), "store");
    assert!(said.contains("entry 1:"), "{said}");
    fs::write(
        machine.store(),
        "no database at all, but long enough to be looked at",
    )
    .unwrap();
    let said = wrong_about(&findings(&machine), "store");
    assert!(said.contains("not a database"), "{said}");
}

#[test]
fn an_index_that_does_not_fit_its_table_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, '(user, tag)', '(user, key)')
         WHERE name = 'credential_by_tag'",
    );
    let said = wrong_about(&findings(&machine), "store");
    assert!(
        said.contains("damaged: row 1 missing from index credential_by_tag"),
        "{said}"
    );
}

#[test]
fn a_store_of_a_later_version_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.alter("PRAGMA user_version = 99");
    let said = wrong_about(&findings(&machine), "store");
    assert!(
        said.contains("schema 99 is newer than this program"),
        "{said}"
    );
}

#[test]
fn damaged_notes_are_named_also_once_a_login_has_set_them_aside() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let damaged = "no database at all, but long enough to be looked at";
    fs::write(machine.usage(), damaged).unwrap();
    set_mode(&machine.usage(), 0o600);
    let said = wrong_about(&findings(&machine), "usage");
    assert!(said.contains("not a database"), "{said}");
    assert_eq!(fs::read_to_string(machine.usage()).unwrap(), damaged);
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
    let said = wrong_about(&findings(&machine), "usage");
    assert!(said.contains("usage.db.damaged: was damaged"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_clock_that_has_gone_back_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
    assert_eq!(wrong_about(&findings(&machine), "clock"), "");
    let tomorrow = "strftime('%s', 'now') + 86400";
    machine.alter(&format!("UPDATE event SET at = {tomorrow}"));
    let said = wrong_about(&findings(&machine), "clock");
    assert!(said.contains("the clock has jumped"), "{said}");
    machine.alter("UPDATE event SET at = 0");
    assert_eq!(wrong_about(&findings(&machine), "clock"), "");
    let notes = rusqlite::Connection::open(machine.usage()).unwrap();
    notes
        .execute(&format!("UPDATE used SET at = {tomorrow}"), [])
        .unwrap();
    let said = wrong_about(&findings(&machine), "clock");
    assert!(said.contains("the clock has jumped"), "{said}");
}

#[test]
fn entries_of_an_account_that_is_gone_are_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.create("mail-user", "phone", &[]);
    assert_eq!(wrong_about(&findings(&machine), "accounts"), "");
    machine.create("root", "phone", &[]);
    assert_eq!(wrong_about(&findings(&machine), "accounts"), "");
    machine.alter("UPDATE credential SET user = 'no-such-user' WHERE user = 'root'");
    let said = wrong_about(&findings(&machine), "accounts");
    assert!(
        said.starts_with("no-such-user has live app passwords"),
        "{said}"
    );
    machine
        .tool(&["revoke", "no-such-user", "phone"])
        .succeeds();
    assert_eq!(wrong_about(&findings(&machine), "accounts"), "");
}

#[test]
fn a_disk_that_is_nearly_full_is_named() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new();
    let state = machine.state().display().to_string();
    fs::create_dir(machine.state()).unwrap();
    set_mode(&machine.state(), 0o700);
    let mount = format!("mount -t tmpfs -o size=8m,mode=0700 tmpfs {state}");
    let machine = machine.inside(PrivateMounts::new(&mount));
    machine
        .tool(&["create", "alice", "--label", "phone"])
        .succeeds();
    let said = wrong_about(&findings(&machine), "disk");
    assert!(said.contains("nearly full"), "{said}");
    assert!(said.contains("; room is kept for revoking"), "{said}");
}

#[test]
fn which_entries_open_a_protected_service_is_said() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::configured("policy.protected_except = [\"su\"]");
    machine.stack(
        "sshd",
        "auth required APP_PASSWD\naccount required pam_unix.so",
    );
    machine.stack(
        "su",
        "auth required APP_PASSWD\naccount required pam_unix.so",
    );
    machine.create("alice", "backup", &["--service", "sshd"]);
    assert_eq!(wrong_about(&findings(&machine), "protected"), "");
    machine.create("bob", "all", &["--service", "any"]);
    let findings = findings(&machine);
    let said = said_by(&findings, "protected");
    assert!(
        said.contains("sshd takes app passwords that name it: 1 \"backup\" of alice"),
        "{said}"
    );
    let wrong = wrong_about(&findings, "protected");
    assert!(wrong.starts_with("su is not protected"), "{wrong}");
    assert!(wrong.ends_with("open it: 2 \"all\" of bob"), "{wrong}");
}

// -- what runs beside it

#[test]
fn the_helper_is_missed_where_a_stack_needs_it() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new().inside(PrivateMounts::new("mount -t tmpfs tmpfs /run"));
    assert_eq!(wrong_about(&findings(&machine), "helper"), "");
    machine.stack(
        "su",
        "auth required APP_PASSWD\naccount required pam_unix.so",
    );
    machine.stack("postgresql", "auth required APP_PASSWD");
    let said = wrong_about(&findings(&machine), "helper");
    assert!(said.contains("/run/app-passwd/socket: "), "{said}");
    assert!(said.contains("postgresql asks it, but may not"), "{said}");
}

#[test]
fn self_service_wants_a_stack_that_asks_a_helper_groups_and_something_to_have() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::configured(
        "self_service = { enabled = true, groups = [\"no-such-group\"], services = [\"web\"], web_user = \"no-such-user\" }",
    );
    let machine = machine.inside(PrivateMounts::new("mount -t tmpfs tmpfs /run"));
    let wrong = || wrong_about(&findings(&machine), "self-service");
    let said = wrong();
    for part in [
        "app-passwd: not there, so nobody can prove who they are",
        "/run/app-passwd/socket: ",
        "there is no group no-such-group",
        "policy.default_services are not among them",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for (stack, part) in [
        (
            "auth sufficient pam_rootok.so\nauth required pam_unix.so",
            "lets in everybody",
        ),
        (
            "auth required pam_permit.so",
            "lets in somebody who has proved nothing",
        ),
        (
            "auth sufficient pam_unix.so\nauth required pam_permit.so",
            "lets in somebody who has proved nothing",
        ),
    ] {
        machine.stack("app-passwd", stack);
        assert!(wrong().contains(part), "{stack}: {}", wrong());
    }
    machine.stack(
        "app-passwd",
        "auth requisite pam_unix.so\nauth required pam_google_authenticator.so",
    );
    assert!(!wrong().contains("pam.d/app-passwd"), "{}", wrong());
    let mounts = machine.mounts().unwrap();
    mounts.shell("mkdir -p /run/systemd/system");
    let said = wrong();
    assert!(said.contains("asks pam_google_authenticator.so"), "{said}");
    mounts.shell("rmdir /run/systemd/system");
    assert!(!wrong().contains("web_user"), "{}", wrong());
    mounts.shell("mount -t tmpfs tmpfs /etc/security && touch /etc/security/app-passwd-web.toml");
    assert!(
        wrong().contains("web_user: there is no user no-such-user"),
        "{}",
        wrong()
    );
    // An app password is no proof.
    machine.stack(
        "app-passwd",
        "auth sufficient APP_PASSWD\nauth required pam_unix.so",
    );
    let said = wrong_about(&findings(&machine), "stack");
    assert!(
        said.contains("no app password ever opens this service"),
        "{said}"
    );
}

#[test]
fn a_saslauthd_with_a_cache_is_named() {
    if cannot_run(&["root", "unshare", "nsenter"]) {
        return;
    }
    let machine = Machine::new();
    let mut saslauthd = Command::new("/bin/sh")
        .arg0("saslauthd")
        .args(["-c", "sleep 60; :"])
        .spawn()
        .unwrap();
    let said = wrong_about(&findings(&machine), "cache");
    saslauthd.kill().unwrap();
    saslauthd.wait().unwrap();
    let pid = saslauthd.id();
    assert!(
        said.contains(&format!("saslauthd (process {pid}) runs with -c")),
        "{said}"
    );
}

#[test]
fn what_users_call_saslauthd_or_dovecot_is_not_asked() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let start = |name| {
        let mut command = Command::new("/bin/sh");
        let command = command.arg0(name).args(["-c", "sleep 60; :"]);
        command.uid(65534).spawn().unwrap()
    };
    let daemons = ["saslauthd", "dovecot"].map(start);
    let doveconf = machine.path("bin/doveconf");
    fs::create_dir(machine.path("bin")).unwrap();
    fs::write(&doveconf, "#!/bin/sh\necho \"$@\" >>${0%/*}/asked\n").unwrap();
    set_mode(&doveconf, 0o755);
    let path = format!("{}:/usr/bin:/bin", machine.path("bin").display());
    let mut doctor = machine.tool_command(&["doctor"]);
    doctor.env("PATH", path);
    let said = support::machine::run(doctor, b"").stdout;
    for mut daemon in daemons {
        let process = format!("(process {})", daemon.id());
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        assert!(!said.contains(&process), "{said}");
    }
    let asked = fs::read_to_string(machine.path("bin/asked")).unwrap_or_default();
    assert!(!asked.contains("sleep 60"), "{asked}");
}

// -- the configuration

#[test]
fn a_configuration_that_cannot_be_used_is_named_and_stacks_are_judged_all_the_same() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.write_config("[polcy]\nmax_per_user = 1\n");
    machine.stack("imap", "auth required APP_PASSWD nullok");
    let findings = findings(&machine);
    let said = wrong_about(&findings, "configuration");
    assert!(
        said.contains("app-passwd.toml:1:2: unknown field `polcy`"),
        "{said}"
    );
    let said = wrong_about(&findings, "stack");
    assert!(said.contains("no argument 'nullok'"), "{said}");
    assert_eq!(said_by(&findings, "store"), "", "where it is is not known");
}

#[test]
fn whom_and_what_the_configuration_names_must_be_there() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::configured(
        "on_revoke.run = [[\"true\"], [\"/no/such/command\", \"{user}\"], []]
         notify.command = [\"no-such-notifier\"]
         helper.callers.no-such-user = [\"imap\"]",
    );
    let findings = findings(&machine);
    let said = wrong_about(&findings, "configuration");
    assert!(
        said.contains("[helper.callers] names no-such-user"),
        "{said}"
    );
    let said = wrong_about(&findings, "commands");
    assert!(
        said.contains("[on_revoke] run: there is no command /no/such/command"),
        "{said}"
    );
    assert!(
        said.contains("[notify] command: there is no command no-such-notifier"),
        "{said}"
    );
    assert!(
        said.contains("[on_revoke] run: a command without words"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn what_others_wrote_cannot_forge_a_line() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    machine.stack("imap", "auth required APP_PASSWD evil\u{1b}[2Jok");
    let pam_dir = machine.confdir().display().to_string();
    let ran = machine.tool(&["doctor", "--pam-dir", &pam_dir]);
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
    assert!(ran.stdout.contains("evil\\x1b[2Jok"), "{ran:?}");
}

// -- what libpam makes of a stack

/// How the module may refuse, in the words of a stack.
const REFUSALS: [&str; 5] = [
    "auth_err",
    "perm_denied",
    "authinfo_unavail",
    "abort",
    "module_unknown",
];

#[test]
fn what_a_stack_comes_to_is_what_libpam_makes_of_it() {
    if cannot_run(&["root"]) {
        return;
    }
    let mut runner = TestRunner::deterministic();
    let strategy = a_stack();
    let stacks: Vec<_> = (0..300)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    assert_agreement(&stacks);
}

#[test]
fn a_file_says_to_doctor_what_it_says_to_libpam() {
    if cannot_run(&["root"]) {
        return;
    }
    let texts = [
        "auth required OURS",
        "-auth sufficient OURS\nAUTH Required pam_permit.so",
        "auth [success=ok default=ignore] OURS # auth required pam_permit.so\nauth required pam_deny.so",
        "auth \\\n  sufficient \\\n OURS \\\n a b\nauth required pam_permit.so",
        "auth optional OURS [a b] c\n\n\t\n#auth required pam_deny.so\nauth optional pam_permit.so",
        "auth sufficient OURS \\\n# a comment\nauth required pam_permit.so",
        "auth sufficient OURS \\\n\nauth required pam_permit.so",
        "auth sufficient OURS \\ \n debug\nauth required pam_permit.so",
        "auth sufficient OURS\r\nauth required pam_permit.so",
        "auth sufficient OURS x\r\nauth required pam_permit.so y\r",
        "auth required\u{b}OURS\nauth optional OURS",
        "auth [ success = ok  default = ignore ] OURS\nauth [default=ok] pam_permit.so",
        "auth [success=okdefault=ignore] OURS\nauth required pam_permit.so",
        "auth [sucess=ok] OURS\nauth optional pam_permit.so",
        "auth [success=0 default=ignore] OURS\nauth optional pam_permit.so",
        "auth [success=2 default=ignore] OURS\nauth required pam_deny.so",
        "auth [success=1 default=ignore] OURS\nauth required pam_deny.so",
        "auth [success=1 default=ignore] OURS\nauth requisite pam_deny.so\nauth required pam_permit.so",
        "auth requird OURS\nauth optional pam_permit.so",
        "auth sufficient OURS\nauth required",
        "auth sufficient OURS\nauth\nauth optional pam_permit.so",
        "auth sufficient OURS\naudh required pam_permit.so",
        "auth sufficient OURS\nauth include DIR/none",
        "auth sufficient OURS\nauth substack DIR/none",
        "auth sufficient OURS\n@include DIR/some",
        "auth substack DIR/some\nauth required OURS",
        "auth include DIR/some\nauth required OURS",
        "auth required pam_debug.so auth=ignore\nauth optional OURS",
        "auth [default=ignore] OURS",
        "auth [success=bad default=ok] OURS",
        "auth [abort=ok default=bad] OURS",
        "auth [success=reset default=ignore] OURS\nauth optional pam_permit.so",
    ];
    let stacks: Vec<_> = texts
        .iter()
        .map(|text| (*text).to_owned())
        .map(|text| Stack { text, part: None })
        .collect();
    assert_agreement(&stacks);
}

#[test]
fn a_file_that_libpam_gives_up_closes_the_service() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    for (text, wrong) in [
        ("@include none\nauth required APP_PASSWD", true),
        ("auth required APP_PASSWD\n@include none", true),
        ("auth required APP_PASSWD \\", true),
        ("auth required APP_PASSWD\n@include other", false),
    ] {
        machine.stack("imap", text);
        let said = wrong_about(&findings(&machine), "stack");
        assert_eq!(
            said.contains("libpam cannot read this line"),
            wrong,
            "{text}: {said}"
        );
    }
}

/// The text of a service, in which `OURS` is the module, and of a file `part` that it includes.
#[derive(Clone, Debug)]
struct Stack {
    text: String,
    part: Option<String>,
}

fn a_stack() -> impl Strategy<Value = Stack> {
    let before = prop::collection::vec(a_line_that_goes_on(), 0..3);
    let behind = prop::collection::vec(a_line(), 0..5);
    let include = prop::sample::select(vec!["include", "substack"]);
    let parts = (
        prop::collection::vec(a_line_that_goes_on(), 0..2),
        prop::collection::vec(a_line(), 0..4),
    );
    (before, ours(), behind, include, parts, 0..3).prop_map(
        |(before, ours, behind, include, (part_before, part_behind), shape)| {
            let lines = |lines: &[&[String]]| lines.concat().join("\n");
            let include = vec![format!("auth {include} PART")];
            let ours = vec![ours];
            match shape {
                0 => Stack {
                    text: lines(&[&before, &ours, &behind]),
                    part: None,
                },
                1 => Stack {
                    text: lines(&[&before, &include, &behind]),
                    part: Some(lines(&[&part_before, &ours, &part_behind])),
                },
                _ => Stack {
                    text: lines(&[&before, &ours, &include, &behind]),
                    part: Some(lines(&[&part_before, &part_behind])),
                },
            }
        },
    )
}

fn ours() -> impl Strategy<Value = String> {
    let controls = [
        "required",
        "requisite",
        "sufficient",
        "optional",
        "[success=1 default=ignore]",
        "[success=2 perm_denied=die default=ignore]",
        "[success=3 default=bad]",
        "[success=done auth_err=ignore default=die]",
        "[success=ok abort=reset default=1]",
        "[success=ok default=reset]",
        "[default=done]",
    ];
    prop::sample::select(controls.to_vec()).prop_map(|control| format!("auth {control} OURS"))
}

fn a_line() -> impl Strategy<Value = String> {
    let controls = vec![
        "required",
        "requisite",
        "sufficient",
        "optional",
        "[success=1 default=ignore]",
        "[success=2 default=bad]",
        "[default=1]",
        "[success=reset default=ignore]",
        "[success=ignore default=reset]",
        "[ignore=ok default=die]",
        "[auth_err=ok success=bad default=ignore]",
    ];
    (prop::sample::select(controls), a_module())
        .prop_map(|(control, module)| format!("auth {control} {module}"))
}

/// One that neither jumps nor ends anything, so that ours is called in any case.
fn a_line_that_goes_on() -> impl Strategy<Value = String> {
    let controls = vec!["required", "optional", "[success=reset default=bad]"];
    (prop::sample::select(controls), a_module())
        .prop_map(|(control, module)| format!("auth {control} {module}"))
}

fn a_module() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "pam_permit.so",
        "pam_deny.so",
        "pam_debug.so auth=ignore",
        "pam_debug.so auth=perm_denied",
        "pam_debug.so auth=new_authtok_reqd",
        "pam_debug.so auth=success",
    ])
}

fn name(index: usize) -> String {
    format!("service-{index}")
}

/// A module of the right name that answers what it is told to.
fn puppet(machine: &Machine) -> String {
    let dir = machine.path("puppet");
    fs::create_dir_all(&dir).unwrap();
    let puppet = dir.join("pam_app_passwd.so");
    if !puppet.exists() {
        fs::copy(security_directory().join("pam_debug.so"), &puppet).unwrap();
    }
    puppet.display().to_string()
}

fn security_directory() -> PathBuf {
    let libraries = fs::read_dir("/usr/lib")
        .unwrap()
        .map(|dir| dir.unwrap().path());
    let mut dirs = libraries
        .chain(["/usr/lib64".into()])
        .map(|dir| dir.join("security"));
    dirs.find(|dir| dir.join("pam_debug.so").exists()).unwrap()
}

fn write(dir: &Path, index: usize, stack: &Stack, ours: &str) {
    let part = format!("{}-part", name(index));
    // libpam before 1.6 looks for what is included by name in /etc/pam.d alone.
    let dir_name = dir.display().to_string();
    let text = |text: &str| {
        let text = text
            .replace("OURS", ours)
            .replace("PART", &format!("DIR/{part}"));
        text.replace("DIR", &dir_name) + "\n"
    };
    fs::write(dir.join(name(index)), text(&stack.text)).unwrap();
    if let Some(lines) = &stack.part {
        fs::write(dir.join(&part), text(lines)).unwrap();
    }
}

/// Doctor's word on each stack, against what libpam does.
fn assert_agreement(stacks: &[Stack]) {
    let machine = Machine::new();
    let puppet = puppet(&machine);
    let played = machine.path("played");
    fs::create_dir(&played).unwrap();
    for dir in [machine.confdir(), played.clone()] {
        fs::write(dir.join("some"), "auth optional pam_permit.so\n").unwrap();
        fs::write(dir.join("other"), "auth required pam_deny.so\n").unwrap();
    }
    for (index, stack) in stacks.iter().enumerate() {
        write(&machine.confdir(), index, stack, &puppet);
    }
    let findings = findings(&machine);
    for (index, stack) in stacks.iter().enumerate() {
        let answer = |code: &str| {
            write(&played, index, stack, &format!("{puppet} auth={code}"));
            let mut pam = Handle::start(&played, name(index).as_bytes(), Some(b"root"));
            pam.authenticate() == Code::SUCCESS
        };
        let lets_in: BTreeSet<&str> = REFUSALS.into_iter().filter(|code| answer(code)).collect();
        let opens = answer("success");
        let said = said_of(&findings, &name(index));
        assert_eq!(refusals_that_open(&said), lets_in, "{stack:#?}: {said}");
        let keeps_out = said.contains("does not get in") || said.contains("comes as far");
        assert_eq!(!keeps_out, opens, "{stack:#?}: {said}");
    }
}

fn refusals_that_open(said: &str) -> BTreeSet<&str> {
    let Some((_, behind)) = said.split_once("refused here (") else {
        return BTreeSet::new();
    };
    match behind.split_once(')').unwrap().0 {
        "whatever it was" => BTreeSet::from(REFUSALS),
        words => words.split(", ").collect(),
    }
}

fn findings(machine: &Machine) -> Vec<Json> {
    let pam_dir = machine.confdir().display().to_string();
    let ran = machine.tool(&["doctor", "--json", "--pam-dir", &pam_dir]);
    let answer: Json = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let findings = answer["findings"].as_array().unwrap().clone();
    let ok = findings.iter().all(|finding| finding["ok"] == true);
    assert_eq!(answer["ok"], ok);
    assert_eq!(ran.status, Some(i32::from(!ok)));
    for finding in &findings {
        assert_eq!(
            finding["hint"].is_null(),
            finding["ok"] == true,
            "{finding}"
        );
    }
    findings
}

/// What is said of a service.
fn said_of(findings: &[Json], service: &str) -> String {
    let begins = format!("{service}: ");
    let said = findings
        .iter()
        .filter_map(|finding| finding["what"].as_str());
    let said: Vec<_> = said.filter(|what| what.starts_with(&begins)).collect();
    said.join("\n")
}

/// All that is said by that check.
fn said_by(findings: &[Json], check: &str) -> String {
    let said = findings.iter().filter(|finding| finding["check"] == check);
    let said: Vec<_> = said
        .map(|finding| finding["what"].as_str().unwrap())
        .collect();
    said.join("\n")
}

/// What is wrong by that check.
fn wrong_about(findings: &[Json], check: &str) -> String {
    let wrong = findings
        .iter()
        .filter(|finding| finding["check"] == check && finding["ok"] == false);
    let said: Vec<_> = wrong
        .map(|finding| finding["what"].as_str().unwrap())
        .collect();
    said.join("\n")
}

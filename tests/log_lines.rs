//! The lines of the auth log, byte by byte, as a syslog daemon would get them.
//!
//! They need a `/dev/log` of their own, so root and a private mount namespace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use support::auth_log::{Logged, machine_with_a_log_stream, machine_without_a_log, read_stream};
use support::helper::{NOBODY, as_user, open_to_everybody};
use support::machine::set_mode;
use support::{Code, WRONG, cannot_run};

const NEEDS: [&str; 3] = ["root", "unshare", "nsenter"];
const RHOST: &str = "192.0.2.7";

/// The module's lines of one login over imap.
fn lines(logged: &Logged, user: &str, password: &str) -> Vec<String> {
    let client = logged
        .machine
        .client("imap", user)
        .rhost(RHOST)
        .password(password);
    logged.lines_of(client, &["authenticate"])
}

// -- the words

#[test]
fn an_accepted_login() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let password = logged.machine.create("alice", "phone", &[]);
    let expected =
        "pam_app_passwd(imap:auth): accepted; user=alice rhost=192.0.2.7 entry=1 label=\"phone\"";
    assert_eq!(lines(&logged, "alice", &password), [expected]);
}

#[test]
fn refused_logins_with_each_reason() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let machine = &logged.machine;
    let password = machine.create("alice", "phone", &[]);
    let changes = [
        (
            "network",
            "UPDATE credential SET networks = '198.51.100.0/24'",
        ),
        ("service", "UPDATE credential SET services = 'smtp'"),
        ("expired", "UPDATE credential SET expires = 1"),
        ("disabled", "UPDATE credential SET disabled = 1"),
        (
            "revoked",
            "UPDATE credential SET revoked_at = 1, revoked_by = 'root', revoked_why = 'by hand'",
        ),
    ];
    for (reason, change) in changes {
        machine.alter(change);
        let expected = format!(
            "pam_app_passwd(imap:auth): refused; user=alice rhost=192.0.2.7 entry=1 label=\"phone\" reason={reason}"
        );
        assert_eq!(lines(&logged, "alice", &password), [expected]);
    }
}

#[test]
fn a_protected_service_is_a_reason_of_its_own() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let password = logged
        .machine
        .create("alice", "phone", &["--service", "any"]);
    let client = logged
        .machine
        .client("sshd", "alice")
        .rhost(RHOST)
        .password(password);
    let expected = "pam_app_passwd(sshd:auth): refused; user=alice rhost=192.0.2.7 entry=1 label=\"phone\" reason=protected";
    assert_eq!(logged.lines_of(client, &["authenticate"]), [expected]);
}

#[test]
fn an_unknown_password_of_a_known_and_of_an_unknown_user() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    logged.machine.create("alice", "phone", &[]);
    logged.machine.create("bob", "phone", &[]);
    logged.machine.tool(&["revoke", "bob", "phone"]).succeeds();
    let known = |user| format!("pam_app_passwd(imap:auth): unknown; rhost=192.0.2.7 user={user}");
    assert_eq!(lines(&logged, "alice", WRONG), [known("alice")]);
    // People type passwords into that field: a name is written only if there is an entry, also a revoked one.
    assert_eq!(lines(&logged, "bob", WRONG), [known("bob")]);
    assert_eq!(
        lines(&logged, "hunter2", WRONG),
        ["pam_app_passwd(imap:auth): unknown; rhost=192.0.2.7"]
    );
}

#[test]
fn what_is_not_ours_is_not_worth_a_line_without_debug() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    logged.machine.create("alice", "phone", &[]);
    for password in ["hunter2", ""] {
        assert_eq!(lines(&logged, "alice", password), [""; 0]);
    }
    logged
        .machine
        .stack("imap", "auth required APP_PASSWD debug");
    let debug = lines(&logged, "alice", "hunter2").concat();
    assert!(debug.starts_with("pam_app_passwd(imap:auth): "), "{debug}");
    assert!(
        !debug.contains("hunter2") && !debug.contains("alice"),
        "{debug}"
    );
}

#[test]
fn a_login_without_a_remote_host_leaves_the_field_empty() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let password = logged.machine.create("alice", "phone", &[]);
    let client = logged.machine.client("imap", "alice").password(password);
    let expected = "pam_app_passwd(imap:auth): accepted; user=alice rhost= entry=1 label=\"phone\"";
    assert_eq!(logged.lines_of(client, &["authenticate"]), [expected]);
}

#[test]
fn an_account_that_has_gone_bad_says_so() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let password = logged
        .machine
        .create("alice", "phone", &["--expires", "2s"]);
    // A module in between that takes its time.
    logged.machine.stack(
        "imap",
        "auth required APP_PASSWD\nauth optional pam_exec.so quiet /bin/sleep 2.1\naccount required APP_PASSWD",
    );
    let client = logged
        .machine
        .client("imap", "alice")
        .rhost(RHOST)
        .password(password);
    let lines = logged.lines_of(client, &["authenticate", "acct_mgmt"]);
    let expected = "pam_app_passwd(imap:account): refused; user=alice rhost=192.0.2.7 entry=1 label=\"phone\" reason=expired";
    assert_eq!(
        lines.last().map(String::as_str),
        Some(expected),
        "{lines:?}"
    );
}

#[test]
fn trouble_is_told_with_the_path_and_the_remedy() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let missing = lines(&logged, "alice", WRONG).concat();
    assert!(
        missing.contains(&logged.machine.store().display().to_string()),
        "{missing}"
    );
    assert!(missing.contains("app-passwd create"), "{missing}");
    logged.machine.write_config("[policy]\ncolour = \"blue\"\n");
    let broken = lines(&logged, "alice", WRONG).concat();
    assert!(
        broken.contains(&format!("{}:2:1: ", logged.machine.config().display())),
        "{broken}"
    );
    assert!(broken.contains("colour"), "{broken}");
}

#[test]
fn what_a_password_line_cannot_see_is_told_and_with_debug_also_who_is_elsewhere() {
    if cannot_run(&NEEDS) || cannot_run(&["setpriv"]) {
        return;
    }
    let logged = Logged::new("");
    let machine = &logged.machine;
    open_to_everybody(machine);
    set_mode(&machine.path("log"), 0o666);
    let change = |user: &str| {
        let root = machine.client("passwd", user);
        logged.lines_of(root, &["chauthtok"])
    };
    machine.stack("passwd", "password required APP_PASSWD");
    let no_lines: [&str; 0] = [];
    assert_eq!(change("alice"), no_lines);
    // One that is here, and has not changed.
    assert_eq!(change("root"), no_lines);
    let nobody = as_user(machine, &NOBODY, "passwd", "root");
    let unreadable = "pam_app_passwd(passwd:chauthtok): /etc/shadow: Permission denied (os error 13); \
                      so a change of the account's password is not seen";
    assert_eq!(logged.lines_of(nobody, &["chauthtok"]), [unreadable]);
    machine.stack("passwd", "password required APP_PASSWD debug");
    let elsewhere = "pam_app_passwd(passwd:chauthtok): the account is not in /etc/shadow, \
                     so a change of its password is not seen";
    assert_eq!(change("alice"), [elsewhere]);
    assert_eq!(change("root"), no_lines);
}

#[test]
fn an_unknown_argument_is_told_as_an_error() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    logged
        .machine
        .stack("imap", "auth required APP_PASSWD colour=blue");
    logged
        .machine
        .client("imap", "alice")
        .password("hunter2")
        .authenticate();
    let received = logged.received();
    let line = received
        .iter()
        .find(|line| line.contains("colour=blue"))
        .unwrap();
    assert!(
        line.starts_with(&format!("<{}>", AUTHPRIV + ERROR)),
        "{line}"
    );
}

// -- arguments

#[test]
fn quiet_leaves_out_the_accepted_and_nothing_else() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    logged
        .machine
        .stack("imap", "auth required APP_PASSWD quiet");
    let password = logged.machine.create("alice", "phone", &[]);
    assert_eq!(lines(&logged, "alice", &password), [""; 0]);
    assert_eq!(lines(&logged, "alice", WRONG).len(), 1);
    logged
        .machine
        .tool(&["revoke", "alice", "phone"])
        .succeeds();
    assert_eq!(lines(&logged, "alice", &password).len(), 1);
}

#[test]
fn log_failures_writes_the_sentence_of_pam_unix_to_the_byte() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let good = logged.machine.create("alice", "phone", &[]);
    logged
        .machine
        .stack("imap", "auth required APP_PASSWD log_failures");
    logged
        .machine
        .stack("unix", "auth required pam_unix.so nodelay");
    // Alice, daemon and nobody at all; daemon is somebody whom pam_unix knows.
    for (user, password) in [("daemon", "hunter2"), ("daemon", WRONG)] {
        let theirs = failure_sentences(&logged, "unix", user, password);
        let ours = failure_sentences(&logged, "imap", user, password);
        assert_eq!(ours, theirs, "{user} {password}");
        assert_eq!(ours.len(), 1);
    }
    let sentence = "authentication failure; logname= uid=0 euid=0 tty=dovecot ruser= rhost=192.0.2.7  user=mallory";
    assert_eq!(
        failure_sentences(&logged, "imap", "mallory", "hunter2"),
        [sentence]
    );
    assert_eq!(failure_sentences(&logged, "imap", "alice", &good), [""; 0]);
    logged
        .machine
        .tool(&["revoke", "alice", "phone"])
        .succeeds();
    assert_eq!(
        failure_sentences(&logged, "imap", "alice", &good),
        [""; 0],
        "a forgotten tablet is no attack"
    );
}

#[test]
fn without_log_failures_no_line_is_a_failure_sentence() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let password = logged.machine.create("alice", "phone", &[]);
    logged
        .machine
        .tool(&["revoke", "alice", "phone"])
        .succeeds();
    for password in [&password, WRONG, "hunter2"] {
        assert_eq!(
            failure_sentences(&logged, "imap", "alice", password),
            [""; 0]
        );
    }
}

fn failure_sentences(logged: &Logged, service: &str, user: &str, password: &str) -> Vec<String> {
    let client = logged
        .machine
        .client(service, user)
        .rhost(RHOST)
        .option(&["--tty", "dovecot"]);
    logged.received();
    client.password(password).run(&["authenticate"]);
    let sentence = |line: String| {
        Some(
            line[line.find("authentication failure; ")?..]
                .trim_end()
                .to_owned(),
        )
    };
    logged.received().into_iter().filter_map(sentence).collect()
}

// -- the frame

const AUTHPRIV: u8 = 10 << 3;
const ERROR: u8 = 3;
const NOTICE: u8 = 5;
const INFO: u8 = 6;
const DEBUG: u8 = 7;

#[test]
fn facility_and_severity_are_authpriv_and_what_the_table_says() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let good = logged.machine.create("alice", "phone", &[]);
    let refused = logged.machine.create("alice", "tablet", &[]);
    logged
        .machine
        .tool(&["revoke", "alice", "tablet"])
        .succeeds();
    logged
        .machine
        .stack("imap", "auth required APP_PASSWD debug");
    let priority = |password: &str| {
        logged.received();
        logged
            .machine
            .client("imap", "alice")
            .password(password)
            .authenticate();
        let mut lines = logged.received().into_iter();
        let line = lines
            .rfind(|line| line.contains("pam_app_passwd("))
            .unwrap();
        line[1..].split('>').next().unwrap().parse::<u8>().unwrap()
    };
    assert_eq!(priority(&good), AUTHPRIV + INFO);
    assert_eq!(priority(&refused), AUTHPRIV + NOTICE);
    assert_eq!(priority(WRONG), AUTHPRIV + NOTICE);
    assert_eq!(priority("hunter2"), AUTHPRIV + DEBUG);
    support::machine::set_mode(&logged.machine.store(), 0o666);
    assert_eq!(priority(&good), AUTHPRIV + ERROR);
}

#[test]
fn a_line_has_the_stamp_the_name_and_the_pid_of_the_host() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    logged.machine.create("alice", "phone", &[]);
    logged.received();
    let mut command = logged
        .machine
        .client("imap", "alice")
        .option(&["authenticate"])
        .command;
    let mut host = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut host.stdin.take().unwrap(), WRONG.as_bytes()).unwrap();
    let pid = host.id();
    host.wait().unwrap();
    let line = logged
        .received()
        .into_iter()
        .find(|line| line.contains("pam_app_passwd("))
        .unwrap();
    let (stamp, rest) = line.split_once('>').unwrap().1.split_at(15);
    // RFC 3164: local time, the day padded with a blank.
    assert!(
        jiff::fmt::strtime::parse("%b %e %H:%M:%S", stamp).is_ok(),
        "{stamp:?}"
    );
    // nsenter has become the client.
    assert!(
        rest.starts_with(&format!(
            " pam-client[{pid}]: pam_app_passwd(imap:auth): unknown; "
        )),
        "{rest:?}"
    );
}

#[test]
fn the_stamp_is_local_time() {
    if cannot_run(&NEEDS) || cannot_run(&["/usr/share/zoneinfo/Asia/Kathmandu"]) {
        return;
    }
    let logged = Logged::new("");
    logged.machine.create("alice", "phone", &[]);
    let minute = |logged: &Logged| {
        logged.received();
        logged
            .machine
            .client("imap", "alice")
            .password(WRONG)
            .authenticate();
        let line = logged
            .received()
            .into_iter()
            .find(|line| line.contains("pam_app_passwd("))
            .unwrap();
        let stamp = line.split_once('>').unwrap().1[7..12].to_owned();
        let (hour, minute) = stamp.split_once(':').unwrap();
        hour.parse::<i32>().unwrap() * 60 + minute.parse::<i32>().unwrap()
    };
    let zone = |name: &str| {
        let script =
            format!("touch /etc/localtime; mount --bind /usr/share/zoneinfo/{name} /etc/localtime");
        logged
            .machine
            .command("sh".as_ref())
            .args(["-ec", &script])
            .status()
            .unwrap();
        minute(&logged)
    };
    let (utc, kathmandu) = (zone("Etc/UTC"), zone("Asia/Kathmandu"));
    // 5:45 ahead; a minute may have passed between the two.
    assert!(
        [345, 346].contains(&(kathmandu - utc).rem_euclid(1_440)),
        "{utc} {kathmandu}"
    );
}

// -- nothing that comes from outside can forge a field or a line

#[test]
fn hostile_values_are_escaped() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let label = "my \"old\" \\ phone é";
    let password = logged.machine.create("alice", label, &[]);
    let escaped = "my \\x22old\\x22 \\x5c phone é";
    let table = [
        ("192.0.2.7 user=root", "192.0.2.7\\x20user=root"),
        ("a\nb", "a\\x0ab"),
        ("a\tb\rc", "a\\x09b\\x0dc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("x\u{85}y", "x\\xc2\\x85y"),
        ("\u{202e}moc", "\\xe2\\x80\\xaemoc"),
    ];
    for (rhost, shown) in table {
        let client = logged
            .machine
            .client("imap", "alice")
            .rhost(rhost)
            .password(&password);
        let expected = format!(
            "pam_app_passwd(imap:auth): accepted; user=alice rhost={shown} entry=1 label=\"{escaped}\""
        );
        assert_eq!(logged.lines_of(client, &["authenticate"]), [expected]);
    }
}

#[test]
fn hostile_users_and_services_are_escaped() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let user = "al ice reason=none";
    let password = logged.machine.create(user, "phone", &["--service", "any"]);
    let client = logged
        .machine
        .client("im ap\n(x): accepted; ", user)
        .password(password);
    let lines = logged.lines_of(client, &["authenticate"]);
    let expected = "pam_app_passwd(im\\x20ap\\x0a(x):\\x20accepted;\\x20:auth): \
                    refused; user=al\\x20ice\\x20reason=none rhost= entry=1 label=\"phone\" reason=";
    assert!(
        lines.len() == 1 && lines[0].starts_with(expected),
        "{lines:?}"
    );
}

#[test]
fn bytes_that_are_no_text_are_escaped_and_long_values_cut() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let password = logged.machine.create("alice", "phone", &[]);
    let login = |rhost: &[u8]| {
        let rhost: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(rhost);
        logged.lines_of(
            logged
                .machine
                .client("imap", "alice")
                .rhost(rhost)
                .password(&password),
            &["authenticate"],
        )
    };
    let expected =
        "pam_app_passwd(imap:auth): accepted; user=alice rhost=a\\xffb entry=1 label=\"phone\"";
    assert_eq!(login(b"a\xffb"), [expected]);
    let long = login(&[b'x'; 100_000]);
    assert_eq!(long.len(), 1);
    assert!(
        long[0].len() < 1_024 && long[0].ends_with("entry=1 label=\"phone\""),
        "{long:?}"
    );
}

// -- sockets

#[test]
fn without_a_log_a_login_goes_on() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = machine_without_a_log("");
    let password = machine.create("alice", "phone", &[]);
    assert_eq!(
        machine
            .client("imap", "alice")
            .password(&password)
            .authenticate(),
        Code::SUCCESS
    );
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    assert_eq!(
        machine
            .client("imap", "alice")
            .password(&password)
            .authenticate(),
        Code::PERM_DENIED
    );
}

#[test]
fn a_full_log_that_nobody_reads_keeps_a_login_waiting_for_a_moment_only() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let password = logged.machine.create("alice", "phone", &[]);
    let flood = UnixDatagram::unbound().unwrap();
    flood.set_nonblocking(true).unwrap();
    while flood
        .send_to(b"<85>noise", logged.machine.path("log"))
        .is_ok()
    {}
    let began = Instant::now();
    assert_eq!(
        logged
            .machine
            .client("imap", "alice")
            .password(password)
            .authenticate(),
        Code::SUCCESS
    );
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_log_that_is_a_stream_gets_the_same_lines() {
    if cannot_run(&NEEDS) {
        return;
    }
    let (machine, listener) = machine_with_a_log_stream();
    // The listener must not take the tool's lines for the module's.
    let reader = thread::spawn(move || [read_stream(&listener), read_stream(&listener)].concat());
    let password = machine.create("alice", "phone", &[]);
    let client = machine
        .client("imap", "alice")
        .rhost(RHOST)
        .password(password);
    assert_eq!(client.authenticate(), Code::SUCCESS);
    let text = reader.join().unwrap();
    let expected =
        "pam_app_passwd(imap:auth): accepted; user=alice rhost=192.0.2.7 entry=1 label=\"phone\"";
    assert!(text.contains(expected), "{text:?}");
}

#[test]
fn a_change_by_the_tool_is_told_to_the_log_as_well() {
    if cannot_run(&NEEDS) {
        return;
    }
    let logged = Logged::new("");
    let told = |arguments: &[&str]| {
        logged.received();
        logged.machine.tool(arguments).succeeds();
        logged.received().concat()
    };
    for arguments in [
        &["create", "alice", "--label", "phone"][..],
        &["revoke", "alice", "phone"],
    ] {
        let line = told(arguments);
        assert!(
            line.starts_with('<') && line.contains("app-passwd[") && line.contains("alice"),
            "{line:?}"
        );
    }
    assert_eq!(told(&["list"]), "");
}

//! Hosts that may not open the store themselves: those that are not root, and those whose real and
//! effective uid differ, as in su and sudo. They ask the helper; without one they get no answer.
//!
//! Each test has a `/run` of its own, so that no helper of the machine's answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::helper::{
    Helper, NOBODY, Running, STARTED_BY_NOBODY, WEB_SERVER, as_user, public_machine,
    socket_seen_from_here, wait_for_socket,
};
use support::strace::{trace_in, traced};
use support::{Code, WRONG, cannot_run};

const NEEDS: [&str; 5] = ["root", "unshare", "nsenter", "setpriv", "strace"];

#[test]
fn without_a_helper_they_get_no_answer_and_never_open_the_store() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("");
    let good = machine.create("nobody", "phone", &["--service", "any"]);
    for who in [&STARTED_BY_NOBODY[..], &NOBODY, &WEB_SERVER] {
        for (password, expected) in [(good.as_str(), 9), (WRONG, 9), ("hunter2", 7)] {
            let client = as_user(&machine, who, "web", "nobody");
            let traced = traced(
                client.option(&["authenticate"]).command,
                "%file",
                &machine.path("trace"),
            );
            let ran = support::machine::run(traced, password.as_bytes());
            assert_eq!(ran.code("authenticate"), Code(expected), "{who:?}");
            let trace = trace_in(&machine.path("trace"));
            let opened = trace
                .lines()
                .filter(|line| line.contains("open") && line.contains("/state/"));
            assert!(
                opened.filter(|line| !line.contains("EACCES")).count() == 0,
                "{who:?} {trace}"
            );
        }
    }
}

#[test]
fn a_helper_that_is_not_roots_is_not_believed() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("");
    let good = machine.create("nobody", "phone", &["--service", "any"]);
    // Somebody else listens at the helper's place; not even the question reaches him.
    machine
        .command("sh".as_ref())
        .args(["-ec", "mkdir -m 777 /run/app-passwd"])
        .status()
        .unwrap();
    let mut impostor = machine.command("setpriv".as_ref());
    impostor
        .args(NOBODY)
        .arg("--")
        .arg(machine.path("tool"))
        .arg("--config")
        .arg(machine.config());
    let _impostor = Running(impostor.arg("serve").stderr(Stdio::null()).spawn().unwrap());
    wait_for_socket(&machine);
    let code = as_user(&machine, &WEB_SERVER, "web", "nobody")
        .password(good)
        .authenticate();
    assert_eq!(code, Code::AUTHINFO_UNAVAIL);
}

#[test]
fn with_a_helper_su_and_sudo_are_answered_like_root() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("");
    let good = machine.create("alice", "phone", &["--service", "sudo"]);
    let _helper = Helper::start(&machine);
    let login = |service: &str, password: &str| {
        as_user(&machine, &STARTED_BY_NOBODY, service, "alice")
            .password(password)
            .authenticate()
    };
    assert_eq!(login("sudo", &good), Code::SUCCESS);
    assert_eq!(login("su", &good), Code::PERM_DENIED);
    assert_eq!(login("sudo", WRONG), Code::AUTH_ERR);
    assert_eq!(login("sudo", "hunter2"), Code::AUTH_ERR);
    let used = &machine.show("alice", "phone")["last_used"];
    assert_eq!(
        (&used["service"], &used["count"]),
        (&"sudo".into(), &1.into())
    );
}

#[test]
fn with_a_helper_everybody_is_answered_about_himself_only() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("");
    let own = machine.create("nobody", "locker", &["--service", "i3lock"]);
    let others = machine.create("daemon", "locker", &["--service", "i3lock"]);
    let _helper = Helper::start(&machine);
    let login = |user: &str, password: &str| {
        as_user(&machine, &NOBODY, "i3lock", user)
            .password(password)
            .authenticate()
    };
    assert_eq!(login("nobody", &own), Code::SUCCESS);
    assert_eq!(login("nobody", WRONG), Code::AUTH_ERR);
    assert_eq!(login("daemon", &others), Code::AUTHINFO_UNAVAIL);
    assert_eq!(login("daemon", WRONG), Code::AUTHINFO_UNAVAIL);
    assert_eq!(login("no-such-user", WRONG), Code::AUTHINFO_UNAVAIL);
}

#[test]
fn with_a_helper_a_configured_caller_is_answered_about_its_services() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("helper.callers.www-data = [\"web\", \"nginx\"]");
    let good = machine.create("alice", "browser", &["--service", "any"]);
    let imap_only = machine.create("alice", "phone", &["--service", "imap"]);
    let _helper = Helper::start(&machine);
    let login = |service: &str, password: &str| {
        as_user(&machine, &WEB_SERVER, service, "alice")
            .rhost("192.0.2.7")
            .password(password)
            .authenticate()
    };
    assert_eq!(login("web", &good), Code::SUCCESS);
    assert_eq!(login("nginx", &good), Code::SUCCESS);
    assert_eq!(login("web", &imap_only), Code::PERM_DENIED);
    assert_eq!(login("web", WRONG), Code::AUTH_ERR);
    assert_eq!(login("imap", &good), Code::AUTHINFO_UNAVAIL);
    assert_eq!(login("imap", &imap_only), Code::AUTHINFO_UNAVAIL);
    // Somebody who is not configured is not answered about alice.
    let code = as_user(&machine, &NOBODY, "web", "alice")
        .password(&good)
        .authenticate();
    assert_eq!(code, Code::AUTHINFO_UNAVAIL);
}

#[test]
fn with_a_helper_the_account_is_looked_at_again() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("helper.callers.www-data = [\"web\"]");
    let good = machine.create("alice", "browser", &["--service", "web"]);
    let _helper = Helper::start(&machine);
    let ran = as_user(&machine, &WEB_SERVER, "web", "alice")
        .password(good)
        .run(&["authenticate", "acct_mgmt", "setcred"]);
    for operation in ["authenticate", "acct_mgmt", "setcred"] {
        assert_eq!(ran.code(operation), Code::SUCCESS, "{operation}");
    }
}

#[test]
fn a_helper_lives_through_noise_and_through_peers_that_stall() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("");
    let good = machine.create("alice", "phone", &["--service", "sudo"]);
    let mut helper = Helper::start(&machine);
    let socket = socket_seen_from_here(&machine);
    for noise in [
        &b""[..],
        b"\0",
        b"\xff\xff",
        b"\xff\xffgarbage",
        &[0; 65_536],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut connection = UnixStream::connect(&socket).unwrap();
        let _ = std::io::Write::write_all(&mut connection, noise);
    }
    // These say nothing, and stay.
    let stalled: Vec<_> = (0..100)
        .map_while(|_| UnixStream::connect(&socket).ok())
        .collect();
    sleep(Duration::from_millis(2_500));
    let began = Instant::now();
    let client = as_user(&machine, &STARTED_BY_NOBODY, "sudo", "alice");
    assert_eq!(client.password(good).authenticate(), Code::SUCCESS);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(helper.is_running(), "the helper has ended");
    drop(stalled);
}

#[test]
fn a_helper_that_never_answers_keeps_a_login_waiting_for_a_bounded_time() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("");
    let good = machine.create("alice", "phone", &["--service", "sudo"]);
    let helper = Helper::start(&machine);
    // Stopped, it still has its socket.
    helper.send(Signal::STOP);
    let began = Instant::now();
    let client = as_user(&machine, &STARTED_BY_NOBODY, "sudo", "alice");
    assert_eq!(client.password(good).authenticate(), Code::AUTHINFO_UNAVAIL);
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "{:?}",
        began.elapsed()
    );
    helper.send(Signal::CONT);
}

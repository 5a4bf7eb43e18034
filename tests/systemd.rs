//! The units, under a systemd that is process 1: started by it, kept by it, and in the sandbox that it makes of them.

#![allow(clippy::expect_used)] // a page that is not built is a failed test

mod support;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::cannot_run;
use support::private_machine::{PrivateMachine, eventually};
use support::ssh::Server;
use support::web::{PAGE, Web};

const NEEDS: [&str; 14] = [
    "root",
    "unshare",
    "nsenter",
    "setpriv",
    "pgrep",
    "perl",
    "openssl",
    "oathtool",
    "make",
    "dbus-daemon",
    "systemctl",
    "systemd-sysusers",
    "systemd-tmpfiles",
    "google-authenticator",
];

/// A machine that systemd has booted. `None`: this one cannot be had here.
fn booted(daemons: &str) -> Option<PrivateMachine> {
    if cannot_run(&NEEDS) {
        return None;
    }
    let page = PAGE.expect("the page is a feature, which is on unless it is turned off");
    Some(PrivateMachine::with(&format!(
        "systemd.sh {page} {daemons}"
    )))
}

/// One with the page, which is reached as through a proxy.
fn page() -> Option<Web> {
    let machine = booted("")?;
    machine.shell("inside systemctl start app-passwd.socket app-passwd-web.service");
    let url = machine.shell("cat web-url").trim_end().to_owned();
    let web = Web { machine, url };
    let listens = || TcpStream::connect(("127.0.0.1", web.port())).is_ok();
    assert!(eventually(listens), "{}", journal(&web.machine));
    Some(web)
}

/// What systemd says of a unit.
fn property(machine: &PrivateMachine, unit: &str, name: &str) -> String {
    let line = format!("inside systemctl show --property={name} --value {unit}");
    machine.shell(&line).trim_end().to_owned()
}

/// A verb of demo's own.
fn by_demo(arguments: &str) -> String {
    format!("inside setpriv --reuid=demo --regid=demo --init-groups -- app-passwd {arguments}")
}

fn journal(machine: &PrivateMachine) -> String {
    machine.shell("inside journalctl --no-pager --output=short-monotonic")
}

#[test]
fn the_page_and_the_helper_serve_an_account_holder_with_a_second_factor() {
    let Some(web) = page() else { return };
    let machine = &web.machine;
    assert_eq!(
        property(machine, "app-passwd.service", "ActiveState"),
        "inactive"
    );
    let password = machine.account_password("demo");
    let mut demo = web.visitor("192.0.2.7");
    let list = demo.sign_in("demo", &[&password, &web.code(0)]);
    assert!(
        list.body.contains("No app-specific passwords yet"),
        "{list:?}\n{}",
        journal(machine)
    );
    // The first wish has started it.
    assert_eq!(
        property(machine, "app-passwd.service", "ActiveState"),
        "active"
    );
    demo.create("phone", &[&password, &web.code(1)]);
    let log = journal(machine);
    assert!(
        log.contains("created; user=demo entry=1 by=demo label=\"phone\" services=mail"),
        "{log}"
    );
    assert!(log.contains("from=192.0.2.7"), "{log}");
}

#[test]
fn a_helper_that_was_killed_is_there_for_the_next_who_asks() {
    let Some(machine) = booted("") else { return };
    machine.shell("inside systemctl start app-passwd.socket");
    let list = by_demo("list --json");
    assert_eq!(machine.shell(&list), "[]\n");
    let before = property(&machine, "app-passwd.service", "MainPID");
    machine.shell("inside systemctl kill --signal=KILL app-passwd.service");
    assert_eq!(machine.shell(&list), "[]\n");
    let after = property(&machine, "app-passwd.service", "MainPID");
    assert!(before != after && after != "0", "{before} {after}");
}

#[test]
fn the_page_sees_no_store_and_no_shadow_and_is_nobody() {
    let Some(web) = page() else { return };
    let machine = &web.machine;
    machine.create("demo --label phone");
    let pid = property(machine, "app-passwd-web.service", "MainPID");
    // Seen from where it is, even by root.
    for hidden in ["/var/lib/app-passwd/store.db", "/etc/shadow"] {
        let seen = machine.run(&format!("inside cat /proc/{pid}/root{hidden}"), "");
        assert_eq!(seen.stdout, "", "{hidden}");
    }
    let status = machine.shell(&format!("inside cat /proc/{pid}/status"));
    for line in [
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
}

#[test]
fn the_page_ends_at_once_when_it_is_told_to_and_nobody_waits() {
    let Some(web) = page() else { return };
    let begun = Instant::now();
    web.machine
        .shell("inside systemctl stop app-passwd-web.service");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(
        property(&web.machine, "app-passwd-web.service", "Result"),
        "success"
    );
}

#[test]
fn revoking_ends_a_session_that_logind_knows() {
    let Some(machine) = booted("sshd.sh") else {
        return;
    };
    let server = Server { machine };
    let machine = &server.machine;
    machine.shell("inside systemctl start app-passwd.socket");
    let sessions = || machine.shell("inside loginctl --no-legend list-sessions");
    let backup = machine.create("demo --label backup --service sshd");
    let mut session = server.open_sftp("keyboard-interactive", &[&backup]);
    assert!(sessions().contains(" demo "), "{}", journal(machine));
    let said = machine.run(&by_demo("revoke backup"), "").stderr;
    assert!(
        said.contains("Ended the sshd session from 127.0.0.1"),
        "{said}"
    );
    assert!(!session.goes_on());
    assert!(eventually(|| sessions().is_empty()), "{}", sessions());
}

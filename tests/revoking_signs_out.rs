//! What a revoked app password has opened is ended, and nothing else: real sessions of ssh and sftp.

mod support;

use support::cannot_run;
use support::private_machine::eventually;
use support::ssh::{BOTH_WAYS, SLEEP, Server};

/// Where sessions are noted.
const NOTES: &str = "/run/app-passwd/sessions";
/// What is there if the kernel numbers sessions.
const NUMBERS: &str = "/proc/self/sessionid";

#[test]
fn revoking_ends_what_the_app_password_opened_and_nothing_else() {
    let Some(server) = Server::start() else {
        return;
    };
    let machine = &server.machine;
    let phone = machine.create("demo --label phone --service sshd");
    let laptop = machine.create("demo --label laptop --service sshd");
    let (account, code) = (machine.account_password("demo"), machine.code());
    let keyboard = "keyboard-interactive";
    let mut ended = BOTH_WAYS.map(|way| server.open(way, &[&phone]));
    let mut ended_transfers = BOTH_WAYS.map(|way| server.open_sftp(way, &[&phone]));
    let mut left_alone = [
        server.open("password", &[&laptop]),
        server.open(keyboard, &[&laptop]),
        server.open(keyboard, &[&account, &code]),
        server.open("publickey", &[]),
        server.open_sftp("password", &[&laptop]),
    ];
    let said = machine.tool("revoke demo phone").stderr;
    let told = said
        .matches("Ended the sshd session from 127.0.0.1")
        .count();
    assert_eq!(told, 4, "{said}");
    for session in &mut ended {
        assert!(session.ends());
        assert!(!machine.runs(&session.sleep));
    }
    for transfer in &mut ended_transfers {
        assert!(!transfer.goes_on());
    }
    for session in &mut left_alone {
        assert!(session.goes_on());
    }
    for session in left_alone.iter().take(4) {
        assert!(machine.runs(&session.sleep));
    }
}

#[test]
fn revoking_with_keep_sessions_leaves_them() {
    let Some(server) = Server::start() else {
        return;
    };
    let phone = server.machine.create("demo --label phone --service sshd");
    let mut session = server.open("password", &[&phone]);
    server
        .machine
        .tool("revoke demo phone --keep-sessions")
        .succeeds();
    server.keeps_out("password", "demo", &[&phone]);
    assert!(session.goes_on());
    // Revoked again, which it is already, it is signed out all the same.
    server.machine.tool("revoke demo 1").succeeds();
    assert!(session.ends());
}

#[test]
fn whatever_else_refuses_an_app_password_ends_its_sessions_too() {
    let Some(server) = Server::start() else {
        return;
    };
    let phone = server.machine.create("demo --label phone --service sshd");
    let laptop = server.machine.create("demo --label laptop --service sshd");
    let mut left_alone = server.open("password", &[&laptop]);
    for (refuse, allow) in [
        ("disable demo phone", "enable demo phone"),
        (
            "edit demo phone --service imap",
            "edit demo phone --service sshd",
        ),
        (
            "edit demo phone --from 192.0.2.7",
            "edit demo phone --any-network",
        ),
        ("rotate demo phone", "list"),
    ] {
        let mut session = server.open("password", &[&phone]);
        for harmless in ["--label phone", "--expires 1d", "--service sshd"] {
            let edit = format!("edit demo phone {harmless}");
            server.machine.tool(&edit).succeeds();
        }
        assert!(session.goes_on(), "before {refuse}");
        server.machine.tool(refuse).succeeds();
        assert!(session.ends(), "{refuse}");
        server.machine.tool(allow).succeeds();
    }
    assert!(left_alone.goes_on());
}

#[test]
fn what_has_left_the_tree_of_the_session_is_ended_too() {
    if cannot_run(&[NUMBERS]) {
        return;
    }
    let Some(server) = Server::start() else {
        return;
    };
    let phone = server.machine.create("demo --label phone --service sshd");
    let laptop = server.machine.create("demo --label laptop --service sshd");
    for way in BOTH_WAYS {
        let daemon = r#"setsid sh -c "sleep 600 >/dev/null 2>&1 & echo \$!""#;
        let mut ended = server.open_with("", way, &[&phone], daemon);
        let left_alone = server.open_with("", way, &[&laptop], daemon);
        server.machine.tool("revoke demo 1").succeeds();
        assert!(ended.ends());
        assert!(!server.machine.runs(&ended.sleep));
        assert!(server.machine.runs(&left_alone.sleep));
        server.machine.shell("sqlite3 /var/lib/app-passwd/store.db 'UPDATE credential SET revoked_at = NULL, revoked_by = NULL, revoked_why = NULL'");
    }
}

#[test]
fn what_a_session_has_left_behind_is_ended_too() {
    if cannot_run(&[NUMBERS]) {
        return;
    }
    let Some(server) = Server::start() else {
        return;
    };
    let machine = &server.machine;
    let phone = machine.create("demo --label phone --service sshd");
    let laptop = machine.create("demo --label laptop --service sshd");
    let leave = |way, password: &str| {
        let login = server.ssh(way, "demo", &format!("setsid {SLEEP}"), &[password]);
        login.ran.succeeds().trim_end().to_owned()
    };
    let ended = BOTH_WAYS.map(|way| leave(way, &phone));
    let left_alone = BOTH_WAYS.map(|way| leave(way, &laptop));
    for pid in ended.iter().chain(&left_alone) {
        assert!(machine.runs(pid));
    }
    machine.tool("revoke demo phone").succeeds();
    for (ended, left_alone) in ended.iter().zip(&left_alone) {
        assert!(!machine.runs(ended));
        assert!(machine.runs(left_alone));
    }
    // When they have ended by themselves, the next revocation forgets them.
    left_alone.iter().for_each(|pid| kill(&server, pid));
    machine.tool("revoke demo 1").succeeds();
    assert_eq!(notes(&server), 0);
}

#[test]
fn no_process_of_the_user_sees_a_ticket() {
    let Some(server) = Server::start() else {
        return;
    };
    let phone = server.machine.create("demo --label phone --service sshd");
    for stack in ["cat", "grep -v session.*app_passwd"] {
        server.machine.shell(&format!(
            "cp /etc/pam.d/sshd whole; {stack} whole >/etc/pam.d/sshd"
        ));
        // One who knows the name of the variable has it copied.
        server.machine.shell(
            "echo 'COPY DEFAULT=${APP_PASSWD_TICKET}' >home/demo/.pam_environment
             sed -i '/pam_permit/a auth optional pam_env.so user_readenv=1' /etc/pam.d/sshd",
        );
        for way in BOTH_WAYS {
            let environment = server.ssh(way, "demo", "env", &[&phone]).ran.succeeds();
            assert!(environment.contains("HOME=/"), "{environment}");
            assert!(!environment.contains("TICKET"), "{environment}");
            assert!(!environment.contains("COPY=1."), "{environment}");
        }
    }
    assert!(!server.machine.log().contains("TICKET"));
}

#[test]
fn a_ticket_that_the_user_sets_claims_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let machine = &server.machine;
    let phone = machine.create("demo --label phone --service sshd");
    machine.create("demo --label laptop --service sshd");
    let forged = "2.1000000000.00000000000000000000000000000000";
    machine.shell(&format!(
        "echo 'APP_PASSWD_TICKET DEFAULT={forged}' >home/demo/.pam_environment"
    ));
    let set = format!("-o SetEnv=APP_PASSWD_TICKET={forged}");
    let open = |way, answers: &[&str]| server.open_with(&set, way, answers, SLEEP);
    let mut phones = BOTH_WAYS.map(|way| open(way, &[&phone]));
    let mut by_key = open("publickey", &[]);
    machine.tool("revoke demo laptop").succeeds();
    for session in &mut phones {
        assert!(session.goes_on());
    }
    machine.tool("revoke demo phone").succeeds();
    for session in &mut phones {
        assert!(session.ends());
    }
    assert!(by_key.goes_on());
}

#[test]
fn a_session_with_a_forged_ticket_ends_with_any_revocation_of_its_user() {
    let Some(server) = Server::start() else {
        return;
    };
    let machine = &server.machine;
    machine.create("demo --label phone --service sshd");
    machine.create("neighbour --label phone --service sshd");
    // The stack as it must not be: what the user has written is read before our line.
    machine.shell(
        "echo 'APP_PASSWD_TICKET DEFAULT=2.1000000000.00000000000000000000000000000000' >home/demo/.pam_environment
         sed -i '/pam_loginuid/a session required pam_env.so user_readenv=1' /etc/pam.d/sshd",
    );
    let mut session = server.open("publickey", &[]);
    machine.tool("revoke neighbour phone").succeeds();
    assert!(session.goes_on());
    machine.tool("revoke demo phone").succeeds();
    assert!(session.ends());
}

#[test]
fn a_session_that_ends_is_forgotten() {
    let Some(server) = Server::start() else {
        return;
    };
    let phone = server.machine.create("demo --label phone --service sshd");
    for way in BOTH_WAYS {
        let session = server.open(way, &[&phone]);
        assert_eq!(notes(&server), 1);
        kill(&server, &session.sleep);
        session.close();
        assert!(eventually(|| notes(&server) == 0));
    }
}

#[test]
fn a_crash_of_sshd_leaves_nothing_open_and_harms_nobody_else() {
    if cannot_run(&[NUMBERS]) {
        return;
    }
    let Some(server) = Server::start() else {
        return;
    };
    let machine = &server.machine;
    let phone = machine.create("demo --label phone --service sshd");
    machine.create("neighbour --label phone --service sshd");
    let mut session = server.open("password", &[&phone]);
    let note = machine.shell(&format!("ls {NOTES}"));
    let (opener, start) = note.trim_end().split_once('-').unwrap();
    machine.shell(&format!("kill -KILL {opener}"));
    // What sshd has begun for the user goes on, and is found.
    assert!(machine.runs(&session.sleep));
    machine.tool("revoke neighbour phone").succeeds();
    assert_eq!(notes(&server), 1);
    machine.tool("revoke demo phone").succeeds();
    assert!(session.ends());
    assert!(!machine.runs(&session.sleep));
    assert_eq!(notes(&server), 0);
    // Now that none of it is left, somebody else has the pid: a process that began at another time.
    let other = machine.shell("sleep 600 >/dev/null 2>&1 & echo $!");
    let other = other.trim_end();
    machine.shell(&format!(
        "printf '1\\ndemo\\nsshd\\n\\n\\n' >{NOTES}/{other}-{start}"
    ));
    machine.tool("revoke demo 1").succeeds();
    assert!(machine.runs(other));
    assert_eq!(notes(&server), 0);
}

#[test]
fn a_session_that_was_noted_for_another_user_with_the_same_number_goes_on() {
    let Some(server) = Server::start() else {
        return;
    };
    let machine = &server.machine;
    machine.create("demo --label phone --service sshd");
    let other = machine.shell("sleep 600 >/dev/null 2>&1 & echo $!");
    let other = other.trim_end();
    let note = |user| {
        machine.shell(&format!(
            "install -d -m 700 {NOTES}; start=$(cut -d ' ' -f 22 /proc/{other}/stat)
             printf '1\\n{user}\\nsshd\\n\\n\\n' >{NOTES}/{other}-$start; chmod 600 {NOTES}/*"
        ));
        machine.tool("revoke demo 1").succeeds();
    };
    // As it is once an older store was restored.
    note("neighbour");
    assert!(machine.runs(other));
    note("demo");
    assert!(!machine.runs(other));
}

fn kill(server: &Server, pid: &str) {
    server.machine.shell(&format!("kill {pid}"));
    assert!(eventually(|| !server.machine.runs(pid)));
}

/// How many sessions are noted.
fn notes(server: &Server) -> usize {
    let notes = server.machine.shell(&format!("ls {NOTES}"));
    notes.lines().count()
}

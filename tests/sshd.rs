//! A script and a person log in by ssh: a real OpenSSH, real codes of a second factor, and the stack that `pam.d/sshd`
//! ships. "Both ways" are the two in which sshd asks for a password: `password` answers every question of PAM with the
//! same word, `keyboard-interactive` passes each on, and runs PAM in another process.

mod support;

use std::process::Stdio;

use support::ssh::{BOTH_WAYS, Server};
use support::{Ran, WRONG};

// -- who is let in

#[test]
fn an_app_password_for_ssh_is_let_in_without_a_code_and_with_one_prompt() {
    let Some(server) = Server::start() else {
        return;
    };
    let script = server.machine.create("demo --label script --service sshd");
    for way in BOTH_WAYS {
        let login = server.lets_in(way, "demo", &[&script]);
        assert_eq!(login.asked.len(), 1, "{login:?}");
    }
    server.machine.logged(
        r#"pam_app_passwd(sshd:auth): accepted; user=demo rhost=127.0.0.1 entry=1 label="script""#,
    );
    let used = &server.machine.show("demo", "script")["last_used"];
    assert_eq!(
        (&used["service"], &used["from"]),
        (&"sshd".into(), &"127.0.0.1".into())
    );
}

#[test]
fn sftp_takes_an_app_password_without_a_person() {
    let Some(server) = Server::start() else {
        return;
    };
    let backup = server.machine.create("demo --label backup --service sshd");
    let batch = server.machine.file("put auth.log copied\nls\n");
    let login = server.client(
        // Told to read its commands from a file, sftp would not ask.
        &format!("sftp -o BatchMode=no -F ssh-config -b {batch} demo@server </dev/null"),
        &[&backup],
    );
    assert!(login.ran.succeeds().contains("copied"));
}

#[test]
fn the_account_password_is_let_in_with_its_code_and_not_without() {
    let Some(server) = Server::start() else {
        return;
    };
    let account = server.machine.account_password("demo");
    let way = "keyboard-interactive";
    server.keeps_out(way, "demo", &[&account, "000000"]);
    let login = server.lets_in(way, "demo", &[&account, &server.machine.code()]);
    assert_eq!(login.asked.len(), 2, "{login:?}");
    assert!(login.asked[1].contains("Verification code"), "{login:?}");
    // Where sshd asks only once there is no way to show the code.
    server.keeps_out("password", "demo", &[&account]);
}

#[test]
fn a_key_opens_as_before() {
    let Some(server) = Server::start() else {
        return;
    };
    let login = server.lets_in("publickey", "demo", &[]);
    assert!(login.asked.is_empty(), "{login:?}");
    assert!(!server.machine.log().contains("pam_app_passwd"));
}

#[test]
fn every_way_in_keeps_its_groups() {
    let Some(server) = Server::start() else {
        return;
    };
    server
        .machine
        .shell("echo 'sshd;*;demo;Al0000-2400;audio' >/etc/security/group.conf");
    let script = server.machine.create("demo --label script --service sshd");
    let account = server.machine.account_password("demo");
    let code = server.machine.code();
    for (way, answers) in [
        ("publickey", vec![]),
        ("password", vec![script.as_str()]),
        ("keyboard-interactive", vec![&script]),
        ("keyboard-interactive", vec![&account, &code]),
    ] {
        let login = server.ssh(way, "demo", "id -nG", &answers);
        assert_eq!(login.ran.succeeds(), "demo audio\n", "{way}");
    }
}

#[test]
fn a_second_app_password_works_beside_the_first() {
    let Some(server) = Server::start() else {
        return;
    };
    let script = server.machine.create("demo --label script --service sshd");
    let backup = server.machine.create("demo --label backup --service sshd");
    for password in [&script, &backup, &script] {
        server.lets_in("keyboard-interactive", "demo", &[password]);
    }
}

#[test]
fn twenty_at_once_are_let_in() {
    let Some(server) = Server::start() else {
        return;
    };
    let script = server.machine.create("demo --label script --service sshd");
    let answers = server.machine.file(&format!("{script}\n"));
    let login = |number: usize| {
        let way = BOTH_WAYS[number % 2];
        let line = format!(
            "cp {answers} answers.{number}
             export SSH_ASKPASS=/run/demo/askpass.sh SSH_ASKPASS_REQUIRE=force ANSWERS=/run/demo/answers.{number}
             exec ssh -F ssh-config -o PreferredAuthentications={way} demo@server 'echo in' </dev/null"
        );
        let mut client = server.machine.command(&line);
        client.stdout(Stdio::piped()).stderr(Stdio::piped());
        client.spawn().unwrap()
    };
    let logins: Vec<_> = (0..20).map(login).collect();
    for login in logins {
        let ran = Ran::from(login.wait_with_output().unwrap());
        assert_eq!(ran.succeeds(), "in\n");
    }
    assert_eq!(server.machine.show("demo", "script")["status"], "active");
}

// -- who is kept out

#[test]
fn twenty_four_letters_that_open_nothing_are_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    server.machine.create("demo --label script --service sshd");
    for way in BOTH_WAYS {
        server.keeps_out(way, "demo", &[WRONG]);
    }
    server
        .machine
        .logged("pam_app_passwd(sshd:auth): unknown; rhost=127.0.0.1 user=demo");
}

#[test]
fn another_users_app_password_is_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    let neighbours = server
        .machine
        .create("neighbour --label script --service sshd");
    for way in BOTH_WAYS {
        server.keeps_out(way, "demo", &[&neighbours]);
    }
}

#[test]
fn an_app_password_that_may_not_is_refused_and_the_log_says_why() {
    let Some(server) = Server::start() else {
        return;
    };
    for (label, password, reason) in server.machine.refused_at("sshd") {
        for way in BOTH_WAYS {
            let login = server.keeps_out(way, "demo", &[&password]);
            assert_eq!(login.asked.len(), 1, "{login:?}");
        }
        server.machine.logged_refusal(label, reason);
    }
}

#[test]
fn a_locked_account_stays_out() {
    let Some(server) = Server::start() else {
        return;
    };
    let script = server.machine.create("demo --label script --service sshd");
    server.machine.shell("usermod -L demo");
    for way in BOTH_WAYS {
        server.keeps_out(way, "demo", &[&script]);
    }
    server
        .machine
        .logged(r#"refused; user=demo rhost=127.0.0.1 entry=1 label="script" reason=locked"#);
}

#[test]
fn an_expired_account_stays_out_by_every_way() {
    let Some(server) = Server::start() else {
        return;
    };
    let script = server.machine.create("demo --label script --service sshd");
    server.machine.shell("chage --expiredate 2020-01-01 demo");
    for way in BOTH_WAYS {
        server.keeps_out(way, "demo", &[&script]);
    }
    server.keeps_out("publickey", "demo", &[]);
    server.machine.logged("account demo has expired");
}

#[test]
fn an_aged_account_password_does_not_end_app_passwords_and_keys() {
    let Some(server) = Server::start() else {
        return;
    };
    let script = server.machine.create("demo --label script --service sshd");
    server
        .machine
        .shell("chage --maxdays 30 --lastday 2020-01-01 demo");
    for way in BOTH_WAYS {
        server.lets_in(way, "demo", &[&script]);
    }
    server.lets_in("publickey", "demo", &[]);
    // With the password itself one is told to change it first.
    let account = server.machine.account_password("demo");
    let code = server.machine.code();
    server.keeps_out("keyboard-interactive", "demo", &[&account, &code]);
}

#[test]
fn what_sshd_says_for_users_that_it_keeps_out_is_no_guess() {
    let Some(server) = Server::start() else {
        return;
    };
    let root = server.machine.create("root --label script --service sshd");
    for way in BOTH_WAYS {
        server.keeps_out(way, "root", &[&root]);
        server.keeps_out(way, "nobody-of-this-name", &[&root]);
    }
    let log = server.machine.log();
    assert!(!log.contains("pam_app_passwd"), "{log}");
    let entry = server.machine.show("root", "script");
    assert!(entry["last_used"].is_null(), "{entry}");
    assert!(entry["last_refused"].is_null(), "{entry}");
}

#[test]
fn stale_app_passwords_use_up_no_try_of_the_code() {
    let Some(server) = Server::start() else {
        return;
    };
    let lost = server.machine.create("demo --label lost --service sshd");
    server.machine.tool("revoke demo lost").succeeds();
    let account = server.machine.account_password("demo");
    let (lost, code) = (lost.as_str(), server.machine.code());
    // In one connection; the code may be tried three times in half a minute.
    let answers = [lost, lost, lost, lost, &account, &code];
    let login = server.lets_in("keyboard-interactive", "demo", &answers);
    assert_eq!(login.asked.len(), 6, "{login:?}");
    assert!(!server.machine.log().contains("Invalid verification code"));
}

#[test]
fn forgotten_app_passwords_use_up_no_try_of_the_code() {
    let Some(server) = Server::start() else {
        return;
    };
    // The store knows nothing of them, so the account password is asked, which they are not.
    for way in ["password", "keyboard-interactive"] {
        server.keeps_out(way, "demo", &[WRONG, WRONG]);
    }
    let account = server.machine.account_password("demo");
    let code = server.machine.code();
    server.lets_in(
        "keyboard-interactive",
        "demo",
        &[WRONG, WRONG, WRONG, WRONG, &account, &code],
    );
    assert!(!server.machine.log().contains("Invalid verification code"));
}

#[test]
fn no_log_holds_a_password() {
    let Some(server) = Server::start() else {
        return;
    };
    let script = server.machine.create("demo --label script --service sshd");
    let account = server.machine.account_password("demo");
    for way in BOTH_WAYS {
        server.lets_in(way, "demo", &[&script]);
        server.keeps_out(way, "demo", &[WRONG]);
        server.keeps_out(way, "demo", &[&account]);
    }
    server.machine.tool("revoke demo script").succeeds();
    server.keeps_out("password", "demo", &[&script]);
    let log = server.machine.log();
    for secret in [
        account,
        script.clone(),
        script.replace('-', ""),
        WRONG.to_owned(),
        WRONG.replace('-', ""),
    ] {
        assert!(!log.contains(&secret), "{log}");
    }
}

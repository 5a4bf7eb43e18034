//! A scanner stores what it scanned by ftp: a real vsftpd, and the stack that `pam.d/vsftpd` ships.

#![allow(clippy::unwrap_used)] // a step that fails is a failed test

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use support::private_machine::{PrivateMachine, eventually};
use support::{Ran, WRONG, cannot_run};

/// A private machine with a vsftpd on it, as `tests/support/vsftpd.sh` describes it.
struct Server {
    machine: PrivateMachine,
}

impl Server {
    /// Nothing, after having said so, where that cannot be had.
    fn start() -> Option<Server> {
        if cannot_run(&[
            "root", "unshare", "nsenter", "perl", "openssl", "sqlite3", "vsftpd", "curl",
        ]) {
            return None;
        }
        Some(Server {
            machine: PrivateMachine::with("vsftpd.sh"),
        })
    }

    /// What a client sees that asks for a file.
    fn fetch(&self, user: &str, password: &str) -> Ran {
        // The client reads the password from its standard input.
        self.machine.run(
            "echo scanned >home/demo/page; curl --silent --show-error --config - \"$(cat ftp-url)/page\"",
            &format!("user = \"{user}:{password}\""),
        )
    }

    #[track_caller]
    fn lets_in(&self, user: &str, password: &str) {
        let ran = self.fetch(user, password);
        assert_eq!(ran.stdout, "scanned\n", "{ran:?}\n{}", self.machine.log());
    }

    #[track_caller]
    fn keeps_out(&self, user: &str, password: &str) {
        let ran = self.fetch(user, password);
        // 67 is curl's word for a login that the server refused.
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (Some(67), ""),
            "{ran:?}\n{}",
            self.machine.log()
        );
    }

    /// A connection, word for word.
    fn connect(&self) -> Connection {
        let url = self.machine.shell("cat ftp-url");
        let stream = TcpStream::connect(url.trim_end().trim_start_matches("ftp://")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(8)))
            .unwrap();
        Connection(BufReader::new(stream))
    }
}

/// The control connection, which is vsftpd's standard output and standard error as well.
struct Connection(BufReader<TcpStream>);

impl Connection {
    /// The next line of the server's; nothing when it has hung up.
    fn next_line(&mut self) -> String {
        let mut line = String::new();
        // To be cut off is an end, too.
        let _ = self.0.read_line(&mut line);
        line.trim_end().to_owned()
    }

    fn answer(&mut self, command: &str) -> String {
        if write!(self.0.get_mut(), "{command}\r\n").is_err() {
            return String::new();
        }
        self.next_line()
    }

    /// Everything that the server says until the answer to a login.
    fn log_in(&mut self, user: &str, password: &str) -> [String; 3] {
        [
            self.next_line(),
            self.answer(&format!("USER {user}")),
            self.answer(&format!("PASS {password}")),
        ]
    }
}

#[test]
fn an_app_password_for_ftp_is_let_in() {
    let Some(server) = Server::start() else {
        return;
    };
    let scanner = server
        .machine
        .create("demo --label scanner --service vsftpd");
    let second = server
        .machine
        .create("demo --label second --service vsftpd");
    for password in [&scanner, &second, &scanner] {
        server.lets_in("demo", password);
    }
    server.machine.logged(
        r#"pam_app_passwd(vsftpd:auth): accepted; user=demo rhost=127.0.0.1 entry=1 label="scanner""#,
    );
    let used = &server.machine.show("demo", "scanner")["last_used"];
    assert_eq!(
        (&used["service"], &used["from"]),
        (&"vsftpd".into(), &"127.0.0.1".into())
    );
}

#[test]
fn nothing_of_ours_is_said_on_the_control_connection() {
    let Some(server) = Server::start() else {
        return;
    };
    let scanner = server
        .machine
        .create("demo --label scanner --service vsftpd");
    let mail = server.machine.create("demo --label mail");
    let greeting = "220 (vsFTPd ";
    let asked = "331 Please specify the password.";
    for (password, said) in [
        (scanner.as_str(), "230 Login successful."),
        (&mail, "530 Login incorrect."),
        (WRONG, "530 Login incorrect."),
    ] {
        let [first, second, third] = server.connect().log_in("demo", password);
        assert!(first.starts_with(greeting), "{first}");
        assert_eq!((second.as_str(), third.as_str()), (asked, said));
    }
    // Neither when it has much to say: a configuration that cannot be read, arguments that it does not know.
    server
        .machine
        .shell("echo nonsense >/etc/security/app-passwd.toml");
    server
        .machine
        .shell("sed -i 's/log_failures/log_failures unheard-of debug/' /etc/pam.d/vsftpd");
    let [_, second, third] = server.connect().log_in("demo", &scanner);
    assert_eq!(
        (second.as_str(), third.as_str()),
        (asked, "530 Login incorrect.")
    );
    server.machine.logged("/etc/security/app-passwd.toml");
    server.machine.logged("unheard-of");
}

#[test]
fn the_account_password_is_kept_out_although_it_is_right() {
    let Some(server) = Server::start() else {
        return;
    };
    for user in ["demo", "neighbour"] {
        server.keeps_out(user, &server.machine.account_password(user));
    }
}

#[test]
fn what_opens_nothing_is_refused_and_logged_as_fail2ban_expects_it() {
    let Some(server) = Server::start() else {
        return;
    };
    server
        .machine
        .create("demo --label scanner --service vsftpd");
    let neighbours = server
        .machine
        .create("neighbour --label scanner --service vsftpd");
    server.keeps_out("demo", WRONG);
    server.keeps_out("demo", &neighbours);
    server.keeps_out("nobody-of-this-name", &neighbours);
    server
        .machine
        .logged("pam_app_passwd(vsftpd:auth): unknown; rhost=127.0.0.1 user=demo");
    server.machine.logged(
        "pam_app_passwd(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser= rhost=127.0.0.1  user=demo",
    );
}

#[test]
fn an_app_password_that_may_not_is_refused_and_the_log_says_why() {
    let Some(server) = Server::start() else {
        return;
    };
    for (label, password, reason) in server.machine.refused_at("vsftpd") {
        server.keeps_out("demo", &password);
        server.machine.logged_refusal(label, reason);
    }
}

#[test]
fn who_may_not_use_ftp_stays_out_and_is_not_judged() {
    let Some(server) = Server::start() else {
        return;
    };
    let machine = &server.machine;
    let scanner = machine.create("demo --label scanner --service vsftpd");
    for (forbid, allow) in [
        (
            "echo demo >>/etc/ftpusers",
            "sed -i /^demo$/d /etc/ftpusers",
        ),
        (
            "usermod --shell /usr/sbin/nologin demo",
            "usermod --shell /bin/sh demo",
        ),
    ] {
        machine.shell(forbid);
        server.keeps_out("demo", &scanner);
        assert!(
            !machine.log().contains("pam_app_passwd"),
            "{}",
            machine.log()
        );
        machine.shell(allow);
    }
    machine.shell("usermod --lock demo");
    server.keeps_out("demo", &scanner);
    machine.logged("reason=locked");
    machine.shell("usermod --unlock demo; chage --expiredate 2020-01-01 demo");
    server.keeps_out("demo", &scanner);
    machine.logged("account demo has expired");
    machine.shell("chage --expiredate -1 --maxdays 30 --lastday 2020-01-01 demo");
    server.lets_in("demo", &scanner);
}

#[test]
fn twenty_at_once_are_let_in() {
    let Some(server) = Server::start() else {
        return;
    };
    let scanner = server
        .machine
        .create("demo --label scanner --service vsftpd");
    let config = server.machine.file(&format!("user = \"demo:{scanner}\"\n"));
    server.machine.shell("echo scanned >home/demo/page");
    let spawn = |_| {
        let line = format!("exec curl --silent --config {config} \"$(cat ftp-url)/page\"");
        let mut client = server.machine.command(&line);
        client.stdout(Stdio::piped()).spawn().unwrap()
    };
    let clients: Vec<_> = (0..20).map(spawn).collect();
    for client in clients {
        let ran = Ran::from(client.wait_with_output().unwrap());
        assert_eq!(ran.succeeds(), "scanned\n");
    }
}

#[test]
fn revoking_ends_the_sessions_that_it_opened_and_no_others() {
    let Some(server) = Server::start() else {
        return;
    };
    let scanner = server
        .machine
        .create("demo --label scanner --service vsftpd");
    let second = server
        .machine
        .create("demo --label second --service vsftpd");
    let [mut ended, mut left_alone] = [scanner, second].map(|password| {
        let mut connection = server.connect();
        let [_, _, said] = connection.log_in("demo", &password);
        assert_eq!(said, "230 Login successful.");
        connection
    });
    server.machine.tool("revoke demo scanner").succeeds();
    assert!(!ended.answer("NOOP").starts_with("200"));
    assert_eq!(left_alone.answer("NOOP"), "200 NOOP ok.");
    left_alone.answer("QUIT");
    assert!(eventually(|| {
        server
            .machine
            .shell("ls /run/app-passwd/sessions")
            .is_empty()
    }));
}

#[test]
fn no_log_holds_a_password() {
    let Some(server) = Server::start() else {
        return;
    };
    let scanner = server
        .machine
        .create("demo --label scanner --service vsftpd");
    let account = server.machine.account_password("demo");
    server.lets_in("demo", &scanner);
    server.keeps_out("demo", &account);
    server.keeps_out("demo", WRONG);
    server.machine.tool("revoke demo scanner").succeeds();
    server.keeps_out("demo", &scanner);
    let log = server.machine.log();
    for secret in [
        &scanner,
        &scanner.replace('-', ""),
        &account,
        &WRONG.replace('-', ""),
    ] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
    assert!(!log.contains(WRONG), "{log}");
}

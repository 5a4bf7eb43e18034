//! A private machine with mail on it: a Dovecot, and where a test asks for it a Postfix.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::machine::{self, Ran, TOOL, module};
use super::private_mounts::PrivateMounts;
use super::{WRONG, cannot_run};

/// curl's word for a login that the server refused.
const REFUSED: Option<i32> = Some(67);

/// As the scripts `dovecot.sh`, `saslauthd.sh` and `postfix.sh` beside this file describe it.
pub struct Mail {
    machine: PrivateMounts,
}

/// A way into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Imap,
    Pop3,
    Sieve,
    /// Postfix, which asks Dovecot.
    Submission,
    /// Postfix, which asks saslauthd.
    Saslauthd,
}

use Door::{Imap, Pop3, Saslauthd, Sieve, Submission};

/// All of them.
pub const DOORS: [Door; 5] = [Imap, Pop3, Sieve, Submission, Saslauthd];

impl Door {
    /// The name that PAM is called by.
    pub fn service(self) -> &'static str {
        match self {
            Imap => "imap",
            Pop3 => "pop3",
            Sieve => "sieve",
            Submission | Saslauthd => "smtp",
        }
    }

    /// What the log says about where a client on this machine is: saslauthd is not told.
    pub fn rhost(self) -> &'static str {
        match self {
            Saslauthd => "",
            _ => "127.0.0.1",
        }
    }

    /// The file that says where it is.
    fn address(self) -> &'static str {
        match self {
            Imap => "imap-url",
            Pop3 => "pop3-url",
            Sieve => "sieve-port",
            Submission => "smtp-url",
            Saslauthd => "smtp-saslauthd-url",
        }
    }
}

impl Mail {
    /// With IMAP and the stack `pam.d/dovecot`. Nothing, after having said so, where that cannot be had.
    pub fn start() -> Option<Mail> {
        let needs = ["dovecot", "doveadm", "curl"];
        Mail::behind(&needs, &["dovecot.sh"])
    }

    /// With every door; submission has the stack `pam.d/smtp`.
    pub fn with_every_door() -> Option<Mail> {
        Mail::with_saslauthd(&[])
    }

    /// The same; saslauthd is started with these options.
    pub fn with_saslauthd(options: &[&str]) -> Option<Mail> {
        let needs = [
            "dovecot",
            "doveadm",
            "/usr/lib/dovecot/pop3-login",
            "/usr/lib/dovecot/managesieve-login",
            "curl",
            "postfix",
            "saslauthd",
        ];
        let scripts = [
            &["dovecot.sh", "saslauthd.sh"],
            options,
            &["--", "postfix.sh"],
        ];
        Mail::behind(&needs, &scripts.concat())
    }

    fn behind(needs: &[&str], scripts: &[&str]) -> Option<Mail> {
        let always = ["root", "unshare", "nsenter", "perl", "openssl", "sqlite3"];
        if cannot_run(&[&always, needs].concat()) {
            return None;
        }
        let mut machine = Command::new(script("private-machine.sh"));
        machine.arg(module()).arg(TOOL);
        for word in scripts {
            match word.ends_with(".sh") {
                true => machine.arg(script(word)),
                false => machine.arg(word),
            };
        }
        machine.args(["sh", "-c", "echo ready; exec cat"]);
        Some(Mail {
            machine: PrivateMounts::held_by(machine),
        })
    }

    /// Puts `pam.d/STACK` in force for these services.
    pub fn stack(self, stack: &str, services: &[&str]) -> Mail {
        let install = format!("{} {stack} {}", script("stack.sh"), services.join(" "));
        self.run(&install, "").succeeds();
        self
    }

    /// Writes the configuration of app-passwd.
    pub fn configured(self, text: &str) -> Mail {
        self.run("cat >/etc/security/app-passwd.toml", text)
            .succeeds();
        self
    }

    /// Runs a line of shell on the machine, in `/run/demo`.
    pub fn run(&self, line: &str, input: &str) -> Ran {
        machine::run(self.command(line), input.as_bytes())
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.machine.command("sh".as_ref());
        let options = "--silent --show-error --max-time 60 --cacert certificate.pem \
                       --login-options AUTH=PLAIN --config -";
        command.args([
            "-c",
            &format!("PATH=/run/demo/bin:$PATH; options='{options}'; cd /run/demo; {line}"),
        ]);
        command
    }

    pub fn tool(&self, arguments: &str) -> Ran {
        self.run(&format!("app-passwd {arguments}"), "")
    }

    /// Makes an app password and returns it.
    pub fn create(&self, arguments: &str) -> String {
        let created = self.tool(&format!("create {arguments}")).succeeds();
        created.trim_end().to_owned()
    }

    /// Changes the store behind the tool's back.
    pub fn alter(&self, sql: &str) {
        self.run("sqlite3 -bail /var/lib/app-passwd/store.db", sql)
            .succeeds();
    }

    pub fn account_password(&self, user: &str) -> String {
        let password = self.run(&format!("cat {user}.password"), "").succeeds();
        password.trim_end().to_owned()
    }

    /// What a mail client sees that asks for the message of this number in the inbox.
    pub fn fetch(&self, user: &str, password: &str, number: usize) -> Ran {
        self.run(
            &format!("curl $options \"$(cat imap-url)/INBOX;MAILINDEX={number}\""),
            &curl_user(user, password),
        )
    }

    /// Sends a mail to demo.
    pub fn send(&self, door: Door, user: &str, password: &str, text: &str) -> Ran {
        self.run(
            "cat >message",
            &format!("Subject: {text}\r\n\r\n{text}\r\n"),
        )
        .succeeds();
        self.run(
            &format!(
                "curl $options --mail-from {user}@example.org --mail-rcpt demo@example.org \
                 --upload-file message $(cat {})",
                door.address()
            ),
            &curl_user(user, password),
        )
    }

    /// Whether a client is let in, of which nothing else is asked.
    #[track_caller]
    pub fn opens(&self, door: Door, user: &str, password: &str) -> bool {
        let (ran, answer) = match door {
            Sieve => self.log_in_to_sieve(user, password),
            _ => self.log_in_with_curl(door, user, password),
        };
        answer.unwrap_or_else(|| panic!("{door:?}: {ran:?}\n{}", self.logs()))
    }

    fn log_in_with_curl(&self, door: Door, user: &str, password: &str) -> (Ran, Option<bool>) {
        let request = match door {
            Pop3 => "", // it lists the inbox; to NOOP it would wait for more than one line
            _ => "--request NOOP",
        };
        let ran = self.run(
            &format!("curl $options {request} $(cat {})", door.address()),
            &curl_user(user, password),
        );
        let answer = match ran.status {
            Some(0) => Some(true),
            REFUSED => Some(false),
            _ => None,
        };
        (ran, answer)
    }

    fn log_in_to_sieve(&self, user: &str, password: &str) -> (Ran, Option<bool>) {
        let ran = self.run(
            &format!("{} {user}", script("sieve-login.sh")),
            &format!("{password}\n"),
        );
        let answer = ran.stdout.lines().find(|line| is_about_login(line));
        let answer = answer.map(|line| line.starts_with("OK"));
        (ran, answer)
    }

    #[track_caller]
    pub fn lets_in(&self, door: Door, user: &str, password: &str) {
        let opened = self.opens(door, user, password);
        assert!(opened, "{door:?}\n{}", self.logs());
    }

    #[track_caller]
    pub fn keeps_out(&self, door: Door, user: &str, password: &str) {
        let opened = self.opens(door, user, password);
        assert!(!opened, "{door:?}\n{}", self.logs());
    }

    /// Logs in from an address of this machine and stays.
    pub fn stay(&self, user: &str, password: &str, from: &str) -> Session {
        let client = script("imap-session.sh");
        let command = self.command(&format!("exec {client} {user} {from}"));
        let session = Session::open(command, password);
        assert!(session.says("+ idling"), "{}", self.logs());
        session
    }

    /// The log of the machine and Dovecot's own.
    pub fn logs(&self) -> String {
        self.run("cat auth.log dovecot.log", "").succeeds()
    }

    #[track_caller]
    pub fn logged(&self, line: &str) {
        // It is written by another process.
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.logs().contains(line) {
            assert!(
                Instant::now() < deadline,
                "{line:?} is not in\n{}",
                self.logs()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    pub fn never_logged(&self, secrets: &[&str]) {
        let logs = self.logs();
        for secret in secrets.iter().chain(&[WRONG]) {
            assert!(!logs.contains(secret), "{logs}");
            assert!(!logs.contains(&secret.replace('-', "")), "{logs}");
        }
    }
}

/// An IMAP connection that waits for mail.
pub struct Session {
    client: Child,
    lines: Receiver<String>,
}

impl Session {
    fn open(mut command: Command, password: &str) -> Session {
        let mut client = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        writeln!(stdin, "{password}").unwrap();
        let stdout = BufReader::new(client.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Session { client, lines }
    }

    /// Whether the server says something with these words, now or soon. What it says before is forgotten.
    pub fn says(&self, words: &str) -> bool {
        self.says_within(words, Duration::from_secs(10))
    }

    pub fn says_within(&self, words: &str, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(rest) {
                Ok(line) if line.contains(words) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// Whether the server ends the connection, now or soon.
    pub fn ends(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(rest) {
                Ok(_) => {}
                Err(error) => return error == RecvTimeoutError::Disconnected,
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// A line of curl's configuration.
fn curl_user(user: &str, password: &str) -> String {
    format!("user = \"{user}:{password}\"\n")
}

/// The first answer behind the capabilities.
fn is_about_login(line: &str) -> bool {
    (line.starts_with("OK") && line.contains("Logged in")) || line.starts_with("NO")
}

/// A script beside this file.
fn script(name: &str) -> String {
    format!("{}/tests/support/{name}", env!("CARGO_MANIFEST_DIR"))
}

//! A private machine with mail on it: a Dovecot, and where a test asks for it a Postfix.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::private_machine::{PrivateMachine, eventually};
use super::{Ran, WRONG, cannot_run};

/// curl's word for a login that the server refused.
const REFUSED: Option<i32> = Some(67);

/// As the scripts `dovecot.sh`, `saslauthd.sh` and `postfix.sh` beside this file describe it.
pub struct Mail {
    machine: PrivateMachine,
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
        Mail::behind(&needs, "dovecot.sh")
    }

    /// With every door; submission has the stack `pam.d/smtp`.
    pub fn with_every_door() -> Option<Mail> {
        Mail::with_saslauthd("")
    }

    /// The same; saslauthd is started with these options.
    pub fn with_saslauthd(options: &str) -> Option<Mail> {
        let needs = [
            "dovecot",
            "doveadm",
            "/usr/lib/dovecot/pop3-login",
            "/usr/lib/dovecot/managesieve-login",
            "curl",
            "postfix",
            "saslauthd",
        ];
        Mail::behind(
            &needs,
            &format!("dovecot.sh saslauthd.sh {options} -- postfix.sh"),
        )
    }

    fn behind(needs: &[&str], daemons: &str) -> Option<Mail> {
        let always = ["root", "unshare", "nsenter", "perl", "openssl", "sqlite3"];
        if cannot_run(&[&always, needs].concat()) {
            return None;
        }
        Some(Mail {
            machine: PrivateMachine::with(daemons),
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
        self.machine.run(line, input)
    }

    /// Runs curl, which logs in.
    fn curl(&self, user: &str, password: &str, what: &str) -> Ran {
        let options = "--silent --show-error --max-time 60 --cacert certificate.pem \
                       --login-options AUTH=PLAIN --config -";
        let input = format!("user = \"{user}:{password}\"\n");
        self.run(&format!("curl {options} {what}"), &input)
    }

    pub fn tool(&self, arguments: &str) -> Ran {
        self.machine.tool(arguments)
    }

    /// Makes an app password and returns it.
    #[track_caller]
    pub fn create(&self, arguments: &str) -> String {
        self.machine.create(arguments)
    }

    /// Changes the store behind the tool's back.
    pub fn alter(&self, sql: &str) {
        self.run("sqlite3 -bail /var/lib/app-passwd/store.db", sql)
            .succeeds();
    }

    pub fn account_password(&self, user: &str) -> String {
        self.machine.account_password(user)
    }

    /// What a mail client sees that asks for the message of this number in the inbox.
    pub fn fetch(&self, user: &str, password: &str, number: usize) -> Ran {
        let what = format!("\"$(cat imap-url)/INBOX;MAILINDEX={number}\"");
        self.curl(user, password, &what)
    }

    /// Sends a mail to demo.
    pub fn send(&self, door: Door, user: &str, password: &str, text: &str) -> Ran {
        let message = self
            .machine
            .file(&format!("Subject: {text}\r\n\r\n{text}\r\n"));
        let (from, to) = (format!("{user}@example.org"), "demo@example.org");
        let what = format!("--mail-from {from} --mail-rcpt {to} --upload-file {message}");
        self.curl(user, password, &format!("{what} $(cat {})", door.address()))
    }

    /// Puts a message into the inbox of demo.
    pub fn deliver(&self, text: &str) {
        let message = self
            .machine
            .file(&format!("Subject: {text}\r\n\r\n{text}\r\n"));
        let inbox = "home/demo/Maildir/new";
        self.machine.shell(&format!(
            "install -o demo -g demo -m 0600 {message} {inbox}/$(basename {message}).message"
        ));
    }

    /// Turns on Dovecot's cache of good passwords. In 2.4 its size does; in 2.3 PAM's are kept only by a key.
    pub fn let_dovecot_cache(&self) {
        self.machine.shell(
            "sed -i 's/args = %s /args = cache_key=%u%s%r %s /' /etc/dovecot/dovecot.conf
             echo 'auth_cache_size = 1M' >>/etc/dovecot/dovecot.conf
             doveadm reload",
        );
        self.logged("SIGHUP received");
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
        let what = format!("{request} $(cat {})", door.address());
        let ran = self.curl(user, password, &what);
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
        let session = Session::begin(&self.machine, user, password, from);
        assert!(session.says("+ idling"), "{}", self.logs());
        session
    }

    /// The log of the machine and Dovecot's own.
    pub fn logs(&self) -> String {
        self.run("cat auth.log dovecot.log", "").succeeds()
    }

    /// Waits until one of the logs has the line.
    #[track_caller]
    pub fn logged(&self, line: &str) {
        let logged = eventually(|| self.logs().contains(line));
        assert!(logged, "{line:?} is not in\n{}", self.logs());
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
    pub fn begin(machine: &PrivateMachine, user: &str, password: &str, from: &str) -> Session {
        let client = script("imap-session.sh");
        let command = machine.command(&format!("exec {client} {user} {from}"));
        Session::open(command, password)
    }

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
        std::thread::spawn(move || {
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

/// The first answer behind the capabilities.
fn is_about_login(line: &str) -> bool {
    (line.starts_with("OK") && line.contains("Logged in")) || line.starts_with("NO")
}

/// A script beside this file.
fn script(name: &str) -> String {
    format!("{}/tests/support/{name}", env!("CARGO_MANIFEST_DIR"))
}

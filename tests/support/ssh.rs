//! A private machine with an OpenSSH server, and clients that are asked for passwords without a person.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::private_machine::{PrivateMachine, eventually};
use super::{Ran, cannot_run, machine};

/// The ways in which sshd asks for a password.
pub const BOTH_WAYS: [&str; 2] = ["password", "keyboard-interactive"];

/// Begins a `sleep` and tells its pid.
pub const SLEEP: &str = "sleep 600 >/dev/null 2>&1 & echo $!";

/// A private machine with an sshd on it, as `tests/support/sshd.sh` describes it.
pub struct Server {
    pub machine: PrivateMachine,
}

/// A login that has ended.
#[derive(Debug)]
pub struct Login {
    pub ran: Ran,
    /// What was asked.
    pub asked: Vec<String>,
}

impl Server {
    /// Nothing, after having said so, where that cannot be had.
    pub fn start() -> Option<Server> {
        if cannot_run(&[
            "root", "unshare", "nsenter", "perl", "openssl", "oathtool", "sshd", "ssh", "sftp",
            "sqlite3",
        ]) {
            return None;
        }
        Some(Server {
            machine: PrivateMachine::with("sshd.sh"),
        })
    }

    /// A client whose questions are answered in this order, and where it is kept what it asked.
    fn asked_by(&self, line: &str, answers: &[&str]) -> (Command, String) {
        let answers = self.machine.file(&(answers.join("\n") + "\n"));
        let asking = format!(
            "export SSH_ASKPASS=/run/demo/askpass.sh SSH_ASKPASS_REQUIRE=force ANSWERS={answers}; {line}"
        );
        (self.machine.command(&asking), answers + ".asked")
    }

    /// Runs a client to its end.
    pub fn client(&self, line: &str, answers: &[&str]) -> Login {
        let (client, asked) = self.asked_by(line, answers);
        let ran = machine::run(client, b"");
        let asked = self.machine.run(&format!("cat {asked}"), "").stdout;
        Login {
            ran,
            asked: asked.lines().map(str::to_owned).collect(),
        }
    }

    /// Runs a command by ssh, having been asked in one of the two ways, or by key.
    pub fn ssh(&self, way: &str, user: &str, command: &str, answers: &[&str]) -> Login {
        let tries = answers.len().max(1);
        let line = format!(
            "ssh {} -o NumberOfPasswordPrompts={tries} {user}@server '{command}'",
            options(way)
        );
        self.client(&line, answers)
    }

    /// Leaves a session of demo's open that repeats what it is told, beside a `sleep`.
    pub fn open(&self, way: &str, answers: &[&str]) -> Session {
        self.open_with("", way, answers, SLEEP)
    }

    /// The same with more options for ssh, and the `sleep` begun in another way; its pid is told.
    pub fn open_with(&self, more: &str, way: &str, answers: &[&str], sleep: &str) -> Session {
        let options = options(way);
        let line = format!("exec ssh {options} {more} demo@server '{sleep}; exec cat'");
        let client = self.asked_by(&line, answers).0;
        let mut session = Session::begin(client, "still here", "still here");
        session.sleep = session.next_line().trim_end().to_owned();
        assert!(self.machine.runs(&session.sleep), "{}", self.machine.log());
        session
    }

    /// Leaves an sftp session of demo's open.
    pub fn open_sftp(&self, way: &str, answers: &[&str]) -> Session {
        // Told to read its commands from a file, sftp would not ask.
        let line = format!(
            "exec sftp -o BatchMode=no {} -b - demo@server",
            options(way)
        );
        let client = self.asked_by(&line, answers).0;
        let mut session = Session::begin(client, "ls -1 /run/demo/home", "/run/demo/home/demo");
        assert!(session.goes_on(), "{}", self.machine.log());
        session
    }

    #[track_caller]
    pub fn lets_in(&self, way: &str, user: &str, answers: &[&str]) -> Login {
        let login = self.ssh(way, user, "echo in", answers);
        assert_eq!(
            (login.ran.status, login.ran.stdout.as_str()),
            (Some(0), "in\n"),
            "{way} {login:?}\n{}",
            self.machine.log()
        );
        login
    }

    #[track_caller]
    pub fn keeps_out(&self, way: &str, user: &str, answers: &[&str]) -> Login {
        let login = self.ssh(way, user, "echo in", answers);
        // 255 is ssh's word for a login that failed.
        assert_eq!(
            (login.ran.status, login.ran.stdout.as_str()),
            (Some(255), ""),
            "{way} {login:?}\n{}",
            self.machine.log()
        );
        login
    }
}

/// What makes the client log in one way only.
fn options(way: &str) -> String {
    let key = match way {
        "publickey" => "-o PubkeyAuthentication=yes -i key",
        _ => "",
    };
    format!("-F ssh-config -o PreferredAuthentications={way} {key}")
}

/// A session that stays open until it is ended, or the test is over.
pub struct Session {
    client: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    question: &'static str,
    answer: &'static str,
    /// The pid of a `sleep` that the session runs.
    pub sleep: String,
}

impl Session {
    /// `question` is a line that the other side answers as long as the session is open.
    fn begin(mut client: Command, question: &'static str, answer: &'static str) -> Session {
        client.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = client.stderr(Stdio::null()).spawn().unwrap();
        Session {
            input: client.stdin.take(),
            output: BufReader::new(client.stdout.take().unwrap()),
            client,
            question,
            answer,
            sleep: String::new(),
        }
    }

    /// Nothing when the session has ended.
    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// Whether the other side still answers.
    pub fn goes_on(&mut self) -> bool {
        let mut input = self.input.as_ref().expect("an open session");
        if writeln!(input, "{}", self.question).is_err() {
            return false;
        }
        loop {
            let line = self.next_line();
            if line.is_empty() || line.trim_end() == self.answer {
                return !line.is_empty();
            }
        }
    }

    /// Whether it ends by itself within a few seconds.
    pub fn ends(&mut self) -> bool {
        eventually(|| self.client.try_wait().unwrap().is_some())
    }

    /// Ends it from the client's side.
    pub fn close(mut self) {
        self.input = None;
        assert!(self.ends());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

//! A small PAM client: what sshd or Dovecot does with libpam, for the tests and the demo.
//!
//! ```text
//! pam-client --confdir DIR --service S [--user U] [--rhost A] [--tty T] [--repeat N]
//!            [--facts] [--no-stdio] OPERATION...
//! ```
//!
//! The lines of standard input are the answers to prompts, in order; the last one serves for all that
//! follow. One line is printed for each operation: its name, the code, the name of the code. The exit
//! status is the last code.
//!
//! `--repeat` does everything N times, each time on a new handle. `--facts` prints what a module must leave
//! alone (descriptors, signals, environment ...) before the first, after the first and after the last time.
//! `--no-stdio` closes the three standard descriptors before anything else happens; then only the exit
//! status tells.

#![allow(unsafe_code)]
#![allow(clippy::expect_used)] // for the tests: a step that fails ends it

#[allow(dead_code, unreachable_pub)] // shared with the tests, which use all of it
mod pam;

use std::ffi::OsString;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use pam::{Answer, Code, Handle};

fn main() -> ExitCode {
    die_of_a_broken_pipe();
    let Some(task) = Task::from_arguments() else {
        eprintln!("usage: pam-client --confdir DIR --service S [OPTION]... OPERATION...");
        return ExitCode::from(2);
    };
    let answers = read_answers();
    if task.no_stdio {
        close_standard_streams();
    }
    task.print_facts();
    let mut last = Code::SUCCESS;
    for number in 1..=task.repeat {
        last = task.login(&answers);
        if number == 1 || number == task.repeat {
            task.print_facts();
        }
    }
    ExitCode::from(u8::try_from(last.0).unwrap_or(u8::MAX))
}

#[derive(Default)]
struct Task {
    confdir: PathBuf,
    service: Vec<u8>,
    user: Option<Vec<u8>>,
    rhost: Option<Vec<u8>>,
    tty: Option<OsString>,
    repeat: u32,
    facts: bool,
    no_stdio: bool,
    operations: Vec<String>,
}

impl Task {
    fn from_arguments() -> Option<Task> {
        let mut task = Task {
            repeat: 1,
            ..Task::default()
        };
        let mut arguments = env::args_os().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.to_str()? {
                "--confdir" => task.confdir = arguments.next()?.into(),
                "--service" => task.service = arguments.next()?.into_vec(),
                "--user" => task.user = Some(arguments.next()?.into_vec()),
                "--rhost" => task.rhost = Some(arguments.next()?.into_vec()),
                "--tty" => task.tty = Some(arguments.next()?),
                "--repeat" => task.repeat = arguments.next()?.to_str()?.parse().ok()?,
                "--facts" => task.facts = true,
                "--no-stdio" => task.no_stdio = true,
                option if option.starts_with('-') => return None,
                operation => task.operations.push(operation.to_owned()),
            }
        }
        let complete = !task.confdir.as_os_str().is_empty() && !task.service.is_empty();
        (complete && !task.operations.is_empty()).then_some(task)
    }

    /// All the operations on one handle; the code of the last.
    fn login(&self, answers: &[Vec<u8>]) -> Code {
        let mut handle = Handle::start(&self.confdir, &self.service, self.user.as_deref());
        if let Some(rhost) = &self.rhost {
            handle.rhost(rhost);
        }
        if let Some(tty) = &self.tty {
            handle.tty(&String::from_utf8_lossy(tty.as_bytes()));
        }
        let endless = answers
            .iter()
            .chain(std::iter::repeat_n(answers.last(), 9).flatten());
        handle.answer(endless.cloned().map(Answer::Text));
        let mut last = Code::SUCCESS;
        for operation in &self.operations {
            last = handle.operation(operation).unwrap_or(Code::BAD_ITEM);
            if !self.no_stdio {
                println!("{operation} {} {}", last.0, last.name());
            }
        }
        last
    }

    fn print_facts(&self) {
        if self.facts {
            println!("facts");
            facts()
                .iter()
                .for_each(|(name, value)| println!("  {name} {value}"));
        }
    }
}

fn read_answers() -> Vec<Vec<u8>> {
    let mut input = Vec::new();
    // An unreadable standard input is a user who says nothing.
    let _ = io::Read::read_to_end(&mut io::stdin(), &mut input);
    let lines = input
        .strip_suffix(b"\n")
        .unwrap_or(&input)
        .split(|byte| *byte == b'\n');
    if input.is_empty() {
        Vec::new()
    } else {
        lines.map(<[u8]>::to_vec).collect()
    }
}

/// What belongs to the process and not to a module.
fn facts() -> Vec<(&'static str, String)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    vec![
        ("descriptors", descriptors()),
        ("cwd", format!("{:?}", env::current_dir().ok())),
        (
            "environment",
            format!("{:?}", env::vars_os().collect::<Vec<_>>()),
        ),
        ("umask", field("Umask")),
        ("threads", field("Threads")),
        (
            "signals",
            ["SigBlk", "SigIgn", "SigCgt"].map(field).join(" "),
        ),
        ("resident", field("VmRSS")),
        ("peak", field("VmHWM")),
    ]
}

fn descriptors() -> String {
    let mut open: Vec<String> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name(), fs::read_link(entry.path()).ok()?)))
        // The one that reads the directory.
        .filter(|(_, target)| !target.ends_with(Path::new("fd")))
        .map(|(number, target)| format!("{}={}", number.display(), target.display()))
        .collect();
    open.sort();
    open.join(" ")
}

/// Rust programs ignore SIGPIPE; most hosts do not, and a module must not count on it.
fn die_of_a_broken_pipe() {
    // SAFETY: no thread has been started, and the default disposition runs no code of ours.
    unsafe { signal(SIGPIPE, SIG_DFL) };
}

fn close_standard_streams() {
    for descriptor in 0..3 {
        // SAFETY: nothing is read or printed after this.
        drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
    }
}

const SIGPIPE: i32 = 13;
const SIG_DFL: usize = 0;

unsafe extern "C" {
    fn signal(number: i32, disposition: usize) -> usize;
}

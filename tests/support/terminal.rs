//! A pseudo-terminal: a program on it believes that a person sits there.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Ran;

pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_BACKSLASH: &str = "\x1c";

/// Runs `command` on a terminal of its own, types `answer` once it has said `question`, and returns all
/// that the terminal showed as standard output.
pub fn answer_on_a_terminal(command: Command, question: &str, answer: &str) -> Ran {
    let mut answer = Some(answer);
    let ran = converse_on_a_terminal(command, |shown| {
        shown.contains(question).then(|| answer.take())?
    });
    assert_eq!(answer, None, "{question:?} was never asked: {ran:?}");
    ran
}

/// The same with an answer for each question that `answer` knows in what was shown since the last one.
pub fn converse_on_a_terminal<'a>(
    command: Command,
    mut answer: impl FnMut(&str) -> Option<&'a str>,
) -> Ran {
    let (mut keyboard, terminal) = open_terminal();
    let stream = || Stdio::from(terminal.try_clone().unwrap());
    let mut child = on_a_terminal_of_its_own(command)
        .stdin(stream())
        .stdout(stream())
        .stderr(stream())
        .spawn()
        .unwrap();
    drop(terminal);
    let (mut shown, mut answered) = (String::new(), 0);
    let mut buffer = [0; 4096];
    // The end is an error (EIO), when the last program on the terminal has gone.
    while let Ok(length @ 1..) = keyboard.read(&mut buffer) {
        shown += &String::from_utf8_lossy(&buffer[..length]);
        if let Some(answer) = answer(&shown[answered..]) {
            // No person is faster, and a program may still be turning off the echo.
            sleep(Duration::from_millis(200));
            keyboard.write_all(answer.as_bytes()).unwrap();
            answered = shown.len();
        }
    }
    Ran {
        status: child.wait().unwrap().code(),
        stdout: shown,
        stderr: String::new(),
    }
}

/// A session whose controlling terminal is its standard input, so that ^C reaches it, also where the
/// tests run in the background of a shell that has told them to ignore it.
fn on_a_terminal_of_its_own(command: Command) -> Command {
    let mut session = Command::new("env");
    session
        .args(["--default-signal=INT", "setsid", "--ctty"])
        .arg(command.get_program())
        .args(command.get_args());
    session
}

fn open_terminal() -> (File, OwnedFd) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(&*name, flags, Mode::empty()).unwrap();
    (keyboard.into(), terminal)
}

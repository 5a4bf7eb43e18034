// SPDX-License-Identifier: GPL-3.0-or-later
//! What is asked of the person at the terminal.

use std::io::{BufRead, IsTerminal, Write};

use pam_app_passwd::audit;
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::failure::{Code, Failure};

/// More is no app password.
const LONGEST_LINE: usize = 4_096;

/// Asks a question whose answer is no unless it begins with `y`.
pub(super) fn confirm(question: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        let message = "a question must be answered, but standard input is not a terminal";
        return Err(Failure::new(Code::Usage, message).hint("--yes answers it"));
    }
    let question = audit::quoted_line(question);
    let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(1..), "y" | "yes") => Ok(()),
        _ => Err(Failure::new(Code::Usage, "cancelled; nothing was changed")),
    }
}

/// A password: hidden on the terminal, or one line of standard input.
pub(super) fn password() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let silence = Silence::begin();
    if silence.is_some() {
        let _ = write!(std::io::stderr().lock(), "App password: ");
    }
    let line = first_line();
    if silence.is_some() {
        let _ = writeln!(std::io::stderr().lock());
    }
    line.map_err(|error| Failure::new(Code::Failed, format!("cannot read standard input: {error}")))
}

/// A terminal that does not echo what is typed, from before it is asked for.
struct Silence(Termios);

impl Silence {
    /// `None`: standard input is no terminal.
    fn begin() -> Option<Self> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet).ok()?;
        Some(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nothing else to try on a terminal that is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// The first line of standard input, read into one buffer that is wiped.
fn first_line() -> Result<Zeroizing<Vec<u8>>, Errno> {
    let stdin = std::io::stdin();
    let mut line = Zeroizing::new(vec![0; LONGEST_LINE]);
    let mut filled = 0;
    while let Some(room) = line.get_mut(filled..).filter(|room| !room.is_empty()) {
        match rustix::io::read(&stdin, room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        }
        if line.contains(&b'\n') {
            break;
        }
    }
    let end = line
        .iter()
        .take(filled)
        .position(|byte| matches!(byte, b'\n' | b'\r'));
    line.truncate(end.unwrap_or(filled));
    Ok(line)
}

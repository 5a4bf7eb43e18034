// SPDX-License-Identifier: GPL-3.0-or-later
//! What is asked of the person at the terminal.

use std::io::Write;
use std::time::Instant;

use pam_app_passwd::audit;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::failure::{Code, Failure};
use super::person::{self, Person};

/// More is no app password.
const LONGEST_LINE: usize = 4_096;

/// Asks a question whose answer is no unless it is `y` or `yes`.
pub(super) fn confirm(question: &str) -> Result<(), Failure> {
    let question = format!("{} [y/N] ", audit::quoted_line(question));
    let answer = match person::current() {
        Some(person) if person.client.has_terminal => asked_of(&person, &question)?,
        Some(_) => return Err(no_terminal()),
        None => match Keyboard::take(LocalModes::ISIG) {
            Some(keyboard) => keyboard.ask(&question, None)?,
            None => return Err(no_terminal()),
        },
    };
    match answer.trim_ascii().to_ascii_lowercase().as_slice() {
        b"y" | b"yes" => Ok(()),
        _ => Err(cancelled()),
    }
}

/// A password: hidden on the terminal, or one line of standard input.
pub(super) fn password() -> Result<Zeroizing<Vec<u8>>, Failure> {
    match Keyboard::take(LocalModes::ISIG | LocalModes::ECHO) {
        Some(keyboard) => keyboard.ask("App password: ", None),
        None => first_line(b"\n", None).map(|(line, _)| line),
    }
}

/// What is answered to a question that somebody else words: on the terminal, or the next line of
/// standard input. `None`: there is no answer until then.
pub(super) fn answer(question: &str, hidden: bool, until: Instant) -> Option<Zeroizing<Vec<u8>>> {
    let echo = if hidden {
        LocalModes::ECHO
    } else {
        LocalModes::empty()
    };
    match Keyboard::take(LocalModes::ISIG | echo) {
        Some(keyboard) => keyboard
            .ask(&audit::quoted_line(question), Some(until))
            .ok(),
        None => match first_line(b"\n", Some(until)).ok()? {
            (line, None) if line.is_empty() => None,
            (line, _) => Some(line),
        },
    }
}

/// Whether there is somebody to be asked.
pub(super) fn is_there() -> bool {
    tcgetattr(std::io::stdin()).is_ok()
}

fn asked_of(person: &Person, question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let answer = person.client.ask(question, false).ok().flatten();
    let answer = answer.ok_or_else(cancelled)?;
    Ok(Zeroizing::new(answer.as_bytes().to_vec()))
}

fn no_terminal() -> Failure {
    let message = "a question must be answered, but standard input is not a terminal";
    Failure::new(Code::Usage, message).hint("--yes answers it")
}

fn cancelled() -> Failure {
    Failure::new(Code::Usage, "cancelled; nothing was changed")
}

/// The terminal, from before something is asked until it is answered. A key that would end the program
/// with a signal, and leave the terminal without echo, ends the line instead.
struct Keyboard {
    before: Termios,
    echoes: bool,
    interrupt: [u8; 2],
}

impl Keyboard {
    /// Does without `modes`. `None`: standard input is no terminal.
    fn take(modes: LocalModes) -> Option<Self> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut asking = before.clone();
        asking.local_modes.remove(modes);
        let keys = &mut asking.special_codes;
        let interrupt = [keys[SpecialCodeIndex::VINTR], keys[SpecialCodeIndex::VQUIT]];
        [keys[SpecialCodeIndex::VEOL], keys[SpecialCodeIndex::VEOL2]] = interrupt;
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &asking).ok()?;
        Some(Self {
            before,
            echoes: asking.local_modes.contains(LocalModes::ECHO),
            interrupt,
        })
    }

    /// The line that is typed. What is said next begins on a line of its own, whatever ended this one.
    fn ask(self, question: &str, until: Option<Instant>) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let _ = write!(std::io::stderr().lock(), "{question}");
        let [interrupt, quit] = self.interrupt;
        let typed = first_line(&[b'\n', interrupt, quit], until);
        let entered = matches!(typed, Ok((_, Some(b'\n'))));
        if !(entered && self.echoes) {
            let _ = writeln!(std::io::stderr().lock());
        }
        let (line, _) = typed?;
        entered.then_some(line).ok_or_else(cancelled)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // There is nothing else to try on a terminal that is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// The next line of standard input, read into one buffer that is wiped, and which of `ends` has ended
/// it. `None`: the input has, or the time. What is behind it is left for the next.
fn first_line(
    ends: &[u8],
    until: Option<Instant>,
) -> Result<(Zeroizing<Vec<u8>>, Option<u8>), Failure> {
    let stdin = std::io::stdin();
    let mut line = Zeroizing::new(vec![0; LONGEST_LINE]);
    let (mut filled, mut end) = (0, None);
    while let Some(room) = line.get_mut(filled..=filled) {
        if until.is_some_and(|until| !comes_before(until)) {
            break;
        }
        match rustix::io::read(&stdin, &mut *room) {
            Ok(0) => break,
            Ok(_) => end = room.first().copied().filter(|byte| ends.contains(byte)),
            Err(Errno::INTR) => continue,
            Err(error) => {
                let message = format!("cannot read standard input: {error}");
                return Err(Failure::new(Code::Failed, message));
            }
        }
        if end.is_some() {
            break;
        }
        filled += 1;
    }
    line.truncate(filled);
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok((line, end))
}

/// Whether there is something to read by then, or the end.
fn comes_before(until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    let stdin = std::io::stdin();
    let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut ready, Timespec::try_from(left).ok().as_ref()).is_ok_and(|ready| ready == 1)
}

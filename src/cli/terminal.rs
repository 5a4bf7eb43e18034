// SPDX-License-Identifier: GPL-3.0-or-later
//! What is asked of the person at the terminal.

use std::io::{BufRead, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use super::failure::{Code, Failure};

/// More is no app password.
const LONGEST_LINE: u64 = 4_096;

/// Asks a question whose answer is no unless it begins with `y`.
pub(super) fn confirm(question: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        let message = "a question must be answered, but standard input is not a terminal";
        return Err(Failure::new(Code::Usage, message).hint("--yes answers it"));
    }
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
    if std::io::stdin().is_terminal() {
        let typed = rpassword::prompt_password("App password: ");
        return match typed {
            Ok(typed) => Ok(Zeroizing::new(typed.into_bytes())),
            Err(_) => Err(Failure::new(Code::Usage, "cancelled")),
        };
    }
    let mut line = Zeroizing::new(Vec::with_capacity(8 * 1024));
    let stdin = std::io::stdin().lock();
    stdin
        .take(LONGEST_LINE)
        .read_until(b'\n', &mut line)
        .map_err(|e| Failure::new(Code::Failed, format!("cannot read standard input: {e}")))?;
    while line
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        line.pop();
    }
    Ok(line)
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! Standard output and standard error, or those of the person's program whom a thread of the helper
//! serves. Writing to either may fail; only the first matters.

use std::io::Write;

use pam_app_passwd::audit;
use rustix::fd::AsFd;
use rustix::fs::{FileType, OFlags};
use serde::Serialize;
use zeroize::Zeroizing;

use super::failure::{Code, Failure};
use super::person;

/// Writes text to standard output.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// Writes one JSON value and a line end to standard output.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    bytes(&to_json(value)?)
}

/// Writes what nobody could show again, and returns only when it is written.
pub(super) fn secret(secret: &[u8]) -> Result<(), Failure> {
    match person::current() {
        Some(person) => (person.client.secret(secret)).map_err(|e| cannot_write(&e.to_string())),
        None => bytes(secret),
    }
}

/// Writes to standard output. What is written may be a secret, so no copy stays in a buffer.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    if let Some(person) = person::current() {
        return (person.client.out(bytes)).map_err(|e| cannot_write(&e.to_string()));
    }
    let stdout = std::io::stdout().lock();
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(stdout.as_fd(), rest) {
            Ok(0) => return Err(cannot_write("nothing is taken")),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(cannot_write(&error.to_string())),
        }
    }
    Ok(())
}

/// One JSON value and a line end, in a buffer that is wiped.
pub(super) fn to_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Large enough that no entry makes it grow and leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
    serde_json::to_writer(&mut *bytes, value).map_err(|e| cannot_write(&e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Very many JSON values on standard output: lines, or with `--json` one array. They may be secret,
/// so what they pass through is wiped.
pub(super) struct Values {
    array: bool,
    any: bool,
    buffer: Zeroizing<Vec<u8>>,
}

impl Values {
    /// How much is gathered before it is written. No value of ours is as long as what is left then.
    const ENOUGH: usize = 48 * 1024;

    pub(super) fn new(array: bool) -> Self {
        Self {
            array,
            any: false,
            buffer: Zeroizing::new(Vec::with_capacity(Self::ENOUGH + 80 * 1024)),
        }
    }

    /// The same for entries alone, which are no secret: the buffer is no longer than it has to be.
    pub(super) fn of_entries() -> Self {
        Self {
            array: true,
            any: false,
            buffer: Zeroizing::default(),
        }
    }

    pub(super) fn put(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let before: &[u8] = match (self.array, self.any) {
            (false, _) => b"",
            (true, false) => b"[",
            (true, true) => b",\n",
        };
        self.any = true;
        self.buffer.extend_from_slice(before);
        serde_json::to_writer(&mut *self.buffer, value)
            .map_err(|e| cannot_write(&e.to_string()))?;
        if !self.array {
            self.buffer.push(b'\n');
        }
        match self.buffer.len() >= Self::ENOUGH {
            true => self.flush(),
            false => Ok(()),
        }
    }

    pub(super) fn end(mut self) -> Result<(), Failure> {
        let end: &[u8] = match (self.array, self.any) {
            (false, _) => b"",
            (true, false) => b"[]\n",
            (true, true) => b"]\n",
        };
        self.buffer.extend_from_slice(end);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let written = bytes(&self.buffer);
        // What is left there is overwritten by what comes next, or wiped in the end.
        self.buffer.clear();
        written
    }
}

/// Refuses a standard output that was closed. In its place Rust's runtime has opened `/dev/null`
/// for reading and writing, where a secret would be lost without an error.
pub(super) fn require_stdout() -> Result<(), Failure> {
    if person::current().is_some() {
        return Ok(()); // their program says whether a secret was written
    }
    let stdout = std::io::stdout();
    let null = rustix::fs::stat("/dev/null").map(|null| null.st_rdev);
    let (Ok(stat), Ok(flags), Ok(null)) = (
        rustix::fs::fstat(&stdout),
        rustix::fs::fcntl_getfl(&stdout),
        null,
    ) else {
        return Err(cannot_write("it is closed"));
    };
    let device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    if device && stat.st_rdev == null && flags.contains(OFlags::RDWR) {
        return Err(cannot_write("it is closed"));
    }
    Ok(())
}

fn cannot_write(why: &str) -> Failure {
    Failure::new(
        Code::Failed,
        format!("cannot write to standard output: {why}"),
    )
}

/// `1 user`, `2 users`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Says what only root can mend, and nobody else need know, in one line: to root at the terminal, or in
/// the helper's log.
pub(super) fn to_root(line: &str) {
    let line = audit::quoted_line(line);
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// Says something to the person at the terminal, in one line. Nobody is left to tell if that fails.
pub(super) fn say(line: &str) {
    match person::current() {
        Some(person) => drop(person.client.line(&audit::quoted_line(line))),
        None => to_root(line),
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! The program of an account holder, as the helper sees it: it prints what it is told, and asks the
//! person at it. All of it ends by one deadline; whoever does not listen, or does not answer, is left then.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pam_app_passwd::helper::own::{PIECE, Reply, Said};
use pam_app_passwd::helper::{TALK, read_frame, write_all};
use zeroize::Zeroizing;

/// How long whoever took too long is still told so.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The other end of a connection.
pub(super) struct Client {
    pub(super) connection: OwnedFd,
    /// There is somebody who can be asked whether they are sure.
    pub(super) has_terminal: bool,
    pub(super) deadline: Instant,
    afterwards: Mutex<Vec<Work>>,
}

type Work = Box<dyn FnOnce() + Send>;

impl Client {
    /// A talk that begins now.
    pub(super) fn new(connection: OwnedFd, has_terminal: bool) -> Self {
        Self {
            connection,
            has_terminal,
            deadline: Instant::now() + TALK,
            afterwards: Mutex::default(),
        }
    }

    /// Whether it has taken too long.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Says the end, and does what was to be done after it.
    pub(super) fn end(&self, code: u8) {
        // Who has hung up knows.
        let _ = self.say(&Said::End { code });
        let work = std::mem::take(&mut *self.afterwards());
        work.into_iter().for_each(|work| work());
    }

    /// Has something done after the end.
    pub(super) fn do_afterwards(&self, work: impl FnOnce() + Send + 'static) {
        self.afterwards().push(Box::new(work));
    }

    fn afterwards(&self) -> MutexGuard<'_, Vec<Work>> {
        self.afterwards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn say(&self, said: &Said) -> io::Result<()> {
        let bytes = said.encode().ok_or(io::ErrorKind::InvalidInput)?;
        write_all(&self.connection, &bytes, self.deadline + LAST_WORDS)
    }

    /// For its standard output.
    pub(super) fn out(&self, bytes: &[u8]) -> io::Result<()> {
        let mut pieces = bytes.chunks(PIECE);
        pieces.try_for_each(|piece| self.say(&Said::Out(Zeroizing::new(piece.to_vec()))))
    }

    /// The same for what is lost unless it is written.
    pub(super) fn secret(&self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            self.say(&Said::Secret(Zeroizing::new(piece.to_vec())))?;
            let lost = || io::Error::other("it was not taken");
            self.reply()?.ok_or_else(lost)?;
        }
        Ok(())
    }

    /// A line for its standard error, as much as a frame holds.
    pub(super) fn line(&self, line: &str) -> io::Result<()> {
        self.say(&Said::Say(cut(line)))
    }

    /// Asks the person. `None`: they have given up.
    pub(super) fn ask(&self, prompt: &str, hidden: bool) -> io::Result<Option<Zeroizing<String>>> {
        let prompt = cut(prompt);
        self.say(&Said::Ask { prompt, hidden })?;
        self.reply()
    }

    fn reply(&self) -> io::Result<Option<Zeroizing<String>>> {
        let frame = read_frame(&self.connection, self.deadline)?;
        let reply = Reply::decode(&frame).ok_or(io::ErrorKind::InvalidData)?;
        Ok(reply.0)
    }
}

/// What a frame holds of a text.
pub(super) fn cut(text: &str) -> String {
    let mut ends = (0..=text.len().min(PIECE)).rev();
    let cut = ends.find_map(|end| text.get(..end));
    cut.unwrap_or_default().to_owned()
}

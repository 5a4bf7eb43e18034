// SPDX-License-Identifier: GPL-3.0-or-later
//! The only door to the helper's socket. A wish has a connection of its own, in which the helper may ask;
//! until there is a reply the connection waits, and closing it ends the whole.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use pam_app_passwd::helper::TALK;
use pam_app_passwd::helper::frame::LONGEST;
use pam_app_passwd::helper::own::{PIECE, Reply, Said, Wish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::reader::Reader;
use crate::turns::{Turn, Turns};

/// More output of one wish is not heard.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// More lines of one kind are not believed.
const MOST_LINES: usize = 500;

pub(crate) struct Helper {
    /// Where it listens.
    socket: PathBuf,
    /// Of the wishes that ask nothing.
    turns: Turns,
}

/// A wish that is being fulfilled.
pub(crate) struct Talk {
    stream: UnixStream,
    until: Instant,
    heard: Heard,
}

/// What the helper has said so far.
struct Heard {
    out: Zeroizing<Vec<u8>>,
    said: Vec<String>,
    told: Vec<Told>,
}

/// What PAM has to tell.
pub(crate) struct Told {
    pub(crate) text: String,
    /// Something is wrong.
    pub(crate) is_warning: bool,
}

/// What a wish has come to.
pub(crate) enum Step {
    /// Somebody has to answer this first.
    Asks(Ask, Talk),
    /// That was all.
    Ends(End),
    /// There was a secret, and nobody to show it to. The helper has not heard that it was taken, and takes
    /// it back.
    Unseen,
}

/// A question of PAM's.
pub(crate) struct Ask {
    pub(crate) prompt: String,
    /// The reply is not to be seen.
    pub(crate) is_hidden: bool,
    /// What was told before it.
    pub(crate) told: Vec<Told>,
}

/// How a wish has ended.
pub(crate) struct End {
    /// The exit status of the verb.
    pub(crate) code: u8,
    /// Its standard output; it may be a secret.
    pub(crate) out: Zeroizing<Vec<u8>>,
    /// Its standard error, in lines.
    pub(crate) said: Vec<String>,
    /// Its output is longer than we hear, so the rest of it is missing, and the end of it unknown.
    pub(crate) is_cut: bool,
}

impl End {
    /// Whether it is this that the helper has to say.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.said.iter().any(|line| line.ends_with(words))
    }
}

impl Helper {
    pub(crate) fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            turns: Turns::of_all(),
        }
    }

    /// Has a wish fulfilled up to its end, or to the first question. A secret is for `reader`.
    pub(crate) async fn begin(&self, wish: &Wish, reader: Option<&Reader>) -> io::Result<Step> {
        let frame = wish.encode().ok_or(ErrorKind::InvalidInput)?;
        let until = Instant::now() + TALK;
        let mut stream = timeout_at(until, UnixStream::connect(&self.socket)).await??;
        if stream.peer_cred()?.uid() != 0 {
            let message = "what listens there is not root's";
            return Err(io::Error::new(ErrorKind::PermissionDenied, message));
        }
        timeout_at(until, stream.write_all(&frame)).await??;
        let talk = Talk {
            stream,
            until,
            heard: Heard::nothing(),
        };
        talk.listen(reader).await
    }

    /// The same for one that asks nothing. One that does is given up.
    pub(crate) async fn ask(&self, wish: &Wish) -> io::Result<End> {
        let turn = self.turns.take().await?;
        self.fulfil(wish, turn).await
    }

    /// The same for one that may take long.
    pub(crate) async fn ask_slowly(&self, wish: &Wish) -> io::Result<End> {
        let turn = self.turns.take_slowly().await?;
        self.fulfil(wish, turn).await
    }

    async fn fulfil(&self, wish: &Wish, _turn: Turn<'_>) -> io::Result<End> {
        match self.begin(wish, None).await? {
            Step::Ends(end) => Ok(end),
            Step::Asks(..) | Step::Unseen => Err(not_understood()),
        }
    }
}

impl Talk {
    /// Answers the question. A secret is for `reader`.
    pub(crate) async fn reply(
        mut self,
        text: Zeroizing<String>,
        reader: Option<&Reader>,
    ) -> io::Result<Step> {
        self.send(&Reply(Some(text))).await?;
        self.listen(reader).await
    }

    async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        let frame = reply.encode().ok_or(ErrorKind::InvalidInput)?;
        timeout_at(self.until, self.stream.write_all(&frame)).await?
    }

    /// Listens until somebody has to answer, or to the end.
    async fn listen(mut self, reader: Option<&Reader>) -> io::Result<Step> {
        loop {
            let frame = timeout_at(self.until, read_frame(&mut self.stream)).await??;
            match Said::decode(&frame).ok_or_else(not_understood)? {
                Said::Ask { prompt, hidden } => {
                    let told = std::mem::take(&mut self.heard.told);
                    let ask = Ask {
                        prompt,
                        is_hidden: hidden,
                        told,
                    };
                    return Ok(Step::Asks(ask, self));
                }
                // What it is to replace ends once it is taken.
                Said::Secret(_) if !reader.is_some_and(Reader::is_there) => {
                    return Ok(Step::Unseen);
                }
                Said::Secret(bytes) => {
                    self.heard.out.extend_from_slice(&bytes);
                    self.send(&Reply(Some(Zeroizing::default()))).await?;
                }
                Said::End { code } => return Ok(Step::Ends(self.heard.end(code))),
                said => self.heard.note(said)?,
            }
            if self.heard.out.len() > MOST_BYTES {
                return Ok(Step::Ends(self.heard.cut()));
            }
        }
    }
}

impl Heard {
    fn nothing() -> Self {
        Self {
            // Of this length at once: a secret is shorter, and so has no copy that growing leaves behind.
            out: Zeroizing::new(Vec::with_capacity(PIECE)),
            said: Vec::new(),
            told: Vec::new(),
        }
    }

    fn note(&mut self, said: Said) -> io::Result<()> {
        match said {
            Said::Out(bytes) => self.out.extend_from_slice(&bytes),
            Said::Say(line) => self.said.push(line),
            Said::Tell(text) => self.tell(text, false),
            Said::Warn(text) => self.tell(text, true),
            Said::Ask { .. } | Said::End { .. } | Said::Secret(_) => {}
        }
        let fits = self.said.len() <= MOST_LINES && self.told.len() <= MOST_LINES;
        fits.then_some(()).ok_or_else(not_understood)
    }

    fn tell(&mut self, text: String, is_warning: bool) {
        self.told.push(Told { text, is_warning });
    }

    fn end(self, code: u8) -> End {
        End {
            code,
            out: self.out,
            said: self.said,
            is_cut: false,
        }
    }

    /// What is not heard to its end is no success.
    fn cut(self) -> End {
        End {
            is_cut: true,
            ..self.end(u8::MAX)
        }
    }
}

async fn read_frame(stream: &mut UnixStream) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).await?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > LONGEST {
        return Err(not_understood());
    }
    let mut frame = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

fn not_understood() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the helper is not understood")
}

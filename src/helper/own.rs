// SPDX-License-Identifier: GPL-3.0-or-later
//! What the program of an account holder and the helper say to each other. Pure.
//!
//! A wish is one of the tool's verbs, without the user, as it is typed. The helper has it done for the
//! account of the process that asks, or for the one that a pass names, and relays what it prints, until
//! it says the end. In between it may ask, as PAM does: each question wants one reply, and so does a
//! secret, which is taken back unless the reply says that it was written.
//!
//! ```text
//! wish  = "app-passwd 1" | "own" | user? | origin? | pass? | "json"? | "terminal"? | word ...
//! reply = "app-passwd 1" | "reply" | text?             absent: whoever was asked has given up
//! said  = "app-passwd 1" | "out"  | bytes              to standard output
//!       | "app-passwd 1" | "secret" | bytes            to standard output; the reply to it is empty, or absent: it is lost
//!       | "app-passwd 1" | "say"  | line               to standard error
//!       | "app-passwd 1" | "tell" | text               of PAM, for people
//!       | "app-passwd 1" | "warn" | text               the same, of what went wrong
//!       | "app-passwd 1" | "ask hidden" | prompt
//!       | "app-passwd 1" | "ask shown"  | prompt
//!       | "app-passwd 1" | "end"  | exit status
//! ```

use zeroize::Zeroizing;

use super::frame::{Fields, Frame};
use crate::credential::UserName;

/// The most bytes of output that are said at once.
pub const PIECE: usize = 3_072;
/// What the helper says of a pass that is none, or none any more. The page then has somebody sign in again.
pub const NOT_SIGNED_IN: &str = "nobody is signed in, or not any more";
/// What the helper says when it takes no more of a kind at once. The page then says that it is busy.
pub const TOO_MUCH: &str = "too much of this goes on at once";
/// What the helper says when PAM is against it.
pub const UNPROVEN: &str = "you could not be proved to be who you are; nothing was changed";
/// And how that ends what it says when something was done more often than may be.
pub const TOO_OFTEN: &str = "too often";
/// What it says of what is not for account holders, or for administrators alone.
pub const NOT_THEIRS: &str = "only root can do that";
/// What it says when commands have ended what was open.
pub const SIGNED_OUT: &str = "Whatever was signed in and is refused now has been signed out, wherever this system reaches it.";
/// What it warns of when a change stands, but not all that it had to end could be ended.
pub const MAY_GO_ON: &str = "what it has opened may go on; the administrator was told";
/// How many words a wish may have.
const MOST_WORDS: usize = 256;

/// What an account holder wants. Not to be printed: it may hold a pass.
#[derive(Default, PartialEq, Eq)]
pub struct Wish {
    /// Whose, if the asking process speaks for others: the web page's.
    pub user: Option<UserName>,
    /// Where the request came from, if it did not come from here.
    pub origin: Option<String>,
    /// What the helper gave when this user signed in.
    pub pass: Option<Zeroizing<String>>,
    /// As `--json`.
    pub json: bool,
    /// There is a terminal, and somebody at it who can be asked whether they are sure.
    pub terminal: bool,
    /// The verb and its arguments.
    pub words: Vec<String>,
}

/// What the helper says.
#[derive(PartialEq, Eq)]
pub enum Said {
    /// For standard output.
    Out(Zeroizing<Vec<u8>>),
    /// For standard output, where it was written if that is replied.
    Secret(Zeroizing<Vec<u8>>),
    /// A line for standard error.
    Say(String),
    /// What PAM has to tell.
    Tell(String),
    /// What PAM says is wrong.
    Warn(String),
    /// What PAM asks.
    Ask {
        /// Its words.
        prompt: String,
        /// The reply is not to be seen.
        hidden: bool,
    },
    /// That is all.
    End {
        /// The exit status.
        code: u8,
    },
}

/// What is replied to a question. `None`: whoever was asked has given up.
pub struct Reply(pub Option<Zeroizing<String>>);

impl Wish {
    /// That of a process for itself, to be answered with text, without a terminal.
    pub fn of(words: &[&str]) -> Self {
        Self {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// The wish as bytes. `None`: it is too long.
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        if self.words.len() > MOST_WORDS {
            return None;
        }
        let mut frame = Frame::begin();
        frame.put(Some(b"own"));
        frame.put(self.user.as_ref().map(|user| user.as_str().as_bytes()));
        frame.put(self.origin.as_deref().map(str::as_bytes));
        frame.put(self.pass.as_ref().map(|pass| pass.as_bytes()));
        frame.put(self.json.then_some(b"json"));
        frame.put(self.terminal.then_some(b"terminal"));
        for word in &self.words {
            frame.put(Some(word.as_bytes()));
        }
        frame.end()
    }

    /// Reads a wish.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::begin(bytes)?;
        (fields.text()? == "own").then_some(())?;
        let user = fields.optional_text()?.map(UserName::parse);
        let mut wish = Self {
            user: user.transpose().ok()?,
            origin: fields.optional_text()?.map(str::to_owned),
            pass: fields
                .optional_text()?
                .map(|pass| Zeroizing::new(pass.to_owned())),
            json: flag(&mut fields, "json")?,
            terminal: flag(&mut fields, "terminal")?,
            words: Vec::new(),
        };
        while !fields.is_at_end() {
            if wish.words.len() == MOST_WORDS {
                return None;
            }
            wish.words.push(fields.text()?.to_owned());
        }
        Some(wish)
    }
}

/// A field that is there, and says its name, or is not.
fn flag(fields: &mut Fields<'_>, name: &str) -> Option<bool> {
    match fields.optional_text()? {
        None => Some(false),
        Some(said) => (said == name).then_some(true),
    }
}

impl Said {
    /// What is said, as bytes. `None`: it is too long.
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let code;
        let (word, what): (&[u8], &[u8]) = match self {
            Self::Out(bytes) => (b"out", bytes),
            Self::Secret(bytes) => (b"secret", bytes),
            Self::Say(line) => (b"say", line.as_bytes()),
            Self::Tell(text) => (b"tell", text.as_bytes()),
            Self::Warn(text) => (b"warn", text.as_bytes()),
            Self::Ask { prompt, hidden } => match hidden {
                true => (b"ask hidden", prompt.as_bytes()),
                false => (b"ask shown", prompt.as_bytes()),
            },
            Self::End { code: number } => {
                code = number.to_string();
                (b"end", code.as_bytes())
            }
        };
        let mut frame = Frame::begin();
        frame.put(Some(word));
        frame.put(Some(what));
        frame.end()
    }

    /// Reads what is said.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::begin(bytes)?;
        let word = fields.text()?;
        let what = fields.bytes()??;
        let text = || str::from_utf8(what).ok().map(str::to_owned);
        let ask = |hidden| {
            let prompt = text()?;
            Some(Self::Ask { prompt, hidden })
        };
        let said = match word {
            "out" => Self::Out(Zeroizing::new(what.to_vec())),
            "secret" => Self::Secret(Zeroizing::new(what.to_vec())),
            "say" => Self::Say(text()?),
            "tell" => Self::Tell(text()?),
            "warn" => Self::Warn(text()?),
            "ask hidden" => ask(true)?,
            "ask shown" => ask(false)?,
            "end" => Self::End {
                code: text()?.parse().ok()?,
            },
            _ => return None,
        };
        fields.end(said)
    }
}

impl Reply {
    /// The reply as bytes. `None`: it is too long.
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut frame = Frame::begin();
        frame.put(Some(b"reply"));
        frame.put(self.0.as_ref().map(|text| text.as_bytes()));
        frame.end()
    }

    /// Reads a reply.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::begin(bytes)?;
        (fields.text()? == "reply").then_some(())?;
        let text = fields
            .optional_text()?
            .map(|text| Zeroizing::new(text.to_owned()));
        fields.end(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is behind the length of a frame.
    fn inside(frame: &[u8]) -> &[u8] {
        frame.get(2..).unwrap()
    }

    #[test]
    fn a_wish_reads_back() {
        let own = Wish::of(&["create", "--label", "my phone", ""]);
        let for_another = Wish {
            user: UserName::parse("alice").ok(),
            origin: Some("192.0.2.7".to_owned()),
            pass: Some(Zeroizing::new("p".to_owned())),
            json: true,
            terminal: true,
            ..Wish::of(&["list"])
        };
        for wish in [own, for_another, Wish::of(&[])] {
            assert!(Wish::decode(inside(&wish.encode().unwrap())) == Some(wish));
        }
    }

    #[test]
    fn what_is_said_reads_back() {
        let text = || "Verification code: ".to_owned();
        let ask = |hidden| Said::Ask {
            prompt: text(),
            hidden,
        };
        let piece = || Zeroizing::new(vec![0xff; PIECE]);
        for said in [
            Said::Out(piece()),
            Said::Secret(piece()),
            Said::Say(text()),
            Said::Tell(text()),
            Said::Warn(String::new()),
            ask(true),
            ask(false),
            Said::End { code: 4 },
        ] {
            assert!(Said::decode(inside(&said.encode().unwrap())) == Some(said));
        }
    }

    #[test]
    fn a_reply_reads_back_and_giving_up_is_not_an_empty_one() {
        for text in [None, Some(""), Some("123456")] {
            let reply = Reply(text.map(|text| Zeroizing::new(text.to_owned())));
            let read = Reply::decode(inside(&reply.encode().unwrap())).unwrap();
            assert_eq!(read.0.as_ref().map(|text| text.as_str()), text);
        }
    }

    #[test]
    fn what_is_too_long_is_not_sent() {
        assert!(Wish::of(&["x"; MOST_WORDS + 1]).encode().is_none());
        assert!(Wish::of(&[&"x".repeat(5_000)]).encode().is_none());
        assert!(Said::Say("x".repeat(70_000)).encode().is_none());
    }

    #[test]
    fn a_question_of_a_login_is_no_wish() {
        use crate::helper::wire::Question;
        assert!(Question::decode(inside(&Wish::of(&["list"]).encode().unwrap())).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_either_side_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Wish::decode(&bytes);
            let _ = Said::decode(&bytes);
            let _ = Reply::decode(&bytes);
        }
    }
}

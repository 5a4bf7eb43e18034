// SPDX-License-Identifier: GPL-3.0-or-later
//! What goes over the helper's socket: one question and one answer for each connection. Pure.
//!
//! ```text
//! question = "app-passwd 1" | "authenticate" | user | service | PAM service | rhost? | 24 letters
//!          | "app-passwd 1" | "look again"   | user | service | PAM service | rhost? | entry
//!          | "app-passwd 1" | "opened"       | user | service | PAM service | rhost? | entry
//!          | "app-passwd 1" | "closed"       | user | service | PAM service | rhost? | absent
//!          | "app-passwd 1" | "new password" | user | service | PAM service | rhost? | absent
//! answer   = "app-passwd 1" | "accepted" | entry | label | "idle unnoted"?
//!          | "app-passwd 1" | "refused"  | entry | label | reason
//!          | "app-passwd 1" | "unknown"  | "user known"?
//!          | "app-passwd 1" | "gone"
//!          | "app-passwd 1" | "noted"
//!          | "app-passwd 1" | "kept"     | count
//!          | "app-passwd 1" | "revoked"  | count
//!          | "app-passwd 1" | "failed"   | message | hint?
//! ```
//!
//! Each is one frame (`frame`). Texts are UTF-8, entries and counts decimal.

use zeroize::Zeroizing;

use super::frame::{Fields, Frame};
use crate::credential::{CredentialId, Label, ServiceName, UserName};
use crate::error::Error;
use crate::password::AppPassword;
use crate::policy::{Attempt, Entry, Fate, Outcome, Refusal, Service};

/// What is asked.
pub struct Question {
    /// Who wants in, through which service and from where.
    pub attempt: Attempt,
    /// About what.
    pub about: About,
}

/// What a question is about.
pub enum About {
    /// The session that the asking process closes.
    Closed,
    /// An entry that was accepted before.
    Entry(CredentialId),
    /// The account, whose password has changed.
    NewPassword,
    /// The session that the asking process opens with this entry.
    Opened(CredentialId),
    /// A password.
    Password(AppPassword),
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// What keeps the helper from answering, and what to do about it.
    Failed {
        /// What.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// What becomes of the user's app passwords.
    Fate(Fate),
    /// The entry is gone, or not the user's.
    Gone,
    /// The session is noted, or forgotten.
    Noted,
    /// What became of the login.
    Outcome(Outcome),
}

impl Question {
    /// The question as bytes. `None`: it asks for a user that no entry can have.
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let Attempt {
            user,
            service,
            rhost,
        } = &self.attempt;
        let mut frame = Frame::begin();
        let (verb, id): (&[u8], _) = match &self.about {
            About::Closed => (b"closed", None),
            About::Entry(id) => (b"look again", Some(id.to_string())),
            About::NewPassword => (b"new password", None),
            About::Opened(id) => (b"opened", Some(id.to_string())),
            About::Password(_) => (b"authenticate", None),
        };
        frame.put(Some(verb));
        frame.put(Some(user.as_ref()?.as_str().as_bytes()));
        frame.put(Some(service.name.as_str().as_bytes()));
        frame.put(Some(service.pam.as_str().as_bytes()));
        frame.put(rhost.as_deref().map(str::as_bytes));
        match &self.about {
            About::Password(password) => frame.put(Some(password.letters())),
            _ => frame.put(id.as_deref().map(str::as_bytes)),
        }
        frame.end()
    }

    /// Reads a question.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::begin(bytes)?;
        let verb = fields.text()?;
        let user = UserName::parse(fields.text()?).ok()?;
        let name = ServiceName::parse(fields.text()?).ok()?;
        let pam = ServiceName::parse(fields.text()?).ok()?;
        let rhost = fields.optional_text()?.map(str::to_owned);
        let about = match verb {
            "closed" => fields.bytes()?.is_none().then_some(About::Closed)?,
            "new password" => fields.bytes()?.is_none().then_some(About::NewPassword)?,
            "look again" => About::Entry(CredentialId(fields.text()?.parse().ok()?)),
            "opened" => About::Opened(CredentialId(fields.text()?.parse().ok()?)),
            "authenticate" => About::Password(AppPassword::parse(fields.bytes()??)?),
            _ => return None,
        };
        let attempt = Attempt {
            user: Some(user),
            service: Service { name, pam },
            rhost,
        };
        fields.end(Self { attempt, about })
    }
}

impl Answer {
    /// The answer as bytes.
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut frame = Frame::begin();
        match self {
            Self::Outcome(Outcome::Accepted {
                entry,
                idle_unnoted,
                ..
            }) => {
                frame.entry(b"accepted", entry);
                frame.put(idle_unnoted.then_some(b"idle unnoted"));
            }
            Self::Outcome(Outcome::Refused { entry, why }) => {
                frame.entry(b"refused", entry);
                frame.put(Some(why.as_str().as_bytes()));
            }
            Self::Outcome(Outcome::Unknown { user_known }) => {
                frame.put(Some(b"unknown"));
                frame.put(user_known.then_some(b"user known"));
            }
            // The shape is judged before anybody is asked.
            Self::Outcome(Outcome::NotOurs) => return None,
            Self::Fate(fate) => frame.fate(*fate),
            Self::Gone => frame.put(Some(b"gone")),
            Self::Noted => frame.put(Some(b"noted")),
            Self::Failed { message, hint } => {
                frame.put(Some(b"failed"));
                frame.put(Some(message.as_bytes()));
                frame.put(hint.as_deref().map(str::as_bytes));
            }
        }
        frame.end()
    }

    /// Reads an answer.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::begin(bytes)?;
        let answer = match fields.text()? {
            "accepted" => {
                let entry = fields.entry()?;
                let idle_unnoted = fields.optional_text()?.is_some();
                Self::Outcome(Outcome::Accepted {
                    entry,
                    idle_unnoted,
                    ticket: None,
                })
            }
            "refused" => {
                let entry = fields.entry()?;
                Self::Outcome(Outcome::Refused {
                    entry,
                    why: Refusal::parse(fields.text()?)?,
                })
            }
            "unknown" => {
                let user_known = fields.optional_text()?.is_some();
                Self::Outcome(Outcome::Unknown { user_known })
            }
            "kept" => Self::Fate(Fate::Kept(fields.text()?.parse().ok()?)),
            "revoked" => Self::Fate(Fate::Revoked(fields.text()?.parse().ok()?)),
            "gone" => Self::Gone,
            "noted" => Self::Noted,
            "failed" => Self::Failed {
                message: fields.text()?.to_owned(),
                hint: fields.optional_text()?.map(str::to_owned),
            },
            _ => return None,
        };
        fields.end(answer)
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        Self::Failed {
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl Frame {
    fn entry(&mut self, word: &[u8], entry: &Entry) {
        self.put(Some(word));
        self.put(Some(entry.id.to_string().as_bytes()));
        self.put(Some(entry.label.as_str().as_bytes()));
    }

    fn fate(&mut self, fate: Fate) {
        let (word, count): (&[u8], _) = match fate {
            Fate::Kept(count) => (b"kept", count),
            Fate::Revoked(count) => (b"revoked", count),
        };
        self.put(Some(word));
        self.put(Some(count.to_string().as_bytes()));
    }
}

impl Fields<'_> {
    fn entry(&mut self) -> Option<Entry> {
        let id = CredentialId(self.text()?.parse().ok()?);
        Some(Entry {
            id,
            label: Label::parse(self.text()?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::helper::frame::LONGEST;

    fn question(about: About, rhost: Option<&str>) -> Question {
        let service = |name| ServiceName::parse(name).unwrap();
        Question {
            attempt: Attempt {
                user: UserName::parse("alice").ok(),
                service: Service {
                    name: service("webdav"),
                    pam: service("apache2"),
                },
                rhost: rhost.map(str::to_owned),
            },
            about,
        }
    }

    fn password() -> AppPassword {
        AppPassword::parse(b"qhzt-wbkd-mfnx-rvcj-plsg-ytae").unwrap()
    }

    fn entry() -> Entry {
        Entry {
            id: CredentialId(12),
            label: Label::parse("phone").unwrap(),
        }
    }

    #[test]
    fn a_question_reads_back() {
        for rhost in [None, Some(""), Some("192.0.2.7")] {
            let id = CredentialId(12);
            for about in [
                About::Closed,
                About::Entry(id),
                About::NewPassword,
                About::Opened(id),
                About::Password(password()),
            ] {
                let asked = std::mem::discriminant(&about);
                let bytes = question(about, rhost).encode().unwrap();
                let read = Question::decode(&bytes[2..]).unwrap();
                assert_eq!(read.attempt.user, UserName::parse("alice").ok());
                assert_eq!(read.attempt.service.name.as_str(), "webdav");
                assert_eq!(read.attempt.service.pam.as_str(), "apache2");
                assert_eq!(read.attempt.rhost.as_deref(), rhost);
                assert_eq!(std::mem::discriminant(&read.about), asked);
                match read.about {
                    About::Closed | About::NewPassword => {}
                    About::Entry(id) | About::Opened(id) => assert_eq!(id, CredentialId(12)),
                    About::Password(read) => assert_eq!(read.letters(), password().letters()),
                }
            }
        }
    }

    #[test]
    fn an_answer_reads_back() {
        for answer in [
            Answer::Outcome(Outcome::Accepted {
                entry: entry(),
                idle_unnoted: false,
                ticket: None,
            }),
            Answer::Outcome(Outcome::Accepted {
                entry: entry(),
                idle_unnoted: true,
                ticket: None,
            }),
            Answer::Outcome(Outcome::Refused {
                entry: entry(),
                why: Refusal::Network,
            }),
            Answer::Outcome(Outcome::Unknown { user_known: false }),
            Answer::Outcome(Outcome::Unknown { user_known: true }),
            Answer::Fate(Fate::Kept(1)),
            Answer::Fate(Fate::Revoked(25)),
            Answer::Gone,
            Answer::Noted,
            Answer::Failed {
                message: "no".to_owned(),
                hint: None,
            },
            Answer::Failed {
                message: "no".to_owned(),
                hint: Some("try".to_owned()),
            },
        ] {
            let bytes = answer.encode().unwrap();
            assert_eq!(Answer::decode(&bytes[2..]), Some(answer));
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_not_believed() {
        let bytes = question(About::Password(password()), Some("192.0.2.7"))
            .encode()
            .unwrap();
        assert_eq!(
            usize::from(u16::from_be_bytes([bytes[0], bytes[1]])),
            bytes.len() - 2
        );
        for length in 2..bytes.len() {
            assert!(Question::decode(&bytes[2..length]).is_none(), "{length}");
        }
        let more = [&bytes[2..], &[0]].concat();
        assert!(Question::decode(&more).is_none());
        let long = "x".repeat(LONGEST);
        assert!(
            question(About::Password(password()), Some(&long))
                .encode()
                .is_none()
        );
        assert!(
            Answer::Failed {
                message: "x".repeat(70_000),
                hint: None
            }
            .encode()
            .is_none()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_either_side_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Question::decode(&bytes);
            let _ = Answer::decode(&bytes);
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! The exact words of every log line, and of the one sentence that the module says to a person.
//! Delivers nothing.
//!
//! Whatever came from outside is escaped, so that no value can forge a field or a line: `\xNN` for
//! each byte of a control character, of one that reorders text, or of what is not UTF-8; in bare
//! fields also for blanks, in quoted ones for `"` and `\`. A value is cut after 256 bytes.
//!
//! A user name that was typed appears only if the store holds an entry of it, or if PAM has said
//! that it is they: people type passwords into that field. None of the lines is a failure sentence
//! that fail2ban's stock filters know, but the one that the argument `log_failures` asks for: a
//! forgotten tablet with a revoked password must not get its owner's address banned.

use std::fmt::Write;
use std::path::Path;

use crate::arguments::Arguments;
use crate::credential::{CredentialId, reorders_text};
use crate::error::Error;
use crate::policy::{Entry, Fate, Outcome};

/// Values are cut after so many bytes: no label is longer (64 characters of at most 4 bytes).
const LONGEST_VALUE: usize = 256;

/// How urgent a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "syslog's own words")]
pub enum Severity {
    Critical,
    Debug,
    Error,
    Info,
    Notice,
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// How urgent it is.
    pub severity: Severity,
    /// Its words, escaped.
    pub text: String,
}

/// Who knocks, as the host of the module put it.
#[derive(Debug, Default)]
pub struct Caller {
    /// `PAM_USER`
    pub user: Vec<u8>,
    /// `PAM_RHOST`
    pub rhost: Vec<u8>,
    /// `PAM_TTY`
    pub tty: Vec<u8>,
    /// The real uid of the host process.
    pub uid: u32,
    /// Its effective uid.
    pub euid: u32,
}

/// What stands before each line of the module: `pam_app_passwd(imap:auth): `.
pub fn prefix(service: &[u8], kind: &str) -> String {
    format!("pam_app_passwd({}:{kind}): ", bare(service))
}

/// The lines of one authentication.
pub fn authentication(
    caller: &Caller,
    result: &Result<Outcome, Error>,
    arguments: &Arguments,
) -> Vec<Line> {
    let mut lines = Vec::new();
    match result {
        Ok(Outcome::Accepted {
            entry,
            idle_unnoted,
            ..
        }) => {
            if !arguments.quiet {
                lines.push(Line::new(
                    Severity::Info,
                    format!("accepted; {}", whose(caller, entry)),
                ));
            }
            if *idle_unnoted {
                let text = format!(
                    "idle, but not refused since its use cannot be noted here; {}",
                    whose(caller, entry)
                );
                lines.push(Line::new(Severity::Notice, text));
            }
        }
        Ok(Outcome::Refused { entry, why }) => lines.push(refused(caller, entry, why.as_str())),
        Ok(Outcome::Unknown { user_known }) => {
            let mut text = format!("unknown; rhost={}", bare(&caller.rhost));
            if *user_known {
                let _ = write!(text, " user={}", bare(&caller.user));
            }
            lines.push(Line::new(Severity::Notice, text));
        }
        Ok(Outcome::NotOurs) if arguments.debug => {
            let text = format!("not an app password; rhost={}", bare(&caller.rhost));
            lines.push(Line::new(Severity::Debug, text));
        }
        Ok(Outcome::NotOurs) => {}
        Err(error) => lines.push(failed(error)),
    }
    if arguments.log_failures && matches!(result, Ok(Outcome::Unknown { .. } | Outcome::NotOurs)) {
        lines.push(authentication_failure(caller));
    }
    lines
}

/// A right password that is refused, at the login or when the account is looked at again.
pub fn refused(caller: &Caller, entry: &Entry, reason: &str) -> Line {
    Line::new(
        Severity::Notice,
        format!("refused; {} reason={reason}", whose(caller, entry)),
    )
}

/// An entry that was accepted on this handle, and is purged or not this user's by now.
pub fn gone(caller: &Caller, entry: CredentialId) -> Line {
    let (user, rhost) = (bare(&caller.user), bare(&caller.rhost));
    let text = format!("refused; user={user} rhost={rhost} entry={entry} reason=unknown");
    Line::new(Severity::Notice, text)
}

/// What keeps us from answering, and what to do about it.
pub fn failed(error: &Error) -> Line {
    let hint = error
        .hint()
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default();
    Line::new(
        Severity::Error,
        escape(format!("{error}{hint}").as_bytes(), Place::Text),
    )
}

/// The same after the account's password has changed.
pub fn not_settled(error: &Error) -> Line {
    let Line { severity, text } = failed(error);
    let stay = "the password has changed, and the app passwords stay as they are";
    Line::new(severity, format!("{text}; {stay}"))
}

/// An argument that we do not know.
pub fn unknown_argument(argument: &str) -> Line {
    Line::new(
        Severity::Error,
        format!("unknown argument \"{}\" is ignored", quoted(argument)),
    )
}

/// The configuration that an argument names is not there.
pub fn no_configuration(path: &Path) -> Line {
    let text = format!("{}: no such file; the defaults apply", path.display());
    Line::new(Severity::Error, escape(text.as_bytes(), Place::Text))
}

/// The account has no line in `/etc/shadow`.
pub fn no_field() -> Line {
    let text = "the account is not in /etc/shadow, so a change of its password is not seen";
    Line::new(Severity::Debug, text.to_owned())
}

/// `/etc/shadow` cannot be read.
pub fn unseen(error: &Error) -> Line {
    let text = format!("{error}; so a change of the account's password is not seen");
    Line::new(Severity::Notice, escape(text.as_bytes(), Place::Text))
}

/// The update phase has come to a line that the preliminary one did not come to.
pub fn no_preliminary_phase() -> Line {
    let text = "nothing is known of the time before the change, so nothing is done about it; \
                both phases have to reach this line, see pam_app_passwd(8)";
    Line::new(Severity::Error, text.to_owned())
}

/// What a person is told who has changed the password. Nothing, if there are no app passwords.
pub fn fate(fate: Fate) -> Option<String> {
    let sentence = match fate {
        Fate::Kept(0) | Fate::Revoked(0) => return None,
        Fate::Kept(1) => "The password has changed; 1 app password goes on working.".to_owned(),
        Fate::Kept(count) => {
            format!("The password has changed; {count} app passwords go on working.")
        }
        Fate::Revoked(1) => {
            "The password has changed, so 1 app password was revoked; the app needs a new one."
                .to_owned()
        }
        Fate::Revoked(count) => format!(
            "The password has changed, so {count} app passwords were revoked; apps need new ones."
        ),
    };
    Some(sentence)
}

/// A panic of ours was caught. Only its place is said: the words of a panic may hold a secret.
pub fn panicked(place: &str) -> Line {
    let text = format!("internal error at {place}; the login is refused, please report this");
    Line::new(Severity::Critical, text)
}

/// A change of the store: `created; user=alice entry=12 by=root label="phone"`.
pub fn change(action: &str, user: &str, entry: CredentialId, by: &str, detail: &str) -> Line {
    let user = bare(user.as_bytes());
    let by = bare(by.as_bytes());
    let detail = escape(detail.as_bytes(), Place::Text);
    let text = format!("{action}; user={user} entry={entry} by={by} {detail}");
    Line::new(Severity::Notice, text)
}

/// A change of the store as a whole: `pruned; by=root events=12`.
pub fn change_of_all(action: &str, by: &str, detail: &str) -> Line {
    let detail = escape(detail.as_bytes(), Place::Text);
    let text = format!("{action}; by={} {detail}", bare(by.as_bytes()));
    Line::new(Severity::Notice, text)
}

/// Somebody has signed in on the web page.
pub fn signed_in(user: &str, origin: Option<&str>) -> Line {
    let user = bare(user.as_bytes());
    let origin = bare(origin.unwrap_or_default().as_bytes());
    Line::new(
        Severity::Notice,
        format!("signed in; user={user} from={origin}"),
    )
}

/// Somebody could not be proved to be who they are. A name that a stranger has typed is left out.
pub fn unproven(user: Option<&str>, origin: Option<&str>, tries_left: usize) -> Line {
    let mut text = "unproven;".to_owned();
    for (name, value) in [("user", user), ("from", origin)] {
        if let Some(value) = value {
            let _ = write!(text, " {name}={}", bare(value.as_bytes()));
        }
    }
    let _ = write!(text, " tries_left={tries_left}");
    Line::new(Severity::Notice, text)
}

impl Line {
    const fn new(severity: Severity, text: String) -> Self {
        Self { severity, text }
    }
}

/// `user=alice rhost=192.0.2.7 entry=12 label="phone"`
fn whose(caller: &Caller, entry: &Entry) -> String {
    let (user, rhost) = (bare(&caller.user), bare(&caller.rhost));
    let label = quoted(entry.label.as_str());
    format!(
        "user={user} rhost={rhost} entry={} label=\"{label}\"",
        entry.id
    )
}

/// pam_unix's sentence, to the byte (Linux-PAM 1.5, `modules/pam_unix/support.c`): two blanks
/// before a user name, one at the end without.
fn authentication_failure(caller: &Caller) -> Line {
    let user = if caller.user.is_empty() {
        String::new()
    } else {
        format!(" user={}", bare(&caller.user))
    };
    let text = format!(
        "authentication failure; logname= uid={} euid={} tty={} ruser= rhost={} {user}",
        caller.uid,
        caller.euid,
        bare(&caller.tty),
        bare(&caller.rhost),
    );
    Line::new(Severity::Notice, text)
}

/// The value of a bare field.
pub(crate) fn bare(value: &[u8]) -> String {
    escape(value, Place::Bare)
}

/// A value for between quotes, or for a terminal.
pub fn quoted(value: &str) -> String {
    escape(value.as_bytes(), Place::Quoted)
}

/// A sentence for a terminal: what could break the line or move the cursor is escaped.
pub fn quoted_line(text: &str) -> String {
    escape(text.as_bytes(), Place::Text)
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Bare,
    Quoted,
    Text,
}

fn escape(value: &[u8], place: Place) -> String {
    let limit = if place == Place::Text {
        usize::MAX
    } else {
        LONGEST_VALUE
    };
    let value = value.get(..limit).unwrap_or(value);
    let mut escaped = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            if needs_escape(c, place) {
                push_escaped(&mut escaped, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                escaped.push(c);
            }
        }
        push_escaped(&mut escaped, chunk.invalid());
    }
    escaped
}

fn needs_escape(c: char, place: Place) -> bool {
    let breaks_lines = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    breaks_lines
        || reorders_text(c)
        || match place {
            Place::Bare => c.is_whitespace(),
            Place::Quoted => matches!(c, '"' | '\\'),
            Place::Text => false,
        }
}

fn push_escaped(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Label;
    use crate::policy::Refusal;

    fn caller() -> Caller {
        Caller {
            user: b"alice".to_vec(),
            rhost: b"192.0.2.7".to_vec(),
            tty: b"dovecot".to_vec(),
            uid: 0,
            euid: 0,
        }
    }

    fn phone() -> Entry {
        Entry {
            id: CredentialId(12),
            label: Label::parse("phone").unwrap(),
        }
    }

    fn said(result: Result<Outcome, Error>, line: &str) -> Vec<(Severity, String)> {
        let arguments = Arguments::parse(line.split_whitespace().map(str::to_owned).collect());
        let lines = authentication(&caller(), &result, &arguments);
        lines
            .into_iter()
            .map(|line| (line.severity, line.text))
            .collect()
    }

    fn one(severity: Severity, text: &str) -> Vec<(Severity, String)> {
        vec![(severity, text.to_owned())]
    }

    #[test]
    fn every_outcome_has_its_words() {
        let accepted = || {
            Ok(Outcome::Accepted {
                entry: phone(),
                idle_unnoted: false,
                ticket: None,
            })
        };
        let refused = || {
            Ok(Outcome::Refused {
                entry: phone(),
                why: Refusal::Revoked,
            })
        };
        let whose = "user=alice rhost=192.0.2.7 entry=12 label=\"phone\"";
        assert_eq!(
            said(accepted(), ""),
            one(Severity::Info, &format!("accepted; {whose}"))
        );
        assert_eq!(said(accepted(), "quiet"), []);
        assert_eq!(
            said(refused(), "quiet log_failures"),
            one(
                Severity::Notice,
                &format!("refused; {whose} reason=revoked")
            ),
        );
        assert_eq!(
            said(Ok(Outcome::Unknown { user_known: true }), ""),
            one(Severity::Notice, "unknown; rhost=192.0.2.7 user=alice"),
        );
        assert_eq!(
            said(Ok(Outcome::Unknown { user_known: false }), ""),
            one(Severity::Notice, "unknown; rhost=192.0.2.7"),
        );
        assert_eq!(said(Ok(Outcome::NotOurs), ""), []);
        assert_eq!(
            said(Ok(Outcome::NotOurs), "debug"),
            one(Severity::Debug, "not an app password; rhost=192.0.2.7"),
        );
        assert_eq!(
            said(Err(Error::NoStore("/var/lib/x/store.db".into())), ""),
            one(
                Severity::Error,
                "/var/lib/x/store.db: there is no store; begin with 'app-passwd create USER --label LABEL'"
            ),
        );
    }

    #[test]
    fn an_idle_entry_that_is_let_in_is_said_even_when_quiet() {
        let accepted = Ok(Outcome::Accepted {
            entry: phone(),
            idle_unnoted: true,
            ticket: None,
        });
        let lines = said(accepted, "quiet");
        assert!(lines[0].1.starts_with("idle, but not refused"), "{lines:?}");
    }

    #[test]
    fn the_failure_sentence_is_that_of_pam_unix_to_the_byte() {
        let sentence = "authentication failure; logname= uid=0 euid=0 tty=dovecot ruser= rhost=192.0.2.7  user=alice";
        assert_eq!(
            said(Ok(Outcome::NotOurs), "log_failures"),
            one(Severity::Notice, sentence)
        );
        let unknown = said(Ok(Outcome::Unknown { user_known: false }), "log_failures");
        assert_eq!(unknown[1].1, sentence);
        let nameless = Caller {
            user: vec![],
            ..caller()
        };
        assert!(
            authentication_failure(&nameless)
                .text
                .ends_with(" rhost=192.0.2.7 ")
        );
    }

    #[test]
    fn no_value_can_forge_a_field_or_a_line() {
        for (value, in_a_field, in_quotes) in [
            (&b"alice"[..], "alice", "alice"),
            (b"a b", "a\\x20b", "a b"),
            (b"a\nb", "a\\x0ab", "a\\x0ab"),
            (b"a\x1b[31m", "a\\x1b[31m", "a\\x1b[31m"),
            (b"a\"b\\c", "a\"b\\c", "a\\x22b\\x5cc"),
            (b"\xff\xfe", "\\xff\\xfe", "\\xff\\xfe"),
            (
                "é\u{85}\u{202e}".as_bytes(),
                "é\\xc2\\x85\\xe2\\x80\\xae",
                "é\\xc2\\x85\\xe2\\x80\\xae",
            ),
            ("a\u{a0}b".as_bytes(), "a\\xc2\\xa0b", "a\u{a0}b"),
            (
                "a\u{2028}b".as_bytes(),
                "a\\xe2\\x80\\xa8b",
                "a\\xe2\\x80\\xa8b",
            ),
        ] {
            assert_eq!(escape(value, Place::Bare), in_a_field);
            assert_eq!(escape(value, Place::Quoted), in_quotes);
        }
        assert_eq!(bare(&[b'x'; 300]).len(), LONGEST_VALUE);
        assert_eq!(prefix(b"im ap", "auth"), "pam_app_passwd(im\\x20ap:auth): ");
    }
}

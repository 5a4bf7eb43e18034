// SPDX-License-Identifier: GPL-3.0-or-later
//! Who is signed in: in memory only, for a quarter of an hour after the last page they looked at.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pam_app_passwd::credential::UserName;
use pam_app_passwd::error::Error;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::entry::Rules;
use crate::page::Notice;
use crate::token::Token;
use crate::turns::{OfUsers, Turns};

/// How long a session lasts without a look at a page.
pub(crate) const IDLE: Duration = Duration::from_secs(15 * 60);
/// How many there are at most; the one that was idle for longest gives way.
const MOST: usize = 4_000;
/// How many forms of a session can be open in the browser's tabs.
const MOST_FORMS: usize = 32;

#[derive(Default)]
pub(crate) struct Sessions {
    all: Mutex<HashMap<Token, Session>>,
    turns: OfUsers,
}

struct Session {
    who: Who,
    client: Client,
    used: Instant,
    /// Those that have not come back yet, the oldest first.
    forms: VecDeque<Token>,
    /// To be said on the next page.
    notice: Option<Notice>,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) user: UserName,
    /// What the helper gave when they signed in.
    pub(crate) pass: Zeroizing<String>,
    /// What they may make.
    pub(crate) rules: Rules,
    /// Of all that this user does in any browser.
    pub(crate) turns: Arc<Turns>,
}

impl Sessions {
    pub(crate) fn begin(&self, mut who: Who, client: Client) -> Result<Token, Error> {
        let token = Token::new()?;
        who.turns = self.turns.of(&who.user);
        self.with(|all| {
            let session = Session {
                who,
                client,
                used: Instant::now(),
                forms: VecDeque::new(),
                notice: None,
            };
            if all.len() >= MOST {
                let idlest = all.iter().min_by_key(|(_, session)| session.used);
                let idlest = idlest.map(|(token, _)| *token);
                idlest.and_then(|token| all.remove(&token));
            }
            all.insert(token, session);
        });
        Ok(token)
    }

    /// Who it is, if it is the client that has signed in. Another one that has the cookie ends it.
    pub(crate) fn look(&self, token: Token, client: &Client) -> Option<Who> {
        self.with(|all| {
            let session = all.get_mut(&token)?;
            if session.used.elapsed() >= IDLE || !session.client.may_be(client) {
                all.remove(&token);
                return None;
            }
            session.used = Instant::now();
            Some(session.who.clone())
        })
    }

    /// A token for the forms of a page.
    pub(crate) fn form(&self, token: Token) -> Result<Token, Error> {
        let form = Token::new()?;
        self.with(|all| {
            if let Some(session) = all.get_mut(&token) {
                if session.forms.len() == MOST_FORMS {
                    session.forms.pop_front();
                }
                session.forms.push_back(form);
            }
        });
        Ok(form)
    }

    /// Whether a form of this session comes back for the first time.
    pub(crate) fn take_form(&self, token: Token, form: Token) -> bool {
        self.with(|all| {
            let forms = all.get_mut(&token).map(|session| &mut session.forms);
            let at = forms
                .as_ref()
                .and_then(|forms| forms.iter().position(|other| *other == form));
            forms
                .zip(at)
                .is_some_and(|(forms, at)| forms.remove(at).is_some())
        })
    }

    /// Says something on the next page.
    pub(crate) fn notify(&self, token: Token, notice: Notice) {
        self.with(|all| {
            if let Some(session) = all.get_mut(&token) {
                session.notice = Some(notice);
            }
        });
    }

    /// What is to be said now, once.
    pub(crate) fn notice(&self, token: Token) -> Option<Notice> {
        self.with(|all| all.get_mut(&token)?.notice.take())
    }

    pub(crate) fn end(&self, token: Token) {
        self.with(|all| all.remove(&token));
    }

    /// Ends every session of a user.
    pub(crate) fn end_all(&self, user: &UserName) {
        self.with(|all| all.retain(|_, session| session.who.user != *user));
    }

    /// Forgets those that nobody has looked at for too long.
    pub(crate) fn sweep(&self) {
        self.with(|all| all.retain(|_, session| session.used.elapsed() < IDLE));
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<Token, Session>) -> T) -> T {
        look(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(agent: &str) -> Client {
        Client::new("192.0.2.7".parse().unwrap(), agent)
    }

    fn begun(sessions: &Sessions, user: &str) -> Token {
        let who = Who {
            user: UserName::parse(user).unwrap(),
            pass: Zeroizing::new("pass".to_owned()),
            rules: Rules::default(),
            turns: Arc::default(),
        };
        sessions.begin(who, client("Browser")).unwrap()
    }

    #[test]
    fn a_stolen_cookie_ends_the_session_that_it_is_of() {
        let sessions = Sessions::default();
        let token = begun(&sessions, "alice");
        assert!(sessions.look(token, &client("Browser")).is_some());
        assert!(sessions.look(token, &client("Thief")).is_none());
        assert!(sessions.look(token, &client("Browser")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_for_a_quarter_of_an_hour_after_the_last_look() {
        let sessions = Sessions::default();
        let token = begun(&sessions, "alice");
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(14 * 60)).await;
            assert!(sessions.look(token, &client("Browser")).is_some());
        }
        tokio::time::advance(Duration::from_secs(15 * 60)).await;
        assert!(sessions.look(token, &client("Browser")).is_none());
    }

    #[test]
    fn a_form_comes_back_once_and_to_its_own_session_only() {
        let sessions = Sessions::default();
        let [alice, bob] = ["alice", "bob"].map(|user| begun(&sessions, user));
        let form = sessions.form(alice).unwrap();
        assert!(!sessions.take_form(bob, form));
        assert!(sessions.take_form(alice, form));
        assert!(!sessions.take_form(alice, form));
    }

    #[test]
    fn of_too_many_open_forms_the_oldest_is_forgotten() {
        let sessions = Sessions::default();
        let alice = begun(&sessions, "alice");
        let forms: Vec<_> = (0..=MOST_FORMS)
            .map(|_| sessions.form(alice).unwrap())
            .collect();
        assert!(!sessions.take_form(alice, forms[0]));
        assert!(sessions.take_form(alice, forms[1]));
    }

    #[test]
    fn there_are_no_more_sessions_than_fit() {
        let sessions = Sessions::default();
        let first = begun(&sessions, "alice");
        for _ in 0..MOST {
            begun(&sessions, "bob");
        }
        sessions.with(|all| assert_eq!(all.len(), MOST));
        assert!(sessions.look(first, &client("Browser")).is_none());
    }

    #[test]
    fn signing_out_everywhere_ends_the_sessions_of_one_user() {
        let sessions = Sessions::default();
        let alice = [begun(&sessions, "alice"), begun(&sessions, "alice")];
        let bob = begun(&sessions, "bob");
        sessions.end_all(&UserName::parse("alice").unwrap());
        for token in alice {
            assert!(sessions.look(token, &client("Browser")).is_none());
        }
        assert!(sessions.look(bob, &client("Browser")).is_some());
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! A conversation with the helper, over as many forms as PAM asks questions.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::TALK;
use pam_app_passwd::helper::own::{TOO_MUCH, Wish};
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use super::sign_in::TOO_MANY;
use super::{admin, edit, new, replace, sign_in};
use crate::client::network;
use crate::draft::Draft;
use crate::filter::View;
use crate::form::Form;
use crate::helper::{Ask, End, Step, Told};
use crate::page::{self, Frame};
use crate::prompt::{Kind, input_mode};
use crate::reader::Reader;
use crate::signed_in::SignedIn;
use crate::talks::{About, Party, Waiting};
use crate::text::Text;
use crate::token::Token;
use crate::trouble::{Answer, Trouble};
use crate::visitor::Visitor;
use crate::{App, seldom};

/// What the end of a conversation is good for.
pub(crate) enum Purpose {
    SignIn {
        user: UserName,
    },
    Create(Draft),
    Edit {
        id: i64,
        /// Of the entry as it is before.
        mark: String,
        draft: Draft,
    },
    Replace {
        id: i64,
        label: String,
        /// The old one is good for a while beside the new one.
        overlaps: bool,
    },
    RevokeOfOther {
        user: String,
        /// Where they go back to.
        view: View,
    },
}

/// While nobody has signed in, answers come at whole steps of these: how long PAM takes for somebody says
/// whether there is such a user, and whether they have a password.
///
/// The first question is asked of everybody, before PAM has looked at anything, and too many tries are
/// refused before PAM is asked. So these steps may be short.
const FIRST: Duration = Duration::from_millis(250);
/// Another question may come behind a wrong answer too, after a hash or not. Most who wait for it are right.
const NEXT: Duration = Duration::from_secs(1);
/// A refusal takes as long as those of pam_unix do: longer than any hash.
const REFUSAL: Duration = Duration::from_secs(2);

#[derive(Template)]
#[template(path = "answer.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    title: &'static str,
    lead: String,
    /// How long an answer may take.
    time_limit: String,
    user: String,
    told: Vec<Told>,
    label: String,
    kind: Kind,
    input_mode: &'static str,
}

impl Purpose {
    /// Where "Cancel" leads.
    fn back(&self) -> String {
        match self {
            Self::SignIn { .. } => "/sign-in".to_owned(),
            Self::Create(_) => "/new".to_owned(),
            Self::Edit { id, .. } | Self::Replace { id, .. } => format!("/edit?id={id}"),
            Self::RevokeOfOther { view, .. } => view.address(),
        }
    }

    /// What somebody has to prove that it is they for.
    fn lead(&self, text: &Text) -> String {
        match self {
            Self::SignIn { .. } => String::new(),
            Self::Create(draft) => (text.confirm_create)(&draft.label),
            Self::Edit { draft, .. } => (text.confirm_edit)(&draft.label),
            Self::Replace { label, .. } => (text.confirm_replace)(label),
            Self::RevokeOfOther { user, .. } => (text.confirm_revoke)(user),
        }
    }
}

/// Begins one. `owner` is the cookie of whoever will go on with it; `reader` is who has signed in.
pub(super) async fn begin(
    app: &Arc<App>,
    visitor: Visitor,
    owner: Token,
    purpose: Purpose,
    wish: &Wish,
    reader: Option<Reader>,
) -> Answer {
    // One of theirs that nobody will go on with: they have gone back, or begun anew.
    app.talks.end(owner);
    let place = app.talks.admit(party(app, &visitor, owner));
    let about = About {
        purpose,
        owner,
        client: visitor.client.clone(),
        place: place.ok_or(Trouble::busy(visitor.text))?,
        began: Instant::now(),
    };
    let step = app.helper.begin(wish, reader.as_ref());
    let step = evenly(&about.purpose, FIRST, step).await;
    go_on(app, visitor, reader, about, step).await
}

/// Begins what somebody who has signed in wishes, in the words of the tool.
pub(super) async fn have_done(session: SignedIn, purpose: Purpose, words: Vec<String>) -> Answer {
    let wish = session.wish(words);
    let (app, visitor, token) = (session.app.clone(), session.visitor.clone(), session.token);
    let begin =
        |reader| async move { begin(&app, visitor, token, purpose, &wish, Some(reader)).await };
    Reader::serve(session, begin).await
}

/// As whom somebody is counted who begins a conversation.
fn party(app: &App, visitor: &Visitor, owner: Token) -> Party {
    match app.sessions.look(owner, &visitor.client) {
        Some(who) => Party::User(who.user),
        None => Party::Network(network(visitor.client.address)),
    }
}

/// `POST /answer`
pub(super) async fn send(State(app): State<Arc<App>>, visitor: Visitor, form: Form) -> Answer {
    let text = visitor.text;
    let waiting = waiting(&app, &visitor, &form).ok_or(Trouble::too_late(text))?;
    let purpose = &waiting.about.purpose;
    if form.get("cancel").is_some() {
        return Ok(Redirect::to(&purpose.back()).into_response());
    }
    let answer = form.secret("answer");
    if let Purpose::SignIn { .. } = purpose {
        return reply(&app, visitor, None, waiting, answer).await; // given up when they hang up
    }
    let session = SignedIn::of(&app, visitor.clone()).ok_or(Trouble::SignIn)?;
    let reply = |reader| async move { reply(&app, visitor, Some(reader), waiting, answer).await };
    Reader::serve(session, reply).await
}

/// Goes on with one that has waited for this answer.
async fn reply(
    app: &Arc<App>,
    visitor: Visitor,
    reader: Option<Reader>,
    Waiting { talk, about }: Waiting,
    answer: Zeroizing<String>,
) -> Answer {
    let step = talk.reply(answer, reader.as_ref());
    let step = evenly(&about.purpose, NEXT, step).await;
    go_on(app, visitor, reader, about, step).await
}

/// What the helper says, not before the next whole step, unless somebody is signed in or has just been.
async fn evenly(
    purpose: &Purpose,
    question: Duration,
    step: impl Future<Output = io::Result<Step>>,
) -> io::Result<Step> {
    let asked = Instant::now();
    let step = step.await;
    if let (Purpose::SignIn { .. }, Some(pace)) = (purpose, pace(&step, question)) {
        let steps = asked.elapsed().as_millis() / pace.as_millis() + 1;
        sleep_until(asked + pace * u32::try_from(steps).unwrap_or(u32::MAX)).await;
    }
    step
}

/// At which steps this comes, if a question comes at these. `None`: at once.
fn pace(step: &io::Result<Step>, question: Duration) -> Option<Duration> {
    match step {
        Ok(Step::Asks(..)) => Some(question),
        Ok(Step::Ends(end)) => match end.code {
            0 => None,
            TOO_MANY => Some(FIRST),
            _ => Some(REFUSAL),
        },
        Ok(Step::Unseen) | Err(_) => Some(REFUSAL),
    }
}

/// The conversation that this form goes on with, which must be its sender's.
fn waiting(app: &App, visitor: &Visitor, form: &Form) -> Option<Waiting> {
    let token = form.token()?;
    let take = |owner| app.talks.take(token, owner, &visitor.client);
    let is_signed_in = |session: &Token| app.sessions.look(*session, &visitor.client).is_some();
    let session = visitor.session.filter(is_signed_in);
    session
        .and_then(take)
        .or_else(|| visitor.visit.and_then(take))
}

async fn go_on(
    app: &Arc<App>,
    visitor: Visitor,
    reader: Option<Reader>,
    about: About,
    step: io::Result<Step>,
) -> Answer {
    let text = visitor.text;
    match step {
        Ok(Step::Asks(ask, talk)) => {
            let form = Token::new().map_err(|_| Trouble::no_helper(text))?;
            let page = Page::new(&visitor, &about, ask, form);
            app.talks.wait(form, Waiting { talk, about });
            Ok(page::render(StatusCode::OK, &page))
        }
        Ok(Step::Ends(end)) if end.says(TOO_MUCH) => Err(Trouble::busy(text)),
        Ok(Step::Ends(end)) => match (about.purpose, reader) {
            (Purpose::SignIn { user }, _) => sign_in::end(app, visitor, user, &end).await,
            (purpose, Some(reader)) => done(&reader.session, purpose, end).await,
            (_, None) => Err(Trouble::SignIn),
        },
        Ok(Step::Unseen) => Err(Trouble::SignIn), // whoever reads this has signed out
        // An answer that no frame holds.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Err(Trouble::no_form(text)),
        Err(error) => {
            seldom::say(&format!("error: the helper: {error}"));
            Err(Trouble::no_helper(text))
        }
    }
}

/// What somebody has wished who had signed in is done, or not. A secret that was taken for them is shown even
/// if they have signed out since: what it replaces has ended.
async fn done(session: &SignedIn, purpose: Purpose, end: End) -> Answer {
    match purpose {
        Purpose::Create(draft) => new::end(session, draft, end).await,
        Purpose::Edit { id, mark, draft } => edit::end(session, id, &mark, draft, end).await,
        Purpose::Replace { overlaps, .. } => replace::end(session, overlaps, end).await,
        Purpose::RevokeOfOther { view, .. } => admin::end(session, &view, end),
        Purpose::SignIn { .. } => Err(Trouble::SignIn),
    }
}

impl Page {
    fn new(visitor: &Visitor, about: &About, ask: Ask, form: Token) -> Self {
        let text = visitor.text;
        let (title, user) = match &about.purpose {
            Purpose::SignIn { user } => (text.sign_in, user.as_str()),
            _ => (text.confirm_identity, ""),
        };
        let kind = Kind::of(&ask);
        Self {
            frame: Frame {
                token: form.to_string(),
                ..Frame::bare(text)
            },
            title,
            lead: about.purpose.lead(text),
            time_limit: (text.time_limit)(TALK.as_secs() / 60),
            user: user.to_owned(),
            label: kind.label(&ask, text),
            input_mode: input_mode(&ask),
            told: ask.told,
            kind,
        }
    }
}

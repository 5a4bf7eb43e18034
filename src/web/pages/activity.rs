// SPDX-License-Identifier: GPL-3.0-or-later
//! What was done lately, and what was refused: the newest first, and no more than a person reads.

use std::cmp::Reverse;

use askama::Template;
use axum::http::{StatusCode, Uri};
use pam_app_passwd::credential::UserName;

use super::row::{Moment, now};
use super::{admin, list};
use crate::entry::{self, Entry};
use crate::event::Event;
use crate::form::Form;
use crate::page::{self, Frame};
use crate::signed_in::SignedIn;
use crate::text::Text;
use crate::trouble::{Answer, Trouble};
use crate::when::When;

/// As many as a person looks through.
const MOST: usize = 100;
/// One more than that, to know whether there are older ones.
const LAST: &str = "--last=101";
/// Of a name that nobody can have.
const NONE: &str = "--last=0";

#[derive(Template)]
#[template(path = "activity.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    lines: Vec<Line>,
    /// Older ones are not shown.
    is_cut: bool,
    /// Of whom everybody's are wanted. Nothing: it is about their own.
    user: Option<String>,
}

/// Something that has happened.
struct Line {
    when: When,
    /// Of which entry; empty if it was about all of them.
    label: String,
    /// Whose, if that has to be said.
    user: String,
    what: String,
    at: Moment,
    /// What is different since.
    changes: Vec<(&'static str, String)>,
}

/// `GET /activity`
pub(super) async fn show(session: SignedIn) -> Answer {
    let end = session.ask(&["log", LAST]).await?;
    let events: Vec<Event> = entry::read(&end).ok_or(Trouble::no_helper(session.text()))?;
    let entries = list::entries(&session).await?;
    let (text, now) = (session.text(), now());
    let refused = |entry: &Entry| Line::of_refusal(entry, now, text);
    let refusals = entries.iter().filter_map(refused).collect();
    page(&session, &events, refusals, None)
}

/// `GET /admin/activity?user=USER`
pub(super) async fn of_everybody(session: SignedIn, uri: Uri) -> Answer {
    let user = Form::of_address(&uri).text("user");
    let name = UserName::parse(&user).ok();
    let is_nobody = name.is_none() && !user.is_empty();
    let last = if is_nobody { NONE } else { LAST };
    let mut words = vec!["admin", "log", last];
    words.extend(name.as_ref().map(UserName::as_str));
    let end = admin::ask(&session, &words).await?;
    let events: Vec<Event> = entry::read(&end).ok_or(Trouble::no_helper(session.text()))?;
    page(&session, &events, Vec::new(), Some(user))
}

fn page(session: &SignedIn, events: &[Event], refusals: Vec<Line>, user: Option<String>) -> Answer {
    let (text, now) = (session.text(), now());
    let reader = session.who.user.as_str();
    let is_told = |event: &&Event| !events.iter().any(|other| event.is_part_of(other));
    let told = events.iter().rev().filter(is_told);
    let mut lines: Vec<_> = told
        .map(|event| Line::of(event, reader, now, text))
        .chain(refusals)
        .collect();
    lines.sort_by_key(|line| Reverse(line.when));
    let is_cut = events.len() > MOST || lines.len() > MOST;
    lines.truncate(MOST);
    let page = Page {
        frame: session.frame()?,
        lines,
        is_cut,
        user,
    };
    Ok(page::render(StatusCode::OK, &page))
}

impl Line {
    fn of(event: &Event, reader: &str, now: When, text: &'static Text) -> Self {
        let why = event.said("why").unwrap_or_default();
        let what = match (text.event)(&event.action, &why) {
            "" => event.action.clone(),
            known => known.to_owned(),
        };
        let by = match event.by.as_str() {
            name if name == reader => text.by_you.to_owned(),
            "0" => (text.by)("root"), // who it was at root's terminal, the system could not say
            name => (text.by)(name),
        };
        let from = event
            .said("from")
            .map(|address| (text.from_address)(&address));
        let circumstances: Vec<_> = [by].into_iter().chain(from).collect();
        Self {
            when: event.at,
            label: event.said("label").unwrap_or_default(),
            user: event.user.clone().unwrap_or_default(),
            what,
            at: Moment {
                circumstances: circumstances.join(", "),
                ..Moment::new(event.at, event.at.ago(now, text))
            },
            changes: changes(event, text),
        }
    }

    /// The last use of an entry that was refused.
    fn of_refusal(entry: &Entry, now: When, text: &'static Text) -> Option<Self> {
        let refused = entry.last_refused.as_ref()?;
        Some(Self {
            when: refused.used.at,
            label: entry.label.clone(),
            user: entry.user.clone(),
            what: (text.refused)(&refused.reason).to_owned(),
            at: Moment::of_use(&refused.used, now, text),
            changes: Vec::new(),
        })
    }
}

/// What has become another by an edit.
fn changes(event: &Event, text: &'static Text) -> Vec<(&'static str, String)> {
    if event.action != "edited" {
        return Vec::new();
    }
    let services = |names: String| text.services(names.split(','));
    let networks = |networks: String| match networks.as_str() {
        "any" => text.anywhere.to_owned(),
        several => several
            .split(',')
            .map(entry::plain)
            .collect::<Vec<_>>()
            .join(", "),
    };
    let end = |end: String| match end.parse() {
        Ok(seconds) => When::from_seconds(seconds).day(text),
        Err(_) => text.never_expires.to_owned(),
    };
    let said = |name: &str| event.said(name);
    let changes = [
        said("new_label").map(|label| (text.now_called, label)),
        said("services").map(|names| (text.good_for, services(names))),
        said("networks").map(|names| (text.now_from, networks(names))),
        said("expires").map(|at| (text.expires, end(at))),
    ];
    changes.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::tests::entry;
    use crate::text::{DE, EN};

    fn event(action: &str, detail: &str) -> Event {
        Event {
            at: When::from_seconds(1_795_000_000),
            by: "alice".to_owned(),
            action: action.to_owned(),
            user: Some("alice".to_owned()),
            entry: Some(1),
            detail: detail.to_owned(),
        }
    }

    fn line(action: &str, detail: &str) -> Line {
        let event = event(action, detail);
        Line::of(&event, "alice", event.at, &EN)
    }

    #[test]
    fn what_was_done_is_said_in_words_and_by_whom_and_from_where() {
        let made = line("created", "label=\"phone\" services=mail from=192.0.2.7");
        assert_eq!((&*made.label, &*made.what), ("phone", "Created"));
        assert_eq!(made.at.circumstances, "by you, from 192.0.2.7");
        assert!(made.changes.is_empty());
        let removed = line("revoked", "label=\"phone\" why=\"password changed\"");
        assert!(removed.what.starts_with("Removed, "), "{}", removed.what);
        let event = event("revoked", "label=\"phone\" why=\"by hand\"");
        let by_another = Line::of(&event, "bob", event.at, &DE);
        assert_eq!(by_another.what, "Entfernt");
        assert_eq!(by_another.at.circumstances, "von alice");
    }

    #[test]
    fn of_a_change_is_said_what_is_different() {
        let detail =
            "label=\"phone\" new_label=\"my phone\" services=imap,smtp networks=any expires=never";
        let changed = line("edited", detail);
        let expected = [
            (EN.now_called, "my phone"),
            (EN.good_for, "imap, smtp"),
            (EN.now_from, EN.anywhere),
            (EN.expires, EN.never_expires),
        ];
        assert_eq!(
            changed.changes,
            expected.map(|(name, value)| (name, value.to_owned()))
        );
        let of_any = line("edited", "label=\"phone\" services=any");
        assert_eq!(of_any.changes, [(EN.good_for, EN.any.to_owned())]);
        let ends = line("edited", "label=\"phone\" expires=1795000000");
        assert!(ends.changes[0].1.contains("2026"), "{:?}", ends.changes);
    }

    #[test]
    fn what_this_version_does_not_know_is_said_as_it_is() {
        assert_eq!(line("polished", "").what, "polished");
    }

    #[test]
    fn every_action_and_every_reason_has_its_words() {
        for text in [&EN, &DE] {
            for action in [
                "created", "edited", "disabled", "enabled", "rotated", "revoked", "purged",
                "imported", "restored", "pruned",
            ] {
                assert_ne!((text.event)(action, ""), "", "{action}");
            }
            let plain = (text.event)("revoked", "by hand");
            for why in [
                "rotated",
                "password changed",
                "account deleted",
                "expired",
                "not shown",
            ] {
                assert_ne!((text.event)("revoked", why), plain, "{why}");
            }
            let plain = (text.refused)("");
            for reason in [
                "revoked",
                "disabled",
                "expired",
                "idle",
                "locked",
                "protected",
                "service",
                "network",
            ] {
                assert_ne!((text.refused)(reason), plain, "{reason}");
            }
        }
    }

    #[test]
    fn a_use_that_was_refused_says_why_and_from_where() {
        let refused = json!({"last_refused": {
            "at": "2026-11-20T10:00:01Z", "service": "imap", "from": "192.0.2.7", "reason": "network", "count": 2,
        }});
        let entry = entry(&refused);
        let line = Line::of_refusal(&entry, entry.created, &EN).unwrap();
        assert_eq!(line.what, (EN.refused)("network"));
        assert_eq!(line.at.circumstances, "from 192.0.2.7, with imap");
    }
}

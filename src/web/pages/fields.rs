// SPDX-License-Identifier: GPL-3.0-or-later
//! The fields that say what an app password is for and what limits it: of a new one, and of one that there is.

use super::list;
use super::row::now;
use crate::draft::{Draft, End, Problems};
use crate::entry::{Entry, Rules};
use crate::helper;
use crate::page::Notice;
use crate::signed_in::SignedIn;
use crate::text::Text;
use crate::trouble::Trouble;

/// The exit status when the rules are against it.
const POLICY: u8 = 4;

pub(super) struct Fields {
    pub(super) label: String,
    pub(super) networks: String,
    pub(super) networks_hint: String,
    pub(super) services: Vec<Choice>,
    pub(super) services_hint: String,
    pub(super) ends: Vec<Choice>,
    /// More than a label can be chosen.
    pub(super) scopes: bool,
    /// Something below the fold was changed, is wrong, or has to be chosen: show it.
    pub(super) is_open: bool,
    pub(super) problems: Problems,
    /// Where one types first.
    pub(super) focus: &'static str,
}

/// One of several.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) words: String,
    pub(super) is_chosen: bool,
}

impl Fields {
    /// Those of a new one.
    pub(super) fn of_new(session: &SignedIn, draft: Draft, problems: Problems) -> Self {
        let untouched = Draft {
            label: draft.label.clone(),
            ..Draft::new(&session.who.rules)
        };
        Self {
            is_open: draft != untouched || draft.services.is_empty(),
            focus: problems.first().unwrap_or("label"),
            ..Self::new(session, None, draft, problems)
        }
    }

    /// Those of one that there is. Nothing is folded away: here it is looked up, too.
    pub(super) fn of(session: &SignedIn, entry: &Entry, draft: Draft, problems: Problems) -> Self {
        Self::new(session, Some(entry), draft, problems)
    }

    fn new(session: &SignedIn, entry: Option<&Entry>, draft: Draft, problems: Problems) -> Self {
        let (rules, text) = (&session.who.rules, session.text());
        // What it is good for already can be kept, and left out.
        let had = entry.map_or(&[][..], |entry| &entry.services);
        let had = had.iter().filter(|name| !rules.services.contains(name));
        let choice = |name: &String| Choice {
            value: name.clone(),
            words: text.services([name.as_str()]),
            is_chosen: draft.services.contains(name),
        };
        Self {
            networks_hint: (text.networks_hint)(&session.visitor.client.address.to_string()),
            services_hint: services_hint(rules, text),
            services: rules.services.iter().chain(had).map(choice).collect(),
            ends: ends(session, entry, draft.end),
            scopes: rules.scopes,
            is_open: true,
            focus: problems.first().unwrap_or_default(),
            problems,
            label: draft.label,
            networks: draft.networks,
        }
    }
}

/// To tick what something else that is ticked includes changes nothing.
fn services_hint(rules: &Rules, text: &Text) -> String {
    let mut hint = text.services_hint.to_owned();
    for (wide, others) in &rules.includes {
        let wide = text.services([wide.as_str()]);
        let others = text.services(others.iter().map(String::as_str));
        hint += &format!(" {}", (text.includes)(&wide, &others));
    }
    hint
}

/// When it may end: as it does, never, or in so many days.
fn ends(session: &SignedIn, entry: Option<&Entry>, chosen: End) -> Vec<Choice> {
    let (rules, text) = (&session.who.rules, session.text());
    let choice = |end: End, words| Choice {
        value: end.word(),
        words,
        is_chosen: chosen == end,
    };
    let never = || text.never_expires.to_owned();
    let as_it_is = entry.map(|entry| entry.expires.map_or_else(never, |end| end.day(text)));
    let as_it_is = as_it_is.map(|words| choice(End::Unsaid, words));
    let has_end = entry.is_none_or(|entry| entry.expires.is_some());
    let may_last = has_end && rules.max_lifetime_days.is_none();
    let lifetimes = match entry {
        Some(entry) => Draft::lifetimes_of(entry, rules, now()),
        None => Draft::lifetimes(rules),
    };
    let lifetime = |days| choice(End::In(days), (text.days)(days));
    as_it_is
        .into_iter()
        .chain(may_last.then(|| choice(End::Never, never())))
        .chain(lifetimes.into_iter().map(lifetime))
        .collect()
}

/// What is said when the helper was against it: beside the label, if another one has that, else above the
/// form. `own` is the entry that may have it.
pub(super) async fn refused(
    session: &SignedIn,
    label: &str,
    own: Option<i64>,
    nothing: &str,
    end: helper::End,
) -> Result<(Problems, Option<Notice>), Trouble> {
    let text = session.text();
    if end.code == POLICY && is_taken(session, label, own).await? {
        let problems = Problems {
            label: Some(text.label_taken.to_owned()),
            ..Problems::default()
        };
        return Ok((problems, None));
    }
    let notice = Notice::failed(nothing, end, text);
    Ok((Problems::default(), Some(notice)))
}

async fn is_taken(session: &SignedIn, label: &str, own: Option<i64>) -> Result<bool, Trouble> {
    let has_it = |entry: &Entry| entry.stands_for_itself() && entry.label == label;
    let is_other = |entry: &Entry| Some(entry.id) != own;
    let entries = list::entries(session).await?;
    Ok(entries.iter().any(|entry| has_it(entry) && is_other(entry)))
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! Every word of the pages. A language is one value of [`Text`] in a file of its own, so a sentence that
//! it lacks does not compile.

mod de;
mod en;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

pub(crate) use de::DE;
pub(crate) use en::EN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    De,
    En,
}

/// Sentences that have something in them.
type OfAgo = fn(Ago) -> String;
type OfName = fn(&str) -> String;
type OfDays = fn(u32) -> String;
type OfStatus = fn(&str) -> &'static str;
type OfMinutes = fn(u64) -> String;
type OfEvent = fn(&str, &str) -> &'static str;
type OfTwo = fn(&str, &str) -> String;
type OfCount = fn(usize) -> String;
type OfSession = fn(&str, Option<&str>) -> String;
type OfShare = fn(usize, usize) -> String;

/// A length of time that has passed.
#[derive(Clone, Copy)]
pub(crate) enum Ago {
    Minutes(i64),
    Hours(i64),
    Days(i64),
}

/// What PAM, or a filter, or a service has to do with is said by its own name; all else is here.
pub(crate) struct Text {
    /// As in the attribute `lang`.
    pub(crate) code: &'static str,
    /// What a month is called, January first.
    pub(crate) months: [&'static str; 12],
    /// As strftime writes it; the month stands for `{}`.
    pub(crate) date: &'static str,
    pub(crate) just_now: &'static str,
    pub(crate) ago: OfAgo,
    pub(crate) on: OfName,
    pub(crate) days: OfDays,

    // -- on every page
    pub(crate) app: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) signed_in_as: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) sign_out_everywhere: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) helper_says: &'static str,
    pub(crate) navigation: &'static str,

    // -- signing in
    pub(crate) sign_in: &'static str,
    pub(crate) sign_in_lead: &'static str,
    pub(crate) user_name: &'static str,
    pub(crate) password: &'static str,
    pub(crate) one_time_code: &'static str,
    pub(crate) sign_in_failed: &'static str,
    pub(crate) too_many: &'static str,
    pub(crate) signed_out: &'static str,
    pub(crate) signed_out_everywhere: &'static str,
    pub(crate) timed_out: &'static str,
    pub(crate) time_limit: OfMinutes,
    pub(crate) session_limit: OfMinutes,

    // -- the list
    pub(crate) list: &'static str,
    pub(crate) list_lead: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) empty_lead: &'static str,
    pub(crate) generate: &'static str,
    pub(crate) edit: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) revoke_all: &'static str,
    pub(crate) created: &'static str,
    pub(crate) last_used: &'static str,
    pub(crate) never_used: &'static str,
    pub(crate) expires: &'static str,
    pub(crate) expired: &'static str,
    pub(crate) never_expires: &'static str,
    pub(crate) good_for: &'static str,
    pub(crate) from: &'static str,
    pub(crate) with_service: OfName,
    pub(crate) from_address: OfName,
    pub(crate) status: OfStatus,
    pub(crate) replaced: &'static str,
    pub(crate) still_tried: &'static str,
    pub(crate) still_tried_lead: &'static str,
    pub(crate) limit_reached: OfCount,

    // -- a new one
    pub(crate) new: &'static str,
    pub(crate) label: &'static str,
    pub(crate) label_hint: &'static str,
    pub(crate) more: &'static str,
    pub(crate) services: &'static str,
    pub(crate) services_hint: &'static str,
    pub(crate) includes: OfTwo,
    /// What the service `any` is called.
    pub(crate) any: &'static str,
    pub(crate) networks: &'static str,
    pub(crate) networks_hint: OfName,
    pub(crate) expiry: &'static str,
    pub(crate) create: &'static str,
    pub(crate) label_length: &'static str,
    pub(crate) label_digits: &'static str,
    pub(crate) label_character: &'static str,
    pub(crate) label_taken: &'static str,
    pub(crate) no_service: &'static str,
    pub(crate) not_a_network: &'static str,
    pub(crate) network_meant: OfName,
    pub(crate) confirm_create: OfName,
    pub(crate) not_created: &'static str,
    pub(crate) confirm_identity: &'static str,

    // -- a change
    pub(crate) edit_title: OfName,
    pub(crate) save: &'static str,
    pub(crate) confirm_edit: OfName,
    pub(crate) changed: OfName,
    pub(crate) not_changed: &'static str,
    pub(crate) changed_meanwhile: &'static str,

    // -- another password for the same
    pub(crate) replace: &'static str,
    pub(crate) replace_why: &'static str,
    pub(crate) replace_hint: &'static str,
    pub(crate) replace_title: OfName,
    pub(crate) replace_lead: &'static str,
    pub(crate) old_password: &'static str,
    pub(crate) at_once: &'static str,
    pub(crate) in_a_day: &'static str,
    pub(crate) confirm_replace: OfName,
    pub(crate) not_replaced: &'static str,
    pub(crate) old_ended: &'static str,
    pub(crate) old_lasts: &'static str,
    pub(crate) old_stays: &'static str,

    // -- the secret
    pub(crate) made: OfName,
    pub(crate) secret_lead: &'static str,
    pub(crate) secret_name: &'static str,
    pub(crate) spelled: &'static str,
    pub(crate) secret_how: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) not_copied: &'static str,
    pub(crate) done: &'static str,

    // -- taking away: one is removed, all are revoked
    pub(crate) remove_question: OfName,
    pub(crate) remove_lead: &'static str,
    pub(crate) removed: OfName,
    pub(crate) not_removed: &'static str,
    pub(crate) may_go_on: &'static str,
    pub(crate) all_signed_out: &'static str,
    /// By service, and from where.
    pub(crate) ended: OfSession,
    pub(crate) revoke_all_question: OfCount,
    pub(crate) revoke_all_lead: &'static str,
    pub(crate) revoked_all: OfCount,
    pub(crate) not_revoked: &'static str,
    pub(crate) gone: &'static str,

    // -- what has happened
    pub(crate) activity: &'static str,
    pub(crate) activity_lead: &'static str,
    pub(crate) activity_lead_of_all: &'static str,
    pub(crate) nothing_done: &'static str,
    pub(crate) older: &'static str,
    pub(crate) back: &'static str,
    /// By action, and why.
    pub(crate) event: OfEvent,
    /// By reason.
    pub(crate) refused: OfStatus,
    pub(crate) by_you: &'static str,
    pub(crate) by: OfName,
    pub(crate) now_called: &'static str,
    pub(crate) now_from: &'static str,
    pub(crate) anywhere: &'static str,

    // -- administrators
    pub(crate) admin: &'static str,
    pub(crate) admin_lead: &'static str,
    pub(crate) own: &'static str,
    pub(crate) filters: [&'static str; 5],
    pub(crate) apply: &'static str,
    pub(crate) nothing_found: &'static str,
    pub(crate) too_many_entries: &'static str,
    pub(crate) found: OfShare,
    pub(crate) remove_question_of: OfName,
    pub(crate) confirm_revoke: OfName,
    pub(crate) user: &'static str,

    // -- what goes wrong
    pub(crate) sorry: &'static str,
    pub(crate) no_helper: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) sent_before: &'static str,
    pub(crate) too_late: &'static str,
    pub(crate) no_form: &'static str,
    pub(crate) not_ours: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) not_allowed: &'static str,
}

impl Text {
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::De => &DE,
            Language::En => &EN,
        }
    }

    /// The services of this name, or of these names with commas between them.
    pub(crate) fn services<'a>(&'a self, names: impl IntoIterator<Item = &'a str>) -> String {
        let word = |name| if name == "any" { self.any } else { name };
        let words: Vec<_> = names.into_iter().map(word).collect();
        words.join(", ")
    }

    pub(crate) fn month(&self, month: i8) -> &'static str {
        let index = usize::try_from(month - 1).unwrap_or_default();
        self.months.get(index).copied().unwrap_or_default()
    }
}

/// The one of our languages that a browser likes best; English if it likes none.
pub(crate) fn preferred(headers: &HeaderMap) -> Language {
    let said = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let mut best = (Language::En, 0.0);
    for choice in said.unwrap_or_default().split(',').take(20) {
        let mut parts = choice.trim().split(';');
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok());
        let weight: f32 = weight.unwrap_or(1.0);
        let language = match tag.split('-').next() {
            Some("de") => Language::De,
            Some("en") => Language::En,
            _ => continue,
        };
        if weight > best.1 {
            best = (language, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_the_browser_likes_best() {
        for (said, language) in [
            ("de", Language::De),
            ("de-AT,de;q=0.9,en;q=0.8", Language::De),
            ("en-GB, de;q=0.5", Language::En),
            ("en;q=0.5, de;q=0.7", Language::De),
            ("fr, ja;q=0.9", Language::En),
            ("de;q=0", Language::En),
            ("rubbish;q=x", Language::En),
            ("", Language::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, said.parse().unwrap());
            assert_eq!(preferred(&headers), language, "{said}");
        }
    }
}

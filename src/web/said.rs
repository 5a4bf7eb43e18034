// SPDX-License-Identifier: GPL-3.0-or-later
//! What the helper says beside its answer, in English, for whoever has a shell: for some of it the pages have
//! words of their own. Pure.

use pam_app_passwd::helper::own::MAY_GO_ON;

use crate::text::Text;

/// What has become of what was open.
pub(crate) fn of_sessions(said: &[String], text: &Text) -> Vec<String> {
    said.iter()
        .filter_map(|line| of_session(line, text))
        .collect()
}

/// Whether something may be open still.
pub(crate) fn warns(said: &[String]) -> bool {
    said.iter().any(|line| line.ends_with(MAY_GO_ON))
}

/// What the pages have no words for.
pub(crate) fn lines(said: &[String], text: &Text) -> Vec<String> {
    let is_rest = |line: &&String| of_session(line, text).is_none();
    said.iter().filter(is_rest).cloned().collect()
}

fn of_session(line: &str, text: &Text) -> Option<String> {
    let may_go_on = line.ends_with(MAY_GO_ON);
    may_go_on.then(|| text.may_go_on.to_owned())
}

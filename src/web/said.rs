// SPDX-License-Identifier: GPL-3.0-or-later
//! What the helper says beside its answer, in English, for whoever has a shell: for some of it the pages have
//! words of their own. Pure.

use pam_app_passwd::helper::opened::Opened;
use pam_app_passwd::helper::own::{MAY_GO_ON, SIGNED_OUT};

use crate::text::Text;

/// How lines begin that say what is wrong.
const WRONG: [&str; 2] = ["app-passwd: error: ", "warning: "];

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

/// What the pages have no words for: errors and warnings. How it went else they say themselves, and hints name
/// the verbs of the tool.
pub(crate) fn lines(said: &[String], text: &Text) -> Vec<String> {
    let is_wrong = |line: &&String| WRONG.iter().any(|mark| line.starts_with(mark));
    let is_rest = |line: &&String| of_session(line, text).is_none();
    said.iter()
        .filter(is_wrong)
        .filter(is_rest)
        .cloned()
        .collect()
}

fn of_session(line: &str, text: &Text) -> Option<String> {
    if line.ends_with(MAY_GO_ON) {
        return Some(text.may_go_on.to_owned());
    }
    if line == SIGNED_OUT {
        return Some(text.all_signed_out.to_owned());
    }
    let ended = Opened::ended_by(line)?;
    Some((text.ended)(ended.service, ended.origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{DE, EN};

    fn said(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn what_is_said_for_a_shell_or_in_other_words_is_not_said_again() {
        let error = "app-passwd: error: by the longest lifetime here it had to end on 2026-11-21";
        let warning = "warning: 'x' is neither a group of services nor a file in /etc/pam.d";
        let said = said(&[
            error,
            "hint: 'app-passwd rotate' gives it a successor, whose life begins now",
            warning,
            "3 replaces 2, which is revoked.",
            "the longest lifetime here ends it on 2026-11-21.",
            &format!("warning: {MAY_GO_ON}"),
        ]);
        assert_eq!(lines(&said, &EN), [error, warning]);
        assert_eq!(of_sessions(&said, &EN), [EN.may_go_on]);
        assert!(warns(&said) && !warns(&lines(&said, &EN)));
    }

    #[test]
    fn what_was_ended_is_said_in_the_readers_language() {
        let said = said(&[
            "Ended the sshd session from 192.0.2.7 (process 4711).",
            "Ended the su session (process 4712).",
            SIGNED_OUT,
        ]);
        let english = of_sessions(&said, &EN);
        let ended = ["Ended: sshd session from 192.0.2.7", "Ended: su session"];
        assert_eq!(english, [ended[0], ended[1], EN.all_signed_out]);
        let german = of_sessions(&said, &DE);
        let ended = ["Beendet: sshd-Sitzung von 192.0.2.7", "Beendet: su-Sitzung"];
        assert_eq!(german, [ended[0], ended[1], DE.all_signed_out]);
        assert!(!warns(&said) && lines(&said, &EN).is_empty());
    }
}

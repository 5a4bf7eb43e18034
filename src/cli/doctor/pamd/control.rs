// SPDX-License-Identifier: GPL-3.0-or-later
//! The second field of a line: what follows from each answer of its module.

/// What a module may answer, by the words of pam.conf(5), in the order of their numbers.
const CODES: [&str; 32] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

const ACTIONS: [(&str, Action); 6] = [
    ("ignore", Action::Ignore),
    ("ok", Action::Ok),
    ("done", Action::Done),
    ("bad", Action::Bad),
    ("die", Action::Die),
    ("reset", Action::Reset),
];

/// The answer of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Code(usize);

impl Code {
    pub(in super::super) const SUCCESS: Self = Self(0);
    pub(in super::super) const PERM_DENIED: Self = Self(6);
    pub(in super::super) const AUTH_ERR: Self = Self(7);
    pub(in super::super) const CRED_INSUFFICIENT: Self = Self(8);
    pub(in super::super) const AUTHINFO_UNAVAIL: Self = Self(9);
    pub(in super::super) const USER_UNKNOWN: Self = Self(10);
    pub(in super::super) const MAXTRIES: Self = Self(11);
    pub(in super::super) const IGNORE: Self = Self(25);
    pub(in super::super) const ABORT: Self = Self(26);
    pub(in super::super) const MODULE_UNKNOWN: Self = Self(28);

    /// Its word.
    pub(in super::super) fn as_str(self) -> &'static str {
        CODES.get(self.0).copied().unwrap_or_default()
    }

    /// The answer that a word says.
    pub(super) fn parse(word: &str) -> Option<Self> {
        CODES.iter().position(|code| *code == word).map(Self)
    }
}

/// What libpam does with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Action {
    Ignore,
    Ok,
    Done,
    Bad,
    Die,
    Reset,
    Jump(usize),
}

/// What follows from each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Control([Action; 32]);

impl Control {
    /// Every answer is a failure.
    pub(in super::super) const BAD: Self = Self([Action::Bad; 32]);

    /// Reads the field. What libpam cannot read makes every answer a failure.
    pub(super) fn parse(word: &str) -> Self {
        let meant = match word.to_ascii_lowercase().as_str() {
            "required" => "success=ok new_authtok_reqd=ok ignore=ignore default=bad",
            "requisite" => "success=ok new_authtok_reqd=ok ignore=ignore default=die",
            "optional" => "success=ok new_authtok_reqd=ok default=ignore",
            "sufficient" => "success=done new_authtok_reqd=done default=ignore",
            _ => word,
        };
        bracketed(meant).unwrap_or(Self::BAD)
    }

    pub(super) fn action(&self, code: Code) -> Action {
        self.0.get(code.0).copied().unwrap_or(Action::Bad)
    }
}

/// `code=action ...`. `default` fills what has no action yet; what has none in the end is bad.
fn bracketed(text: &str) -> Option<Control> {
    let mut actions = [None; 32];
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (code, behind) = code(rest)?;
        let behind = behind.trim_start().strip_prefix('=')?.trim_start();
        let (action, behind) = action(behind)?;
        match code {
            Some(Code(index)) => *actions.get_mut(index)? = Some(action),
            None => fill(&mut actions, action),
        }
        rest = behind.trim_start();
    }
    fill(&mut actions, Action::Bad);
    Some(Control(actions.map(|action| action.unwrap_or(Action::Bad))))
}

fn fill(actions: &mut [Option<Action>], with: Action) {
    for action in actions {
        action.get_or_insert(with);
    }
}

/// A code, or `None` for `default`; and what stands behind it. Like libpam, the first word that fits.
fn code(text: &str) -> Option<(Option<Code>, &str)> {
    let mut known = CODES.iter().enumerate();
    let found = known.find_map(|(index, word)| Some((Some(Code(index)), text.strip_prefix(word)?)));
    found.or_else(|| Some((None, text.strip_prefix("default")?)))
}

fn action(text: &str) -> Option<(Action, &str)> {
    let mut known = ACTIONS.iter();
    let found = known.find_map(|(word, action)| Some((*action, text.strip_prefix(word)?)));
    found.or_else(|| {
        let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: usize = text.strip_suffix(behind)?.parse().ok()?;
        (number > 0).then_some((Action::Jump(number), behind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_actions() {
        for (word, code, action) in [
            ("required", Code::SUCCESS, Action::Ok),
            ("required", Code::AUTH_ERR, Action::Bad),
            ("REQUIRED", Code::IGNORE, Action::Ignore),
            ("requisite", Code::AUTH_ERR, Action::Die),
            ("optional", Code::AUTH_ERR, Action::Ignore),
            ("sufficient", Code::SUCCESS, Action::Done),
            ("sufficient", Code::PERM_DENIED, Action::Ignore),
        ] {
            assert_eq!(Control::parse(word).action(code), action, "{word}");
        }
    }

    #[test]
    fn brackets_say_each_action_and_what_is_not_said_is_bad() {
        for (text, code, action) in [
            ("success=2 default=ignore", Code::SUCCESS, Action::Jump(2)),
            ("success=2 default=ignore", Code::ABORT, Action::Ignore),
            ("success=ok", Code::AUTH_ERR, Action::Bad),
            ("default=die success=ok", Code::SUCCESS, Action::Ok),
            ("default=die success=ok", Code::IGNORE, Action::Die),
            (" success = reset ", Code::SUCCESS, Action::Reset),
            ("success=okdefault=done", Code::ABORT, Action::Done),
            // What cannot be read is bad altogether.
            ("success=0", Code::SUCCESS, Action::Bad),
            ("sucess=ok", Code::SUCCESS, Action::Bad),
            ("success=ok default", Code::SUCCESS, Action::Bad),
            ("success=ok default=fine", Code::SUCCESS, Action::Bad),
        ] {
            assert_eq!(Control::parse(text).action(code), action, "{text}");
        }
    }
}

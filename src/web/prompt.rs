// SPDX-License-Identifier: GPL-3.0-or-later
//! What PAM asks, as a field of a form. Pure.

use crate::helper::Ask;
use crate::text::Text;

/// What a browser should know about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The account's password.
    Password,
    /// A code that is good once, as far as the words tell. A PIN may be part of it, so it is hidden if PAM
    /// says so.
    Code {
        /// Not to be seen.
        is_hidden: bool,
    },
    /// Whatever else.
    Other {
        /// Not to be seen.
        is_hidden: bool,
    },
}

impl Kind {
    pub(crate) fn of(ask: &Ask) -> Self {
        let words = ask.prompt.to_lowercase();
        let is_hidden = ask.is_hidden;
        let has = |known: &[&str]| known.iter().any(|word| words.contains(word));
        // First: a password manager must not offer the account's for a one-time password.
        if has(&["one-time", "otp"]) {
            Self::Code { is_hidden }
        } else if is_hidden && has(&["password", "passwort", "passphrase", "kennwort"]) {
            Self::Password
        } else if has(&["code", "token"]) {
            Self::Code { is_hidden }
        } else {
            Self::Other { is_hidden }
        }
    }

    /// How the field is called: in the reader's language where we know what is meant.
    pub(crate) fn label(self, ask: &Ask, text: &Text) -> String {
        // A longer prompt says more than we know.
        let is_plain = ask.prompt.chars().count() <= "Verification code: ".len();
        match self {
            Self::Password if is_plain => text.password.to_owned(),
            Self::Code { .. } if is_plain => text.one_time_code.to_owned(),
            _ => ask.prompt.trim().trim_end_matches(':').to_owned(),
        }
    }

    pub(crate) const fn input_type(self) -> &'static str {
        match self {
            Self::Password | Self::Code { is_hidden: true } | Self::Other { is_hidden: true } => {
                "password"
            }
            Self::Code { is_hidden: false } | Self::Other { is_hidden: false } => "text",
        }
    }

    pub(crate) const fn autocomplete(self) -> &'static str {
        match self {
            Self::Password => "current-password",
            Self::Code { .. } => "one-time-code",
            Self::Other { .. } => "off",
        }
    }
}

/// For the keyboard of a phone. Only of this code is it known that it has no letters.
pub(crate) fn input_mode(ask: &Ask) -> &'static str {
    match ask.prompt.trim() {
        "Verification code:" => "numeric",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::EN;

    fn ask(prompt: &str, is_hidden: bool) -> Ask {
        Ask {
            prompt: prompt.to_owned(),
            is_hidden,
            told: Vec::new(),
        }
    }

    #[test]
    fn what_is_asked_tells_what_kind_of_field_it_is() {
        for (prompt, is_hidden, kind, label) in [
            ("Password: ", true, Kind::Password, "Password"),
            (
                "Verification code: ",
                true,
                Kind::Code { is_hidden: true },
                "Code",
            ),
            (
                "Password & verification code: ",
                true,
                Kind::Password,
                "Password & verification code",
            ),
            (
                "One-time password (OATH) for `alice': ",
                true,
                Kind::Code { is_hidden: true },
                "One-time password (OATH) for `alice'",
            ),
            (
                "Favourite colour: ",
                false,
                Kind::Other { is_hidden: false },
                "Favourite colour",
            ),
            ("PIN: ", true, Kind::Other { is_hidden: true }, "PIN"),
        ] {
            let ask = ask(prompt, is_hidden);
            assert_eq!(Kind::of(&ask), kind, "{prompt}");
            assert_eq!(kind.label(&ask, &EN), label, "{prompt}");
        }
    }

    #[test]
    fn what_is_hidden_stays_hidden_whatever_the_words() {
        for prompt in ["PIN: ", "PASSCODE: ", "OTP: ", "Recovery code: ", "Token: "] {
            assert_eq!(Kind::of(&ask(prompt, true)).input_type(), "password");
            assert_eq!(Kind::of(&ask(prompt, false)).input_type(), "text");
            assert_eq!(input_mode(&ask(prompt, true)), "text");
        }
        assert_eq!(input_mode(&ask("Verification code: ", true)), "numeric");
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
//! What PAM asks, as a field of a form. Pure.

use crate::helper::Ask;
use crate::text::Text;

/// What a browser should know about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The account's password.
    Password,
    /// A code that is good once. It is shown while it is typed: it is dead before anybody could use it.
    Code,
    /// Whatever else.
    Other {
        /// Not to be seen.
        is_hidden: bool,
    },
}

impl Kind {
    pub(crate) fn of(ask: &Ask) -> Self {
        let words = ask.prompt.to_lowercase();
        let has = |known: &[&str]| known.iter().any(|word| words.contains(word));
        if ask.is_hidden && has(&["password", "passwort", "passphrase", "kennwort"]) {
            Self::Password
        } else if has(&["code", "otp", "token", "one-time"]) {
            Self::Code
        } else {
            Self::Other {
                is_hidden: ask.is_hidden,
            }
        }
    }

    /// How the field is called: in the reader's language where we know what is meant.
    pub(crate) fn label(self, ask: &Ask, text: &Text) -> String {
        // A longer prompt says more than we know.
        let is_plain = ask.prompt.chars().count() <= "Verification code: ".len();
        match self {
            Self::Password if is_plain => text.password.to_owned(),
            Self::Code if is_plain => text.one_time_code.to_owned(),
            _ => ask.prompt.trim().trim_end_matches(':').to_owned(),
        }
    }

    pub(crate) const fn input_type(self) -> &'static str {
        match self {
            Self::Password | Self::Other { is_hidden: true } => "password",
            Self::Code | Self::Other { is_hidden: false } => "text",
        }
    }

    pub(crate) const fn autocomplete(self) -> &'static str {
        match self {
            Self::Password => "current-password",
            Self::Code => "one-time-code",
            Self::Other { .. } => "off",
        }
    }

    /// For the keyboard of a phone. A code may have letters.
    pub(crate) const fn input_mode(self) -> &'static str {
        match self {
            Self::Code => "numeric",
            _ => "text",
        }
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
            ("Verification code: ", true, Kind::Code, "Code"),
            (
                "Password & verification code: ",
                true,
                Kind::Password,
                "Password & verification code",
            ),
            (
                "One-time password (OATH) for `alice': ",
                true,
                Kind::Password,
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
    fn what_is_hidden_stays_hidden_unless_it_is_a_code() {
        assert_eq!(Kind::of(&ask("PIN: ", true)).input_type(), "password");
        assert_eq!(Kind::of(&ask("Code: ", true)).input_type(), "text");
    }
}

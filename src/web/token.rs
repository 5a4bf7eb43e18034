// SPDX-License-Identifier: GPL-3.0-or-later
//! What nobody can guess: 256 random bits, as they stand in a cookie or a form.

use std::fmt;

use pam_app_passwd::error::Error;
use pam_app_passwd::random;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token([u8; 32]);

impl Token {
    pub(crate) fn new() -> Result<Self, Error> {
        random::bytes().map(Self)
    }

    /// Reads what `Display` writes, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair
                .iter()
                .try_fold(0, |so_far, digit| Some(so_far << 4 | value(*digit)?))?;
        }
        Some(Self(bytes))
    }
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_is_one() {
        let token = Token::new().unwrap();
        let text = token.to_string();
        assert!(Token::parse(&text) == Some(token));
        for wrong in [
            "",
            &text.replacen(|_| true, "", 1),
            &format!("{text}0"),
            &text.replace(|_| true, "G"),
        ] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }
}

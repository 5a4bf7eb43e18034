// SPDX-License-Identifier: GPL-3.0-or-later
//! The app password itself: 24 letters a-z, each uniformly random, 112.8 bits
//! (24 x log2 26). Shown in six groups of four: `qhzt-wbkd-mfnx-rvcj-plsg-ytae`.
//!
//! Read back without regard to case, and to the separators that people and phones put between
//! the groups: space, tab, `-`, U+00A0 (no-break space) and U+2010 to U+2015 (hyphens and
//! dashes). Whatever is not exactly 24 letters after that is not an app password.
//!
//! The letters stand in one fixed buffer that is wiped on drop. There is no `Debug`, `Display`
//! or `Clone`: the only way out is [`AppPassword::reveal`], which the tool prints once.

use zeroize::Zeroizing;

/// How many letters a password has.
pub const LETTERS: usize = 24;
const GROUP: usize = 4;
const GROUPED: usize = LETTERS + LETTERS / GROUP - 1;
/// Longer input is refused unread. Room for a separator of three bytes around every letter.
const LONGEST_INPUT: usize = 256;

/// An app password in its canonical form: 24 lower-case letters.
pub struct AppPassword(Zeroizing<[u8; LETTERS]>);

impl AppPassword {
    /// A new password from a source of uniformly random bytes.
    pub fn generate<E>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut password = Self(Zeroizing::new([0; LETTERS]));
        let mut random = Zeroizing::new([0; LETTERS]);
        let mut slots = password.0.iter_mut().peekable();
        while slots.peek().is_some() {
            fill(random.as_mut_slice())?;
            // 234 is the largest multiple of 26 in a byte: what lies above would favour a to v.
            let letters = random.iter().filter(|&&byte| byte < 234);
            for (byte, slot) in letters.zip(slots.by_ref()) {
                *slot = b'a' + byte % 26;
            }
        }
        Ok(password)
    }

    /// Reads what a person or a program sent. `None`: not an app password.
    ///
    /// This is the only place where the canonical form is made.
    pub fn parse(input: &[u8]) -> Option<Self> {
        if input.len() > LONGEST_INPUT {
            return None;
        }
        let mut password = Self(Zeroizing::new([0; LETTERS]));
        let mut slots = password.0.iter_mut();
        let mut rest = input;
        while let Some((&byte, after)) = rest.split_first() {
            if byte.is_ascii_alphabetic() {
                *slots.next()? = byte.to_ascii_lowercase();
                rest = after;
            } else {
                rest = strip_separator(rest)?;
            }
        }
        slots.next().is_none().then_some(password)
    }

    /// The 24 letters, for the keyed hash.
    pub fn letters(&self) -> &[u8; LETTERS] {
        &self.0
    }

    /// The grouped form that is shown once, as ASCII.
    pub fn reveal(&self) -> Zeroizing<[u8; GROUPED]> {
        let mut shown = Zeroizing::new([b'-'; GROUPED]);
        for (to, from) in shown.chunks_mut(GROUP + 1).zip(self.0.chunks(GROUP)) {
            for (slot, letter) in to.iter_mut().zip(from) {
                *slot = *letter;
            }
        }
        shown
    }
}

/// What follows the separator that `input` begins with.
fn strip_separator(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b' ' | b'\t' | b'-', rest @ ..] => Some(rest),
        [0xC2, 0xA0, rest @ ..] => Some(rest), // U+00A0
        [0xE2, 0x80, 0x90..=0x95, rest @ ..] => Some(rest), // U+2010 to U+2015
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    const WORD: &str = "qhztwbkdmfnxrvcjplsgytae";

    fn letters(input: &[u8]) -> Option<String> {
        AppPassword::parse(input).map(|p| String::from_utf8(p.letters().to_vec()).unwrap())
    }

    #[test]
    fn twenty_four_letters_are_read_whatever_stands_between_them() {
        for input in [
            WORD,
            "qhzt-wbkd-mfnx-rvcj-plsg-ytae",
            "QHZT-WBKD-MFNX-RVCJ-PLSG-YTAE",
            " qhzt wbkd mfnx\trvcj plsg ytae\t",
            "--qhztwbkdmfnxrvcjplsgytae--",
            "qhzt\u{a0}wbkd\u{2010}mfnx\u{2011}rvcj\u{2013}plsg\u{2015}ytae",
        ] {
            assert_eq!(
                letters(input.as_bytes()).as_deref(),
                Some(WORD),
                "{input:?}"
            );
        }
    }

    #[test]
    fn anything_else_is_not_an_app_password() {
        let with = |tail: &str| format!("{WORD}{tail}");
        for input in [
            "",
            "-",
            "hunter2",
            "qhztwbkdmfnxrvcjplsgyta",
            &with("x"),
            &with("1"),
            &with("\n"),
            &with("\r"),
            &with("\0"),
            &with("\u{2009}"),
            &with("\u{200b}"),
            &with("\u{2016}"),
            &with("_"),
            &with("é"),
            &" ".repeat(300),
            &with(&"-".repeat(300)),
            "\u{8}\n\r\u{7f}INCORRECT", // what sshd sends for users it will not let in
        ] {
            assert_eq!(letters(input.as_bytes()), None, "{input:?}");
        }
        for input in [&b"\xff\xfe"[..], b"\xc2", b"\xe2\x80", b"\xe2\x80\x96"] {
            assert_eq!(
                letters(&[WORD.as_bytes(), input].concat()),
                None,
                "{input:?}"
            );
        }
    }

    #[test]
    fn only_unbiased_bytes_become_letters() {
        let mut next = 0_u8;
        let password = AppPassword::generate(|buffer: &mut [u8]| {
            for byte in buffer {
                *byte = 230_u8.wrapping_add(next); // 230..=233 count, 234..=255 do not, 0.. do
                next = next.wrapping_add(1);
            }
            Ok::<_, Infallible>(())
        })
        .unwrap();
        assert_eq!(&password.letters()[..6], b"wxyzab");
    }

    #[test]
    fn a_source_that_fails_gives_no_password() {
        assert!(AppPassword::generate(|_: &mut [u8]| Err(())).is_err());
    }

    proptest! {
        #[test]
        fn what_is_revealed_reads_back_in_any_case_with_any_separators(
            seed in proptest::collection::vec(any::<u8>(), 64),
            upper in proptest::collection::vec(any::<bool>(), 64),
            separator in prop::sample::select(vec!["", " ", "-", "\t", "\u{a0}", "\u{2012}", "- "]),
        ) {
            let mut source = seed.iter().cycle();
            let password = AppPassword::generate(|buffer: &mut [u8]| {
                buffer.fill_with(|| source.next().unwrap().wrapping_mul(7) % 234);
                Ok::<_, Infallible>(())
            }).unwrap();
            let shown = String::from_utf8(password.reveal().to_vec()).unwrap();
            let typed: String = shown
                .chars()
                .zip(upper.iter().cycle())
                .map(|(c, up)| match c {
                    '-' => separator.to_owned(),
                    c if *up => c.to_ascii_uppercase().to_string(),
                    c => c.to_string(),
                })
                .collect();
            let read = AppPassword::parse(typed.as_bytes()).unwrap();
            prop_assert_eq!(read.letters(), password.letters());
        }
    }
}

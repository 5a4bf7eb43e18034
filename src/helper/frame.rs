// SPDX-License-Identifier: GPL-3.0-or-later
//! Frames and their fields, of which all is made that goes over the helper's socket. Pure.
//!
//! ```text
//! frame = length of what follows as u16 big-endian | "app-passwd 1" | field ...
//! field = length as u16 big-endian | bytes;  length 65535: the field is absent
//! ```
//!
//! Whatever is longer than [`LONGEST`], or does not read exactly like this, is not believed by either side.

use zeroize::Zeroizing;

/// The most that a frame may hold behind its length.
pub const LONGEST: usize = 4_096;

const VERSION: &str = "app-passwd 1";
const ABSENT: u16 = u16::MAX;

/// A frame that is being written, wiped on drop: it may hold a password.
pub(super) struct Frame(Zeroizing<Vec<u8>>);

impl Frame {
    pub(super) fn begin() -> Self {
        // Of its full length at once, so that it does not grow and leave a copy behind.
        let mut frame = Self(Zeroizing::new(Vec::with_capacity(LONGEST + 2)));
        frame.0.extend_from_slice(&[0, 0]);
        frame.put(Some(VERSION.as_bytes()));
        frame
    }

    /// A field that is too long makes the frame too long, which its end notices.
    pub(super) fn put(&mut self, field: Option<&[u8]>) {
        let field_length =
            field.map_or(ABSENT, |field| u16::try_from(field.len()).unwrap_or(ABSENT));
        self.0.extend_from_slice(&field_length.to_be_bytes());
        self.0.extend_from_slice(field.unwrap_or_default());
    }

    pub(super) fn end(mut self) -> Option<Zeroizing<Vec<u8>>> {
        let length = self
            .0
            .len()
            .checked_sub(2)
            .filter(|&length| length <= LONGEST)?;
        let length = u16::try_from(length).ok()?;
        self.0.get_mut(..2)?.copy_from_slice(&length.to_be_bytes());
        Some(self.0)
    }
}

/// The fields of a frame, without its length.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn begin(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Self(bytes);
        (fields.text()? == VERSION).then_some(fields)
    }

    pub(super) fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = u16::from_be_bytes(*length);
        if length == ABSENT {
            self.0 = rest;
            return Some(None);
        }
        let (field, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(Some(field))
    }

    pub(super) fn optional_text(&mut self) -> Option<Option<&'a str>> {
        match self.bytes()? {
            Some(field) => str::from_utf8(field).ok().map(Some),
            None => Some(None),
        }
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        self.optional_text()?
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may follow.
    pub(super) fn end<T>(self, whole: T) -> Option<T> {
        self.is_at_end().then_some(whole)
    }
}

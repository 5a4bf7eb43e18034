//! Whatever bytes come over the helper's socket: neither side panics, and what is believed says the same when it is
//! said again.

#![no_main]
#![allow(missing_docs)] // a program of libFuzzer's

use libfuzzer_sys::fuzz_target;
use pam_app_passwd::helper::own::{Reply, Said, Wish};
use pam_app_passwd::helper::wire::{Answer, Question};

fuzz_target!(|bytes: &[u8]| {
    says_the_same(bytes, Wish::decode, Wish::encode);
    says_the_same(bytes, Said::decode, Said::encode);
    says_the_same(bytes, Reply::decode, Reply::encode);
    says_the_same(bytes, Answer::decode, Answer::encode);
    says_the_same(bytes, Question::decode, Question::encode);
});

/// A number or a password may be written in several ways, but not once it was read.
fn says_the_same<T, Frame: AsRef<[u8]>>(
    bytes: &[u8],
    decode: fn(&[u8]) -> Option<T>,
    encode: fn(&T) -> Option<Frame>,
) {
    let Some(read) = decode(bytes) else { return };
    // What came in a frame may be a little longer when it is written out.
    let Some(written) = encode(&read) else {
        assert!(bytes.len() > 4_000);
        return;
    };
    let inside = |frame: &Frame| frame.as_ref()[2..].to_vec();
    let again = decode(&inside(&written)).and_then(|again| encode(&again));
    assert_eq!(again.as_ref().map(inside), Some(inside(&written)));
}

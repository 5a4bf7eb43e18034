//! What is said to the helper: frames that are right, but for what they say and when; and frames that are not.

use pam_app_passwd::credential::{CredentialId, ServiceName, UserName};
use pam_app_passwd::helper::own::{Reply, Said, Wish};
use pam_app_passwd::helper::wire::{About, Question};
use pam_app_passwd::password::AppPassword;
use pam_app_passwd::policy::{Attempt, Service};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use zeroize::Zeroizing;

use crate::support::WRONG;
use crate::support::holder::hex;

/// What account holders, administrators and the page say, and root: a list of words each.
const WISHES: [&str; 19] = [
    "create --label phone --service imap --from 192.0.2.7 --expires 30d",
    "create --label phone --json",
    "list --all",
    "show 2",
    "show phone",
    "revoke 2",
    "revoke neighbour --all --yes",
    "revoke --unused-since 90d --yes",
    "edit tablet --label pad --expires 1d",
    "edit laptop --any-network",
    "rotate laptop --overlap 1d",
    "log",
    "sign-in",
    "sign-out --everywhere",
    "rules",
    "admin list",
    "admin revoke neighbour 1 --yes",
    "admin log",
    "backup /run/demo/home/demo/stolen",
];

/// What they are put together from anew.
const WORDS: [&str; 30] = [
    "create",
    "list",
    "show",
    "revoke",
    "edit",
    "rotate",
    "log",
    "admin",
    "rules",
    "sign-in",
    "sign-out",
    "converse",
    "neighbour",
    "root",
    "1",
    "2",
    "-1",
    "99999999999999999999",
    "--all",
    "--yes",
    "--json",
    "--everyone",
    "--label",
    "--from-list=/etc/shadow",
    "--config=/run/demo/own.toml",
    "--virtual",
    "--help",
    "--",
    "",
    "\u{1b}]0;x\u{7}",
];

const USERS: [&str; 6] = ["neighbour", "demo", "root", "man", "nobody", "no-such-user"];

/// What is said, from the first byte to the last.
#[derive(Clone, Debug)]
pub struct Talk(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>),
    /// Until something was said, or the end.
    Hear,
    /// The other side hears that this was all, and is listened to. Without it, it is left.
    Rest,
}

/// Talks without end, the same for the same seed.
pub struct Talks {
    runner: TestRunner,
    talk: BoxedStrategy<Talk>,
}

impl Talks {
    /// `pass` is that of somebody who is signed in on the page.
    pub fn seeded(seed: u8, pass: String) -> Talks {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        Talks {
            runner: TestRunner::new_with_rng(Config::default(), rng),
            talk: talk(&pass).boxed(),
        }
    }
}

impl Iterator for Talks {
    type Item = Talk;

    fn next(&mut self) -> Option<Talk> {
        let talk = self.talk.new_tree(&mut self.runner).unwrap();
        Some(talk.current())
    }
}

impl Talk {
    /// One frame, and what is said to it.
    pub fn of(frame: &[u8]) -> Talk {
        Talk(vec![Step::Send(frame.to_vec()), Step::Rest])
    }

    /// As `peer.pl` reads it.
    pub fn line(&self) -> String {
        let word = |step: &Step| match step {
            Step::Send(bytes) => hex(bytes),
            Step::Hear => "hear".to_owned(),
            Step::Rest => "rest".to_owned(),
        };
        let words: Vec<_> = self.0.iter().map(word).collect();
        words.join(" ")
    }
}

/// A question of a login.
pub fn question(user: &str, service: &str, password: &str) -> Vec<u8> {
    let password = AppPassword::parse(password.as_bytes()).unwrap();
    asked(user, service, About::Password(password))
}

fn talk(pass: &str) -> impl Strategy<Value = Talk> + use<> {
    let more = (
        option::weighted(0.8, Just(Step::Hear)),
        sent(prop_oneof![4 => reply(), 1 => frame(pass)]),
    );
    (
        sent(frame(pass)),
        vec(more, 0..4),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(first, more, rest)| {
            let (mut is_whole, mut steps) = (first.is_whole, first.steps);
            for (hear, next) in more {
                // Who waits for an answer to half a frame waits for long.
                steps.extend(hear.filter(|_| is_whole));
                steps.extend(next.steps);
                is_whole &= next.is_whole;
            }
            steps.extend(rest.then_some(Step::Rest));
            Talk(steps)
        })
}

/// Bytes to send, and whether as many follow as their length says.
#[derive(Clone, Debug)]
struct Sent {
    steps: Vec<Step>,
    is_whole: bool,
}

/// A frame as it is, in two pieces, or damaged.
fn sent(frame: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Sent> {
    let whole = |pieces: &[&[u8]]| Sent {
        steps: pieces
            .iter()
            .map(|piece| Step::Send(piece.to_vec()))
            .collect(),
        is_whole: true,
    };
    (frame, 0..10, any::<prop::sample::Index>(), damage()).prop_map(
        move |(frame, how, at, damage)| match how {
            0..6 => whole(&[&frame]),
            6 => {
                let (one, other) = frame.split_at(at.index(frame.len()));
                whole(&[one, other])
            }
            _ => damage.of(&frame, at),
        },
    )
}

#[derive(Clone, Debug)]
struct Damage {
    kind: u8,
    bytes: Vec<u8>,
    cut: usize,
    length: Option<u16>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let length = prop_oneof![any::<u16>(), 4_090_u16..4_100, 0_u16..20];
    (
        0..4_u8,
        vec(any::<u8>(), 1..9),
        1..40_usize,
        option::weighted(0.3, length),
    )
        .prop_map(|(kind, bytes, cut, length)| Damage {
            kind,
            bytes,
            cut,
            length,
        })
}

impl Damage {
    /// Bytes changed, put in, or cut out, or everything twice; and then a length that is right, or is not.
    fn of(&self, frame: &[u8], at: prop::sample::Index) -> Sent {
        let mut inside = frame[2..].to_vec();
        let at = at.index(inside.len());
        let end = |length: usize| (at + length).min(inside.len());
        match self.kind {
            0 => drop(inside.splice(at..end(self.bytes.len()), self.bytes.clone())),
            1 => drop(inside.splice(at..at, self.bytes.clone())),
            2 => drop(inside.splice(at..end(self.cut), [])),
            _ => inside.extend_from_within(..),
        }
        let right = u16::try_from(inside.len()).unwrap();
        let length = self.length.unwrap_or(right);
        let bytes = [&length.to_be_bytes()[..], &inside].concat();
        Sent {
            steps: vec![Step::Send(bytes)],
            is_whole: length <= right,
        }
    }
}

fn frame(pass: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    prop_oneof![12 => wish(pass), 4 => asks(), 1 => reply(), 1 => said()]
}

/// One of the wishes, with some words changed or put in, and with what only the page may say.
fn wish(pass: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let word = || {
        prop_oneof![
            8 => select(&WORDS[..]).prop_map(str::to_owned),
            1 => ".{0,9}",
            1 => Just("x".repeat(3_900)),
        ]
    };
    let changes = vec((any::<prop::sample::Index>(), any::<bool>(), word()), 0..3);
    let words = (select(&WISHES[..]), changes).prop_map(|(wish, changes)| {
        let mut words: Vec<String> = wish.split(' ').map(str::to_owned).collect();
        for (at, replaces, word) in changes {
            let at = at.index(words.len());
            words.splice(at..at + usize::from(replaces), [word]);
        }
        words
    });
    let user = option::of(select(&USERS[..]));
    let origin = option::weighted(0.8, select(&["192.0.2.7", "2001:db8::1", "nowhere"][..]));
    let pass = option::of(prop_oneof![Just(pass.to_owned()), "[0-9a-f]{64}|.{0,9}"]);
    let claims = option::of((user, origin, pass));
    (words, claims, any::<bool>(), any::<bool>()).prop_filter_map(
        "what does not fit into a frame",
        |(words, claims, json, terminal)| {
            let (user, origin, pass) = claims.unwrap_or_default();
            let wish = Wish {
                user: user.and_then(|user| UserName::parse(user).ok()),
                origin: origin.map(str::to_owned),
                pass: pass.map(Zeroizing::new),
                json,
                terminal,
                words,
            };
            Some(wish.encode()?.to_vec())
        },
    )
}

/// A question of any kind, with a password that nobody has, and about no service of the configured caller's.
fn asks() -> impl Strategy<Value = Vec<u8>> {
    let services = select(&["imap", "sshd", "app-passwd", "any"][..]);
    (select(&USERS[..]), services, 0..5, -1_i64..6).prop_map(|(user, service, about, entry)| {
        let entry = CredentialId(entry);
        let about = match about {
            0 => About::Closed,
            1 => About::Entry(entry),
            2 => About::NewPassword,
            3 => About::Opened(entry),
            _ => About::Password(AppPassword::parse(WRONG.as_bytes()).unwrap()),
        };
        asked(user, service, about)
    })
}

fn asked(user: &str, service: &str, about: About) -> Vec<u8> {
    let service = || ServiceName::parse(service).unwrap();
    let attempt = Attempt {
        user: UserName::parse(user).ok(),
        service: Service {
            name: service(),
            pam: service(),
        },
        rhost: Some("192.0.2.7".to_owned()),
    };
    let question = Question { attempt, about };
    question.encode().unwrap().to_vec()
}

/// An answer that nobody's account password is.
fn reply() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![Just(String::new()), ".{0,9}", Just("x".repeat(4_000))];
    option::weighted(0.7, text).prop_map(|text| {
        let reply = Reply(text.map(Zeroizing::new));
        reply.encode().unwrap().to_vec()
    })
}

/// What only the helper says.
fn said() -> impl Strategy<Value = Vec<u8>> {
    (0..4, any::<u8>()).prop_map(|(what, code)| {
        let said = match what {
            0 => Said::End { code },
            1 => Said::Out(Zeroizing::new(b"neighbour".to_vec())),
            2 => Said::Say("neighbour".to_owned()),
            _ => Said::Ask {
                prompt: "Password: ".to_owned(),
                hidden: true,
            },
        };
        said.encode().unwrap().to_vec()
    })
}

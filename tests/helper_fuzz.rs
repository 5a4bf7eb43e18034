//! Talks that nobody would have with the helper: wishes and questions of every kind, put together wrongly, damaged, cut
//! short, answered when nothing was asked and left when something was, by many at once and of several uids
//! (`helper_fuzz/talks.rs`). It lives, serves logins in time, gives nobody what is another's, and keeps nothing of it all.
//!
//! They are the same talks each time, and a few thousand; more with `PROPTEST_CASES`, as in `make torture`.

#![allow(unreachable_pub)] // a program of several files
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;
#[path = "helper_fuzz/talks.rs"]
mod talks;

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Instant;

use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::PATIENCE;
use pam_app_passwd::helper::own::{Said, Wish};
use pam_app_passwd::helper::wire::Answer;
use pam_app_passwd::policy::Outcome;
use support::cannot_run;
use support::helper::Running;
use support::holder::{NEEDS, Scene, frames_in, unhex};
use support::private_machine::eventually;
use talks::{Talk, Talks};

/// An account holder, the web page, a configured caller, a system's account, and a uid without a name.
const WHO: [&str; 5] = ["demo", "man", "www-data", "nobody", "54321"];
/// How many talk at once of each: one more than may.
const OF_EACH: usize = 3;
/// How many talks of each of them follow each other until it is looked what became of it.
const BURST: usize = 25;
const USUAL: usize = 3_000;
/// By how much the helper may grow, in KiB: what its allocator keeps for threads to come.
const GROWTH: usize = 16 * 1024;
/// What neighbour calls an app password.
const LABEL: &str = "not for the others";

#[test]
fn no_talk_ends_the_helper_or_wears_it_out_or_gets_anybody_what_is_anothers() {
    if cannot_run(&[&NEEDS[..], &["sqlite3"]].concat()) {
        return;
    }
    let said = std::env::var("PROPTEST_CASES").ok();
    let count = said.map_or(USUAL, |said| said.parse().unwrap());
    let stage = Stage::set();
    let mut talks = Talks::seeded(1, stage.pass());
    let mut talkers: Vec<_> = WHO
        .into_iter()
        .flat_map(|who| [who; OF_EACH])
        .map(|who| Talker::begin(&stage.scene, who))
        .collect();
    // A first burst has the helper take what it keeps.
    let mut burst = || {
        thread::scope(|scope| {
            for talker in &mut talkers {
                let talks: Vec<_> = talks.by_ref().take(BURST).collect();
                scope.spawn(move || talks.iter().for_each(|talk| talker.have(talk)));
            }
        });
        stage.a_login_succeeds_in_time();
    };
    burst();
    let memory = stage.memory();
    (0..count / (BURST * WHO.len() * OF_EACH)).for_each(|_| burst());
    drop(talkers);
    stage.is_as_it_was();
    let now = stage.memory();
    assert!(now <= memory + GROWTH, "{now} KiB instead of {memory}");
}

/// A machine, and how it was before anybody talked.
struct Stage {
    scene: Scene,
    password: String,
    belongings: String,
    store: String,
}

impl Stage {
    fn set() -> Stage {
        let scene = Scene::without_codes("web_user = \"man\"");
        scene.stack("auth required pam_unix.so nodelay\naccount required pam_unix.so\n");
        let password = scene
            .machine
            .create(&format!("neighbour --label '{LABEL}' --service nginx"));
        for label in ["phone", "tablet", "laptop"] {
            scene.machine.create(&format!("demo --label {label}"));
        }
        let mut stage = Stage {
            scene,
            password,
            belongings: String::new(),
            store: String::new(),
        };
        stage.a_login_succeeds_in_time();
        stage.belongings = stage.scene.belongings();
        stage.store = stage.store();
        stage
    }

    /// What the page shows for demo, who is signed in there.
    fn pass(&self) -> String {
        let wish = Wish {
            user: UserName::parse("demo").ok(),
            origin: Some("192.0.2.7".to_owned()),
            ..Wish::of(&["sign-in"])
        };
        let password = self.scene.machine.account_password("demo");
        let (code, pass) = self.scene.wish_answered("man", &wish, &[&password]);
        assert_eq!(code, 0, "{pass}");
        pass
    }

    /// As the module asks for a host that is not root.
    fn a_login_succeeds_in_time(&self) {
        let question = talks::question("neighbour", "nginx", &self.password);
        let mut talker = Talker::begin(&self.scene, "www-data");
        let began = Instant::now();
        let heard = talker.hear(&Talk::of(&question));
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        let answer = frames_in(&heard).next().and_then(Answer::decode);
        let is_accepted = matches!(answer, Some(Answer::Outcome(Outcome::Accepted { .. })));
        assert!(is_accepted, "{answer:?}");
    }

    /// The process of the beginning has no more than it had, and the store is sound and says the same.
    fn is_as_it_was(&self) {
        let belongings = || self.scene.belongings();
        assert!(
            eventually(|| belongings() == self.belongings),
            "{} instead of {}",
            belongings(),
            self.belongings
        );
        assert_eq!(self.store(), self.store);
    }

    /// All but what demo may do to what is demo's: nobody has proved who they are.
    fn store(&self) -> String {
        self.scene.machine.shell(
            "sqlite3 /var/lib/app-passwd/store.db \"PRAGMA integrity_check; SELECT * FROM credential WHERE user != 'demo'; \
             SELECT * FROM event WHERE user != 'demo'; SELECT id, user, key, tag, hash FROM credential\"",
        )
    }

    /// What the helper has in memory, in KiB.
    fn memory(&self) -> usize {
        let line = "sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$(cat helper.pid)/status";
        self.scene.machine.shell(line).trim().parse().unwrap()
    }
}

/// A process that has one talk after the other (`peer.pl talks`).
struct Talker {
    who: &'static str,
    talks: ChildStdin,
    heard: BufReader<ChildStdout>,
    _process: Running,
}

impl Talker {
    fn begin(scene: &Scene, who: &'static str) -> Talker {
        let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/peer.pl");
        let mut peer: Command = scene.machine.command(&format!(
            "exec setpriv --reuid={who} --regid=54321 --clear-groups -- \
             perl {peer} talks /run/app-passwd/socket"
        ));
        let peer = peer.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Running(peer.spawn().unwrap());
        Talker {
            who,
            talks: process.0.stdin.take().unwrap(),
            heard: BufReader::new(process.0.stdout.take().unwrap()),
            _process: process,
        }
    }

    /// Has a talk. Nothing is heard that is another's, or a secret, or cut.
    fn have(&mut self, talk: &Talk) {
        let heard = self.hear(talk);
        let whole: usize = frames_in(&heard).map(|frame| 2 + frame.len()).sum();
        // What they may hear of their own entries, which a login may look at again.
        let is_theirs = |frame: &[u8]| match (Said::decode(frame), Answer::decode(frame)) {
            (Some(Said::Out(_)), _) => self.who != "54321",
            (Some(said), _) => !matches!(said, Said::Secret(_)),
            (None, Some(Answer::Outcome(Outcome::Accepted { .. }))) => self.who == "demo",
            (None, answer) => answer.is_some(),
        };
        let says_whose = heard
            .windows(LABEL.len())
            .any(|bytes| bytes == LABEL.as_bytes());
        assert!(
            whole == heard.len() && frames_in(&heard).all(is_theirs) && !says_whose,
            "{} says {} and hears {:?}",
            self.who,
            talk.line(),
            String::from_utf8_lossy(&heard)
        );
    }

    fn hear(&mut self, talk: &Talk) -> Vec<u8> {
        let (line, mut heard) = (talk.line(), String::new());
        writeln!(self.talks, "{line}").unwrap();
        self.heard.read_line(&mut heard).unwrap();
        let is_hexadecimal = heard.trim_end().chars().all(|c| c.is_ascii_hexdigit());
        assert!(is_hexadecimal, "{} says {line}: {heard}", self.who);
        unhex(&heard)
    }
}

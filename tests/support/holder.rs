//! Account holders in a shell, on a private machine whose helper serves them.

use std::process::Command;

use pam_app_passwd::helper::own::{Reply, Said, Wish};
use zeroize::Zeroizing;

use super::Ran;
use super::machine;
use super::private_machine::PrivateMachine;
use super::terminal::converse_on_a_terminal;

pub const NEEDS: [&str; 8] = [
    "root",
    "unshare",
    "nsenter",
    "setpriv",
    "openssl",
    "oathtool",
    "perl",
    "google-authenticator",
];

/// The account password is enough.
pub const PASSWORD_ALONE: &str = "auth required pam_unix.so\naccount required pam_unix.so\n";

pub struct Scene {
    pub machine: PrivateMachine,
}

impl Scene {
    /// The account password and the code are asked for, by the repository's `pam.d/app-passwd`; `keys` are those of
    /// `[self_service]`.
    pub fn with(keys: &str) -> Scene {
        let machine = PrivateMachine::with("helper.sh");
        let stack = concat!(env!("CARGO_MANIFEST_DIR"), "/pam.d/app-passwd");
        machine.shell(&format!("install -m 0644 {stack} /etc/pam.d"));
        let scene = Scene { machine };
        scene.configure(&format!("[self_service]\nenabled = true\n{keys}\n"));
        scene
    }

    /// One where the account password is enough.
    pub fn without_codes(keys: &str) -> Scene {
        let scene = Scene::with(keys);
        scene.stack(PASSWORD_ALONE);
        scene
    }

    pub fn configure(&self, text: &str) {
        let file = self.machine.file(text);
        self.machine
            .shell(&format!("mv {file} /etc/security/app-passwd.toml"));
    }

    pub fn stack(&self, lines: &str) {
        let file = self.machine.file(lines);
        self.machine
            .shell(&format!("mv {file} /etc/pam.d/app-passwd"));
    }

    /// A line of shell of somebody's, with the groups that the system knows them in.
    pub fn command(&self, user: &str, line: &str) -> Command {
        let file = self.machine.file(line);
        self.machine.command(&format!(
            "exec setpriv --reuid={user} --regid={user} --init-groups -- sh {file}"
        ))
    }

    /// Runs it with something on standard input.
    pub fn run(&self, user: &str, line: &str, input: &str) -> Ran {
        machine::run(self.command(user, line), input.as_bytes())
    }

    /// A verb of the tool's, without anything to read.
    pub fn own(&self, user: &str, arguments: &str) -> Ran {
        self.run(user, &format!("app-passwd {arguments}"), "")
    }

    /// A verb that asks for the account password, which it gets on standard input.
    pub fn proven(&self, user: &str, arguments: &str) -> Ran {
        let password = self.machine.account_password(user) + "\n";
        self.run(user, &format!("app-passwd {arguments}"), &password)
    }

    /// A verb on a terminal, with an answer for each question, in the order in which they are asked.
    pub fn on_a_terminal(&self, user: &str, arguments: &str, talk: &[(&str, &str)]) -> Ran {
        let command = self.command(user, &format!("app-passwd {arguments}"));
        let mut talk = talk.iter();
        let mut next = talk.next();
        let ran = converse_on_a_terminal(command, |shown| {
            let (_, answer) = next.filter(|(question, _)| shown.ends_with(question))?;
            next = talk.next();
            Some(*answer)
        });
        assert_eq!(next, None, "was never asked: {ran:?}");
        ran
    }

    /// `peer.pl` of somebody's, about to do WHAT with frames.
    pub fn peer(&self, user: &str, what: &str, more: &str, frames: &[&[u8]]) -> Command {
        let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/peer.pl");
        let peer = self.machine.file(&std::fs::read_to_string(peer).unwrap());
        let lines: String = frames.iter().map(|frame| hex(frame) + "\n").collect();
        let frame = self.machine.file(&lines);
        let line = format!("exec perl {peer} {what} /run/app-passwd/socket {more} <{frame}");
        self.command(user, &line)
    }

    /// The exit status of a wish, and what was said: lines and output. Its questions get these answers, and then none.
    pub fn wish_answered(&self, user: &str, wish: &Wish, answers: &[&str]) -> (u8, String) {
        let answer = |text: &&str| Reply(Some(Zeroizing::new((*text).to_owned()))).encode();
        let replies = answers.iter().map(answer).chain([Reply(None).encode()]);
        let frames: Vec<_> = [wish.encode()]
            .into_iter()
            .chain(replies)
            .map(Option::unwrap)
            .collect();
        let frames: Vec<&[u8]> = frames.iter().map(|frame| frame.as_slice()).collect();
        let heard = machine::run(self.peer(user, "talk", "", &frames), b"").succeeds();
        let mut text = String::new();
        for frame in frames_in(&unhex(&heard)) {
            match Said::decode(frame).expect("something that is said") {
                Said::Say(line) | Said::Tell(line) | Said::Warn(line) => text += &(line + "\n"),
                Said::Out(bytes) | Said::Secret(bytes) => text += &String::from_utf8_lossy(&bytes),
                Said::Ask { .. } => {}
                Said::End { code } => return (code, text),
            }
        }
        panic!("no end: {text}")
    }

    /// The same without an answer to any question.
    pub fn wish(&self, user: &str, wish: &Wish) -> (u8, String) {
        self.wish_answered(user, wish, &[])
    }

    /// How many threads, descriptors and children the helper has.
    pub fn belongings(&self) -> String {
        let count = "pid=$(cat helper.pid); ls /proc/$pid/task | wc -l; ls /proc/$pid/fd | wc -l; \
                     cat /proc/$pid/task/*/children | wc -w";
        self.machine.shell(count).replace('\n', " ")
    }

    /// Everything that the store holds about somebody.
    pub fn everything(&self) -> String {
        self.machine.tool("list --all --json").succeeds()
            + &self.machine.tool("log --json").succeeds()
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

/// Whole frames, without their lengths.
pub fn frames_in(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (frame, behind) = behind.split_at_checked(length)?;
        rest = behind;
        Some(frame)
    })
}

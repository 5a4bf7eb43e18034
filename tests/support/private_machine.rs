//! A private machine with a daemon on it: a view of this machine with accounts, module and tool of its own, which goes
//! with the test (`private-machine.sh`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::private_mounts::PrivateMounts;
use super::{Ran, TOOL, machine, module};

pub struct PrivateMachine {
    mounts: PrivateMounts,
    files: AtomicUsize,
}

impl PrivateMachine {
    /// One that runs the daemons which the scripts `daemons` (`tests/support/NAME.sh`, with options behind it) start.
    pub fn with(daemons: &str) -> PrivateMachine {
        let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
        let mut machine = Command::new(support.join("private-machine.sh"));
        machine.arg(module()).arg(TOOL);
        for word in daemons.split_whitespace() {
            match word.ends_with(".sh") {
                true => machine.arg(support.join(word)),
                false => machine.arg(word),
            };
        }
        machine.args(["sh", "-c", "echo ready; exec cat"]);
        PrivateMachine {
            mounts: PrivateMounts::held_by(machine),
            files: AtomicUsize::new(0),
        }
    }

    /// A line of shell as root, in `/run/demo`.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.mounts.command("sh".as_ref());
        command.args([
            "-c",
            &format!("PATH=/run/demo/bin:$PATH; cd /run/demo; {line}"),
        ]);
        command
    }

    /// Runs it to its end.
    pub fn run(&self, line: &str, input: &str) -> Ran {
        machine::run(self.command(line), input.as_bytes())
    }

    /// Runs it, and it has to succeed.
    #[track_caller]
    pub fn shell(&self, line: &str) -> String {
        self.run(line, "").succeeds()
    }

    pub fn tool(&self, arguments: &str) -> Ran {
        self.run(&format!("app-passwd {arguments}"), "")
    }

    /// Makes an app password and returns it.
    #[track_caller]
    pub fn create(&self, arguments: &str) -> String {
        let created = self.tool(&format!("create {arguments}")).succeeds();
        created.trim_end().to_owned()
    }

    /// Switches an entry of demo's off, in the store.
    pub fn disable(&self, label: &str) {
        self.shell(&format!(
            "sqlite3 /var/lib/app-passwd/store.db \"UPDATE credential SET disabled = 1 WHERE label = '{label}'\""
        ));
    }

    /// App passwords of demo's that a protected service has to refuse, each with its label and the
    /// reason that the log has to give.
    pub fn refused_at(&self, service: &str) -> Vec<(&'static str, String, &'static str)> {
        let named = format!("--service {service}");
        let passwords = [
            ("mail", String::new(), "protected"),
            ("anything", "--service any".to_owned(), "protected"),
            (
                "elsewhere",
                format!("{named} --from 192.0.2.0/24"),
                "network",
            ),
            ("short", format!("{named} --expires 1s"), "expired"),
            ("lost", named.clone(), "revoked"),
            ("resting", named, "disabled"),
        ]
        .map(|(label, limits, reason)| {
            (
                label,
                self.create(&format!("demo --label {label} {limits}")),
                reason,
            )
        });
        self.tool("revoke demo lost").succeeds();
        self.disable("resting");
        self.shell("sleep 1.1");
        passwords.into()
    }

    /// The log says that one of them was refused to a client on this machine, and why.
    pub fn logged_refusal(&self, label: &str, reason: &str) {
        let id = &self.show("demo", label)["id"];
        self.logged(&format!(
            "refused; user=demo rhost=127.0.0.1 entry={id} label=\"{label}\" reason={reason}"
        ));
    }

    /// What `show --json` says about an entry.
    #[track_caller]
    pub fn show(&self, user: &str, entry: &str) -> Json {
        self.tool(&format!("show {user} {entry} --json")).json()
    }

    pub fn account_password(&self, user: &str) -> String {
        self.shell(&format!("cat {user}.password"))
            .trim_end()
            .to_owned()
    }

    /// The code that demo's phone shows now.
    pub fn code(&self) -> String {
        self.shell("oathtool --totp --base32 - <demo.code-secret")
            .trim_end()
            .to_owned()
    }

    /// A file of this content, by the name that it has on the machine.
    pub fn file(&self, content: &str) -> String {
        let path = format!(
            "/run/demo/file.{}",
            self.files.fetch_add(1, Ordering::Relaxed)
        );
        fs::write(self.seen_from_here(&path), content).unwrap();
        path
    }

    /// The way to one of the machine's files from outside of it.
    pub fn seen_from_here(&self, path: &str) -> PathBuf {
        self.mounts.root().join(path.trim_start_matches('/'))
    }

    /// The authentication log.
    pub fn log(&self) -> String {
        self.shell("cat auth.log")
    }

    /// Waits until the log has the line.
    #[track_caller]
    pub fn logged(&self, line: &str) {
        assert!(
            eventually(|| self.log().contains(line)),
            "{line:?} is not in\n{}",
            self.log()
        );
    }

    /// Whether a process goes on.
    pub fn runs(&self, pid: &str) -> bool {
        let state = self.run(&format!("grep '^State:.[^ZX]' /proc/{pid}/status"), "");
        state.status == Some(0)
    }
}

/// Whether `happens` within a few seconds.
pub fn eventually(mut happens: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !happens() {
        if began.elapsed() > Duration::from_secs(8) {
            return false;
        }
        sleep(Duration::from_millis(50));
    }
    true
}

//! A mount namespace: what is mounted there is seen by the programs inside only, and goes with them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/support/private-mounts.sh"
);

/// What to mount so that the system has no answer to who its users are, but for those in `/etc/passwd`:
/// Hesiod, a directory that comes with libc, cannot be asked without a configuration of its own.
pub const USERS_CANNOT_BE_ASKED_ABOUT: &str = "mount -t tmpfs tmpfs /mnt
    echo passwd: files hesiod >/mnt/nsswitch.conf
    mount --bind /mnt/nsswitch.conf /etc/nsswitch.conf";

/// Whether this machine lets us have some.
pub fn are_permitted() -> bool {
    Command::new(SCRIPT)
        .arg("true")
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Lives as long as the process that holds it, which ends when its standard input does.
pub struct PrivateMounts {
    holder: Child,
    input: Option<ChildStdin>,
}

impl PrivateMounts {
    /// `script` is what to mount, for a shell. Needs root, `unshare` and `nsenter`.
    pub fn new(script: &str) -> PrivateMounts {
        let script = format!("{script}\necho ready\nexec cat");
        let mut holder = Command::new(SCRIPT);
        holder.args(["sh", "-ec", &script]);
        PrivateMounts::held_by(holder)
    }

    /// `holder` takes `private-mounts.sh` on its way, says `ready` when it has mounted everything, and ends when
    /// its standard input does.
    pub fn held_by(mut holder: Command) -> PrivateMounts {
        let mut holder = holder
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(holder.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        assert_eq!(ready, "ready\n", "no private mounts, see standard error");
        let input = holder.stdin.take();
        PrivateMounts { holder, input }
    }

    /// `program` inside; with a pid of theirs, where the processes inside have pids of their own.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.holder.id().to_string()])
            .args(["--mount", "--root", "--wd"]); // the root too: it may be a chroot
        let pids = |name| format!("/proc/{}/ns/{name}", self.holder.id());
        let inside = pids("pid_for_children");
        if fs::read_link(&inside).unwrap() != fs::read_link(pids("pid")).unwrap() {
            command.arg(format!("--pid={inside}"));
        }
        command.arg("--").arg(program);
        command
    }

    /// The way from here to what is seen inside as `/`.
    pub fn root(&self) -> PathBuf {
        format!("/proc/{}/root", self.holder.id()).into()
    }

    /// Runs a line of shell inside.
    pub fn shell(&self, line: &str) {
        let done = self
            .command("sh".as_ref())
            .args(["-ec", line])
            .status()
            .unwrap();
        assert!(done.success(), "{line}");
    }
}

impl Drop for PrivateMounts {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.holder.wait();
    }
}

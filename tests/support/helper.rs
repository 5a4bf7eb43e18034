//! The helper, and those who ask it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::machine::{client, module, set_mode};
use super::private_mounts::PrivateMounts;
use super::{Client, Machine, TOOL};

/// `su` and `sudo`: started by somebody, with root's rights.
pub const STARTED_BY_NOBODY: [&str; 1] = ["--ruid=65534"];
/// A screen locker of nobody's.
pub const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];
/// A web server: Debian's www-data.
pub const WEB_SERVER: [&str; 3] = ["--reuid=33", "--regid=33", "--clear-groups"];

/// A machine whose programs anybody can run, and nothing else, with a `/run` of its own.
pub fn public_machine(lines: &str) -> Machine {
    let machine = Machine::configured(lines);
    open_to_everybody(&machine);
    machine.inside(PrivateMounts::new("mount -t tmpfs -o mode=755 tmpfs /run"))
}

/// Lets anybody run the programs of a machine.
pub fn open_to_everybody(machine: &Machine) {
    fs::copy(TOOL, machine.path("tool")).unwrap();
    fs::copy(client(), machine.path("client")).unwrap();
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/peer.pl");
    fs::copy(peer, machine.path("peer.pl")).unwrap();
    fs::remove_file(machine.path("pam_app_passwd.so")).unwrap();
    fs::copy(module(), machine.path("pam_app_passwd.so")).unwrap();
    for path in ["", "pam.d", "tool", "client", "pam_app_passwd.so"] {
        set_mode(&machine.path(path), 0o755);
    }
}

/// A PAM client in a process of somebody else's.
pub fn as_user(machine: &Machine, who: &[&str], service: &str, user: &str) -> Client {
    let mut client = machine.command("setpriv".as_ref());
    client.args(who).arg("--").arg(machine.path("client"));
    client.arg("--confdir").arg(machine.confdir());
    client.args(["--service", service, "--user", user]);
    Client::from(client)
}

/// A helper, ready to answer, that ends with the test.
pub struct Helper(Running);

impl Helper {
    pub fn start(machine: &Machine) -> Helper {
        let mut serve = machine.tool_command(&["serve"]);
        serve.stderr(Stdio::null());
        let running = Running(serve.spawn().unwrap());
        wait_for_socket(machine);
        Helper(running)
    }

    /// A field of the kernel's about it: `Threads`, `VmRSS`.
    pub fn status(&self, field: &str) -> usize {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = value.unwrap().split_whitespace().next().unwrap();
        number.parse().unwrap()
    }

    /// How many descriptors it has.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).unwrap().count()
    }

    pub fn is_running(&mut self) -> bool {
        self.0.0.try_wait().unwrap().is_none()
    }

    pub fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0.0), signal).unwrap();
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.0.0.id()).into()
    }
}

pub fn wait_for_socket(machine: &Machine) {
    let began = Instant::now();
    while !socket_seen_from_here(machine).exists() {
        assert!(began.elapsed() < Duration::from_secs(5), "nobody listens");
        sleep(Duration::from_millis(20));
    }
}

/// The helper's socket, which is in another `/run` than ours.
pub fn socket_seen_from_here(machine: &Machine) -> PathBuf {
    machine
        .mounts()
        .unwrap()
        .root()
        .join("run/app-passwd/socket")
}

/// A peer of the helper's that is not the module: `peer.pl`, about to do WHAT.
pub fn peer(machine: &Machine, who: &[&str], what: &str) -> std::process::Command {
    let mut peer = machine.command("setpriv".as_ref());
    peer.args(who)
        .args(["--", "perl"])
        .arg(machine.path("peer.pl"))
        .args([what, "/run/app-passwd/socket"]);
    peer.stdin(Stdio::piped()).stdout(Stdio::piped());
    peer
}

/// A process that ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! A `/dev/log` of our own: what a machine's syslog daemon would get.

use std::io::Read;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::time::Duration;

use super::private_mounts::PrivateMounts;
use super::{Client, Machine};

/// What a program needs a shell to do before it sees `log` as its `/dev/log`.
/// All of `/dev` is replaced, because a place to mount on need not be there.
fn mount_script(log: Option<&Path>) -> String {
    let log = log.map_or(String::new(), |log| {
        format!("touch /dev/log; mount --bind '{}' /dev/log", log.display())
    });
    format!(
        "mount --rbind /dev /mnt
         mount -t tmpfs -o mode=755 tmpfs /dev
         for node in null zero full random urandom tty; do
             touch /dev/$node; mount --bind /mnt/$node /dev/$node
         done
         {log}"
    )
}

/// A machine without `/dev/log`.
pub fn machine_without_a_log(lines: &str) -> Machine {
    Machine::configured(lines).inside(PrivateMounts::new(&mount_script(None)))
}

/// A machine whose log we read.
pub struct Logged {
    pub machine: Machine,
    socket: UnixDatagram,
}

impl Logged {
    pub fn new(lines: &str) -> Logged {
        let machine = Machine::configured(lines);
        let path = machine.path("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Logged {
            machine: machine.inside(PrivateMounts::new(&mount_script(Some(&path)))),
            socket,
        }
    }

    /// Everything that came since the last time, raw.
    pub fn received(&self) -> Vec<String> {
        let mut buffer = vec![0; 1 << 16];
        let mut messages = Vec::new();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            messages.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        messages
    }

    /// The module's lines that came since the last time, from its prefix on.
    pub fn lines(&self) -> Vec<String> {
        let from_prefix =
            |message: String| Some(message[message.find("pam_app_passwd(")?..].to_owned());
        self.received()
            .into_iter()
            .filter_map(from_prefix)
            .collect()
    }

    /// The module's lines about one run of the client.
    pub fn lines_of(&self, client: Client, operations: &[&str]) -> Vec<String> {
        self.received();
        client.run(operations);
        self.lines()
    }
}

/// A machine whose `/dev/log` is a stream, as some daemons make it; and what listens there.
pub fn machine_with_a_log_stream() -> (Machine, UnixListener) {
    let machine = Machine::new();
    let path = machine.path("log");
    let listener = UnixListener::bind(&path).unwrap();
    (
        machine.inside(PrivateMounts::new(&mount_script(Some(&path)))),
        listener,
    )
}

/// What one program sends over a stream.
pub fn read_stream(listener: &UnixListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

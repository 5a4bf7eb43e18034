// SPDX-License-Identifier: GPL-3.0-or-later
//! Delivers lines to `/dev/log`, and gives up rather than keep a login waiting: a full, unread
//! log socket would hang the crate's own connect, and libpam's logger, for ever. Failure to log is
//! silent; there is nobody to tell.
//!
//! The only file that names the crate `syslog`. Its `Logger` frames the message; the socket, and
//! the stamp (which RFC 3164 wants in local time), are ours.

use std::fmt::Display;
use std::io::{BufWriter, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use syslog::{Facility, LogFormat, Logger, LoggerBackend, Severity};

use crate::audit::{self, Line};
use crate::clock::Timestamp;
use crate::trust;

const SOCKET: &str = "/dev/log";
/// No zone of the tz database is a tenth of that.
const LONGEST_ZONE: u64 = 64 * 1024;
/// How long one line may keep us waiting.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends lines, each with `prefix` before it, under the name of the running program.
pub fn send(lines: &[Line], prefix: &str, now: Timestamp) {
    if lines.is_empty() {
        return;
    }
    let Some(backend) = open(Path::new(SOCKET)) else {
        return;
    };
    let frame = Frame {
        stamp: stamp(now),
        ident: ident(),
        pid: std::process::id(),
    };
    let mut logger = Logger::new(backend, frame);
    for line in lines {
        let text = format!("{prefix}{}", line.text);
        let sent = match line.severity {
            audit::Severity::Critical => logger.crit(text),
            audit::Severity::Debug => logger.debug(text),
            audit::Severity::Error => logger.err(text),
            audit::Severity::Info => logger.info(text),
            audit::Severity::Notice => logger.notice(text),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Most systems have a datagram socket there, some a stream.
fn open(path: &Path) -> Option<LoggerBackend> {
    match connected(path, SocketType::DGRAM) {
        Ok(socket) => Some(LoggerBackend::Unix(UnixDatagram::from(socket))),
        Err(Errno::PROTOTYPE) => {
            let socket = connected(path, SocketType::STREAM).ok()?;
            Some(LoggerBackend::UnixStream(BufWriter::new(UnixStream::from(
                socket,
            ))))
        }
        Err(_) => None,
    }
}

/// The timeout is set before connecting, since it bounds that as well.
fn connected(path: &Path, kind: SocketType) -> Result<std::os::fd::OwnedFd, Errno> {
    let socket = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// `<85>Nov  7 09:00:00 auth[4711]: ...`
struct Frame {
    stamp: String,
    ident: String,
    pid: u32,
}

impl<T: Display> LogFormat<T> for Frame {
    fn format<W: Write>(
        &self,
        writer: &mut W,
        severity: Severity,
        message: T,
    ) -> syslog::Result<()> {
        let Self { stamp, ident, pid } = self;
        let priority = Facility::LOG_AUTHPRIV as u8 | severity as u8;
        write!(writer, "<{priority}>{stamp} {ident}[{pid}]: {message}")
            .map_err(syslog::Error::Write)
    }
}

/// The time where the machine is. Read from the file, not from the environment: the caller of a
/// setuid program owns that.
fn stamp(now: Timestamp) -> String {
    let zone = trust::read_unjudged(Path::new("/etc/localtime"), LONGEST_ZONE)
        .ok()
        .and_then(|bytes| TimeZone::tzif("local", &bytes).ok())
        .unwrap_or(TimeZone::UTC);
    jiff::Timestamp::from_second(now.seconds())
        .unwrap_or_default()
        .to_zoned(zone)
        .strftime("%b %e %H:%M:%S")
        .to_string()
}

/// The name of the running program, as other lines of it are found in the log.
fn ident() -> String {
    let exe = std::env::current_exe().unwrap_or_default();
    let name = exe.file_name().unwrap_or_default().to_string_lossy();
    // The kernel's mark on a program that was replaced while it runs.
    let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
    name.chars()
        .filter(|c| c.is_ascii_graphic() && !"[]:".contains(*c))
        .collect()
}

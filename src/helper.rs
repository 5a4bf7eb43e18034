// SPDX-License-Identifier: GPL-3.0-or-later
//! Asking the privileged helper, for hosts that may not open the store themselves: those that are
//! not root, and those whose real and effective uid differ.
//!
//! Bounded: a helper that stalls keeps a login waiting for [`PATIENCE`], no longer. What answers
//! must be root's process; the directory of its socket is root's, too.

pub mod frame;
pub mod opened;
pub mod own;
pub mod wire;

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::policy::Outcome;
use frame::LONGEST;
use wire::{Answer, Question};

/// Where the helper listens.
pub const SOCKET: &str = "/run/app-passwd/socket";

/// How long a question may take from connecting to the answer. The helper itself waits for a busy
/// store for three seconds.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long an account holder and the helper may talk, from the wish to its end.
pub const TALK: Duration = Duration::from_secs(120);

/// What to do when the two sides do not understand each other.
pub const VERSIONS_DIFFER: &str =
    "restart the helper and the daemons that use the module: their versions differ";

/// Asks the helper.
pub fn ask(question: &Question) -> Result<Answer, Error> {
    let path = Path::new(SOCKET);
    let Some(bytes) = question.encode() else {
        // A user, or a word of the host, that no entry can have.
        return Ok(Answer::Outcome(Outcome::Unknown { user_known: false }));
    };
    let unreachable = |source| Error::NoHelper {
        path: path.to_owned(),
        source,
    };
    let answer = exchange(path, &bytes, Instant::now() + PATIENCE).map_err(unreachable)?;
    match Answer::decode(&answer) {
        Some(Answer::Failed { message, hint }) => Err(Error::Helper { message, hint }),
        Some(answer) => Ok(answer),
        None => Err(not_understood()),
    }
}

/// An answer that does not answer the question.
pub fn not_understood() -> Error {
    Error::Helper {
        message: "something that this version does not understand".to_owned(),
        hint: Some(VERSIONS_DIFFER.to_owned()),
    }
}

/// Whether there is a helper. It is asked nothing.
pub fn is_there() -> Result<(), Error> {
    let path = Path::new(SOCKET);
    let connected = connected_to_root(path, Instant::now() + PATIENCE);
    connected.map(|_| ()).map_err(|source| Error::NoHelper {
        path: path.to_owned(),
        source,
    })
}

/// A connection to the helper, for more than one question.
pub fn reach() -> io::Result<OwnedFd> {
    connected_to_root(Path::new(SOCKET), Instant::now() + PATIENCE)
}

fn exchange(path: &Path, question: &[u8], deadline: Instant) -> io::Result<Zeroizing<Vec<u8>>> {
    let socket = connected_to_root(path, deadline)?;
    let asked = write_all(&socket, question, deadline);
    // A helper that takes no questions of ours may have said why before it hung up.
    match (read_frame(&socket, deadline), asked) {
        (Ok(answer), _) => Ok(answer),
        (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
    }
}

fn connected_to_root(path: &Path, deadline: Instant) -> io::Result<OwnedFd> {
    let socket = connected(path, deadline)?;
    if socket_peercred(&socket)?.uid.is_root() {
        return Ok(socket);
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "what listens there is not root's",
    ))
}

/// A connection. While the helper's queue is full, connecting is tried again.
fn connected(path: &Path, deadline: Instant) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    loop {
        // The timeout for sending bounds a connect that waits for room in the queue.
        set_socket_timeout(&socket, Timeout::Send, Some(left(deadline)?))?;
        match connect(&socket, &SocketAddrUnix::new(path)?) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            connected => return Ok(connected.map(|()| socket)?),
        }
    }
}

/// Writes it all before the deadline.
pub fn write_all(socket: &OwnedFd, bytes: &[u8], deadline: Instant) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        set_socket_timeout(socket, Timeout::Send, Some(left(deadline)?))?;
        // NOSIGNAL: a SIGPIPE would be the host's.
        match send(socket, rest, SendFlags::NOSIGNAL) {
            Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads one frame before the deadline, and returns it without its length.
pub fn read_frame(socket: &OwnedFd, deadline: Instant) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut length = [0; 2];
    read_exact(socket, &mut length, deadline)?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = Zeroizing::new(vec![0; length]);
    read_exact(socket, &mut frame, deadline)?;
    Ok(frame)
}

fn read_exact(socket: &OwnedFd, buffer: &mut [u8], deadline: Instant) -> io::Result<()> {
    let mut rest = buffer;
    while !rest.is_empty() {
        set_socket_timeout(socket, Timeout::Recv, Some(left(deadline)?))?;
        match recv(socket, &mut *rest, RecvFlags::empty()) {
            Ok((_, 0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((_, read)) => rest = rest.get_mut(read..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What is left until the deadline; an error if nothing is.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    // A timeout of zero would mean for ever.
    if left < Duration::from_millis(1) {
        Err(io::ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}

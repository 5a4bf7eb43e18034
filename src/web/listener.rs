// SPDX-License-Identifier: GPL-3.0-or-later
//! Where browsers, or a proxy, come in: an address, or a socket that only the proxy's user may open. The only
//! file that makes one on the disk.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, lstat, unlink};
use rustix::process::umask;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::settings::Listen;
use crate::visitor::Peer;

/// The page and its group may open the socket.
const NOT_OTHERS: Mode = Mode::from_raw_mode(0o117);

/// What comes and goes over a connection, whatever it is made of.
pub(crate) type Stream = Box<dyn Bytes>;

pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

pub(crate) enum Listener {
    Network(TcpListener),
    Socket(UnixListener, PathBuf),
}

impl Listener {
    pub(crate) async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Network(address) => TcpListener::bind(address).await.map(Self::Network),
            Listen::Socket(path) => {
                remove_left_over(path).await?;
                let before = umask(NOT_OTHERS);
                let listener = UnixListener::bind(path);
                umask(before);
                Ok(Self::Socket(listener?, path.clone()))
            }
        }
    }

    /// Whoever comes next.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Network(listener) => {
                let (stream, from) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Peer::At(from.ip().to_canonical())))
            }
            Self::Socket(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer::Proxy))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Socket(_, path) = self {
            // Who has removed it before us has done no harm.
            let _ = unlink(path.as_path());
        }
    }
}

/// Removes the socket of one that is gone, and was not asked to go.
async fn remove_left_over(path: &Path) -> io::Result<()> {
    if UnixStream::connect(path).await.is_ok() {
        let message = "somebody listens there already";
        return Err(io::Error::new(ErrorKind::AddrInUse, message));
    }
    match lstat(path) {
        Ok(there) if FileType::from_raw_mode(there.st_mode) == FileType::Socket => {
            Ok(unlink(path)?)
        }
        _ => Ok(()), // what else is in the way, bind says
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_is_for_its_group_and_goes_with_us() {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let path = directory.path().join("socket");
        let listener = Listener::bind(&Listen::Socket(path.clone())).await.unwrap();
        assert_eq!(mode(&path), 0o660);
        let _proxy = UnixStream::connect(&path).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert!(matches!(peer, Peer::Proxy));
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_crash_has_left_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let path = directory.path().join("socket");
        let bind = async || Listener::bind(&Listen::Socket(path.clone())).await;
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let running = bind().await.unwrap();
        let again = bind().await.err().unwrap();
        assert_eq!(again.to_string(), "somebody listens there already");
        assert!(path.exists());
        drop(running);
        std::fs::write(&path, "a file").unwrap();
        assert!(bind().await.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
    }
}

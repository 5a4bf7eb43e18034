// SPDX-License-Identifier: GPL-3.0-or-later
//! A connection that ends when its answers are not read. What the kernel has taken of them it goes on to send,
//! which most pages are as a whole: a phone in a tunnel gets its secret when it comes out.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::listener::Stream;

/// How long nothing at all of an answer may be taken.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Watched {
    stream: Stream,
    patience: Pin<Box<Sleep>>,
    /// Something is to be written that is not taken, and the patience runs.
    is_stuck: bool,
}

impl Watched {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            patience: Box::pin(sleep(PATIENCE)),
            is_stuck: false,
        }
    }

    fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(&mut self.stream)
    }

    /// What has come of writing, unless it is stuck for too long.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_stuck = false;
            return written;
        }
        if !self.is_stuck {
            self.is_stuck = true;
            self.patience.as_mut().reset(Instant::now() + PATIENCE);
        }
        let is_over = self.patience.as_mut().poll(context);
        is_over.map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(context, pieces);
        self.in_time(context, written)
    }

    /// If it is not, a page is copied before it is written, secret and all.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream().poll_flush(context);
        self.in_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = self.stream().poll_shutdown(context);
        self.in_time(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_a_little_now_and_then_gets_it_and_whoever_stops_does_not() {
        let (ours, mut theirs) = duplex(10);
        let mut ours = Watched::new(Box::new(ours));
        let answer = tokio::spawn(async move { ours.write_all(&[b'x'; 100]).await });
        for _ in 0..5 {
            sleep(PATIENCE - Duration::from_secs(1)).await;
            theirs.read_exact(&mut [0; 10]).await.unwrap();
        }
        let begun = Instant::now();
        let error = answer.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }
}

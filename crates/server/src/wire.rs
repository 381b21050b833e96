//! The sending side of a socket. Its connection writes through the WebSocket library; while the connection sleeps, others write
//! whole frames of their own to it, which saves waking it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use bytes::{Buf as _, Bytes};
use rustix::net::Shutdown;
use tokio::net::tcp::OwnedWriteHalf;

use crate::listener::Guarded;

/// The first byte of a frame that is a whole text, and the second of one whose length follows in two bytes (RFC 6455, 5.2).
const TEXT: u8 = 0x81;
const LENGTH_IN_TWO: u8 = 126;

/// Shared by all that write to a socket. It keeps nobody from writing into the middle of another's frame: that is for the
/// [`Outbox`](crate::outbox::Outbox) to see to.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Arc<OwnedWriteHalf>);

impl Wire {
    pub(crate) fn new(half: OwnedWriteHalf) -> Self {
        Self(Arc::new(half))
    }

    /// Writes what the system takes at once; how many bytes it took.
    ///
    /// # Errors
    /// When the socket is gone.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }

    /// Writes all of it; what is written is gone from `bytes`, also when this is not waited for until its end.
    ///
    /// # Errors
    /// When the socket is gone.
    pub(crate) async fn write_all(&self, bytes: &mut Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            self.0.writable().await?;
            bytes.advance(self.try_write(bytes)?);
        }
        Ok(())
    }

    /// As of [`AsyncWrite`](tokio::io::AsyncWrite).
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, || self.0.try_write(bytes))
    }

    /// As of [`AsyncWrite`](tokio::io::AsyncWrite).
    pub(crate) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, || self.0.try_write_vectored(slices))
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.as_ref().as_ref().poll_write_ready(cx))?;
            match write() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// Says to the other side that nothing more comes.
    ///
    /// # Errors
    /// When the socket is gone.
    pub(crate) fn shut_down(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self.0.as_ref().as_ref(), Shutdown::Write)?)
    }
}

impl Connected<IncomingStream<'_, Guarded>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
        stream.io().wire()
    }
}

/// Appends a text as the frame that a server sends. False, and nothing is appended, when it is longer than 65535 bytes.
pub(crate) fn append_frame(to: &mut Vec<u8>, text: &str) -> bool {
    let Ok(length) = u16::try_from(text.len()) else { return false };
    match u8::try_from(length) {
        Ok(short) if short < LENGTH_IN_TWO => to.extend([TEXT, short]),
        _ => {
            let [high, low] = length.to_be_bytes();
            to.extend([TEXT, LENGTH_IN_TWO, high, low]);
        }
    }
    to.extend_from_slice(text.as_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_framed_by_its_length() {
        for (length, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65535, &[0x81, 126, 255, 255]),
        ] {
            let (text, mut bytes) = ("x".repeat(length), b"before".to_vec());
            assert!(append_frame(&mut bytes, &text));
            assert!(bytes == [b"before", header, text.as_bytes()].concat(), "{length}");
        }
        let mut bytes = Vec::new();
        assert!(!append_frame(&mut bytes, &"x".repeat(65536)));
        assert!(bytes.is_empty());
    }
}

//! The listener: as many sockets as the system lets the process have, less those the store needs, and none that is silent.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::deadline::on_the_second;
use crate::wire::Wire;

/// Descriptors kept for the store, the log and the listener itself.
const RESERVED: u64 = 256;
/// A socket that says nothing for this long is closed, whatever it was about to say. Clients speak every 25 s.
const SILENCE: Duration = Duration::from_secs(75);

/// When a socket that has just spoken is silent.
fn silent_at() -> Instant {
    on_the_second(Instant::now() + SILENCE)
}

/// Takes sockets while there are descriptors for them; others wait in the system's queue.
#[derive(Debug)]
pub(crate) struct Guarded {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Guarded {
    /// Raises the process's limit of open files as far as it may, and keeps a reserve of it.
    pub(crate) fn new(listener: TcpListener) -> Self {
        let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
        let places = limit.saturating_sub(RESERVED).max(limit / 2);
        tracing::info!(limit, places, "sockets the system lets this process have");
        let places = usize::try_from(places).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { listener, places: Arc::new(Semaphore::new(places)) }
    }
}

impl Listener for Guarded {
    type Io = Watched;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Watched, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (socket, address) = Listener::accept(&mut self.listener).await;
        // Answers are small and must not wait for more to come.
        let _ = socket.set_nodelay(true);
        let (reading, writing) = socket.into_split();
        let silence = Box::pin(sleep_until(silent_at()));
        (Watched { reading, wire: Wire::new(writing), silence, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A socket that fails to read when its other side has been silent for too long, and gives its place back when it goes.
#[derive(Debug)]
pub(crate) struct Watched {
    reading: OwnedReadHalf,
    wire: Wire,
    silence: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Watched {
    /// The sending side, for others to write to it as well.
    pub(crate) fn wire(&self) -> Wire {
        self.wire.clone()
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.reading).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                self.silence.as_mut().reset(silent_at());
                Poll::Ready(read)
            }
            Poll::Pending => self.silence.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.wire.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The system has it.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.wire.shut_down())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wire.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

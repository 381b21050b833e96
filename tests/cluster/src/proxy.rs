//! A TCP proxy that cuts connections as a network does: bytes stop, nothing is closed.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Open,
    Cut,
}

/// Forwards connections to one address. Dropping it closes all of them.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    /// Moves on when all connections there are have to end.
    severed: watch::Sender<u64>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// A proxy of `upstream`.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (line, severed) = (watch::Sender::new(Line::Open), watch::Sender::new(0));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, upstream, line.subscribe(), severed.subscribe()));
        Self { address, line, severed, _accepting: accepting }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing gets through; connections stay open, and new ones are taken and hang.
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Bytes flow again, those that waited first.
    pub fn heal(&self) {
        self.line.send_replace(Line::Open);
    }

    /// Closes all connections there are; what waited in them is lost.
    pub fn sever(&self) {
        self.severed.send_modify(|count| *count += 1);
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    line: watch::Receiver<Line>,
    severed: watch::Receiver<u64>,
) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let (line, mut severed) = (line.clone(), severed.clone());
        severed.mark_unchanged();
        connections.spawn(async move {
            tokio::select! {
                () = connect(near, upstream, line) => {}
                _ = severed.changed() => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(near: TcpStream, upstream: SocketAddr, mut line: watch::Receiver<Line>) {
    let _ = line.wait_for(|&line| line == Line::Open).await;
    let Ok(far) = TcpStream::connect(upstream).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = forward(near_read, far_write, line.clone()) => {}
        () = forward(far_read, near_write, line) => {}
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes).await {
        // The end of a connection is a byte like any other: it does not get through a cut line either.
        let _ = line.wait_for(|&line| line == Line::Open).await;
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = socket.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn a_cut_line_holds_bytes_back_and_gives_them_when_it_heals() {
        let proxy = Proxy::start(echo().await).await;
        let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
        let mut byte = [0];
        socket.write_all(b"a").await.unwrap();
        socket.read_exact(&mut byte).await.unwrap();
        proxy.cut();
        socket.write_all(b"b").await.unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(100), socket.read_exact(&mut byte)).await;
        assert!(waited.is_err(), "nothing gets through");
        proxy.heal();
        socket.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"b");
        proxy.sever();
        assert_eq!(socket.read(&mut byte).await.unwrap_or(0), 0, "closed");
        TcpStream::connect(proxy.address()).await.unwrap().write_all(b"c").await.unwrap();
    }
}

//! The relay's process. Its frames begin with one letter: `L` logs in, `E` is echoed, `U` goes to a user, `G` to a group,
//! `B` is answered with as many bytes as it says, `P` is a heartbeat; `D` delivers a text and `A` answers.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, RwLock};

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use tokio::sync::mpsc;

use crate::Outcome;
use crate::stamp::STAMP_BYTES;

/// Frames that may wait for a client.
const OUTBOX: usize = 8192;
/// Bytes of an answer, at most.
const ANSWER_MAX: usize = 1 << 20;
/// Frames in one write.
const WRITE_MAX: usize = 64;

type Outbox = mpsc::Sender<Utf8Bytes>;

#[derive(Default)]
struct Places {
    users: HashMap<String, Vec<Outbox>>,
    groups: HashMap<String, Vec<Outbox>>,
}

type Shared = Arc<RwLock<Places>>;

/// Serves until the process is killed.
///
/// # Errors
/// When there is no port.
pub fn serve() -> Outcome<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router = Router::new().route("/ws", get(open)).with_state(Shared::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "relay ready at {}", listener.local_addr()?)?;
        let listener = axum::serve::ListenerExt::tap_io(listener, |socket| {
            let _ = socket.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}

async fn open(State(places): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    // The buffers that Lethe has.
    upgrade
        .read_buffer_size(4096)
        .write_buffer_size(16 * 1024)
        .max_write_buffer_size(1 << 20)
        .on_upgrade(move |socket| run(socket, places))
}

async fn run(mut socket: WebSocket, places: Shared) {
    let (outbox, mut frames) = mpsc::channel(OUTBOX);
    loop {
        let first = tokio::select! {
            biased;
            Some(frame) = frames.recv() => Some(frame),
            inbound = socket.recv() => match inbound {
                Some(Ok(Message::Text(text))) => pass_on(&text, &places, &outbox),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                _ => return,
            },
        };
        let mut written = match first {
            Some(frame) => socket.feed_text(frame).await,
            None => true,
        };
        for _ in 0..WRITE_MAX {
            let Ok(frame) = frames.try_recv() else { break };
            written = written && socket.feed_text(frame).await;
        }
        if !written || !socket.flush_all().await {
            return;
        }
    }
}

trait Say {
    async fn feed_text(&mut self, frame: Utf8Bytes) -> bool;
    async fn flush_all(&mut self) -> bool;
}

impl Say for WebSocket {
    async fn feed_text(&mut self, frame: Utf8Bytes) -> bool {
        futures_util::SinkExt::feed(self, Message::Text(frame)).await.is_ok()
    }

    async fn flush_all(&mut self) -> bool {
        futures_util::SinkExt::flush(self).await.is_ok()
    }
}

/// Does what a frame says; the answer to it.
fn pass_on(text: &Utf8Bytes, places: &Shared, outbox: &Outbox) -> Option<Utf8Bytes> {
    let (kind, rest) = text.split_at_checked(1)?;
    match kind {
        "L" => {
            let (user, groups) = rest.split_once(' ')?;
            let mut places = places.write().ok()?;
            places.users.entry(user.to_owned()).or_default().push(outbox.clone());
            for group in groups.split(',').filter(|group| !group.is_empty()) {
                places.groups.entry(group.to_owned()).or_default().push(outbox.clone());
            }
            Some("R".into())
        }
        "U" | "G" => {
            let (to, said) = rest.split_once(' ')?;
            let delivery = Utf8Bytes::from(format!("D{said}"));
            let places = places.read().ok()?;
            let heard = if kind == "U" { places.users.get(to) } else { places.groups.get(to) };
            for other in heard?.iter().filter(|other| !other.same_channel(outbox)) {
                let _ = other.try_send(delivery.clone());
            }
            Some(format!("A{}", said.get(..STAMP_BYTES)?).into())
        }
        "E" => Some(format!("A{rest}").into()),
        "B" => {
            let (bytes, said) = rest.split_once(' ')?;
            let bytes = bytes.parse::<usize>().ok()?.min(ANSWER_MAX);
            // Not by padding, which goes letter by letter.
            Some(["A", said.get(..STAMP_BYTES)?, &".".repeat(bytes)].concat().into())
        }
        _ => Some(format!("P{rest}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(frame: &str) -> Option<String> {
        let (outbox, _frames) = mpsc::channel(1);
        pass_on(&frame.into(), &Shared::default(), &outbox).map(|answer| answer.to_string())
    }

    #[test]
    fn an_echo_is_what_was_said() {
        assert_eq!(answer("Eabc").as_deref(), Some("Aabc"));
    }

    #[test]
    fn as_many_bytes_as_it_says_follow_the_stamp() {
        let stamp = "s".repeat(STAMP_BYTES);
        let answered = |bytes: &str| answer(&format!("B{bytes} {stamp} and more"));
        assert_eq!(answered("0"), Some(format!("A{stamp}")));
        assert_eq!(answered("3"), Some(format!("A{stamp}...")));
        for bytes in [ANSWER_MAX - 1, ANSWER_MAX, ANSWER_MAX + 1] {
            let expected = 1 + STAMP_BYTES + bytes.min(ANSWER_MAX);
            assert_eq!(answered(&bytes.to_string()).map(|answer| answer.len()), Some(expected));
        }
        assert_eq!((answered("-1"), answered(""), answer("B3 short")), (None, None, None));
    }
}

//! The client's side of the relay.

use std::net::SocketAddr;

use crate::Outcome;
use crate::session::{Ask, Heard, Session, Target};
use crate::stamp::{STAMP_BYTES, Stamp, letters, number};
use crate::websocket;

/// A target that stands for the sender: the relay sends back what it gets. With a number behind it, so many bytes.
pub const ECHO: &str = "=";

/// One socket to the relay.
pub struct RelaySession {
    address: SocketAddr,
    client: u32,
    login: String,
    connected: bool,
    /// Each frame, and where its text begins.
    frames: Vec<(Vec<u8>, usize)>,
}

impl RelaySession {
    /// A client of a user who hears these groups.
    #[must_use]
    pub fn new(address: SocketAddr, user: &str, client: u32, groups: &[String]) -> Self {
        let login = format!("L{user} {}", groups.join(","));
        Self { address, client, login, connected: false, frames: Vec::new() }
    }
}

impl Session for RelaySession {
    fn open(&mut self, out: &mut Vec<u8>) {
        websocket::open(self.address, "/ws", None, out);
    }

    fn take(&mut self, input: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize> {
        let mut used = 0;
        if !self.connected {
            let Some(end) = websocket::opened(input)? else { return Ok(0) };
            used = end;
            websocket::write(websocket::TEXT, self.login.as_bytes(), out);
            self.connected = true;
        }
        while let Some(frame) = websocket::read(input, used) {
            used = frame.payload.end;
            let payload = &input[frame.payload];
            let stamp = || Stamp::find(payload).map(|(stamp, _)| stamp.time);
            match (frame.kind, payload.first()) {
                (websocket::TEXT, Some(b'R')) => heard.ready = true,
                (websocket::TEXT, Some(b'A')) => heard.answers.extend(stamp()),
                (websocket::TEXT, Some(b'D')) => heard.deliveries.extend(stamp()),
                (websocket::TEXT, Some(b'P')) => heard.replies.extend(number(&payload[1..])),
                _ => return Err(format!("client {} hears what nobody says", self.client).into()),
            }
        }
        Ok(used)
    }

    fn aim(&mut self, to: &Target, bytes: usize) -> usize {
        let head = match to {
            Target::User(user) => match user.strip_prefix(ECHO) {
                Some("") => "E".to_owned(),
                Some(bytes) => format!("B{bytes} "),
                None => format!("U{user} "),
            },
            Target::Group(group) => format!("G{group} "),
        };
        let payload = format!("{head}{}", ".".repeat(bytes.max(STAMP_BYTES)));
        let mut frame = Vec::new();
        let begin = websocket::write(websocket::TEXT, payload.as_bytes(), &mut frame);
        self.frames.push((frame, begin + head.len()));
        self.frames.len() - 1
    }

    fn send(&mut self, aim: usize, stamp: Stamp, out: &mut Vec<u8>) {
        let Some((frame, text)) = self.frames.get_mut(aim) else { return };
        stamp.write(&mut frame[*text..]);
        letters(&mut frame[*text + STAMP_BYTES..], stamp.time);
        out.extend_from_slice(frame);
    }

    fn beat(&mut self, time: u64, out: &mut Vec<u8>) {
        websocket::write(websocket::TEXT, format!("P{time}").as_bytes(), out);
    }

    fn ask(&mut self, _: &Ask, _: u64, _: &mut Vec<u8>) -> Outcome<()> {
        Err("a relay has nothing to ask for".into())
    }
}

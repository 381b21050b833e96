//! The socket on which a client sends. Its requests wait behind one another, as those of one client do: the server
//! answers them in their order.

use std::collections::VecDeque;
use std::sync::Arc;

use super::http;
use super::rooms::{Rooms, escape};
use crate::Outcome;
use crate::session::{Ask, Heard, Session, Target};
use crate::stamp::{STAMP_BYTES, Stamp, digits, letters};

/// Digits of a time, which is the ID of the transaction.
const TIME_DIGITS: usize = 16;

/// What an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Login,
    Text(u64),
    Beat(u64),
}

/// The first socket of a client.
pub(super) struct Sender {
    user: String,
    token: String,
    number: u32,
    rooms: Arc<Rooms>,
    aims: Vec<Aim>,
    waiting: VecDeque<Asked>,
    /// Why a target has no room: said at the next occasion.
    fault: Option<String>,
}

/// A request without its stamp, and where that goes.
#[derive(Debug)]
struct Aim {
    request: Vec<u8>,
    id: usize,
    text: usize,
    bytes: usize,
}

impl Aim {
    fn new(room: &str, token: &str, bytes: usize) -> Self {
        let bytes = bytes.max(STAMP_BYTES);
        let (start, id) = (
            format!("/_matrix/client/v3/rooms/{}/send/m.room.message/", escape(room)),
            "0".repeat(TIME_DIGITS),
        );
        let text = ".".repeat(bytes);
        let body = format!(r#"{{"msgtype":"m.text","body":"{text}"}}"#);
        let request = http::request("PUT", &format!("{start}{id}"), token, &body);
        Self { id: "PUT ".len() + start.len(), text: request.len() - bytes - r#""}"#.len(), bytes, request }
    }

    fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.request);
        let request = &mut out[start..];
        digits(stamp.time, &mut request[self.id..self.id + TIME_DIGITS]);
        let text = &mut request[self.text..self.text + self.bytes];
        stamp.write(text);
        letters(&mut text[STAMP_BYTES..], stamp.time);
    }
}

impl Sender {
    pub(super) fn new(user: &str, number: u32, token: &str, rooms: Arc<Rooms>) -> Self {
        let (user, token) = (user.to_owned(), token.to_owned());
        Self { user, token, number, rooms, aims: Vec::new(), waiting: VecDeque::new(), fault: None }
    }

    fn say(&mut self, asked: Asked, out: &mut Vec<u8>) {
        self.waiting.push_back(asked);
        out.extend_from_slice(&http::request("GET", "/health", "", ""));
    }
}

impl Session for Sender {
    fn open(&mut self, out: &mut Vec<u8>) {
        self.say(Asked::Login, out);
    }

    fn take(&mut self, input: &[u8], _: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize> {
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
        }
        let mut used = 0;
        while let Some(answer) = http::answer(&input[used..])? {
            used += answer.length;
            match self.waiting.pop_front() {
                Some(Asked::Login) => heard.ready = true,
                Some(Asked::Text(time)) => heard.answers.push(time),
                Some(Asked::Beat(time)) => heard.replies.push(time),
                None => return Err("an answer to nothing".into()),
            }
        }
        Ok(used)
    }

    fn aim(&mut self, to: &Target, bytes: usize) -> usize {
        let room = match to {
            Target::User(other) => self.rooms.pair(&self.user, other),
            Target::Group(group) => self.rooms.group(group),
        };
        match room {
            Ok(room) => self.aims.push(Aim::new(&room, &self.token, bytes)),
            Err(error) => self.fault = Some(error.to_string()),
        }
        self.aims.len().saturating_sub(1)
    }

    fn send(&mut self, aim: usize, stamp: Stamp, out: &mut Vec<u8>) {
        debug_assert_eq!(stamp.sender, self.number, "a client sends as itself");
        match self.aims.get(aim) {
            Some(aim) => {
                self.waiting.push_back(Asked::Text(stamp.time));
                aim.write(stamp, out);
            }
            // Its answer brings the fault to light.
            None => self.say(Asked::Text(stamp.time), out),
        }
    }

    fn beat(&mut self, time: u64, out: &mut Vec<u8>) {
        self.say(Asked::Beat(time), out);
    }

    fn ask(&mut self, ask: &Ask, _: u64, _: &mut Vec<u8>) -> Outcome<()> {
        Err(format!("Synapse is not asked for {ask:?} here").into())
    }
}

//! JSON-RPC of `WuKongIM` over WebSocket: `connect`, `send`, `recv` with its `recvack`, and `ping`.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::session::{Ask, Heard, Session, Target};
use crate::stamp::{STAMP_BYTES, Stamp, digits, letters, number};
use crate::{Outcome, websocket};

/// Digits of a time, which is the ID of a request.
const TIME_DIGITS: usize = 16;
/// The same content in a binary frame.
const BINARY: u8 = 2;

static RECEIVED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""method":"recv""#));
static PONG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""method":"pong""#));
static ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""id":""#));
static REASON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""reasonCode":"#));
static MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""messageId":""#));
static SEQUENCE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""messageSeq":"#));

/// One client of a user.
#[derive(Debug)]
pub(super) struct WukongimSession {
    server: SocketAddr,
    user: String,
    number: u32,
    aims: Vec<Aim>,
    upgraded: bool,
    ready: bool,
    /// Times of heartbeats, whose answers carry none.
    beats: VecDeque<u64>,
}

/// A request without its stamp, and where that goes.
#[derive(Debug)]
struct Aim {
    frame: Vec<u8>,
    ids: [usize; 2],
    text: usize,
    bytes: usize,
}

impl Aim {
    fn new(to: &Target, bytes: usize) -> Self {
        let bytes = bytes.max(STAMP_BYTES);
        let (channel, kind) = match to {
            Target::User(user) => (user, 1),
            Target::Group(group) => (group, 2),
        };
        let id = "0".repeat(TIME_DIGITS);
        let start = r#"{"jsonrpc":"2.0","method":"send","id":""#.to_owned();
        let between = r#"","params":{"clientMsgNo":""#;
        let target =
            format!(r#"","channelId":"{channel}","channelType":{kind},"payload":{{"type":1,"content":""#);
        let text = ".".repeat(bytes);
        let request = format!(r#"{start}{id}{between}{id}{target}{text}"}}}}}}"#);
        let mut frame = Vec::new();
        let begin = websocket::write(websocket::TEXT, request.as_bytes(), &mut frame);
        let first = begin + start.len();
        let second = first + TIME_DIGITS + between.len();
        Self { frame, ids: [first, second], text: second + TIME_DIGITS + target.len(), bytes }
    }

    fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        self.ids.iter().for_each(|&id| digits(stamp.time, &mut frame[id..id + TIME_DIGITS]));
        let text = &mut frame[self.text..self.text + self.bytes];
        stamp.write(text);
        letters(&mut text[STAMP_BYTES..], stamp.time);
    }
}

impl WukongimSession {
    pub(super) fn new(server: SocketAddr, user: &str, number: u32) -> Self {
        let (user, aims, beats) = (user.to_owned(), Vec::new(), VecDeque::new());
        Self { server, user, number, aims, upgraded: false, ready: false, beats }
    }

    fn connect(&self, out: &mut Vec<u8>) {
        let (user, number) = (&self.user, self.number);
        let device = format!(r#""deviceId":"bench-{number}","deviceFlag":2"#);
        let params = format!(r#"{{"uid":"{user}","token":"bench",{device}}}"#);
        let request = format!(r#"{{"jsonrpc":"2.0","method":"connect","id":"connect","params":{params}}}"#);
        websocket::write(websocket::TEXT, request.as_bytes(), out);
    }

    fn hear(&mut self, object: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<()> {
        if RECEIVED.find(object).is_some() {
            acknowledge(object, out);
            match Stamp::find(object) {
                Some((stamp, _)) if stamp.sender != self.number => heard.deliveries.push(stamp.time),
                Some(_) => heard.echoes += 1,
                None => heard.others += 1,
            }
        } else if PONG.find(object).is_some() {
            heard.replies.extend(self.beats.pop_front());
        } else if let Some(id) = behind(&ID, object) {
            // Its documents call success 0, its code 1.
            if !matches!(behind(&REASON, object).and_then(leading), None | Some(0 | 1))
                || object.starts_with(b"{\"error")
            {
                return Err(refusal(object));
            }
            match id.get(..TIME_DIGITS).and_then(number) {
                Some(time) => heard.answers.push(time),
                None if id.starts_with(b"connect") => {
                    heard.ready = !self.ready;
                    self.ready = true;
                }
                None => heard.others += 1,
            }
        } else {
            return Err(refusal(object));
        }
        Ok(())
    }
}

/// Tells the server that a text has arrived; otherwise it would send that again.
fn acknowledge(object: &[u8], out: &mut Vec<u8>) {
    let (Some(id), Some(sequence)) = (behind(&MESSAGE, object), behind(&SEQUENCE, object).and_then(leading))
    else {
        return;
    };
    let id = &id[..memchr::memchr(b'"', id).unwrap_or(0)];
    let mut request = [0; 192];
    let mut rest = request.as_mut_slice();
    let whole = rest
        .write_all(br#"{"jsonrpc":"2.0","method":"recvack","id":"r","params":{"messageId":""#)
        .and_then(|()| rest.write_all(id))
        .and_then(|()| write!(rest, r#"","messageSeq":{sequence}}}}}"#));
    let left = rest.len();
    if whole.is_ok() {
        websocket::write(websocket::TEXT, &request[..request.len() - left], out);
    }
}

fn behind<'a>(mark: &Finder<'_>, object: &'a [u8]) -> Option<&'a [u8]> {
    Some(&object[mark.find(object)? + mark.needle().len()..])
}

fn leading(text: &[u8]) -> Option<u64> {
    number(&text[..text.iter().take_while(|byte| byte.is_ascii_digit()).count()])
}

fn refusal(object: &[u8]) -> Box<dyn std::error::Error + Send + Sync> {
    format!("the server refuses: {}", String::from_utf8_lossy(object)).into()
}

/// Bytes of the first object in a frame, which may hold several. The texts of the bench have no braces.
fn object(input: &[u8]) -> usize {
    let mut depth = 0_usize;
    for place in memchr::memchr2_iter(b'{', b'}', input) {
        if input[place] == b'{' {
            depth += 1;
        } else if depth <= 1 {
            return place + 1;
        } else {
            depth -= 1;
        }
    }
    input.len()
}

impl Session for WukongimSession {
    fn open(&mut self, out: &mut Vec<u8>) {
        websocket::open(self.server, "/", None, out);
    }

    fn take(&mut self, input: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize> {
        let mut used = 0;
        if !self.upgraded {
            let Some(length) = websocket::opened(input)? else { return Ok(0) };
            (self.upgraded, used) = (true, length);
            self.connect(out);
        }
        while let Some(frame) = websocket::read(input, used) {
            used = frame.payload.end;
            let mut payload = &input[frame.payload];
            match frame.kind {
                websocket::TEXT | BINARY => {
                    while !payload.is_empty() {
                        let (first, rest) = payload.split_at(object(payload));
                        self.hear(first, out, heard)?;
                        payload = rest;
                    }
                }
                websocket::PING => {
                    websocket::write(websocket::PONG, payload, out);
                }
                websocket::CLOSE => return Err("the server closed the WebSocket".into()),
                _ => {}
            }
        }
        Ok(used)
    }

    fn aim(&mut self, to: &Target, bytes: usize) -> usize {
        self.aims.push(Aim::new(to, bytes));
        self.aims.len() - 1
    }

    fn send(&mut self, aim: usize, stamp: Stamp, out: &mut Vec<u8>) {
        if let Some(aim) = self.aims.get(aim) {
            aim.write(stamp, out);
        }
    }

    fn beat(&mut self, time: u64, out: &mut Vec<u8>) {
        self.beats.push_back(time);
        websocket::write(websocket::TEXT, br#"{"jsonrpc":"2.0","method":"ping","id":"ping"}"#, out);
    }

    fn ask(&mut self, ask: &Ask, _: u64, _: &mut Vec<u8>) -> Outcome<()> {
        Err(format!("WuKongIM is not asked for {ask:?} here").into())
    }
}

#[cfg(test)]
mod tests;

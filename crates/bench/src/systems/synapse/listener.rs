//! The socket on which a client waits for what is new: each answer is followed by the next request.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::http;
use crate::Outcome;
use crate::session::{Ask, Heard, Session, Target};
use crate::stamp::Stamp;

/// Texts that may come in one answer, more than any window has; no presence, no receipts, members only when they speak.
const FILTER: &str = "%7B%22presence%22%3A%7B%22not_types%22%3A%5B%22%2A%22%5D%7D%2C%22room%22%3A%7B%22timeline%22%3A\
                      %7B%22limit%22%3A1000%7D%2C%22state%22%3A%7B%22lazy_load_members%22%3Atrue%7D%7D%7D";
/// Milliseconds after which the server answers that nothing is new.
const WAIT: u32 = 30_000;

static NEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""next_batch":""#));

/// The second socket of a client.
#[derive(Debug)]
pub(super) struct Listener {
    number: u32,
    token: String,
    ready: bool,
}

impl Listener {
    pub(super) fn new(number: u32, token: &str) -> Self {
        Self { number, token: token.to_owned(), ready: false }
    }

    fn hear(&self, body: &[u8], heard: &mut Heard) {
        // What lies before the login is not counted.
        if !self.ready {
            return;
        }
        let mut rest = body;
        while let Some((stamp, end)) = Stamp::find(rest) {
            if stamp.sender == self.number {
                heard.echoes += 1;
            } else {
                heard.deliveries.push(stamp.time);
            }
            rest = &rest[end..];
        }
    }

    fn wait(&self, since: &str, out: &mut Vec<u8>) {
        let path = format!("/_matrix/client/v3/sync?filter={FILTER}&timeout={WAIT}{since}");
        out.extend_from_slice(&http::request("GET", &path, &self.token, ""));
    }
}

impl Session for Listener {
    fn open(&mut self, out: &mut Vec<u8>) {
        self.wait("", out);
    }

    fn take(&mut self, input: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize> {
        let Some(http::Answer { body, length: used }) = http::answer(input)? else { return Ok(0) };
        let body = body.as_ref();
        self.hear(body, heard);
        let next = NEXT.find(body).ok_or("an answer without an end")? + NEXT.needle().len();
        let length = memchr::memchr(b'"', &body[next..]).unwrap_or(0);
        let next = String::from_utf8_lossy(&body[next..next + length]);
        self.wait(&format!("&since={next}"), out);
        if !self.ready {
            (self.ready, heard.ready) = (true, true);
        }
        Ok(used)
    }

    fn aim(&mut self, _: &Target, _: usize) -> usize {
        0
    }

    fn send(&mut self, _: usize, _: Stamp, _: &mut Vec<u8>) {}

    fn beat(&mut self, _: u64, _: &mut Vec<u8>) {}

    fn ask(&mut self, ask: &Ask, _: u64, _: &mut Vec<u8>) -> Outcome<()> {
        Err(format!("Synapse is not asked for {ask:?} here").into())
    }
}

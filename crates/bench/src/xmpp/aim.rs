//! The bytes of a text to one target, made once.

use super::{DOMAIN, ROOMS, Wire};
use crate::session::Target;
use crate::stamp::{STAMP_BYTES, Stamp, digits, letters};

/// Digits of a time, which is the ID of the message.
const TIME_DIGITS: usize = 16;

/// A message without its stamp, and where that goes.
#[derive(Debug)]
pub(super) struct Aim {
    frame: Vec<u8>,
    id: usize,
    text: usize,
    /// Bytes of the text.
    bytes: usize,
    direct: bool,
}

impl Aim {
    pub(super) fn new(wire: Wire, to: &Target, bytes: usize) -> Self {
        let bytes = bytes.max(STAMP_BYTES);
        let (address, kind, direct) = match to {
            Target::User(user) => (format!("{user}@{DOMAIN}"), "chat", true),
            Target::Group(group) => (format!("{group}@{ROOMS}"), "groupchat", false),
        };
        let space = wire.namespace();
        let start = format!("<message{space} to='{address}' type='{kind}' id='");
        let between = "'><body>";
        let stanza = [
            start.as_bytes(),
            &[b'0'; TIME_DIGITS],
            between.as_bytes(),
            vec![b'.'; bytes].as_slice(),
            b"</body></message>",
        ]
        .concat();
        let mut frame = Vec::new();
        wire.frame(&stanza, &mut frame);
        let id = frame.len() - stanza.len() + start.len();
        if direct {
            wire.frame(b"<r xmlns='urn:xmpp:sm:3'/>", &mut frame);
        }
        Self { frame, id, text: id + TIME_DIGITS + between.len(), bytes, direct }
    }

    /// Whether it goes to a user.
    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    pub(super) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        digits(stamp.time, &mut frame[self.id..self.id + TIME_DIGITS]);
        let text = &mut frame[self.text..self.text + self.bytes];
        stamp.write(text);
        letters(&mut text[STAMP_BYTES..], stamp.time);
    }
}

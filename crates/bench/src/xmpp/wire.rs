//! Elements on a socket: one after the other in a stream, or each in a frame of a WebSocket.

use std::net::SocketAddr;

use super::{DOMAIN, element};
use crate::websocket;

/// How a client speaks to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A stream over TCP.
    Tcp,
    /// Frames of a WebSocket at this path.
    WebSocket(&'static str),
}

/// An element, if these bytes held one, and the bytes.
type Taken<'a> = (Option<&'a [u8]>, usize);

impl Wire {
    /// The first bytes on a connection.
    pub(super) fn opening(self, server: SocketAddr) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Tcp => return self.header(),
            Self::WebSocket(path) => websocket::open(server, path, Some("xmpp"), &mut out),
        }
        out
    }

    /// What opens a stream, on a new connection and again after the password.
    pub(super) fn header(self) -> Vec<u8> {
        match self {
            Self::Tcp => {
                let spaces = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
                format!("<?xml version='1.0'?><stream:stream to='{DOMAIN}' {spaces} version='1.0'>")
                    .into_bytes()
            }
            Self::WebSocket(_) => {
                let mut frame = Vec::new();
                let space = "urn:ietf:params:xml:ns:xmpp-framing";
                let open = format!("<open xmlns='{space}' to='{DOMAIN}' version='1.0'/>");
                self.frame(open.as_bytes(), &mut frame);
                frame
            }
        }
    }

    /// What a stanza has to declare: in a stream its header has done it.
    pub(super) fn namespace(self) -> &'static str {
        if self == Self::Tcp { "" } else { " xmlns='jabber:client'" }
    }

    /// Writes one element.
    pub(super) fn frame(self, stanza: &[u8], out: &mut Vec<u8>) {
        if self == Self::Tcp {
            out.extend_from_slice(stanza);
        } else {
            websocket::write(websocket::TEXT, stanza, out);
        }
    }

    /// Takes the first element of what came; none when it is not complete. Answers pings of the WebSocket. The error is how
    /// the server closes it.
    pub(super) fn next<'a>(self, input: &'a [u8], out: &mut Vec<u8>) -> Result<Option<Taken<'a>>, String> {
        if self == Self::Tcp {
            let spaces = input.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let input = &input[spaces..];
            return Ok(element::length(input).map(|length| (Some(&input[..length]), spaces + length)));
        }
        let Some(frame) = websocket::read(input, 0) else { return Ok(None) };
        let (payload, end) = (&input[frame.payload.clone()], frame.payload.end);
        match frame.kind {
            websocket::TEXT => return Ok(Some((Some(payload), end))),
            websocket::PING => {
                websocket::write(websocket::PONG, payload, out);
            }
            websocket::PONG => {}
            kind => {
                let code = payload.first_chunk().map_or(0, |&code| u16::from_be_bytes(code));
                let why = payload.get(2..).filter(|why| !why.is_empty());
                let why = why.map_or(String::new(), |why| format!(", {}", String::from_utf8_lossy(why)));
                return Err(format!("the server closed the WebSocket (kind {kind}, code {code}{why})"));
            }
        }
        Ok(Some((None, end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_answered() {
        let mut out = Vec::new();
        let taken = Wire::WebSocket("/").next(b"\x89\x02hi\x81", &mut out).unwrap();
        assert_eq!((taken, out.as_slice()), (Some((None, 4)), b"\x8a\x82\0\0\0\0hi".as_slice()));
    }
}

//! The few parts of WebSocket (RFC 6455) that a load needs: small masked frames out, whole frames in, no extensions.

use std::net::SocketAddr;
use std::ops::Range;

use crate::Outcome;

/// A frame with text.
pub const TEXT: u8 = 1;
/// A frame that says that the peer closes.
pub const CLOSE: u8 = 8;
/// A frame that is to be answered by [`PONG`].
pub const PING: u8 = 9;
/// The answer to a ping.
pub const PONG: u8 = 10;

/// Asks an HTTP server to speak WebSocket on this connection.
pub fn open(address: SocketAddr, path: &str, protocol: Option<&str>, out: &mut Vec<u8>) {
    let protocol = protocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{protocol}\r\n"
    );
    out.extend_from_slice(request.as_bytes());
}

/// The length of the server's consent, once it is complete.
///
/// # Errors
/// When the server answers anything else.
pub fn opened(input: &[u8]) -> Outcome<Option<usize>> {
    let Some(end) = memchr::memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
    if input.starts_with(b"HTTP/1.1 101") {
        return Ok(Some(end + 4));
    }
    Err(format!("no WebSocket: {}", String::from_utf8_lossy(input)).into())
}

/// Appends a frame. The mask is zero, which leaves the payload as it is: masks protect old proxies, and there are none.
/// Returns where the payload begins in `out`.
pub fn write(kind: u8, payload: &[u8], out: &mut Vec<u8>) -> usize {
    out.push(0x80 | kind);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | u8::try_from(length).unwrap_or(0)),
        length @ 126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(length).unwrap_or(0).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    let begin = out.len();
    out.extend_from_slice(payload);
    begin
}

/// A frame in the input.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// [`TEXT`], [`CLOSE`], [`PING`], [`PONG`] or another kind.
    pub kind: u8,
    /// Where its payload stands.
    pub payload: Range<usize>,
}

/// The frame that begins at `from`, once it is complete. Servers do not mask, and ours do not fragment.
#[must_use]
pub fn read(input: &[u8], from: usize) -> Option<Frame> {
    let head = input.get(from..)?;
    let (kind, short) = (*head.first()? & 0x0F, *head.get(1)? & 0x7F);
    let (length, begin) = match short {
        126 => (usize::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(head.get(2..10)?.try_into().ok()?)).ok()?, 10),
        length => (usize::from(length), 2),
    };
    let payload = from + begin..from.checked_add(begin)?.checked_add(length)?;
    (payload.end <= input.len()).then_some(Frame { kind, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_each_length_are_found() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut out = b"..".to_vec();
            let begin = write(TEXT, &payload, &mut out);
            // What the server sends has no mask.
            out[3] &= 0x7F;
            out.drain(begin - 4..begin);
            let frame = Frame { kind: TEXT, payload: begin - 4..begin - 4 + length };
            assert_eq!(read(&out, 2), Some(frame));
            assert_eq!(read(&out[..out.len() - 1], 2), None);
        }
    }
}

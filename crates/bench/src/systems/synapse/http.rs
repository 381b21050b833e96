//! HTTP/1.1 as far as a load needs it: requests as bytes, answers by their length.

use std::borrow::Cow;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memmem;

use crate::Outcome;

/// How long one request of the preparation may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request, its body not longer than it says.
pub(super) fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let login = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let length = body.len();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{login}{kind}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An answer whose status is 200.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) body: Cow<'a, [u8]>,
    /// Bytes of the whole answer.
    pub(super) length: usize,
}

/// The first answer in the input. None while it is not complete.
///
/// # Errors
/// Any status but 200, with the body.
pub(super) fn answer(input: &[u8]) -> Outcome<Option<Answer<'_>>> {
    let Some(head) = memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
    let begin = head + 4;
    let (body, length) = if let Some(length) = memmem::find(&input[..head], b"Content-Length: ") {
        let end = begin + number(&input[length + 16..], 10);
        let Some(body) = input.get(begin..end) else { return Ok(None) };
        (Cow::Borrowed(body), end)
    } else {
        let Some((body, length)) = chunks(&input[begin..]) else { return Ok(None) };
        (body, begin + length)
    };
    if !input.starts_with(b"HTTP/1.1 200") {
        return Err(format!("the server refuses: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(Some(Answer { body, length }))
}

fn number(digits: &[u8], radix: u32) -> usize {
    let digits = digits.iter().map_while(|&byte| char::from(byte).to_digit(radix));
    digits.fold(0, |number, digit| {
        number * usize::try_from(radix).unwrap_or(0) + usize::try_from(digit).unwrap_or(0)
    })
}

/// A body in chunks, and its bytes with all that lies between. Most have one chunk, which is not copied.
fn chunks(input: &[u8]) -> Option<(Cow<'_, [u8]>, usize)> {
    let (mut body, mut at) = (Cow::Borrowed(&[][..]), 0);
    loop {
        let begin = at + memmem::find(&input[at..], b"\r\n")? + 2;
        let length = number(&input[at..], 16);
        at = begin + length + 2;
        let chunk = input.get(begin..at)?;
        match length {
            0 => return Some((body, at)),
            _ if body.is_empty() => body = Cow::Borrowed(&chunk[..length]),
            _ => body.to_mut().extend_from_slice(&chunk[..length]),
        }
    }
}

/// One request on a connection of its own, waited for.
///
/// # Errors
/// When it is refused.
pub(super) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> Outcome<serde_json::Value> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(&request(method, path, token, body))?;
    let (mut input, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        let read = socket.read(&mut buffer)?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        input.extend_from_slice(&buffer[..read]);
        if let Some(answer) = answer(&input)? {
            return Ok(serde_json::from_slice(&answer.body)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &[u8]) -> Option<(Vec<u8>, usize)> {
        answer(text).unwrap().map(|answer| (answer.body.into_owned(), answer.length))
    }

    #[test]
    fn an_answer_is_as_long_as_it_says() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\n{}HTTP";
        assert_eq!(body(text), Some((b"{}".to_vec(), 46)));
        assert_eq!([body(&text[..45]), body(&text[..30])], [None, None]);
        assert!(answer(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_put_together() {
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n2\r\nab\r\n0\r\n\r\nHTTP";
        assert_eq!(body(text), Some((b"0123456789ab".to_vec(), text.len() - 4)));
        assert_eq!(body(&text[..text.len() - 5]), None);
    }
}

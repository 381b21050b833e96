//! Where the first element of a stream ends, found by looking for its end alone.

use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::Finder;

static MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("</message>"));

/// Bytes of the first element, or of what declares or opens the stream; none when it is not complete.
///
/// Servers write `>` in texts and attributes as `&gt;`, and put no element into another of the same name.
pub(super) fn length(input: &[u8]) -> Option<usize> {
    if input.starts_with(b"<message") {
        return Some(MESSAGE.find(input)? + MESSAGE.needle().len());
    }
    let tag = memchr(b'>', input)?;
    let opens_stream = input.starts_with(b"<stream:stream") || input.starts_with(b"<?");
    if opens_stream || input.starts_with(b"</") || input[tag - 1] == b'/' {
        return Some(tag + 1);
    }
    let name = input[1..].iter().position(|byte| matches!(byte, b' ' | b'>'))?;
    let end = [b"</", &input[1..=name], b">"].concat();
    Some(memchr::memmem::find(input, &end)? + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(input: &str) -> Option<&str> {
        length(input.as_bytes()).map(|length| &input[..length])
    }

    #[test]
    fn elements_end_where_they_end() {
        let message = "<message id='1'><body>a</body></message>";
        assert_eq!(first(&format!("{message}<a h='1'/>")), Some(message));
        assert_eq!(first("<a h='1' xmlns='x'/><r/>"), Some("<a h='1' xmlns='x'/>"));
        assert_eq!(first("<?xml version='1.0'?><stream:stream id='1'><x/>"), Some("<?xml version='1.0'?>"));
        assert_eq!(first("<stream:stream id='1'><x/>"), Some("<stream:stream id='1'>"));
        assert_eq!(
            first("<iq id='1'><bind><jid>a</jid></bind></iq><iq"),
            Some("<iq id='1'><bind><jid>a</jid></bind></iq>")
        );
        assert_eq!(first("<a>1</a>"), Some("<a>1</a>"));
        assert_eq!(first("</stream:stream>"), Some("</stream:stream>"));
    }

    #[test]
    fn what_is_not_complete_is_waited_for() {
        for part in ["", "<", "<message><body>a</body></messag", "<presence", "<iq id='1'><x/>", "<iq id='1'"]
        {
            assert_eq!(first(part), None, "{part}");
        }
    }
}

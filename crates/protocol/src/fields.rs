//! JSON objects written field by field, for what is written for each message or a thousand times for a list: the serialiser
//! looks at each byte of each field's name for what has to be escaped.

/// Fields of JSON objects: `name` is all that is written before the value, quotes, colon and comma included.
pub(crate) trait Fields {
    fn number(&mut self, name: &str, number: u64);
    fn truth(&mut self, name: &str, truth: bool);
    fn text(&mut self, name: &str, text: &str);
    /// Two texts as one string.
    fn quoted(&mut self, start: &str, end: &str);

    fn number_if_any(&mut self, name: &str, number: u32) {
        if number > 0 {
            self.number(name, number.into());
        }
    }

    fn text_if_any(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }
}

impl Fields for String {
    #[inline]
    fn number(&mut self, name: &str, number: u64) {
        self.push_str(name);
        self.push_str(itoa::Buffer::new().format(number));
    }

    #[inline]
    fn truth(&mut self, name: &str, truth: bool) {
        self.push_str(name);
        self.push_str(if truth { "true" } else { "false" });
    }

    #[inline]
    fn text(&mut self, name: &str, text: &str) {
        self.push_str(name);
        self.quoted("", text);
    }

    fn quoted(&mut self, start: &str, end: &str) {
        if is_plain(start) && is_plain(end) {
            self.push('"');
            self.push_str(start);
            self.push_str(end);
            self.push('"');
        } else {
            self.push_str(&crate::frame::encode(&[start, end].concat()));
        }
    }
}

/// Whether a text is the same in JSON (RFC 8259, section 7). It looks at all of it: that is faster than to stop.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (byte >= 0x20) & (byte != b'"') & (byte != b'\\'))
}

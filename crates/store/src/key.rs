use lethe_protocol::ConversationId;

/// An order-preserving tuple: texts end with a zero byte, which no ID contains; numbers are big-endian.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// The empty tuple.
    #[must_use]
    pub fn new() -> Self {
        Self::with_room(48)
    }

    /// The empty tuple, with room for so many bytes. A key that is written stays in memory as it is, for a while.
    #[must_use]
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Appends a text. No stored ID contains a zero byte; one in a question becomes a byte that is in no text, so that
    /// the question finds nothing.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.part(text);
        self.0.push(0);
        self
    }

    /// Appends a conversation's ID as a text.
    #[must_use]
    pub fn conversation(mut self, id: &ConversationId) -> Self {
        let (kind, id) = id.written();
        self.part(kind);
        self.text(id)
    }

    fn part(&mut self, text: &str) {
        let start = self.0.len();
        self.0.extend_from_slice(text.as_bytes());
        // It looks at all of it: that is faster than to stop.
        if text.bytes().fold(false, |zero, byte| zero | (byte == 0)) {
            let zeros = self.0[start..].iter_mut().filter(|byte| **byte == 0);
            zeros.for_each(|byte| *byte = u8::MAX);
        }
    }

    /// Appends a number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Appends bytes that are a tuple already.
    #[must_use]
    pub fn tuple(mut self, tuple: &[u8]) -> Self {
        self.0.extend_from_slice(tuple);
        self
    }

    /// The encoded tuple.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoded tuple.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The smallest key greater than every key that starts with `prefix`, or none if there is no such key.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The text at the start of an encoded tuple, and what follows it.
pub(crate) fn split_text(tuple: &[u8]) -> Option<(&str, &[u8])> {
    let end = tuple.iter().position(|&byte| byte == 0)?;
    Some((std::str::from_utf8(&tuple[..end]).ok()?, &tuple[end + 1..]))
}

/// The number at the end of an encoded tuple.
pub(crate) fn last_number(tuple: &[u8]) -> Option<u64> {
    let start = tuple.len().checked_sub(8)?;
    Some(u64::from_be_bytes(tuple[start..].try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_zero_byte_in_a_question_is_not_the_end_of_a_text() {
        let asked = Key::new().text("a\0b").text("\0");
        assert_eq!(asked.bytes(), b"a\xffb\0\xff\0");
        let group = ConversationId::Group("x\0".to_owned());
        assert_eq!(Key::new().conversation(&group).bytes(), b"GROUPx\xff\0");
        assert_eq!(Key::new().conversation(&ConversationId::System).bytes(), b"@TIM#SYSTEM\0");
    }

    proptest! {
        #[test]
        fn tuples_order_as_their_parts(a in "[ -~]{0,6}", m in any::<u64>(), b in "[ -~]{0,6}", n in any::<u64>()) {
            let left = Key::new().text(&a).number(m);
            let right = Key::new().text(&b).number(n);
            prop_assert_eq!(left.cmp(&right), (a, m).cmp(&(b, n)));
        }

        #[test]
        fn the_end_of_a_prefix_is_tight(prefix in prop::collection::vec(any::<u8>(), 1..5), rest in prop::collection::vec(any::<u8>(), 0..5)) {
            let mut inside = prefix.clone();
            inside.extend(rest);
            if let Some(end) = after_prefix(&prefix) {
                prop_assert!(inside < end);
                prop_assert!(!end.starts_with(&prefix));
            }
        }
    }
}

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Error, Event};

/// A frame from a client, its body not yet read.
#[derive(Debug, Deserialize)]
pub(crate) struct Inbound<'a> {
    /// Chosen by the client, echoed in the answer.
    pub id: u64,
    /// Which request: a name of [`crate::Request`].
    #[serde(borrow)]
    pub op: std::borrow::Cow<'a, str>,
    /// The request's body; absent for requests without one.
    #[serde(borrow, default)]
    pub d: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Ok<'a, T: Serialize> {
    id: u64,
    ok: &'a T,
}

#[derive(Serialize)]
struct Err<'a> {
    id: u64,
    err: &'a Error,
}

/// The frame that answers request `id`.
#[must_use]
pub fn answer<T: Serialize>(id: u64, ok: &T) -> String {
    encode(&Ok { id, ok })
}

/// The frame that refuses request `id`.
#[must_use]
pub fn refusal(id: u64, err: &Error) -> String {
    encode(&Err { id, err })
}

/// The frame that pushes `event`.
#[must_use]
pub fn event(event: &Event) -> String {
    encode(event)
}

/// The frame that pushes [`Event::Message`] with a message that is JSON already.
#[must_use]
pub fn message_event(message: &str) -> String {
    [r#"{"ev":"message","d":"#, message, "}"].concat()
}

#[expect(
    clippy::expect_used,
    reason = "our own types have string keys and finite numbers: they always serialise"
)]
pub(crate) fn encode<T: Serialize>(frame: &T) -> String {
    serde_json::to_string(frame).expect("frames serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_json_already_is_pushed_like_any_other() {
        let text = r#"{"seq":1,"body":["}"]}"#;
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(message_event(text), event(&Event::Message(raw)));
    }
}

use std::io::Write as _;
use std::string::FromUtf8Error;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ConversationId;
use crate::fields::Fields as _;

/// The greatest size in bytes of a message's elements and custom data together (`80002` above it).
pub const MESSAGE_MAX_BYTES: usize = 12 * 1024;
/// The greatest page of history.
pub const HISTORY_MAX: u32 = 100;

/// A message as it is stored, pushed and pulled. The server keeps these bytes and copies them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Message {
    /// Place in its timeline, contiguous from 1; 0 for a message to online users only, which is not stored.
    #[cfg_attr(test, ts(type = "number"))]
    pub seq: u64,
    /// Server time in ms.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
    /// `${tinyID}-${clientTime}-${random}`.
    pub id: String,
    /// The sender; `@TIM#SYSTEM` for tips and notices that nobody sent.
    pub from: String,
    /// The receiver of a one-to-one message or of a system notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub to: Option<String>,
    /// The group of a group message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub group: Option<String>,
    /// Deleted for everyone: what is left has no elements.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub removed: bool,
    /// Elements in the form of the REST API: `[{MsgType, MsgContent}]`. Group tips (`TIMGroupTipElem`) and system notices
    /// (`TIMGroupSystemNoticeElem`) carry the SDK's payload as `MsgContent`.
    #[cfg_attr(test, ts(type = "MessageElement[]"))]
    pub body: Box<RawValue>,
    /// What else the sender said about it.
    #[serde(default, skip_serializing_if = "MessageAttributes::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<MessageAttributes>"))]
    pub attributes: MessageAttributes,
    /// The sender's nickname when it was sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<String>"))]
    pub nick: String,
    /// The sender's avatar when it was sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<String>"))]
    pub avatar: String,
}

/// Bytes that a message has besides its elements and the texts that are counted, mostly.
const ENVELOPE: usize = 256;

impl Message {
    /// The message as JSON, as serialising gives it.
    #[must_use]
    pub fn json(&self) -> String {
        let texts = [&self.id, &self.from, &self.nick, &self.avatar].map(String::len).iter().sum::<usize>();
        let mut json = String::with_capacity(ENVELOPE + texts + self.body.get().len());
        json.number(r#"{"seq":"#, self.seq);
        json.number(r#","time":"#, self.time);
        json.text(r#","id":"#, &self.id);
        json.text(r#","from":"#, &self.from);
        if let Some(to) = &self.to {
            json.text(r#","to":"#, to);
        }
        if let Some(group) = &self.group {
            json.text(r#","group":"#, group);
        }
        if self.removed {
            json.push_str(r#","removed":true"#);
        }
        json.push_str(r#","body":"#);
        json.push_str(self.body.get());
        if !self.attributes.is_empty() {
            json.push_str(r#","attributes":"#);
            json.push_str(&crate::frame::encode(&self.attributes));
        }
        json.text_if_any(r#","nick":"#, &self.nick);
        json.text_if_any(r#","avatar":"#, &self.avatar);
        json.push('}');
        json
    }
}

/// What a sender says about a message besides its elements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MessageAttributes {
    /// `High`, `Normal` (absent), `Low` or `Lowest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub priority: Option<String>,
    /// The app's own data, stored and delivered with the message.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<String>"))]
    pub cloud_custom_data: String,
    /// Does not raise the unread count.
    #[serde(skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub no_unread: bool,
    /// Does not become the conversation's last message.
    #[serde(skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub no_last: bool,
    /// The sender asked for read receipts.
    #[serde(skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub need_read_receipt: bool,
    /// The sender allows extensions.
    #[serde(skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub support_extension: bool,
    /// Mentioned users; `__kImSDK_MesssageAtALL__` for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub at: Vec<String>,
}

impl MessageAttributes {
    /// Nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Sends a message. Sending the same `(clientTime, random)` again returns the first answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SendMessage {
    /// Where to.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// Unix seconds at creation: the middle part of the message's ID.
    pub client_time: u32,
    /// The last part of the message's ID.
    pub random: u32,
    /// See [`Message::body`].
    #[cfg_attr(test, ts(type = "MessageElement[]"))]
    pub body: Box<RawValue>,
    /// See [`MessageAttributes`].
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<MessageAttributes>"))]
    pub attributes: MessageAttributes,
    /// Deliver to clients that are online now; store nothing.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub online_only: bool,
}

/// The answer to [`SendMessage`]. The message itself is also pushed to all clients of the sender, this one included,
/// before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sent {
    /// Place in the timeline; 0 when `onlineOnly`.
    #[cfg_attr(test, ts(type = "number"))]
    pub seq: u64,
    /// Server time in ms.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
}

/// Reads a page of a conversation's visible messages. Without `before` and `after`: the newest page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GetHistory {
    /// Which conversation.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// Only messages with a smaller `seq`: the newest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub before: Option<u64>,
    /// Only messages with a greater `seq`: the oldest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub after: Option<u64>,
    /// 1 to [`HISTORY_MAX`].
    pub limit: u32,
}

/// The answer to [`GetHistory`], oldest message first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct History {
    /// The messages, each a [`Message`].
    #[cfg_attr(test, ts(type = "Message[]"))]
    pub messages: Vec<Box<RawValue>>,
    /// Nothing visible lies further in the direction asked for.
    pub complete: bool,
}

/// The frame that answers request `id` with a [`History`]: messages are JSON already, and only copied.
///
/// # Errors
/// When they are not text.
pub fn history_answer<'a>(
    id: u64,
    messages: impl Iterator<Item = &'a [u8]> + Clone,
    complete: bool,
) -> Result<String, FromUtf8Error> {
    let size: usize = messages.clone().map(|message| message.len() + 1).sum();
    let mut frame = Vec::with_capacity(size + 64);
    let _ = write!(frame, r#"{{"id":{id},"ok":{{"messages":["#);
    for (n, message) in messages.enumerate() {
        if n > 0 {
            frame.push(b',');
        }
        frame.extend_from_slice(message);
    }
    let _ = write!(frame, r#"],"complete":{complete}}}}}"#);
    // Once for all of them: a page is looked through in one go.
    String::from_utf8(frame)
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_message_that_is_written_is_the_message_that_is_serialised(
            numbers in prop::array::uniform2(any::<u64>()),
            texts in prop::array::uniform4(any::<String>()),
            to in option::of(any::<String>()),
            group in option::of(any::<String>()),
            body in any::<String>(),
            custom in any::<String>(),
            flags in prop::array::uniform2(any::<bool>()),
        ) {
            let [id, from, nick, avatar] = texts;
            let body = serde_json::json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": body } }]);
            let attributes = MessageAttributes { cloud_custom_data: custom, no_last: flags[1], ..MessageAttributes::default() };
            let message = Message {
                seq: numbers[0],
                time: numbers[1],
                id,
                from,
                to,
                group,
                removed: flags[0],
                body: RawValue::from_string(body.to_string()).unwrap(),
                attributes: if flags[1] { attributes } else { MessageAttributes::default() },
                nick,
                avatar,
            };
            prop_assert_eq!(message.json(), serde_json::to_string(&message).unwrap());
        }
    }

    #[test]
    fn a_page_that_is_put_together_is_the_page_that_is_serialised() {
        for texts in [&[][..], &[r#"{"seq":1}"#], &[r#"{"seq":1}"#, r#"{"seq":2,"x":"}]"}"#]] {
            for complete in [false, true] {
                let messages =
                    texts.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap()).collect();
                let serialised = crate::answer(7, &History { messages, complete });
                let bytes = texts.iter().map(|text| text.as_bytes());
                assert_eq!(history_answer(7, bytes, complete), Ok(serialised));
            }
        }
    }
}

//! What a message may be.

use lethe_protocol::{Code, Error, MESSAGE_MAX_BYTES, MessageAttributes};

use crate::Verdict;

/// The elements a client or the REST API may send. Tips and notices are the server's own.
const SENDABLE: [&str; 9] = [
    "TIMTextElem",
    "TIMImageElem",
    "TIMSoundElem",
    "TIMVideoFileElem",
    "TIMFileElem",
    "TIMCustomElem",
    "TIMFaceElem",
    "TIMLocationElem",
    "TIMRelayElem",
];
/// Mentions per message (`10053` at the vendor; refused as a malformed message).
const MENTIONS_MAX: usize = 30;

/// Checks elements and attributes: known elements in the form `[{MsgType, MsgContent}]`, at most 12 KB with the custom
/// data.
///
/// # Errors
/// `80002` when too long, `20001` when malformed.
pub fn may_send(body: &str, attributes: &MessageAttributes) -> Verdict {
    let size = body.len() + attributes.cloud_custom_data.len();
    if size > MESSAGE_MAX_BYTES {
        let message = format!("a message has at most {MESSAGE_MAX_BYTES} bytes, not {size}");
        return Err(Error::new(Code::MESSAGE_TOO_LONG, message));
    }
    let elements: Vec<Element<'_>> =
        serde_json::from_str(body).map_err(|error| malformed(&error.to_string()))?;
    if elements.is_empty() {
        return Err(malformed("a message has at least one element"));
    }
    for element in &elements {
        if !SENDABLE.contains(&element.kind.as_ref()) {
            return Err(malformed(&format!("{:?} is not an element one can send", element.kind)));
        }
        if !element.content.get().starts_with('{') {
            return Err(malformed("MsgContent is an object"));
        }
    }
    if elements.iter().filter(|element| element.kind == "TIMCustomElem").count() > 1 {
        return Err(malformed("a message has at most one custom element"));
    }
    if attributes.at.len() > MENTIONS_MAX {
        return Err(malformed(&format!("a message mentions at most {MENTIONS_MAX} users")));
    }
    match attributes.priority.as_deref() {
        None | Some("High" | "Normal" | "Low" | "Lowest") => Ok(()),
        Some(other) => Err(malformed(&format!("{other:?} is not a priority"))),
    }
}

fn malformed(message: &str) -> Error {
    Error::new(Code::BAD_MESSAGE, message)
}

/// An element as far as the server looks into it.
#[derive(serde::Deserialize)]
struct Element<'a> {
    #[serde(rename = "MsgType", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(rename = "MsgContent", borrow)]
    content: &'a serde_json::value::RawValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> String {
        format!(r#"[{{"MsgType":"TIMTextElem","MsgContent":{{"Text":"{}"}}}}]"#, "x".repeat(len))
    }

    #[test]
    fn twelve_kilobytes_pass_and_one_more_does_not() {
        let frame = text(0).len();
        let attributes = MessageAttributes::default();
        assert_eq!(may_send(&text(MESSAGE_MAX_BYTES - frame), &attributes), Ok(()));
        let refused = may_send(&text(MESSAGE_MAX_BYTES - frame + 1), &attributes).unwrap_err();
        assert_eq!(refused.code, Code::MESSAGE_TOO_LONG);
        let heavy = MessageAttributes { cloud_custom_data: "c".into(), ..MessageAttributes::default() };
        assert_eq!(
            may_send(&text(MESSAGE_MAX_BYTES - frame), &heavy).unwrap_err().code,
            Code::MESSAGE_TOO_LONG
        );
    }

    #[test]
    fn malformed_messages_are_refused() {
        let attributes = MessageAttributes::default();
        for body in [
            "",
            "null",
            "{}",
            "[]",
            "[1]",
            r#"[{"MsgType":"TIMTextElem"}]"#,
            r#"[{"MsgType":"TIMTextElem","MsgContent":"x"}]"#,
            r#"[{"MsgType":"TIMGroupTipElem","MsgContent":{}}]"#,
            r#"[{"MsgType":"Unknown","MsgContent":{}}]"#,
            r#"[{"MsgType":"TIMCustomElem","MsgContent":{}},{"MsgType":"TIMCustomElem","MsgContent":{}}]"#,
        ] {
            assert_eq!(may_send(body, &attributes).unwrap_err().code, Code::BAD_MESSAGE, "{body}");
        }
    }

    #[test]
    fn thirty_mentions_pass_and_one_more_does_not() {
        let mentions = |n| MessageAttributes { at: vec!["bob".into(); n], ..MessageAttributes::default() };
        assert!(may_send(&text(1), &mentions(30)).is_ok());
        assert!(may_send(&text(1), &mentions(31)).is_err());
    }
}

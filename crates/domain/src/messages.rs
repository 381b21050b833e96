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
/// How deep elements may nest: readers of JSON give up at 128.
const DEPTH_MAX: usize = 100;

/// Checks elements and attributes: known elements in the form `[{MsgType, MsgContent}]`, at most 12 KB with the custom
/// data.
///
/// # Errors
/// `80002` when too long, `20001` when malformed.
pub fn may_send(body: &str, attributes: &MessageAttributes) -> Verdict {
    // As it is stored: what has to be escaped counts as it is written.
    let said =
        if attributes.is_empty() { 0 } else { serde_json::to_vec(attributes).map_or(0, |json| json.len()) };
    let size = body.len() + said;
    if size > MESSAGE_MAX_BYTES {
        let message = format!("a message has at most {MESSAGE_MAX_BYTES} bytes, not {size}");
        return Err(Error::new(Code::MESSAGE_TOO_LONG, message));
    }
    // Most have few brackets in all, which is seen many bytes at a time.
    if brackets(body) > DEPTH_MAX && depth(body) > DEPTH_MAX {
        return Err(malformed(&format!("elements nest at most {DEPTH_MAX} deep")));
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

/// How many arrays and objects begin in a JSON text, at most: brackets in its strings count, too.
fn brackets(json: &str) -> usize {
    json.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count()
}

/// How deep arrays and objects nest in a JSON text.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
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
    fn elements_nest_a_hundred_deep_and_no_deeper() {
        let attributes = MessageAttributes::default();
        // The list of elements, the element and its content are three of them.
        let nested = |n: usize| {
            format!(
                r#"[{{"MsgType":"TIMCustomElem","MsgContent":{{"x":{}{}}}}}]"#,
                "[".repeat(n),
                "]".repeat(n)
            )
        };
        assert_eq!(may_send(&nested(97), &attributes), Ok(()));
        assert_eq!(may_send(&nested(98), &attributes).unwrap_err().code, Code::BAD_MESSAGE);
        // More than is looked at no further.
        let said = format!(r#""{}\"{}""#, "[".repeat(DEPTH_MAX), "{".repeat(DEPTH_MAX));
        assert_eq!(may_send(&text(0).replace("\"\"", &said), &attributes), Ok(()), "texts do not nest");
        let beside = format!(r#"{},"y":[{}0]"#, "[]", "[],".repeat(DEPTH_MAX));
        assert_eq!(
            may_send(&nested(0).replace("{\"x\":", &format!("{{\"x\":{beside}")), &attributes),
            Ok(()),
            "nor do neighbours"
        );
    }

    #[test]
    fn thirty_mentions_pass_and_one_more_does_not() {
        let mentions = |n| MessageAttributes { at: vec!["bob".into(); n], ..MessageAttributes::default() };
        assert!(may_send(&text(1), &mentions(30)).is_ok());
        assert!(may_send(&text(1), &mentions(31)).is_err());
    }
}

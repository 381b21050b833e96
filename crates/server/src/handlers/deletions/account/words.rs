//! What is left of messages that an erased account wrote, or that name it.

use lethe_protocol::Message;
use lethe_store::{StoredMessage, Timeline};
use serde_json::Value;

use crate::failure::Result;
use crate::handlers::deletions::everyone::remains;

/// Who wrote the messages of erased accounts, as the members of a group see it. Nobody can log in under this name.
const GONE: &str = "@TIM#DELETED";
/// How the IDs of their messages begin.
const NOBODY: &str = "0-";
/// Fields of tips and notices that name users.
const NAMING: [&str; 3] = ["operatorID", "userID", "userIDList"];

/// What is left of a message that names the account, and whether its words are gone; none when it does not.
pub(super) fn anonymous(
    user: &str,
    timeline: &Timeline,
    stored: &StoredMessage,
) -> Result<Option<(StoredMessage, bool)>> {
    let quoted = serde_json::to_string(user).unwrap_or_default();
    if memchr::memmem::find(stored.json(), quoted.as_bytes()).is_none() {
        return Ok(None);
    }
    let message = stored.message()?;
    let left = if message.from == user {
        if message.removed && message.id.starts_with(NOBODY) {
            // Done before a crash.
            return Ok(None);
        }
        let mut left = Message { nick: String::new(), avatar: String::new(), ..remains(message)? };
        if matches!(timeline, Timeline::Group(_)) {
            GONE.clone_into(&mut left.from);
        }
        // The first part of a message's ID stands for its sender.
        left.id = left.id.split_once('-').map_or_else(String::new, |(_, rest)| format!("{NOBODY}{rest}"));
        left
    } else if message.from.starts_with("@TIM#") && tells_of(user, message.body.get()) {
        remains(message)?
    } else if message.attributes.at.iter().any(|at| at == user) {
        let mut left = message;
        left.attributes.at.retain(|at| at != user);
        left
    } else {
        return Ok(None);
    };
    Ok(Some((stored.with(&left), left.removed)))
}

/// Whether a tip or notice names a user: in the fields that do so, for a user may be called like anything else in it.
fn tells_of(user: &str, body: &str) -> bool {
    serde_json::from_str(body).is_ok_and(|body| names(user, &body))
}

fn names(user: &str, value: &Value) -> bool {
    match value {
        Value::Array(all) => all.iter().any(|one| names(user, one)),
        Value::Object(fields) => fields.iter().any(|(field, value)| match value {
            Value::String(text) => text == user && NAMING.contains(&field.as_str()),
            Value::Array(all) if NAMING.contains(&field.as_str()) => all.iter().any(|one| one == user),
            value => names(user, value),
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::tells_of;

    #[test]
    fn a_user_called_like_a_field_or_a_group_is_not_everywhere() {
        let tip = r#"[{"MsgType":"TIMGroupTipElem","MsgContent":{"operatorID":"bob","userIDList":["carol"],
            "memberList":[{"userID":"carol","nick":""}],"groupProfile":{"name":"Public","type":"Public"}}}]"#;
        for user in ["bob", "carol"] {
            assert!(tells_of(user, tip), "{user}");
        }
        for user in ["name", "Public", "TIMGroupTipElem", "userID", "dave"] {
            assert!(!tells_of(user, tip), "{user}");
        }
    }
}

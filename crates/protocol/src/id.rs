use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest user ID in bytes (REST rule for `UserID`).
const USER_ID_MAX: usize = 32;
/// Longest group ID in bytes (group error page: custom IDs are at most 48 printable ASCII characters).
const GROUP_ID_MAX: usize = 48;
/// How the names of the system begin; nobody else may speak under one.
const RESERVED: &str = "@TIM#";
/// The conversation of system notices.
const SYSTEM: &str = "@TIM#SYSTEM";

/// One user's view of one timeline, written as Tencent's SDK writes it: `C2C` and the peer's user ID, `GROUP` and the
/// group's ID, or `@TIM#SYSTEM`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConversationId {
    /// The chat with this user.
    User(String),
    /// The chat of this group.
    Group(String),
    /// Notices of the system to this user.
    System,
}

/// A conversation ID that no user or group can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId;

/// Whether `id` can name a user: 1 to 32 bytes of printable ASCII, and not the system's own `@TIM#`.
#[must_use]
pub fn user_id_is_valid(id: &str) -> bool {
    let reserved = id.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED));
    is_printable(id, USER_ID_MAX) && !reserved
}

/// Whether `id` can name a group: 1 to 48 bytes of printable ASCII.
#[must_use]
pub fn group_id_is_valid(id: &str) -> bool {
    is_printable(id, GROUP_ID_MAX)
}

fn is_printable(id: &str, max: usize) -> bool {
    (1..=max).contains(&id.len()) && id.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

impl ConversationId {
    /// Reads the written form.
    ///
    /// # Errors
    /// [`InvalidId`] when the prefix is unknown or what follows it cannot be a user or group ID.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text == SYSTEM {
            return Ok(Self::System);
        }
        if let Some(user) = text.strip_prefix("C2C").filter(|id| user_id_is_valid(id)) {
            return Ok(Self::User(user.to_owned()));
        }
        if let Some(group) = text.strip_prefix("GROUP").filter(|id| group_id_is_valid(id)) {
            return Ok(Self::Group(group.to_owned()));
        }
        Err(InvalidId)
    }

    /// The two parts of the written form: what kind it is, and the ID of the user or group.
    #[must_use]
    pub fn written(&self) -> (&'static str, &str) {
        match self {
            Self::User(id) => ("C2C", id),
            Self::Group(id) => ("GROUP", id),
            Self::System => (SYSTEM, ""),
        }
    }
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a conversation ID: expected C2C{userID}, GROUP{groupID} or @TIM#SYSTEM")
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.written();
        f.write_str(kind)?;
        f.write_str(id)
    }
}

impl Serialize for ConversationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConversationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms_come_back() {
        for text in ["C2Calice", "GROUP@TGS#1", "@TIM#SYSTEM", "C2CGROUPie", "GROUPC2C"] {
            assert_eq!(ConversationId::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let user = "u".repeat(USER_ID_MAX);
        assert!(ConversationId::parse(&format!("C2C{user}")).is_ok());
        assert_eq!(ConversationId::parse(&format!("C2C{user}u")), Err(InvalidId));
        let group = "g".repeat(GROUP_ID_MAX);
        assert!(ConversationId::parse(&format!("GROUP{group}")).is_ok());
        assert_eq!(ConversationId::parse(&format!("GROUP{group}g")), Err(InvalidId));
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in [
            "",
            "C2C",
            "GROUP",
            "alice",
            "c2calice",
            "C2Cal\u{e9}",
            "C2Ca\nb",
            "@TIM#SYSTEM ",
            "C2C@TIM#SYSTEM",
            "C2C@tim#x",
        ] {
            assert_eq!(ConversationId::parse(text), Err(InvalidId), "{text:?}");
        }
    }
}

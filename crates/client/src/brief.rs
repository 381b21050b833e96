use lethe_protocol::{ConversationId, MessageAttributes};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a replica looks at in a message.
#[derive(Clone, Debug, Deserialize)]
pub struct Brief {
    /// Place in its timeline; 0 for one that is not stored.
    pub seq: u64,
    /// Server time in ms.
    pub time: u64,
    /// `${tinyID}-${clientTime}-${random}`.
    pub id: String,
    /// The sender.
    pub from: String,
    /// The receiver of a one-to-one message or of a notice.
    pub to: Option<String>,
    /// The group of a group message.
    pub group: Option<String>,
    /// What the sender said about it.
    #[serde(default)]
    pub attributes: MessageAttributes,
}

impl Brief {
    /// Reads a message; none if it is not one.
    #[must_use]
    pub fn of(message: &RawValue) -> Option<Self> {
        serde_json::from_str(message.get()).ok()
    }

    /// The conversation in which `me` sees it.
    #[must_use]
    pub fn conversation(&self, me: &str) -> ConversationId {
        match (&self.group, &self.to) {
            (Some(group), _) => ConversationId::Group(group.clone()),
            (None, _) if self.from == "@TIM#SYSTEM" => ConversationId::System,
            (None, Some(to)) if self.from == me => ConversationId::User(to.clone()),
            (None, _) => ConversationId::User(self.from.clone()),
        }
    }
}

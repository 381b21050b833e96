//! What the plan does beyond plain deletions: undo, clearing for everyone, putting away, holds, exports, other settings.

use lethe_protocol::{
    ArchiveConversations, ConversationId, DeleteConversations, DeletionScope, PreviewDeletion, Request,
    RestoreConversation,
};
use rand::RngExt as _;
use serde_json::{Value, json};

use super::{PEOPLE, Plan};
use crate::support::Actor;

impl Plan {
    /// A request about deletion that is not one.
    pub(super) fn removal(&mut self, actor: &Actor) -> Request {
        let conversation_id = self.conversation();
        match self.rng.random_range(0..10) {
            0..=4 => Request::RestoreConversation(RestoreConversation { conversation_id }),
            5..=6 => Request::ArchiveConversations(ArchiveConversations {
                conversation_ids: vec![conversation_id],
                archived: self.chance(2),
                keep: self.chance(3),
            }),
            7 => {
                let Request::DeleteConversations(asked) = self.deletion(actor) else {
                    return Request::ListGroups;
                };
                let DeleteConversations { items, clear_history, .. } = asked;
                let scope = if self.chance(2) { DeletionScope::Me } else { DeletionScope::Everyone };
                Request::PreviewDeletion(PreviewDeletion { items, clear_history, scope })
            }
            8 => match self.deletion(actor) {
                Request::DeleteConversations(asked) => Request::DeleteConversations(DeleteConversations {
                    scope: DeletionScope::Everyone,
                    ..asked
                }),
                other => other,
            },
            _ => match self.deletion(actor) {
                Request::DeleteConversations(asked) => {
                    let key = Some(format!("key {}", self.rng.random_range(0..50)));
                    Request::DeleteConversations(DeleteConversations { key, ..asked })
                }
                other => other,
            },
        }
    }

    /// Something an administrator does over REST.
    pub(super) async fn administrate(&mut self) {
        let person = self.person();
        let named = |id: &ConversationId| match id {
            ConversationId::User(peer) => json!({"Type": 1, "To_Account": peer}),
            ConversationId::Group(group) => json!({"Type": 2, "ToGroupid": group}),
            ConversationId::System => json!({"Type": 3}),
        };
        let id = named(&self.conversation());
        let held = if self.chance(2) {
            json!({"User_Account": person, "Reason": "plan"})
        } else {
            json!({"GroupId": self.group_id(), "Reason": "plan"})
        };
        let (path, body) = match self.rng.random_range(0..10) {
            0 => ("lethe_deletion/hold", held),
            1..=2 => ("lethe_deletion/release", held),
            3 => {
                let mut body = id;
                body["From_Account"] = json!(person);
                body["Delete"] = json!(self.chance(2));
                ("lethe_conversation/export", body)
            }
            4 => ("lethe_conversation/restore", json!({"From_Account": person, "Items": [id]})),
            5 => {
                let scope = if self.chance(3) { "everyone" } else { "me" };
                let body = json!({"From_Account": person, "Items": [id], "Scope": scope});
                ("lethe_conversation/delete", body)
            }
            6 => ("lethe_group/retention", json!({"GroupId": self.group_id(), "Days": 1})),
            7 => ("lethe_config/set", json!({"ErasureGrace": self.pick(&[0, 1, 3600])})),
            _ => {
                let scope = self.pick(&["off", "own-messages", "all", "all"]);
                ("lethe_config/set", json!({"DeleteForEveryone": scope}))
            }
        };
        let answer: Value = self.world.rest(path, body.clone()).await;
        let code = answer["ErrorCode"].as_u64().unwrap();
        assert!(code != 98001 && code != 20005, "step {}: {path} {body}: {answer}", self.step);
        assert!(PEOPLE.contains(&person.as_str()));
    }
}

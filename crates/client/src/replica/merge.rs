//! Two states of a conversation of which each has something that the other lacks: between nodes they overtake each other.

use lethe_protocol::Conversation;

use super::keep_newer;
use crate::Brief;

/// Makes of two states what is certain: what the user did from the one, what was said from the other. It is right but for
/// what lies between the two, until the conversation is asked for; what was deleted or cleared is gone at once.
pub(super) fn combine(known: &mut Conversation, mut next: Conversation) {
    if next.change > known.change {
        std::mem::swap(known, &mut next);
    }
    let (own, talk) = (known, next);
    if own.left {
        // Its head is where the user left.
        return;
    }
    own.messages += talk.head.saturating_sub(own.head);
    own.head = own.head.max(talk.head);
    own.active_at = own.active_at.max(talk.active_at);
    let visible = |seq: u64| seq > own.cleared_to;
    if let Some(last) = talk.last_message.filter(|last| Brief::of(last).is_some_and(|last| visible(last.seq)))
    {
        own.last_message = Some(last);
    }
    keep_newer(&mut own.group, talk.group);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lethe_protocol::{ConversationId, ConversationsDeleted, DeletedConversation, Event, GotConversation};
    use serde_json::json;

    use super::*;
    use crate::Replica;

    fn bob() -> ConversationId {
        ConversationId::User("bob".to_owned())
    }

    fn state(change: u64, head: u64, cleared_to: u64) -> Conversation {
        let last = json!({ "seq": head, "time": 1, "id": "1-1-1", "from": "bob", "to": "alice" });
        let state = json!({
            "conversationId": "C2Cbob", "change": change, "head": head, "unread": 0, "messages": head.saturating_sub(cleared_to),
            "activeAt": head, "clearedTo": cleared_to, "readTo": 0, "peerReadTo": 0, "pinned": false,
            "remindType": "AcceptAndNotify", "marks": [], "customData": "", "left": false, "lastMessage": last,
        });
        serde_json::from_value(state).unwrap()
    }

    fn seen(replica: &Replica) -> (u64, u64, u64, u64) {
        let seen = replica.get(&bob()).unwrap();
        (seen.change, seen.head, seen.cleared_to, seen.messages)
    }

    fn deletion(survivor: Conversation) -> Event {
        let deleted = DeletedConversation {
            conversation_id: bob(),
            change: survivor.change,
            listed_after: survivor.cleared_to,
            cleared_to: survivor.cleared_to,
            survivor: Some(Box::new(survivor)),
        };
        Event::ConversationsDeleted(ConversationsDeleted { conversations: vec![deleted] })
    }

    fn got(conversation: Conversation) -> Vec<GotConversation> {
        vec![GotConversation { listed: true, conversation }]
    }

    #[test]
    fn what_is_cleared_is_gone_although_the_word_of_a_later_message_came_first() {
        let mut replica = Replica::new("alice");
        assert_eq!(replica.put(state(1, 15, 0)), None);
        assert_eq!(replica.apply(deletion(state(2, 14, 12))), [bob()], "what lies between is asked for");
        assert_eq!(seen(&replica), (2, 15, 12, 3));
        assert!(replica.get(&bob()).unwrap().last_message.is_some());
        assert!(replica.fetched(&BTreeSet::from([bob()]), got(state(2, 16, 12))).is_empty());
        assert_eq!(seen(&replica), (2, 16, 12, 4));
    }

    #[test]
    fn a_last_message_that_is_cleared_is_not_shown() {
        let mut known = state(1, 12, 0);
        combine(&mut known, Conversation { last_message: None, ..state(2, 11, 12) });
        assert_eq!((known.change, known.head, known.last_message.is_none()), (2, 12, true));
    }

    #[test]
    fn where_the_user_left_nothing_was_said_after_it() {
        let mut known = state(1, 15, 0);
        combine(&mut known, Conversation { left: true, ..state(2, 14, 0) });
        assert_eq!((known.head, known.left), (14, true));
    }

    #[test]
    fn what_changes_while_it_is_asked_for_is_asked_for_again() {
        let mut replica = Replica::new("alice");
        assert_eq!(replica.put(state(1, 15, 0)), None);
        assert_eq!(replica.apply(deletion(state(2, 14, 12))), [bob()]);
        assert!(replica.apply(deletion(state(3, 14, 13))).is_empty(), "it is on its way");
        assert_eq!(seen(&replica), (3, 15, 13, 2));
        let asked = BTreeSet::from([bob()]);
        assert_eq!(replica.fetched(&asked, got(state(2, 15, 12))), [bob()], "this answer is from before");
        assert_eq!(seen(&replica), (3, 15, 13, 2));
        assert!(replica.fetched(&asked, got(state(3, 15, 13))).is_empty());
        assert!(!replica.is_fetching());
    }
}

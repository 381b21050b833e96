//! A page of the list as text. It is what a client waits for, and has up to 500 rows.

use crate::fields::Fields as _;
use crate::{Conversation, Profile};

/// The frame that answers request `id` with a [`ConversationPage`](crate::ConversationPage), as serialising gives it. Last
/// messages are JSON already, beside conversations without one; a conversation that has its own keeps it.
#[must_use]
pub fn list_answer<'a>(
    id: u64,
    rows: impl Iterator<Item = (&'a Conversation, Option<&'a str>)>,
    cursor: Option<&str>,
) -> String {
    // Most rows are shorter: with their messages they have some 700 bytes.
    let mut frame = String::with_capacity(64 + rows.size_hint().0 * 1024);
    frame.number(r#"{"id":"#, id);
    frame.push_str(r#","ok":{"conversations":["#);
    for (n, (conversation, last)) in rows.enumerate() {
        if n > 0 {
            frame.push(',');
        }
        write_conversation(&mut frame, conversation, last);
    }
    frame.push(']');
    if let Some(cursor) = cursor {
        frame.text(r#","cursor":"#, cursor);
    }
    frame.push_str("}}");
    frame
}

fn write_conversation(frame: &mut String, conversation: &Conversation, last: Option<&str>) {
    frame.push_str(r#"{"conversationId":"#);
    let (kind, id) = conversation.conversation_id.written();
    frame.quoted(kind, id);
    frame.number(r#","change":"#, conversation.change);
    frame.number(r#","head":"#, conversation.head);
    frame.number(r#","unread":"#, conversation.unread.into());
    frame.number(r#","messages":"#, conversation.messages);
    frame.number(r#","activeAt":"#, conversation.active_at);
    frame.number(r#","clearedTo":"#, conversation.cleared_to);
    frame.number(r#","readTo":"#, conversation.read_to);
    frame.number(r#","peerReadTo":"#, conversation.peer_read_to);
    frame.truth(r#","pinned":"#, conversation.pinned);
    frame.push_str(r#","remindType":""#);
    frame.push_str(conversation.remind_type.name());
    frame.push_str(r#"","marks":["#);
    for (n, mark) in conversation.marks.iter().enumerate() {
        frame.text(if n > 0 { "," } else { "" }, mark);
    }
    frame.text(r#"],"customData":"#, &conversation.custom_data);
    if conversation.archived {
        frame.push_str(r#","archived":true"#);
    }
    frame.truth(r#","left":"#, conversation.left);
    if conversation.unlisted {
        frame.push_str(r#","unlisted":true"#);
    }
    if let Some(user) = &conversation.user {
        write_profile(frame, user);
    }
    frame.text_if_any(r#","remark":"#, &conversation.remark);
    if let Some(group) = &conversation.group {
        frame.push_str(r#","group":"#);
        frame.push_str(&crate::frame::encode(group));
    }
    let own = conversation.last_message.as_ref().map(|message| message.get());
    frame.push_str(r#","lastMessage":"#);
    frame.push_str(own.or(last).unwrap_or("null"));
    frame.push('}');
}

fn write_profile(frame: &mut String, profile: &Profile) {
    frame.text(r#","user":{"userId":"#, &profile.user_id);
    frame.text_if_any(r#","nick":"#, &profile.nick);
    frame.text_if_any(r#","avatar":"#, &profile.avatar);
    frame.text_if_any(r#","gender":"#, &profile.gender);
    frame.number_if_any(r#","birthday":"#, profile.birthday);
    frame.text_if_any(r#","location":"#, &profile.location);
    frame.text_if_any(r#","selfSignature":"#, &profile.self_signature);
    frame.text_if_any(r#","allowType":"#, &profile.allow_type);
    frame.number_if_any(r#","language":"#, profile.language);
    frame.number_if_any(r#","messageSettings":"#, profile.message_settings);
    frame.number_if_any(r#","level":"#, profile.level);
    frame.number_if_any(r#","role":"#, profile.role);
    frame.push('}');
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::{ConversationId, ConversationPage, GroupProfile, RemindType};

    /// Texts that are likely to need escaping.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[ -~]{0,20}",
            r#"[\x00-\x1f"\\/a\x7f\u{2028}é好😀]{1,6}"#,
            Just(r#","lastMessage":null}"#.to_owned()),
        ]
    }

    fn id() -> impl Strategy<Value = ConversationId> {
        prop_oneof![
            text().prop_map(ConversationId::User),
            text().prop_map(ConversationId::Group),
            Just(ConversationId::System)
        ]
    }

    fn profile() -> impl Strategy<Value = Profile> {
        (prop::collection::vec(text(), 7), prop::collection::vec(prop_oneof![Just(0), any::<u32>()], 5))
            .prop_map(|(texts, numbers)| Profile {
                user_id: texts[0].clone(),
                nick: texts[1].clone(),
                avatar: texts[2].clone(),
                gender: texts[3].clone(),
                birthday: numbers[0],
                location: texts[4].clone(),
                self_signature: texts[5].clone(),
                allow_type: texts[6].clone(),
                language: numbers[1],
                message_settings: numbers[2],
                level: numbers[3],
                role: numbers[4],
            })
    }

    fn group() -> impl Strategy<Value = GroupProfile> {
        text().prop_map(|name| {
            let group = serde_json::json!({
                "groupId": "g", "type": "Public", "name": name, "avatar": "", "introduction": "", "notification": "",
                "ownerId": "bob", "createTime": 1, "infoSequence": 2, "lastInfoTime": 3, "memberCount": 4,
                "maxMemberCount": 5, "joinOption": "FreeAccess", "inviteOption": "DisableInvite",
                "muteAllMembers": false, "dismissed": false, "updated": 6,
            });
            serde_json::from_value(group).unwrap()
        })
    }

    fn conversation() -> impl Strategy<Value = Conversation> {
        let remind = prop::sample::select(vec![
            RemindType::AcceptAndNotify,
            RemindType::AcceptNotNotify,
            RemindType::Discard,
            RemindType::AcceptNotNotifyExceptAt,
        ]);
        let numbers = prop::collection::vec(prop_oneof![Just(0), any::<u64>()], 7);
        let truths = prop::collection::vec(any::<bool>(), 4);
        let marks = prop::collection::vec(text(), 0..3);
        let about = (option::of(profile()), text(), option::of(group()), text());
        (id(), numbers, any::<u32>(), truths, remind, marks, about).prop_map(
            |(
                conversation_id,
                numbers,
                unread,
                truths,
                remind_type,
                marks,
                (user, remark, group, custom_data),
            )| {
                Conversation {
                    conversation_id,
                    change: numbers[0],
                    head: numbers[1],
                    unread,
                    messages: numbers[2],
                    active_at: numbers[3],
                    cleared_to: numbers[4],
                    read_to: numbers[5],
                    peer_read_to: numbers[6],
                    pinned: truths[0],
                    remind_type,
                    marks,
                    custom_data,
                    archived: truths[1],
                    left: truths[2],
                    unlisted: truths[3],
                    user,
                    remark,
                    group,
                    last_message: None,
                }
            },
        )
    }

    fn last() -> impl Strategy<Value = Option<String>> {
        option::of(text().prop_map(|text| serde_json::json!({ "seq": 1, "text": text }).to_string()))
    }

    fn raw(text: Option<&String>) -> Option<Box<RawValue>> {
        text.map(|text| RawValue::from_string(text.clone()).unwrap())
    }

    proptest! {
        #[test]
        fn a_list_that_is_written_is_the_list_that_is_serialised(
            rows in prop::collection::vec((conversation(), last(), last()), 0..4),
            cursor in option::of(text()),
            id in any::<u64>(),
        ) {
            let with = |conversation: &Conversation, last| Conversation { last_message: last, ..conversation.clone() };
            let outlines: Vec<_> = rows.iter().map(|(row, own, _)| with(row, raw(own.as_ref()))).collect();
            let texts = rows.iter().map(|(_, _, last)| last.as_deref());
            let whole = rows.iter().map(|(row, own, last)| with(row, raw(own.as_ref().or(last.as_ref()))));
            let page = ConversationPage { conversations: whole.collect(), cursor: cursor.clone() };
            let written = list_answer(id, outlines.iter().zip(texts), cursor.as_deref());
            prop_assert_eq!(written, crate::answer(id, &page));
        }
    }
}

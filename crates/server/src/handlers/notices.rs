//! Tips in a group's timeline and the system's notices to a user: messages that nobody typed.

use lethe_domain::accounts::FIRST_TINY_ID;
use lethe_domain::groups::Group;
use lethe_protocol::{Code, ConversationId, MessageAttributes};
use lethe_store::{Audience, NewMessage, Timeline, Tx};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};

/// The sender of tips and notices.
const SYSTEM: &str = "@TIM#SYSTEM";

/// `operationType` of group tips (`GRP_TIP_*`).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tip {
    Joined = 1,
    Quit = 2,
    Removed = 3,
    AdminSet = 4,
    AdminUnset = 5,
    ProfileChanged = 6,
}

/// `operationType` of system notices.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notice {
    Application = 1,
    Approved = 2,
    Rejected = 3,
    Removed = 4,
    Dismissed = 5,
    Created = 6,
    Invited = 7,
    Quit = 8,
    AdminSet = 9,
    AdminUnset = 10,
}

/// Appends a tip and tells the group. Needs the timeline's lock.
pub(crate) async fn tip(
    tx: &mut Tx,
    group_id: &str,
    group: &Group,
    tip: Tip,
    operator: &str,
    users: &[String],
    mut more: Value,
    now: u64,
) -> Result<()> {
    let mut members = Vec::with_capacity(users.len());
    for user in users {
        let account = tx.account(user).await?.unwrap_or_default();
        members.push(json!({"userID": user, "nick": account.nick, "avatar": account.avatar}));
    }
    let account = tx.account(operator).await?.unwrap_or_default();
    let content = merge(
        json!({
            "operationType": tip as u8,
            "operatorID": operator,
            "operatorInfo": {"userID": operator, "nick": account.nick, "avatar": account.avatar},
            "userIDList": users,
            "memberList": members,
            "memberCount": group.members,
            "groupProfile": profile(group_id, group),
        }),
        &mut more,
    );
    let attributes = MessageAttributes { no_unread: true, ..MessageAttributes::default() };
    let message = message("TIMGroupTipElem", &content, attributes, now)?;
    let stored = tx.append(&Timeline::Group(group_id.to_owned()), message).await?;
    tx.publish(stored.publication(Audience::Group(group_id.to_owned())));
    Ok(())
}

/// Appends a notice to a user's system conversation and tells the user. Needs that timeline's lock.
pub(crate) async fn notice(
    tx: &mut Tx,
    user_id: &str,
    notice: Notice,
    operator: &str,
    group_id: &str,
    group: &Group,
    mut more: Value,
    now: u64,
) -> Result<()> {
    let content = merge(
        json!({
            "operationType": notice as u8,
            "operatorID": operator,
            "groupProfile": profile(group_id, group),
        }),
        &mut more,
    );
    let message = message("TIMGroupSystemNoticeElem", &content, MessageAttributes::default(), now)?;
    let stored = tx.append(&Timeline::System(user_id.to_owned()), message).await?;
    tx.index(user_id, &ConversationId::System).await?;
    tx.publish(stored.publication(Audience::Users(vec![user_id.to_owned()])));
    Ok(())
}

fn profile(group_id: &str, group: &Group) -> Value {
    json!({"groupID": group_id, "name": group.name, "type": group.kind(), "avatar": group.avatar})
}

fn merge(mut content: Value, more: &mut Value) -> Value {
    if let (Some(content), Some(more)) = (content.as_object_mut(), more.as_object_mut()) {
        content.append(more);
    }
    content
}

fn message(kind: &str, content: &Value, attributes: MessageAttributes, now: u64) -> Result<NewMessage> {
    let body = serde_json::value::to_raw_value(&json!([{"MsgType": kind, "MsgContent": content}]))
        .map_err(|error| Failure::refuse(Code::GROUP_INTERNAL, error.to_string()))?;
    Ok(NewMessage {
        id: format!("{}-{}-{}", FIRST_TINY_ID - 1, now / 1000, rand::random::<u32>()),
        from: SYSTEM.to_owned(),
        body,
        attributes,
        nick: String::new(),
        avatar: String::new(),
        time: now,
    })
}

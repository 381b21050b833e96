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

/// What a tip or notice is about.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) group_id: &'a str,
    pub(crate) group: &'a Group,
    /// Who did it.
    pub(crate) operator: &'a str,
    /// Server time in ms.
    pub(crate) now: u64,
}

impl About<'_> {
    fn profile(&self) -> Value {
        let Group { name, avatar, .. } = self.group;
        json!({"groupID": self.group_id, "name": name, "type": self.group.kind(), "avatar": avatar})
    }
}

/// Appends a tip about these users and tells the group. Needs the timeline's lock.
pub(crate) async fn tip(
    tx: &mut Tx,
    about: About<'_>,
    tip: Tip,
    users: &[String],
    more: Value,
) -> Result<()> {
    let mut members = Vec::with_capacity(users.len());
    for user in users {
        let account = tx.account(user).await?.unwrap_or_default();
        members.push(json!({"userID": user, "nick": account.nick, "avatar": account.avatar}));
    }
    let account = tx.account(about.operator).await?.unwrap_or_default();
    let content = json!({
        "operationType": tip as u8,
        "operatorID": about.operator,
        "operatorInfo": {"userID": about.operator, "nick": account.nick, "avatar": account.avatar},
        "userIDList": users,
        "memberList": members,
        "memberCount": about.group.members,
        "groupProfile": about.profile(),
    });
    let attributes = MessageAttributes { no_unread: true, ..MessageAttributes::default() };
    let message = message("TIMGroupTipElem", merge(content, more), attributes, about.now)?;
    let stored = tx.append(&Timeline::Group(about.group_id.to_owned()), message).await?;
    tx.publish(stored.publication(Audience::Group(about.group_id.to_owned()))?);
    Ok(())
}

/// Appends a notice to a user's system conversation and tells the user. Needs that timeline's lock.
pub(crate) async fn notice(
    tx: &mut Tx,
    user_id: &str,
    about: About<'_>,
    notice: Notice,
    more: Value,
) -> Result<()> {
    let content = json!({
        "operationType": notice as u8,
        "operatorID": about.operator,
        "groupProfile": about.profile(),
    });
    let message =
        message("TIMGroupSystemNoticeElem", merge(content, more), MessageAttributes::default(), about.now)?;
    let stored = tx.append(&Timeline::System(user_id.to_owned()), message).await?;
    tx.index(user_id, &ConversationId::System).await?;
    tx.publish(stored.publication(Audience::Users(vec![user_id.to_owned()]))?);
    Ok(())
}

fn merge(mut content: Value, more: Value) -> Value {
    if let (Some(content), Value::Object(mut more)) = (content.as_object_mut(), more) {
        content.append(&mut more);
    }
    content
}

fn message(kind: &str, content: Value, attributes: MessageAttributes, now: u64) -> Result<NewMessage> {
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

use lethe_protocol::{
    Code, Conversation, ConversationId, DeleteConversations, DeleteItem, ListConversations,
    group_id_is_valid, user_id_is_valid,
};
use lethe_store::Locks;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::conversations;
use crate::handlers::deletions::{self, Caller};

/// Conversations in one page.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(rename = "From_Account")]
    user_id: String,
    #[serde(default)]
    start_index: u64,
    #[serde(default)]
    assist_flags: u32,
}

/// `recentcontact/get_list`: pinned ones first, then by activity; `StartIndex` of the answer is the next page's.
pub(super) async fn list(cx: &Context, request: List) -> Result<Value> {
    known(cx, &request.user_id).await?;
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = conversations::list(cx, &request.user_id, &ListConversations { cursor, limit: 500 })
            .await?
            .page()?;
        all.extend(page.conversations);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let wants_empty = request.assist_flags & 2 != 0;
    all.retain(|conversation| wants_empty || conversation.last_message.is_some());
    all.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.conversation_id.cmp(&b.conversation_id)));
    let start = usize::try_from(request.start_index).unwrap_or(usize::MAX).min(all.len());
    let end = (start + PAGE).min(all.len());
    let items: Vec<Value> = all[start..end].iter().map(item).collect();
    let (complete, next) = if end == all.len() { (1, 0) } else { (0, end) };
    Ok(json!({
        "SessionItem": items,
        "CompleteFlag": complete,
        "TimeStamp": 0,
        "StartIndex": next,
        "TopTimeStamp": 0,
        "TopStartIndex": 0,
        "ErrorDisplay": "",
    }))
}

fn order(conversation: &Conversation) -> (bool, std::cmp::Reverse<u64>) {
    (!conversation.pinned, std::cmp::Reverse(conversation.active_at))
}

fn item(conversation: &Conversation) -> Value {
    let (time, top) = (conversation.active_at / 1000, u32::from(conversation.pinned));
    match &conversation.conversation_id {
        ConversationId::User(peer) => json!({"Type": 1, "To_Account": peer, "MsgTime": time, "TopFlag": top}),
        ConversationId::Group(group) => {
            json!({"Type": 2, "GroupId": group, "ToGroupid": group, "MsgTime": time, "TopFlag": top})
        }
        ConversationId::System => {
            json!({"Type": 3, "To_Account": "@TIM#SYSTEM", "MsgTime": time, "TopFlag": top})
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Delete {
    #[serde(rename = "From_Account")]
    user_id: String,
    #[serde(rename = "Type", alias = "type")]
    kind: u32,
    #[serde(rename = "To_Account")]
    peer: Option<String>,
    #[serde(rename = "ToGroupid", alias = "GroupId")]
    group_id: Option<String>,
    /// Clears the history too; without it, as for clients, it is cleared.
    #[serde(rename = "ClearRamble")]
    clear: Option<u32>,
}

/// `recentcontact/delete`. The setting for clients decides whether the user's clients hear it.
pub(super) async fn delete(cx: &Context, administrator: &str, request: Delete) -> Result<Value> {
    let bad = |message: &str| Failure::refuse(Code::CONVERSATION_PARAMETER, message);
    let conversation_id = match (request.kind, request.peer, request.group_id) {
        (1, Some(peer), _) if user_id_is_valid(&peer) => ConversationId::User(peer),
        (2, _, Some(group)) if group_id_is_valid(&group) => ConversationId::Group(group),
        (1, ..) => return Err(bad("Type 1 needs To_Account")),
        (2, ..) => return Err(bad("Type 2 needs ToGroupid")),
        _ => return Err(bad("Type is 1 or 2")),
    };
    let clear_history = match request.clear {
        None | Some(1) => true,
        Some(0) => false,
        Some(_) => return Err(bad("ClearRamble is 0 or 1")),
    };
    known(cx, &request.user_id).await?;
    let items = vec![DeleteItem { conversation_id, anchor: None }];
    let caller = Caller::administrator(administrator, &request.user_id);
    let request = DeleteConversations { items, clear_history, ..DeleteConversations::default() };
    let outcome = deletions::delete(cx, &caller, &request).await?;
    match outcome.failed.into_iter().next() {
        Some(failed) => Err(failed.error.into()),
        None => Ok(json!({"ErrorDisplay": ""})),
    }
}

pub(super) async fn known(cx: &Context, user_id: &str) -> Result<()> {
    if cx.store.begin(Locks::none()).await?.account(user_id).await?.is_some() {
        return Ok(());
    }
    Err(Failure::refuse(Code::CONVERSATION_UNKNOWN_ACCOUNT, format!("there is no account {user_id:?}")))
}

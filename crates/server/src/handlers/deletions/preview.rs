use lethe_domain::conversations::{View, may_take_list};
use lethe_domain::deletions::{Everyone, may_delete_for_everyone};
use lethe_domain::groups::Actor;
use lethe_protocol::{
    ConversationId, DeleteItem, DeletionPreview, DeletionScope, FailedConversation, PreviewDeletion,
    PreviewedConversation,
};
use lethe_store::{Direction, Locks, Timeline, Tx};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::unique;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::conversations::{known, not_found};

/// Messages of one conversation in which files and bytes are counted: the newest.
const COUNTED: usize = 10_000;
const STEP: usize = 500;
/// Elements that stand for a file.
const FILES: [&str; 4] = ["TIMImageElem", "TIMSoundElem", "TIMVideoFileElem", "TIMFileElem"];

/// `conversations.previewDeletion`: counts, and changes nothing.
pub(crate) async fn preview(cx: &Context, me: &str, request: &PreviewDeletion) -> Result<DeletionPreview> {
    may_take_list(request.items.len())?;
    let tx = cx.store.begin(Locks::none()).await?;
    let mut preview = DeletionPreview {
        conversations: Vec::new(),
        failed: Vec::new(),
        restorable_seconds: if request.scope == DeletionScope::Me { cx.settings().erasure_grace } else { 0 },
        devices: if cx.settings().sync_conversation_deletion { cx.hub.clients_of(me) } else { 1 },
    };
    for item in unique(&request.items) {
        match preview_one(cx, &tx, me, item, request).await {
            Ok(one) => preview.conversations.push(one),
            Err(Failure::Refused(error)) => {
                let conversation_id = item.conversation_id.clone();
                preview.failed.push(FailedConversation { conversation_id, error });
            }
            Err(failure) => return Err(failure),
        }
    }
    cx.store.settle().await?;
    Ok(preview)
}

async fn preview_one(
    cx: &Context,
    tx: &Tx,
    me: &str,
    item: &DeleteItem,
    request: &PreviewDeletion,
) -> Result<PreviewedConversation> {
    let id = &item.conversation_id;
    let timeline = Timeline::of(me, id);
    let view = known(tx, me, id).await?.ok_or_else(not_found)?;
    let head = tx.head(&timeline).await?;
    let to = item.anchor.unwrap_or(head.seq).min(view.head(&head));
    let mut one = PreviewedConversation {
        conversation_id: id.clone(),
        messages: 0,
        files: 0,
        bytes: 0,
        more: false,
        people: 1,
    };
    let own_only = match request.scope {
        DeletionScope::Me => false,
        DeletionScope::Everyone => {
            let (right, people) = concerned(cx, tx, me, id).await?;
            one.people = people;
            right == Everyone::Own
        }
    };
    if request.clear_history || request.scope == DeletionScope::Everyone {
        one.messages = to.saturating_sub(view.floor());
        count(tx, &timeline, &view, to, own_only.then_some(me), &mut one).await?;
    }
    Ok(one)
}

/// What may go for everyone, and how many people would lose it.
async fn concerned(cx: &Context, tx: &Tx, me: &str, id: &ConversationId) -> Result<(Everyone, u32)> {
    let (actor, people) = match id {
        ConversationId::Group(group_id) => {
            let members = tx.group(group_id).await?.map_or(0, |group| group.members);
            (Some(Actor::of(tx.member(group_id, me).await?.as_ref())), members)
        }
        ConversationId::User(peer) => (None, if peer == me { 1 } else { 2 }),
        ConversationId::System => (None, 1),
    };
    Ok((may_delete_for_everyone(&cx.settings(), actor)?, people))
}

async fn count(
    tx: &Tx,
    timeline: &Timeline,
    view: &View,
    to: u64,
    sender: Option<&str>,
    one: &mut PreviewedConversation,
) -> Result<()> {
    let (mut to, mut counted, mut own) = (to, 0, 0);
    while to > view.floor() && counted < COUNTED {
        let step = tx.messages(timeline, view.floor(), to, Direction::Backward, STEP).await?;
        let Some(oldest) = step.last() else { break };
        to = oldest.seq - 1;
        counted += step.len();
        for message in step.iter().filter(|message| sender.is_none_or(|sender| message.from == sender)) {
            own += 1;
            one.bytes += message.json.len() as u64;
            one.files += files(&message.json);
        }
    }
    one.more = to > view.floor() && counted >= COUNTED;
    if sender.is_some() {
        one.messages = own;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Deserialize)]
struct Element<'a> {
    #[serde(rename = "MsgType", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

fn files(json: &[u8]) -> u64 {
    let elements = |body: Body<'_>| {
        serde_json::from_str::<Vec<Element<'_>>>(body.body.get())
            .ok()
            .map(|all| all.iter().filter(|element| FILES.contains(&element.kind.as_ref())).count() as u64)
    };
    serde_json::from_slice::<Body<'_>>(json).ok().and_then(elements).unwrap_or(0)
}

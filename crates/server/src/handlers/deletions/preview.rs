use lethe_domain::conversations::may_take_list;
use lethe_domain::deletions::Everyone;
use lethe_protocol::{
    ConversationId, DeleteItem, DeletionPreview, DeletionScope, FailedConversation, PreviewDeletion,
    PreviewedConversation,
};
use lethe_store::{Direction, Locks, StoredMessage, Timeline, Tx};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::everyone::{may_go, oldest, right};
use super::{Caller, unique};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::conversations::{known, not_found};

/// Messages of one conversation in which files and bytes are counted: the newest,
const COUNTED: usize = 10_000;
/// and of one call, whose conversations share them.
const COUNTED_IN_ALL: usize = 100_000;
const STEP: usize = 500;
/// Elements that stand for a file.
const FILES: [&str; 4] = ["TIMImageElem", "TIMSoundElem", "TIMVideoFileElem", "TIMFileElem"];

/// `conversations.previewDeletion`: counts, and changes nothing.
pub(crate) async fn preview(
    cx: &Context,
    caller: &Caller,
    request: &PreviewDeletion,
) -> Result<DeletionPreview> {
    let me = caller.user.as_str();
    may_take_list(request.items.len())?;
    let tx = cx.store.begin(Locks::none()).await?;
    let mut preview = DeletionPreview {
        conversations: Vec::new(),
        failed: Vec::new(),
        restorable_seconds: if request.scope == DeletionScope::Me { cx.settings().erasure_grace } else { 0 },
        devices: if cx.settings().sync_conversation_deletion { cx.hub.clients_of(me) } else { 1 },
    };
    let mut left = COUNTED_IN_ALL;
    for item in unique(&request.items) {
        match preview_one(cx, &tx, caller, item, request, &mut left).await {
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
    caller: &Caller,
    item: &DeleteItem,
    request: &PreviewDeletion,
    left: &mut usize,
) -> Result<PreviewedConversation> {
    let me = caller.user.as_str();
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
    let mut own = None;
    if request.scope == DeletionScope::Everyone {
        one.people = people(tx, me, id).await?;
        match right(cx, tx, caller, id).await? {
            Everyone::Own => own = Some(Own { sender: me, since: oldest(cx) }),
            Everyone::All => may_go(cx, tx, &timeline, to).await?,
        }
    }
    if request.clear_history || request.scope == DeletionScope::Everyone {
        // For everyone, what the caller has cleared already may still be there for others.
        let everyones = head.floor.max(head.erased_to);
        let after = if request.scope == DeletionScope::Me { view.floor() } else { everyones };
        one.messages = to.saturating_sub(after);
        count(tx, &timeline, (after, to), own, &mut one, left).await?;
    }
    Ok(one)
}

/// How many people would lose it.
async fn people(tx: &Tx, me: &str, id: &ConversationId) -> Result<u32> {
    Ok(match id {
        ConversationId::Group(group_id) => tx.group(group_id).await?.map_or(0, |group| group.members),
        ConversationId::User(peer) if peer != me => 2,
        ConversationId::User(_) | ConversationId::System => 1,
    })
}

/// The messages of one user that may still go for everyone: those since this time in ms, unless they are gone already.
#[derive(Clone, Copy)]
struct Own<'a> {
    sender: &'a str,
    since: u64,
}

impl Own<'_> {
    fn has(&self, message: &StoredMessage) -> Result<bool> {
        Ok(message.from() == self.sender.as_bytes()
            && message.time()? >= self.since
            && !message.message()?.removed)
    }
}

async fn count(
    tx: &Tx,
    timeline: &Timeline,
    (after, to): (u64, u64),
    own: Option<Own<'_>>,
    one: &mut PreviewedConversation,
    left: &mut usize,
) -> Result<()> {
    let (mut to, mut counted, mut going) = (to, 0, 0);
    while to > after && counted < COUNTED && *left > 0 {
        let step = tx.messages(timeline, after, to, Direction::Backward, STEP.min(*left)).await?;
        let Some(oldest) = step.last() else { break };
        to = oldest.seq - 1;
        counted += step.len();
        *left -= step.len();
        for message in &step {
            if own.map_or(Ok(true), |own| own.has(message))? {
                going += 1;
                one.bytes += message.json().len() as u64;
                one.files += files(message.json());
            }
        }
    }
    one.more = to > after && (counted >= COUNTED || *left == 0);
    if own.is_some() {
        one.messages = going;
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

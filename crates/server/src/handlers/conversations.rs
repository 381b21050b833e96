mod list;
mod load;

use lethe_domain::conversations::{
    Archive, Head, Place, View, mark_from, may_pin, may_store_custom_data, may_take_list,
};
use lethe_protocol::{
    ArchiveConversations, CONVERSATIONS_PER_CALL, ChangeOutcome, Code, ConversationId, Conversations,
    ConversationsChanged, Error, Event, FailedConversation, GetConversations, GotConversation,
    MarkConversations, OpenConversation, PeerRead, PinConversation, ReadAll, ReadConversation, SetCustomData,
    SetRemindType,
};
use lethe_store::{Audience, Locks, Need, Timeline, Tx};

use crate::context::Context;
use crate::failure::Result;

pub(crate) use self::list::list;
use self::load::needing;
pub(crate) use self::load::{Loaded, describe, load_all, with_news};

/// `conversations.get`.
pub(crate) async fn get(cx: &Context, me: &str, request: &GetConversations) -> Result<Conversations> {
    may_take_list(request.conversation_ids.len())?;
    let found = load_all(cx, me, &request.conversation_ids)
        .await?
        .into_iter()
        .flatten()
        .filter(|loaded| exists(loaded));
    let got = |loaded: Box<Loaded>| GotConversation {
        listed: loaded.is_listed(),
        conversation: loaded.conversation,
    };
    let conversations = found.map(got).collect();
    cx.store.settle().await?;
    Ok(Conversations { conversations })
}

/// A conversation with nobody about nothing does not exist.
fn exists(loaded: &Loaded) -> bool {
    loaded.head.seq > 0 || loaded.conversation.user.is_some() || loaded.conversation.group.is_some()
}

/// The conversation is known to the server: it has a view, or messages.
pub(crate) async fn known(tx: &Tx, me: &str, id: &ConversationId) -> Result<Option<View>> {
    let head = tx.head(&Timeline::of(me, id)).await?;
    if head.seq == 0 {
        return Ok(tx.view_at(me, id, &head).await?);
    }
    Ok(tx.view_or_default(me, id, &head).await?)
}

pub(crate) fn not_found() -> Error {
    Error::new(Code::CONVERSATION_NOT_FOUND, "there is no such conversation")
}

/// Stores a change and tells all the user's clients the new state. Without synchronised deletions one may still show what
/// another has deleted; those that do not show it ignore what is not listed.
pub(crate) async fn change(tx: &mut Tx, me: &str, id: &ConversationId, mut view: View) -> Result<()> {
    tx.change_view(me, id, &mut view).await?;
    let head = tx.head(&Timeline::of(me, id)).await?;
    let loaded = describe(tx, me, id, view, head).await?;
    let conversations = vec![loaded.conversation];
    tx.tell(
        Audience::Users(vec![me.to_owned()]),
        &Event::ConversationsChanged(ConversationsChanged { conversations }),
    );
    Ok(())
}

/// The place up to which a client asks for something; without one, and at most, what the user may read.
///
/// Counting is left out where nothing will be counted from: below the base, and in a group the user has left.
pub(crate) async fn place(
    tx: &Tx,
    me: &str,
    id: &ConversationId,
    view: &View,
    up_to: Option<u64>,
) -> Result<Place> {
    let timeline = Timeline::of(me, id);
    let head = tx.head(&timeline).await?;
    let visible = view.head(&head);
    let seq = up_to.unwrap_or(visible).min(visible);
    if view.left() || seq < view.base {
        return Ok(Place { seq, ..Place::default() });
    }
    if seq == view.base {
        // Known already; and the message there may be erased, whose count would tell it.
        return Ok(Place { seq, count: view.base_count, own_above: view.own });
    }
    Ok(tx.place(&timeline, &head, me, seq).await?)
}

/// The locks for changing these conversations of a user.
fn locks<'a>(me: &str, ids: impl IntoIterator<Item = &'a ConversationId>) -> Locks {
    ids.into_iter().fold(Locks::none().user(me), |locks, id| locks.timeline(&Timeline::of(me, id)))
}

pub(crate) async fn begin(cx: &Context, me: &str, id: &ConversationId) -> Result<Tx> {
    begin_all(cx, me, [id]).await
}

pub(crate) async fn begin_all<'a>(
    cx: &Context,
    me: &str,
    ids: impl IntoIterator<Item = &'a ConversationId> + Clone,
) -> Result<Tx> {
    let need = || {
        let needing =
            |need: Need, id: &'a ConversationId| needing(need, me, id).listed(me, id).deletion(me, id);
        ids.clone().into_iter().fold(Need::new().change(me), needing)
    };
    Ok(cx.store.begin_with(locks(me, ids.clone()), need).await?)
}

/// `conversations.read`. Reading nothing is no error: apps read whatever they show.
pub(crate) async fn read(cx: &Context, me: &str, request: &ReadConversation) -> Result<()> {
    let id = &request.conversation_id;
    let mut tx = begin(cx, me, id).await?;
    let Some(view) = known(&tx, me, id).await? else { return Ok(()) };
    read_one(cx, &mut tx, me, id, view, request.up_to).await?;
    tx.commit().await?;
    Ok(())
}

async fn read_one(
    cx: &Context,
    tx: &mut Tx,
    me: &str,
    id: &ConversationId,
    mut view: View,
    up_to: Option<u64>,
) -> Result<()> {
    let place = place(tx, me, id, &view, up_to).await?;
    let before = view.clone();
    let advanced = view.read(place, cx.now());
    if view == before {
        return Ok(());
    }
    change(tx, me, id, view).await?;
    if let (true, ConversationId::User(peer)) = (advanced, id) {
        let read = PeerRead { user_id: me.to_owned(), read_to: place.seq };
        tx.tell(Audience::Users(vec![peer.clone()]), &Event::PeerRead(read));
    }
    Ok(())
}

/// `conversations.readAll`: as many in one transaction as one call could name, so that no lock is held for all of them.
pub(crate) async fn read_all(cx: &Context, me: &str, request: ReadAll) -> Result<()> {
    let wanted = |id: &ConversationId| match id {
        ConversationId::User(_) => request.users,
        ConversationId::Group(_) => request.groups,
        ConversationId::System => request.users && request.groups,
    };
    let mut ids = cx.store.begin(Locks::none()).await?.indexed(me, None, usize::MAX / 2).await?;
    ids.retain(wanted);
    for ids in ids.chunks(CONVERSATIONS_PER_CALL) {
        let mut tx = begin_all(cx, me, ids).await?;
        for id in ids {
            if let Some(view) = known(&tx, me, id).await? {
                read_one(cx, &mut tx, me, id, view, None).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(())
}

/// `conversations.pin`.
pub(crate) async fn pin(cx: &Context, me: &str, request: &PinConversation) -> Result<()> {
    let id = &request.conversation_id;
    let mut tx = begin(cx, me, id).await?;
    let mut view = openable(&tx, me, id).await?;
    if view.pinned == request.pinned {
        return Ok(tx.commit().await?);
    }
    if request.pinned {
        may_pin(count_pinned(&tx, me).await?)?;
        let head = tx.head(&Timeline::of(me, id)).await?;
        if !view.listed(&head) {
            view.open(cx.now());
        }
        tx.index(me, id).await?;
    }
    view.pinned = request.pinned;
    change(&mut tx, me, id, view).await?;
    tx.commit().await?;
    Ok(())
}

pub(crate) async fn count_pinned(tx: &Tx, me: &str) -> Result<usize> {
    let mut pinned = 0;
    for id in tx.indexed(me, None, usize::MAX / 2).await? {
        pinned += usize::from(tx.view(me, &id).await?.is_some_and(|view| view.pinned));
    }
    Ok(pinned)
}

/// A view that can be listed without a message: of a known conversation, or of an existing user.
async fn openable(tx: &Tx, me: &str, id: &ConversationId) -> Result<View> {
    if let Some(view) = known(tx, me, id).await? {
        return Ok(view);
    }
    match id {
        ConversationId::User(peer) if tx.account(peer).await?.is_some() => Ok(View::default()),
        _ => Err(not_found().into()),
    }
}

/// `conversations.open`.
pub(crate) async fn open(cx: &Context, me: &str, request: &OpenConversation) -> Result<()> {
    let id = &request.conversation_id;
    let mut tx = begin(cx, me, id).await?;
    let mut view = openable(&tx, me, id).await?;
    let head = tx.head(&Timeline::of(me, id)).await?;
    if view.listed(&head) {
        return Ok(tx.commit().await?);
    }
    view.open(cx.now());
    tx.index(me, id).await?;
    change(&mut tx, me, id, view).await?;
    tx.commit().await?;
    Ok(())
}

/// `conversations.remind`.
pub(crate) async fn remind(cx: &Context, me: &str, request: &SetRemindType) -> Result<ChangeOutcome> {
    let remind_type = request.remind_type;
    change_several(cx, me, &request.conversation_ids, |view, _| view.set_remind_type(remind_type)).await
}

/// `conversations.mark`.
pub(crate) async fn mark(cx: &Context, me: &str, request: &MarkConversations) -> Result<ChangeOutcome> {
    let mark = mark_from(&request.mark)?;
    let set = |view: &mut View, _: &Head| {
        view.marks = if request.enable { view.marks | mark } else { view.marks & !mark };
    };
    change_several(cx, me, &request.conversation_ids, set).await
}

/// `conversations.customData`.
pub(crate) async fn custom_data(cx: &Context, me: &str, request: &SetCustomData) -> Result<ChangeOutcome> {
    may_store_custom_data(&request.custom_data)?;
    change_several(cx, me, &request.conversation_ids, |view, _| {
        view.custom_data.clone_from(&request.custom_data)
    })
    .await
}

/// `conversations.archive`.
pub(crate) async fn archive(cx: &Context, me: &str, request: &ArchiveConversations) -> Result<ChangeOutcome> {
    let archive = match (request.archived, request.keep) {
        (false, _) => Archive::No,
        (true, false) => Archive::UntilMessage,
        (true, true) => Archive::Kept,
    };
    change_several(cx, me, &request.conversation_ids, |view, head| view.set_archive(archive, head)).await
}

async fn change_several(
    cx: &Context,
    me: &str,
    ids: &[ConversationId],
    set: impl Fn(&mut View, &Head),
) -> Result<ChangeOutcome> {
    may_take_list(ids.len())?;
    let mut tx = begin_all(cx, me, ids).await?;
    let mut outcome = ChangeOutcome { changed: Vec::new(), failed: Vec::new() };
    let mut conversations = Vec::new();
    for id in ids {
        let Ok(mut view) = openable(&tx, me, id).await else {
            outcome.failed.push(FailedConversation { conversation_id: id.clone(), error: not_found() });
            continue;
        };
        let before = view.clone();
        let head = tx.head(&Timeline::of(me, id)).await?;
        set(&mut view, &head);
        if view != before {
            tx.change_view(me, id, &mut view).await?;
            let loaded = describe(&tx, me, id, view, head).await?;
            conversations.push(loaded.conversation);
        }
        outcome.changed.push(id.clone());
    }
    if !conversations.is_empty() {
        let event = Event::ConversationsChanged(ConversationsChanged { conversations });
        tx.tell(Audience::Users(vec![me.to_owned()]), &event);
    }
    tx.commit().await?;
    Ok(outcome)
}

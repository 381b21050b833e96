//! Conversations as they are read: a view, the end of its timeline, and what both say.

use lethe_domain::conversations::{Head, View};
use lethe_protocol::{Conversation, ConversationId, DeletedConversation};
use lethe_store::{Locks, Need, StoredMessage, Timeline, Tx};

use crate::context::Context;
use crate::failure::Result;

/// A user's view, the end of its timeline, and the conversation made of both; in a box, because it is large and handed on.
pub(crate) struct Loaded {
    pub(crate) view: View,
    pub(crate) head: Head,
    /// The last message of an outline, whose conversation lacks it.
    pub(super) last: Option<StoredMessage>,
    pub(crate) conversation: Conversation,
}

impl Loaded {
    pub(crate) fn is_listed(&self) -> bool {
        self.view.listed(&self.head)
    }

    /// The outline with its last message.
    pub(super) fn complete(mut self: Box<Self>) -> Result<Box<Self>> {
        self.conversation.last_message = self.last.take().map(|message| message.raw()).transpose()?;
        Ok(self)
    }

    /// What a deletion left of it.
    pub(crate) fn into_tombstone(self) -> DeletedConversation {
        let survives = self.is_listed();
        DeletedConversation {
            conversation_id: self.conversation.conversation_id.clone(),
            change: self.view.change,
            listed_after: self.view.listed_after,
            cleared_to: self.view.cleared_to,
            survivor: survives.then(|| Box::new(self.conversation)),
        }
    }
}

/// What describing a conversation of `me` reads.
pub(super) fn needing(need: Need, me: &str, id: &ConversationId) -> Need {
    let need = need.view(me, id).head(&Timeline::of(me, id));
    match id {
        ConversationId::User(peer) => {
            need.view(peer, &ConversationId::User(me.to_owned())).account(peer).friend(me, peer)
        }
        ConversationId::Group(group_id) => need.member(group_id, me),
        ConversationId::System => need,
    }
}

/// Reads conversations, each as one moment of it, so that view and head fit together; none for one that the user never had.
pub(crate) async fn load_all(
    cx: &Context,
    me: &str,
    ids: &[ConversationId],
) -> Result<Vec<Option<Box<Loaded>>>> {
    outline_all(cx, me, ids)
        .await?
        .into_iter()
        .map(|loaded| loaded.map(Loaded::complete).transpose())
        .collect()
}

/// As [`load_all`], but only outlines.
pub(super) async fn outline_all(
    cx: &Context,
    me: &str,
    ids: &[ConversationId],
) -> Result<Vec<Option<Box<Loaded>>>> {
    let need = || ids.iter().fold(Need::new(), |need, id| needing(need, me, id));
    let mut snapshot = cx.store.snapshot(need).await?;
    snapshot.last_messages(ids.iter().map(|id| Timeline::of(me, id))).await?;
    let mut all = Vec::with_capacity(ids.len());
    let mut tx = snapshot.under(Locks::none()).await?;
    for id in ids {
        tx.look_again();
        let mut loaded = load(&tx, me, id).await?;
        if !tx.is_of_one_moment() {
            // Somebody wrote meanwhile, perhaps to this one.
            let tx = snapshot.under(Locks::none().timeline(&Timeline::of(me, id))).await?;
            loaded = load(&tx, me, id).await?;
        }
        all.push(loaded);
    }
    Ok(all)
}

async fn load(tx: &Tx, me: &str, id: &ConversationId) -> Result<Option<Box<Loaded>>> {
    let timeline = Timeline::of(me, id);
    let head = tx.head(&timeline).await?;
    match tx.view_or_default(me, id, &head).await? {
        Some(view) => Ok(Some(outline(tx, me, id, &timeline, view, head).await?)),
        None => Ok(None),
    }
}

/// Those of these conversations that are listed and of which `has_news` says so, given the user's view, the head and the
/// time in ms at which others last changed what it shows, messages apart.
pub(crate) async fn with_news(
    cx: &Context,
    me: &str,
    ids: &[ConversationId],
    has_news: impl Fn(&ConversationId, &View, &Head, u64) -> bool,
) -> Result<Vec<ConversationId>> {
    let needing = |need: Need, id: &ConversationId| {
        let need = need.view(me, id).head(&Timeline::of(me, id));
        match id {
            ConversationId::User(peer) => need.view(peer, &ConversationId::User(me.to_owned())),
            ConversationId::Group(_) | ConversationId::System => need,
        }
    };
    let snapshot = cx.store.snapshot(|| ids.iter().fold(Need::new(), needing)).await?;
    let mut news = Vec::new();
    let is_news = async |tx: &Tx, id: &ConversationId| -> Result<bool> {
        let head = tx.head(&Timeline::of(me, id)).await?;
        let Some(view) = tx.view_or_default(me, id, &head).await? else { return Ok(false) };
        Ok(view.listed(&head) && has_news(id, &view, &head, touched(tx, me, id).await?))
    };
    let mut tx = snapshot.under(Locks::none()).await?;
    for id in ids {
        tx.look_again();
        let mut news_of_it = is_news(&tx, id).await?;
        if !tx.is_of_one_moment() {
            let tx = snapshot.under(Locks::none().timeline(&Timeline::of(me, id))).await?;
            news_of_it = is_news(&tx, id).await?;
        }
        if news_of_it {
            news.push(id.clone());
        }
    }
    Ok(news)
}

/// Server time in ms of the newest change that others made to what a conversation shows, messages apart.
async fn touched(tx: &Tx, me: &str, id: &ConversationId) -> Result<u64> {
    Ok(match id {
        ConversationId::User(peer) => tx.read_by(peer, me).await?.1,
        ConversationId::Group(group_id) => tx.group(group_id).await?.map_or(0, |group| group.touched),
        ConversationId::System => 0,
    })
}

/// The complete conversation that a view shows.
pub(crate) async fn describe(
    tx: &Tx,
    me: &str,
    id: &ConversationId,
    view: View,
    head: Head,
) -> Result<Box<Loaded>> {
    outline(tx, me, id, &Timeline::of(me, id), view, head).await?.complete()
}

/// The same without its last message, which is beside it as it was stored.
async fn outline(
    tx: &Tx,
    me: &str,
    id: &ConversationId,
    timeline: &Timeline,
    view: View,
    head: Head,
) -> Result<Box<Loaded>> {
    let last = tx.last_listable(timeline, &head, view.floor(), view.head(&head)).await?;
    let conversation = Conversation {
        conversation_id: id.clone(),
        change: view.change,
        head: view.head(&head),
        unread: view.unread(&head),
        messages: view.messages(&head),
        active_at: view.active_at(&head),
        cleared_to: view.cleared_to,
        read_to: view.read_to,
        peer_read_to: 0,
        pinned: view.pinned,
        remind_type: view.remind_type(),
        marks: view.mark_list(),
        custom_data: view.custom_data.clone(),
        archived: view.archived(&head),
        left: view.left(),
        unlisted: !view.listed(&head),
        user: None,
        remark: String::new(),
        group: None,
        last_message: None,
    };
    let mut loaded = Box::new(Loaded { view, head, last, conversation });
    let conversation = &mut loaded.conversation;
    match id {
        ConversationId::User(peer) => {
            (conversation.peer_read_to, _) = tx.read_by(peer, me).await?;
            conversation.user = tx.account(peer).await?.map(|account| account.into_profile(peer));
            conversation.remark = tx.friend(me, peer).await?.map(|friend| friend.remark).unwrap_or_default();
        }
        ConversationId::Group(group_id) => {
            let member = tx.member(group_id, me).await?;
            let group = tx.group(group_id).await?;
            conversation.group = group.map(|group| group.profile(group_id, member.as_ref()));
        }
        ConversationId::System => {}
    }
    Ok(loaded)
}

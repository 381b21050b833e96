use lethe_protocol::{CONVERSATION_PAGE_MAX, Code, ConversationPage, ListConversations};
use lethe_store::{Locks, StoredMessage};

use super::load::{Loaded, outline_all};
use crate::context::Context;
use crate::failure::{Failure, Result};

/// A page of the list, with its last messages as they were stored.
pub(crate) struct Listing {
    #[expect(clippy::vec_box, reason = "they are in their boxes already, and large")]
    rows: Vec<Box<Loaded>>,
    cursor: Option<String>,
}

impl Listing {
    /// The frame that answers request `id`: stored messages are copied.
    pub(crate) fn answer(&self, id: u64) -> Result<String> {
        let stored = self.rows.iter().map(|loaded| loaded.last.as_ref().map(StoredMessage::text).transpose());
        let last = stored.collect::<std::result::Result<Vec<_>, _>>()?;
        let rows = self.rows.iter().map(|loaded| &loaded.conversation).zip(last);
        Ok(lethe_protocol::list_answer(id, rows, self.cursor.as_deref()))
    }

    /// The page as a part of something else.
    pub(crate) fn page(self) -> Result<ConversationPage> {
        let complete = |loaded: Box<Loaded>| Ok(loaded.complete()?.conversation);
        let conversations = self.rows.into_iter().map(complete).collect::<Result<_>>()?;
        Ok(ConversationPage { conversations, cursor: self.cursor })
    }
}

/// `conversations.list`: a page of what a fresh login lists.
pub(crate) async fn list(cx: &Context, me: &str, request: &ListConversations) -> Result<Listing> {
    if !(1..=CONVERSATION_PAGE_MAX).contains(&request.limit) {
        let message = format!("a page has 1 to {CONVERSATION_PAGE_MAX} conversations, not {}", request.limit);
        return Err(Failure::refuse(Code::MALFORMED_REQUEST, message));
    }
    let retains_left = cx.settings().retain_left_groups;
    let limit = request.limit as usize;
    let mut cursor = request.cursor.clone();
    let mut rows = Vec::new();
    loop {
        let tx = cx.store.begin(Locks::none()).await?;
        let ids = tx.indexed(me, cursor.as_deref(), limit - rows.len()).await?;
        let full = ids.len() == limit - rows.len();
        cursor = ids.last().map(ToString::to_string);
        let all = outline_all(cx, me, &ids).await?.into_iter().flatten();
        rows.extend(all.filter(|loaded| loaded.is_listed() && (retains_left || !loaded.view.left())));
        if !full {
            cursor = None;
        }
        if rows.len() >= limit || cursor.is_none() {
            break;
        }
    }
    cx.store.settle().await?;
    Ok(Listing { rows, cursor })
}

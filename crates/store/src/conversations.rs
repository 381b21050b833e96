use bytes::Bytes;
use lethe_domain::conversations::{Head, View};
use lethe_protocol::ConversationId;

use crate::engine::{Direction, Range, Space};
use crate::key::split_text;
use crate::{Key, Need, StoreError, Timeline, Tx};

fn key(user_id: &str, conversation: &ConversationId) -> Key {
    let (kind, id) = conversation.written();
    Key::with_room(user_id.len() + kind.len() + id.len() + 2).text(user_id).conversation(conversation)
}

fn conversation_from(text: &str) -> Result<ConversationId, StoreError> {
    ConversationId::parse(text)
        .map_err(|_| StoreError::Damaged(format!("{text:?} is stored as a conversation")))
}

/// What a user has besides conversations, each changed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contacts {
    /// The friends.
    Friends,
    /// The applications, sent and come in.
    Applications,
}

impl Contacts {
    /// No conversation's ID.
    fn text(self) -> &'static str {
        match self {
            Self::Friends => "friends",
            Self::Applications => "friend_applications",
        }
    }
}

/// What a change of a user concerned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// One conversation.
    Conversation(ConversationId),
    /// Friends or applications.
    Contacts(Contacts),
}

impl Changed {
    fn from(text: &str) -> Result<Self, StoreError> {
        match [Contacts::Friends, Contacts::Applications].into_iter().find(|what| what.text() == text) {
            Some(what) => Ok(Self::Contacts(what)),
            None => conversation_from(text).map(Self::Conversation),
        }
    }
}

impl Need {
    /// A user's view of a conversation, and of a group what else belongs to a view.
    #[must_use]
    pub fn view(self, user_id: &str, conversation: &ConversationId) -> Self {
        let need =
            self.key(Space::Views, key(user_id, conversation)).head(&Timeline::of(user_id, conversation));
        match conversation {
            ConversationId::Group(group_id) => need.group(group_id),
            ConversationId::User(_) | ConversationId::System => need,
        }
    }

    /// Whether a conversation may stand in the user's list.
    #[must_use]
    pub fn listed(self, user_id: &str, conversation: &ConversationId) -> Self {
        self.key(Space::Listed, key(user_id, conversation))
    }

    /// The user's change counter.
    #[must_use]
    pub fn change(self, user_id: &str) -> Self {
        self.key(Space::Counters, Key::new().text(user_id))
    }
}

impl Tx {
    /// A user's view of a conversation; the end of a dismissed group counts as leaving. None if the user never had one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn view(
        &self,
        user_id: &str,
        conversation: &ConversationId,
    ) -> Result<Option<View>, StoreError> {
        let head = self.head(&Timeline::of(user_id, conversation)).await?;
        self.view_at(user_id, conversation, &head).await
    }

    /// As [`Tx::view`], when the head is known already.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn view_at(
        &self,
        user_id: &str,
        conversation: &ConversationId,
        head: &Head,
    ) -> Result<Option<View>, StoreError> {
        let Some(mut view) = self.get::<View>(Space::Views, key(user_id, conversation)).await? else {
            return Ok(None);
        };
        if let ConversationId::Group(group_id) = conversation
            && !view.left()
            && let Some(group) = self.group(group_id).await?
            && let Some(end) = group.dismissed_at
        {
            view.leave(end, group.dismissed_time);
        }
        self.sink(user_id, conversation, &mut view, head).await?;
        Ok(Some(view))
    }

    /// How far the peer of `user_id` has read, and the server time in ms at which it last did: what others may know of a
    /// view.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read_by(&self, peer: &str, user_id: &str) -> Result<(u64, u64), StoreError> {
        let conversation = ConversationId::User(user_id.to_owned());
        let view = self.get::<View>(Space::Views, key(peer, &conversation)).await?;
        Ok(view.map_or((0, 0), |view| (view.read_to, view.read_time)))
    }

    /// As [`Tx::view_at`]; one-to-one conversations and the system's exist for everybody, a group's only for those who
    /// joined it once.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn view_or_default(
        &self,
        user_id: &str,
        conversation: &ConversationId,
        head: &Head,
    ) -> Result<Option<View>, StoreError> {
        let view = self.view_at(user_id, conversation, head).await?;
        if view.is_some() || matches!(conversation, ConversationId::Group(_)) {
            return Ok(view);
        }
        let mut view = View::default();
        self.sink(user_id, conversation, &mut view, head).await?;
        Ok(Some(view))
    }

    /// What is hidden from everyone, or does not exist any more, is hidden from this view too.
    async fn sink(
        &self,
        user_id: &str,
        conversation: &ConversationId,
        view: &mut View,
        head: &Head,
    ) -> Result<(), StoreError> {
        if !view.lags_behind(head) {
            return Ok(());
        }
        // Counting is needed only for those who wrote above what they have read.
        let own_above = if view.own == 0 || view.base > head.floor {
            0
        } else {
            self.own_above(&Timeline::of(user_id, conversation), user_id, head.floor, head.seq).await?
        };
        view.sink(head, own_above);
        Ok(())
    }

    /// Stores a view. Needs the timeline's lock.
    pub fn put_view(&mut self, user_id: &str, conversation: &ConversationId, view: &View) {
        self.put(Space::Views, key(user_id, conversation), view);
    }

    /// Removes a view of an account that is being erased: the bytes of its row, 0 if there is none. Needs the timeline's
    /// lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_view(
        &mut self,
        user_id: &str,
        conversation: &ConversationId,
    ) -> Result<u64, StoreError> {
        let key = key(user_id, conversation);
        let stored = self.get_bytes(Space::Views, key.clone()).await?;
        let bytes = stored.map_or(0, |value| (key.bytes().len() + value.len()) as u64);
        self.totals.erased_bytes += bytes;
        self.remove(Space::Views, key);
        Ok(bytes)
    }

    /// Stores a view as the user's next change. Needs the timeline's and the user's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn change_view(
        &mut self,
        user_id: &str,
        conversation: &ConversationId,
        view: &mut View,
    ) -> Result<(), StoreError> {
        if view.change > 0 {
            self.remove(Space::Changes, Key::new().text(user_id).number(view.change));
        }
        view.change = self.change(user_id).await? + 1;
        self.put(Space::Counters, Key::new().text(user_id), &view.change);
        let text = Bytes::from(conversation.to_string());
        self.put_bytes(Space::Changes, Key::new().text(user_id).number(view.change), text);
        self.put_view(user_id, conversation, view);
        Ok(())
    }

    /// Counts a change of all the user's friends or applications as the user's next. Needs the user's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn change_contacts(&mut self, user_id: &str, what: Contacts) -> Result<u64, StoreError> {
        let before = self.contacts_change(user_id, what).await?;
        if before > 0 {
            self.remove(Space::Changes, Key::new().text(user_id).number(before));
        }
        let change = self.change(user_id).await? + 1;
        self.put(Space::Counters, Key::new().text(user_id), &change);
        self.put(Space::Counters, Key::new().text(user_id).text(what.text()), &change);
        let text = Bytes::from_static(what.text().as_bytes());
        self.put_bytes(Space::Changes, Key::new().text(user_id).number(change), text);
        Ok(change)
    }

    /// The number of the newest change of the user's friends or applications; 0 for none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn contacts_change(&self, user_id: &str, what: Contacts) -> Result<u64, StoreError> {
        let key = Key::new().text(user_id).text(what.text());
        Ok(self.get(Space::Counters, key).await?.unwrap_or_default())
    }

    /// The user's change counter.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn change(&self, user_id: &str) -> Result<u64, StoreError> {
        Ok(self.get(Space::Counters, Key::new().text(user_id)).await?.unwrap_or_default())
    }

    /// What the user's newest changes with a greater number concerned, smallest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn changed_since(&self, user_id: &str, change: u64) -> Result<Vec<Changed>, StoreError> {
        let mut range = Range::prefix(Key::new().text(user_id).bytes());
        range.start = Key::new().text(user_id).number(change.saturating_add(1)).into_bytes();
        let pairs = self.scan(Space::Changes, &range, Direction::Forward, usize::MAX / 2).await?;
        pairs.iter().map(|(_, text)| Changed::from(&String::from_utf8_lossy(text))).collect()
    }

    /// Whether a conversation may stand in the user's list.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn is_indexed(&self, user_id: &str, conversation: &ConversationId) -> Result<bool, StoreError> {
        Ok(self.get_bytes(Space::Listed, key(user_id, conversation)).await?.is_some())
    }

    /// Lets a conversation stand in the user's list. Needs the timeline's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn index(&mut self, user_id: &str, conversation: &ConversationId) -> Result<(), StoreError> {
        if self.is_indexed(user_id, conversation).await? {
            return Ok(());
        }
        self.put_bytes(Space::Listed, key(user_id, conversation), Bytes::new());
        if self.get_bytes(Space::Views, key(user_id, conversation)).await?.is_none() {
            self.totals.conversations += 1;
        }
        Ok(())
    }

    /// Takes a conversation out of what listing looks at. Needs the timeline's lock.
    pub fn unindex(&mut self, user_id: &str, conversation: &ConversationId) {
        self.remove(Space::Listed, key(user_id, conversation));
    }

    /// At most `limit` conversations that may stand in the user's list, in the order of their IDs, above `cursor`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn indexed(
        &self,
        user_id: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let mut range = Range::prefix(Key::new().text(user_id).bytes());
        if let Some(cursor) = cursor {
            range.start = Key::new().text(user_id).text(cursor).into_bytes();
            range.start.push(0);
        }
        let pairs = self.scan(Space::Listed, &range, Direction::Forward, limit).await?;
        let parse = |key: &[u8]| {
            let text = split_text(key).and_then(|(_, rest)| split_text(rest)).map(|(text, _)| text);
            conversation_from(text.unwrap_or_default())
        };
        pairs.iter().map(|(key, _)| parse(key)).collect()
    }

    /// Counts conversations deleted, for the totals.
    pub fn count_deletions(&mut self, deleted: usize) {
        self.totals.deletions += deleted as u64;
    }
}

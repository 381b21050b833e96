use lethe_domain::friends::{Application, Friendship};

use crate::engine::{Direction, Range, Space};
use crate::key::split_text;
use crate::record::decode;
use crate::{Key, Need, StoreError, Tx};

fn friend_key(user_id: &str, friend: &str) -> Key {
    Key::new().text(user_id).text(friend)
}

/// Applications that came in order before those that were sent.
fn application_key(user_id: &str, sent: bool, other: &str) -> Key {
    Key::new().text(user_id).text(if sent { "sent" } else { "in" }).text(other)
}

fn damaged() -> StoreError {
    StoreError::Damaged("a stored key cannot be read".to_owned())
}

impl Need {
    /// What a user keeps of a friend.
    #[must_use]
    pub fn friend(self, user_id: &str, friend: &str) -> Self {
        self.key(Space::Friends, friend_key(user_id, friend))
    }
}

impl Tx {
    /// What `user_id` keeps of a friend.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn friend(&self, user_id: &str, friend: &str) -> Result<Option<Friendship>, StoreError> {
        self.get(Space::Friends, friend_key(user_id, friend)).await
    }

    /// Stores a friend. Needs the user's lock.
    pub fn put_friend(&mut self, user_id: &str, friend: &str, friendship: &Friendship) {
        self.put(Space::Friends, friend_key(user_id, friend), friendship);
    }

    /// Removes a friend. Needs the user's lock.
    pub fn remove_friend(&mut self, user_id: &str, friend: &str) {
        self.remove(Space::Friends, friend_key(user_id, friend));
    }

    /// All friends of a user, in the order of user IDs.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn friends(&self, user_id: &str) -> Result<Vec<(String, Friendship)>, StoreError> {
        let range = Range::prefix(Key::new().text(user_id).bytes());
        let pairs = self.scan(Space::Friends, &range, Direction::Forward, usize::MAX / 2).await?;
        let read = |key: &[u8], value: &[u8]| {
            let (_, rest) = split_text(key).ok_or_else(damaged)?;
            let (friend, _) = split_text(rest).ok_or_else(damaged)?;
            Ok((friend.to_owned(), decode(value)?))
        };
        pairs.iter().map(|(key, value)| read(key, value)).collect()
    }

    /// An application that `user_id` sent or that came in.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn friend_application(
        &self,
        user_id: &str,
        sent: bool,
        other: &str,
    ) -> Result<Option<Application>, StoreError> {
        self.get(Space::FriendApplications, application_key(user_id, sent, other)).await
    }

    /// Stores one side's copy of an application. Needs the user's lock.
    pub fn put_friend_application(
        &mut self,
        user_id: &str,
        sent: bool,
        other: &str,
        application: &Application,
    ) {
        self.put(Space::FriendApplications, application_key(user_id, sent, other), application);
    }

    /// Removes one side's copy of an application. Needs the user's lock.
    pub fn remove_friend_application(&mut self, user_id: &str, sent: bool, other: &str) {
        self.remove(Space::FriendApplications, application_key(user_id, sent, other));
    }

    /// All applications of a user: the other side, whether it was sent, and the copy.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn friend_applications(
        &self,
        user_id: &str,
    ) -> Result<Vec<(String, bool, Application)>, StoreError> {
        let range = Range::prefix(Key::new().text(user_id).bytes());
        let pairs = self.scan(Space::FriendApplications, &range, Direction::Forward, usize::MAX / 2).await?;
        let read = |key: &[u8], value: &[u8]| {
            let (_, rest) = split_text(key).ok_or_else(damaged)?;
            let (way, rest) = split_text(rest).ok_or_else(damaged)?;
            let (other, _) = split_text(rest).ok_or_else(damaged)?;
            Ok((other.to_owned(), way == "sent", decode(value)?))
        };
        pairs.iter().map(|(key, value)| read(key, value)).collect()
    }
}

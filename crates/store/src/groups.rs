use bytes::Bytes;
use lethe_domain::groups::{Application, Group, Member};

use crate::engine::{Direction, Range, Space};
use crate::key::split_text;
use crate::record::decode;
use crate::{Key, Need, StoreError, Tx};

fn key(group_id: &str) -> Key {
    Key::new().text(group_id)
}

fn pair(first: &str, second: &str) -> Key {
    Key::new().text(first).text(second)
}

/// The second text of a key made by [`pair`].
fn second(key: &[u8]) -> Result<String, StoreError> {
    let text = split_text(key).and_then(|(_, rest)| split_text(rest)).map(|(text, _)| text.to_owned());
    text.ok_or_else(|| StoreError::Damaged("a stored key cannot be read".to_owned()))
}

impl Need {
    /// A group.
    #[must_use]
    pub fn group(self, group_id: &str) -> Self {
        self.key(Space::Groups, key(group_id))
    }

    /// A membership.
    #[must_use]
    pub fn member(self, group_id: &str, user_id: &str) -> Self {
        self.key(Space::Members, pair(group_id, user_id))
    }
}

impl Tx {
    /// A group, dismissed ones included.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn group(&self, group_id: &str) -> Result<Option<Group>, StoreError> {
        self.get(Space::Groups, key(group_id)).await
    }

    /// Stores a group as changed at `now` in ms, or just after its last change if clocks disagree. Needs the timeline's lock.
    pub fn put_group(&mut self, group_id: &str, group: &mut Group, now: u64) {
        group.touched = now.max(group.touched + 1);
        self.put(Space::Groups, key(group_id), group);
    }

    /// Counts a new group, for the totals.
    pub fn count_group(&mut self) {
        self.totals.groups += 1;
    }

    /// A membership.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn member(&self, group_id: &str, user_id: &str) -> Result<Option<Member>, StoreError> {
        self.get(Space::Members, pair(group_id, user_id)).await
    }

    /// Stores a membership. Needs the timeline's lock.
    pub fn put_member(&mut self, group_id: &str, user_id: &str, member: &Member) {
        self.put(Space::Members, pair(group_id, user_id), member);
        self.put_bytes(Space::Memberships, pair(user_id, group_id), Bytes::new());
    }

    /// Ends a membership. Needs the timeline's lock.
    pub fn remove_member(&mut self, group_id: &str, user_id: &str) {
        self.remove(Space::Members, pair(group_id, user_id));
        self.remove(Space::Memberships, pair(user_id, group_id));
    }

    /// At most `limit` members above `after`, in the order of user IDs.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn members(
        &self,
        group_id: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Member)>, StoreError> {
        let mut range = Range::prefix(key(group_id).bytes());
        if let Some(after) = after {
            range.start = pair(group_id, after).into_bytes();
            range.start.push(0);
        }
        let pairs = self.scan(Space::Members, &range, Direction::Forward, limit).await?;
        pairs.iter().map(|(key, value)| Ok((second(key)?, decode(value)?))).collect()
    }

    /// The groups a user is in, dismissed ones included.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn memberships(&self, user_id: &str) -> Result<Vec<String>, StoreError> {
        let range = Range::prefix(key(user_id).bytes());
        let pairs = self.scan(Space::Memberships, &range, Direction::Forward, usize::MAX / 2).await?;
        pairs.iter().map(|(key, _)| second(key)).collect()
    }

    /// An application to join.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn group_application(
        &self,
        group_id: &str,
        applicant: &str,
    ) -> Result<Option<Application>, StoreError> {
        self.get(Space::GroupApplications, pair(group_id, applicant)).await
    }

    /// Stores an application to join. Needs the timeline's lock.
    pub fn put_group_application(&mut self, group_id: &str, applicant: &str, application: &Application) {
        self.put(Space::GroupApplications, pair(group_id, applicant), application);
    }

    /// The applications to a group, decided ones included.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn group_applications(&self, group_id: &str) -> Result<Vec<(String, Application)>, StoreError> {
        let range = Range::prefix(key(group_id).bytes());
        let pairs = self.scan(Space::GroupApplications, &range, Direction::Forward, usize::MAX / 2).await?;
        pairs.iter().map(|(key, value)| Ok((second(key)?, decode(value)?))).collect()
    }
}

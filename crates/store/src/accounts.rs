use std::collections::BTreeSet;

use bytes::Bytes;
use lethe_domain::accounts::{Account, FIRST_TINY_ID};
use lethe_domain::deletions::Removed;
use lethe_protocol::ConversationId;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::engine::{Direction, Range, Space};
use crate::key::split_text;
use crate::record::decode;
use crate::{Key, Need, StoreError, Timeline, Tx};

/// Spaces whose keys begin with a user, and which hold nothing but what belongs to that user; views are left with their
/// timelines.
const OWN: [Space; 8] = [
    Space::Listed,
    Space::Changes,
    Space::Counters,
    Space::Undos,
    Space::Nonces,
    Space::Memberships,
    Space::Friends,
    Space::FriendApplications,
];
/// Spaces whose keys name a user in the second place.
const OTHERS: [Space; 3] = [Space::Friends, Space::FriendApplications, Space::GroupApplications];
/// Keys looked at in one step.
const STEP: usize = 2048;

/// An erased account is remembered by a digest of its name only: so that the UserSigs from before it do not bring it back.
fn erased_key(user_id: &str) -> Key {
    let digest = Sha256::digest(user_id.as_bytes());
    let text = digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    Key::new().text("erased").text(&text)
}

/// An account that is being erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct UnderErasure {
    /// The administrator who asked for it.
    #[n(0)]
    pub by: String,
    /// Server time in ms of its last step.
    #[n(1)]
    pub time: u64,
    /// The node that works on it.
    #[n(2)]
    pub worker: String,
    /// What was removed so far.
    #[n(3)]
    pub removed: Vec<Removed>,
    /// The name of its row, if the journal's copy has one already; otherwise empty.
    #[n(4)]
    pub row: String,
}

impl UnderErasure {
    /// Whether this worker may go on: it is its own, or the one that had it did nothing for `abandoned` ms.
    #[must_use]
    pub fn is_free(&self, worker: &str, now: u64, abandoned: u64) -> bool {
        self.worker == worker || self.time.saturating_add(abandoned) < now
    }

    /// Adds rows of one store, and their bytes.
    pub fn count(&mut self, store: &str, count: u64, bytes: u64) {
        let known = self.removed.iter_mut().find(|removed| removed.store == store);
        if let Some(removed) = known {
            (removed.count, removed.bytes) = (removed.count + count, removed.bytes + bytes);
        } else if count > 0 {
            self.removed.push(Removed { store: store.to_owned(), count, bytes });
        }
    }
}

fn pending_key(user_id: &str) -> Key {
    Key::new().text("erasing").text(user_id)
}

fn key(user_id: &str) -> Key {
    Key::new().text(user_id)
}

fn counter_key() -> Key {
    Key::new().text("accounts")
}

impl Need {
    /// An account.
    #[must_use]
    pub fn account(self, user_id: &str) -> Self {
        self.key(Space::Accounts, key(user_id))
    }
}

impl Tx {
    /// An account.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn account(&self, user_id: &str) -> Result<Option<Account>, StoreError> {
        self.get(Space::Accounts, key(user_id)).await
    }

    /// Whether there is an account.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn has_account(&self, user_id: &str) -> Result<bool, StoreError> {
        Ok(self.get_bytes(Space::Accounts, key(user_id)).await?.is_some())
    }

    /// Stores an account. Needs the user's lock.
    pub fn put_account(&mut self, user_id: &str, account: &Account) {
        self.put(Space::Accounts, key(user_id), account);
    }

    /// A new account with the next number. Needs the app's and the user's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn create_account(&mut self, user_id: &str, now: u64) -> Result<Account, StoreError> {
        let number: u64 = self.get(Space::Meta, counter_key()).await?.unwrap_or_default();
        self.put(Space::Meta, counter_key(), &(number + 1));
        let account = Account { tiny_id: FIRST_TINY_ID + number, created: now, ..Account::default() };
        self.put_account(user_id, &account);
        self.totals.accounts += 1;
        Ok(account)
    }

    /// Removes an account. UserSigs from before `now` in Unix seconds do not bring it back. Needs the user's lock.
    pub fn remove_account(&mut self, user_id: &str, now: u64) {
        self.remove(Space::Accounts, key(user_id));
        self.put(Space::Meta, erased_key(user_id), &now);
    }

    /// Unix seconds at which an account of this name was erased; 0 if none was.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn account_erased(&self, user_id: &str) -> Result<u64, StoreError> {
        Ok(self.get(Space::Meta, erased_key(user_id)).await?.unwrap_or_default())
    }

    /// Whether an account is being erased, and how far it has come.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn account_under_erasure(&self, user_id: &str) -> Result<Option<UnderErasure>, StoreError> {
        self.get(Space::Meta, pending_key(user_id)).await
    }

    /// Notes that an account is being erased, or that this is done. Needs the user's lock.
    pub fn mark_for_erasure(&mut self, user_id: &str, by: Option<&UnderErasure>) {
        match by {
            Some(by) => self.put(Space::Meta, pending_key(user_id), by),
            None => self.remove(Space::Meta, pending_key(user_id)),
        }
    }

    /// Accounts that are being erased.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn accounts_under_erasure(&self) -> Result<Vec<(String, UnderErasure)>, StoreError> {
        let range = Range::prefix(Key::new().text("erasing").bytes());
        let pairs = self.scan(Space::Meta, &range, Direction::Forward, usize::MAX / 2).await?;
        let user = |key: &[u8]| {
            let user =
                split_text(key).and_then(|(_, rest)| split_text(rest)).map(|(user, _)| user.to_owned());
            user.ok_or_else(|| StoreError::Damaged("a stored key cannot be read".to_owned()))
        };
        pairs.iter().map(|(key, by)| Ok((user(key)?, decode(by)?))).collect()
    }

    /// The conversations of which a user has a view.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn viewed(&self, user_id: &str) -> Result<Vec<ConversationId>, StoreError> {
        let range = Range::prefix(key(user_id).bytes());
        let mut viewed = Vec::new();
        for space in [Space::Views, Space::Listed] {
            let pairs = self.scan(space, &range, Direction::Forward, usize::MAX / 2).await?;
            let second = |key: &[u8]| {
                let (_, rest) = split_text(key)?;
                ConversationId::parse(split_text(rest)?.0).ok()
            };
            viewed.extend(pairs.iter().filter_map(|(key, _)| second(key)));
        }
        Ok(viewed)
    }

    /// The timelines that a user has written to, as far as its messages are not erased.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn written_to(&self, user_id: &str) -> Result<BTreeSet<Timeline>, StoreError> {
        let prefix = key(user_id);
        let mut range = Range::prefix(prefix.bytes());
        let mut timelines = BTreeSet::new();
        loop {
            let pairs = self.scan(Space::Nonces, &range, Direction::Forward, STEP).await?;
            // After the sender come two numbers, then the timeline.
            let timeline =
                |key: &[u8]| Timeline::split(key.get(prefix.bytes().len() + 16..)?).map(|(t, _)| t);
            timelines.extend(pairs.iter().filter_map(|(key, _)| timeline(key)));
            let Some((last, _)) = pairs.last().filter(|_| pairs.len() == STEP) else { return Ok(timelines) };
            range.start = last.to_vec();
            range.start.push(0);
        }
    }

    /// Removes about `limit` rows of each space that belong to a user or that others keep of it: from which stores how
    /// many, and their bytes. Nothing when nothing is left. Needs the user's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn erase_rows_of(
        &mut self,
        user_id: &str,
        limit: usize,
    ) -> Result<Vec<(&'static str, u64, u64)>, StoreError> {
        let mut removed = Vec::new();
        for space in OWN {
            let pairs =
                self.scan(space, &Range::prefix(key(user_id).bytes()), Direction::Forward, limit).await?;
            self.erase_rows(space, &pairs, &mut removed);
        }
        let keys = Range::prefix(Key::new().text("u").text(user_id).bytes());
        let pairs = self.scan(Space::Keys, &keys, Direction::Forward, limit).await?;
        self.erase_rows(Space::Keys, &pairs, &mut removed);
        if removed.is_empty() {
            for space in OTHERS {
                let pairs = self.naming(space, user_id, limit).await?;
                self.erase_rows(space, &pairs, &mut removed);
            }
        }
        Ok(removed)
    }

    fn erase_rows(
        &mut self,
        space: Space,
        pairs: &[(Bytes, Bytes)],
        removed: &mut Vec<(&'static str, u64, u64)>,
    ) {
        if pairs.is_empty() {
            return;
        }
        let bytes = pairs.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum();
        self.totals.erased_bytes += bytes;
        removed.push((space.name(), pairs.len() as u64, bytes));
        for (key, _) in pairs {
            self.remove(space, Key::new().tuple(key));
        }
    }

    /// Rows of others whose last part names a user. It looks at the whole space: erasing an account is rare.
    async fn naming(
        &self,
        space: Space,
        user_id: &str,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let mut tail = vec![0];
        tail.extend_from_slice(key(user_id).bytes());
        let (mut found, mut range) = (Vec::new(), Range { start: Vec::new(), end: None });
        loop {
            let pairs = self.scan(space, &range, Direction::Forward, STEP).await?;
            let next = pairs.last().filter(|_| pairs.len() == STEP).map(|(key, _)| key.to_vec());
            found.extend(pairs.into_iter().filter(|(key, _)| key.ends_with(&tail)));
            match next {
                Some(start) if found.len() < limit => {
                    range.start = start;
                    range.start.push(0);
                }
                _ => return Ok(found),
            }
        }
    }
}

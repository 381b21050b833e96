use lethe_domain::accounts::{Account, FIRST_TINY_ID};

use crate::engine::Space;
use crate::{Key, Need, StoreError, Tx};

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
}

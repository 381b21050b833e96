use bytes::Bytes;
use lethe_protocol::Settings;

use crate::engine::Space;
use crate::{Key, StoreError, Tx};

fn key() -> Key {
    Key::new().text("settings")
}

impl Tx {
    /// The app's settings.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn settings(&self) -> Result<Settings, StoreError> {
        let bytes = self.get_bytes(Space::Meta, key()).await?;
        let damaged = |error| StoreError::Damaged(format!("the stored settings cannot be read: {error}"));
        bytes.map_or(Ok(Settings::default()), |bytes| serde_json::from_slice(&bytes).map_err(damaged))
    }

    /// Stores the app's settings. Needs the app's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn put_settings(&mut self, settings: &Settings) -> Result<(), StoreError> {
        let json = serde_json::to_vec(settings).map_err(|error| StoreError::Write(error.to_string()))?;
        self.put_bytes(Space::Meta, key(), Bytes::from(json));
        Ok(())
    }
}

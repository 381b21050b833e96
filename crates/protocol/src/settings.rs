use serde::{Deserialize, Serialize};

/// The app's settings, as the console and `lethe_config` name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Settings {
    /// Whether a deletion reaches the user's other clients. Off: they keep their list until their next login.
    pub sync_conversation_deletion: bool,
    /// Simultaneous web clients per user, 1 to 10; one more ends the oldest login.
    pub online_web_instances: u32,
    /// Whether conversations of groups one has left stay in the list after the next login, until deleted.
    pub retain_left_groups: bool,
    /// Users who may call the REST API; at least one.
    pub administrators: Vec<String>,
    /// Seconds in which a deletion can be undone, and after which what nobody can read is erased; 0 to 31 536 000.
    #[serde(default = "erasure_grace")]
    #[cfg_attr(test, ts(type = "number"))]
    pub erasure_grace: u64,
    /// What users may delete for everyone.
    #[serde(default)]
    pub delete_for_everyone: DeleteForEveryone,
    /// Seconds for which a message can be deleted for everyone; 0 for ever.
    #[serde(default = "delete_for_everyone_window")]
    #[cfg_attr(test, ts(type = "number"))]
    pub delete_for_everyone_window: u64,
    /// Days for which messages are kept, 0 to 36 500; 0 for ever. A group may have its own.
    #[serde(default)]
    pub retention_days: u32,
}

/// What users may delete for everyone (`DeleteForEveryone`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum DeleteForEveryone {
    /// Nothing.
    #[default]
    Off,
    /// Their own messages.
    OwnMessages,
    /// One-to-one histories; owners and administrators, a group's.
    All,
}

/// A day.
fn erasure_grace() -> u64 {
    24 * 3600
}

/// Two days.
fn delete_for_everyone_window() -> u64 {
    48 * 3600
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sync_conversation_deletion: false,
            online_web_instances: 1,
            retain_left_groups: false,
            administrators: vec!["administrator".to_owned()],
            erasure_grace: erasure_grace(),
            delete_for_everyone: DeleteForEveryone::Off,
            delete_for_everyone_window: delete_for_everyone_window(),
            retention_days: 0,
        }
    }
}

/// Settings to change; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SettingsPatch {
    /// See [`Settings::sync_conversation_deletion`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_conversation_deletion: Option<bool>,
    /// See [`Settings::online_web_instances`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online_web_instances: Option<u32>,
    /// See [`Settings::retain_left_groups`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_left_groups: Option<bool>,
    /// See [`Settings::administrators`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administrators: Option<Vec<String>>,
    /// See [`Settings::erasure_grace`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erasure_grace: Option<u64>,
    /// See [`Settings::delete_for_everyone`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_for_everyone: Option<DeleteForEveryone>,
    /// See [`Settings::delete_for_everyone_window`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_for_everyone_window: Option<u64>,
    /// See [`Settings::retention_days`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

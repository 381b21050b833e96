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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sync_conversation_deletion: false,
            online_web_instances: 1,
            retain_left_groups: false,
            administrators: vec!["administrator".to_owned()],
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
}

//! The app's settings.

use lethe_protocol::{Code, Error, Settings, SettingsPatch, user_id_is_valid};

use crate::Verdict;

/// The most simultaneous web clients per user.
const INSTANCES_MAX: u32 = 10;
/// The longest grace period and window in s: a year.
const YEAR: u64 = 365 * 24 * 3600;
/// The most days that an app or a group keeps messages.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

/// The settings after the patch; all or nothing.
///
/// # Errors
/// `98007` for a value out of range.
pub fn patched(settings: &Settings, patch: SettingsPatch) -> Verdict<Settings> {
    let refuse = |message: String| Err(Error::new(Code::SETTING_VALUE, message));
    if let Some(instances) = patch.online_web_instances.filter(|n| !(1..=INSTANCES_MAX).contains(n)) {
        return refuse(format!("OnlineWebInstances is 1 to {INSTANCES_MAX}, not {instances}"));
    }
    let too_long = |seconds: &Option<u64>| seconds.filter(|&seconds| seconds > YEAR);
    if let Some(seconds) = too_long(&patch.erasure_grace) {
        return refuse(format!("ErasureGrace is 0 to {YEAR} s, not {seconds}"));
    }
    if let Some(seconds) = too_long(&patch.delete_for_everyone_window) {
        return refuse(format!("DeleteForEveryoneWindow is 0 to {YEAR} s, not {seconds}"));
    }
    if let Some(days) = patch.retention_days.filter(|&days| days > RETENTION_DAYS_MAX) {
        return refuse(format!("RetentionDays is 0 to {RETENTION_DAYS_MAX}, not {days}"));
    }
    if let Some(administrators) = &patch.administrators {
        if administrators.is_empty() {
            return refuse("Administrators needs at least one user".to_owned());
        }
        if let Some(bad) = administrators.iter().find(|id| !user_id_is_valid(id)) {
            return refuse(format!("{bad:?} is not a user ID"));
        }
    }
    Ok(Settings {
        sync_conversation_deletion: patch
            .sync_conversation_deletion
            .unwrap_or(settings.sync_conversation_deletion),
        online_web_instances: patch.online_web_instances.unwrap_or(settings.online_web_instances),
        retain_left_groups: patch.retain_left_groups.unwrap_or(settings.retain_left_groups),
        administrators: patch.administrators.unwrap_or_else(|| settings.administrators.clone()),
        erasure_grace: patch.erasure_grace.unwrap_or(settings.erasure_grace),
        delete_for_everyone: patch.delete_for_everyone.unwrap_or(settings.delete_for_everyone),
        delete_for_everyone_window: patch
            .delete_for_everyone_window
            .unwrap_or(settings.delete_for_everyone_window),
        retention_days: patch.retention_days.unwrap_or(settings.retention_days),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_one_to_ten() {
        let set = |n| SettingsPatch { online_web_instances: Some(n), ..SettingsPatch::default() };
        for good in [1, 10] {
            assert_eq!(patched(&Settings::default(), set(good)).unwrap().online_web_instances, good);
        }
        for bad in [0, 11] {
            assert_eq!(patched(&Settings::default(), set(bad)).unwrap_err().code, Code::SETTING_VALUE);
        }
    }

    #[test]
    fn times_of_deletion_have_their_limits() {
        let accepts = |patch| patched(&Settings::default(), patch).is_ok();
        let grace = |s| SettingsPatch { erasure_grace: Some(s), ..SettingsPatch::default() };
        assert!(accepts(grace(0)) && accepts(grace(YEAR)) && !accepts(grace(YEAR + 1)));
        let window = |s| SettingsPatch { delete_for_everyone_window: Some(s), ..SettingsPatch::default() };
        assert!(accepts(window(0)) && accepts(window(YEAR)) && !accepts(window(YEAR + 1)));
        let days = |d| SettingsPatch { retention_days: Some(d), ..SettingsPatch::default() };
        assert!(accepts(days(0)) && accepts(days(36_500)) && !accepts(days(36_501)));
    }

    #[test]
    fn an_app_keeps_an_administrator() {
        let set = |ids: &[&str]| SettingsPatch {
            administrators: Some(ids.iter().map(|&id| id.to_owned()).collect()),
            ..SettingsPatch::default()
        };
        assert!(patched(&Settings::default(), set(&[])).is_err());
        assert!(patched(&Settings::default(), set(&["ops", ""])).is_err());
        assert!(patched(&Settings::default(), set(&["ops"])).is_ok());
    }
}

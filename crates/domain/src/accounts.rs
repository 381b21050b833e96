//! Accounts and profiles.

use lethe_protocol::{Code, Error, PROFILE_TEXT_MAX, Profile, ProfilePatch};
use minicbor::{Decode, Encode};

use crate::Verdict;

/// The first number of the accounts' tinyIDs; like the vendor's, they have 18 digits.
pub const FIRST_TINY_ID: u64 = 1 << 57;

/// An account: it comes into being at the first login or by import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// The number that stands for the user in message IDs.
    #[n(0)]
    pub tiny_id: u64,
    /// Unix seconds.
    #[n(1)]
    pub created: u64,
    /// Nickname.
    #[n(2)]
    pub nick: String,
    /// Address of an image.
    #[n(3)]
    pub avatar: String,
    /// `Gender_Type_*`; empty for unknown.
    #[n(4)]
    pub gender: String,
    /// Like 20000101.
    #[n(5)]
    pub birthday: u32,
    /// At most 16 bytes.
    #[n(6)]
    pub location: String,
    /// What the user says about itself.
    #[n(7)]
    pub self_signature: String,
    /// How friend requests are met.
    #[n(8)]
    pub allow: Allow,
    /// The app's own number.
    #[n(9)]
    pub language: u32,
    /// Bit 0: messages are blocked.
    #[n(10)]
    pub message_settings: u32,
    /// The app's own number.
    #[n(11)]
    pub level: u32,
    /// The app's own number.
    #[n(12)]
    pub role: u32,
    /// Unix seconds: UserSigs issued before are not valid any more.
    #[n(13)]
    #[cbor(default)]
    pub kicked: u64,
}

/// How an account meets friend requests (`AllowType_Type_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Allow {
    /// Anyone becomes a friend at once.
    #[default]
    #[n(0)]
    Any,
    /// The account confirms first.
    #[n(1)]
    Confirm,
    /// Nobody.
    #[n(2)]
    Deny,
}

impl Allow {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "AllowType_Type_AllowAny" => Some(Self::Any),
            "AllowType_Type_NeedConfirm" => Some(Self::Confirm),
            "AllowType_Type_DenyAny" => Some(Self::Deny),
            _ => None,
        }
    }

    fn wire(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Confirm => "AllowType_Type_NeedConfirm",
            Self::Deny => "AllowType_Type_DenyAny",
        }
    }
}

impl Account {
    /// What others see of it.
    #[must_use]
    pub fn into_profile(self, user_id: &str) -> Profile {
        Profile {
            user_id: user_id.to_owned(),
            nick: self.nick,
            avatar: self.avatar,
            gender: self.gender,
            birthday: self.birthday,
            location: self.location,
            self_signature: self.self_signature,
            allow_type: self.allow.wire().to_owned(),
            language: self.language,
            message_settings: self.message_settings,
            level: self.level,
            role: self.role,
        }
    }

    /// Sets what the patch names; all or nothing.
    ///
    /// # Errors
    /// `40601` for a text over its limit, `40001` for a value outside its list.
    pub fn update(&mut self, patch: ProfilePatch) -> Verdict {
        let mut next = self.clone();
        set_text(&mut next.nick, patch.nick, "nick", PROFILE_TEXT_MAX)?;
        set_text(&mut next.avatar, patch.avatar, "avatar", PROFILE_TEXT_MAX)?;
        set_text(&mut next.self_signature, patch.self_signature, "selfSignature", PROFILE_TEXT_MAX)?;
        set_text(&mut next.location, patch.location, "location", 16)?;
        if let Some(gender) = patch.gender {
            match gender.as_str() {
                "" | "Gender_Type_Unknown" => next.gender.clear(),
                "Gender_Type_Female" | "Gender_Type_Male" => next.gender = gender,
                _ => return Err(Error::new(Code::PROFILE_PARAMETER, format!("{gender:?} is not a gender"))),
            }
        }
        if let Some(allow) = patch.allow_type {
            let unknown = || Error::new(Code::PROFILE_PARAMETER, format!("{allow:?} is not an allowType"));
            next.allow = Allow::parse(&allow).ok_or_else(unknown)?;
        }
        next.birthday = patch.birthday.unwrap_or(next.birthday);
        next.language = patch.language.unwrap_or(next.language);
        next.message_settings = patch.message_settings.unwrap_or(next.message_settings);
        next.level = patch.level.unwrap_or(next.level);
        next.role = patch.role.unwrap_or(next.role);
        *self = next;
        Ok(())
    }
}

fn set_text(target: &mut String, value: Option<String>, name: &str, max: usize) -> Verdict {
    let Some(value) = value else { return Ok(()) };
    if value.len() > max {
        let message = format!("{name} has at most {max} bytes, not {}", value.len());
        return Err(Error::new(Code::PROFILE_TOO_LONG, message));
    }
    *target = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_500_bytes_at_most_and_a_refused_patch_changes_nothing() {
        let mut account = Account::default();
        let nick = |n| ProfilePatch { nick: Some("n".repeat(n)), level: Some(3), ..ProfilePatch::default() };
        assert_eq!(account.update(nick(501)).unwrap_err().code, Code::PROFILE_TOO_LONG);
        assert_eq!(account, Account::default());
        account.update(nick(500)).unwrap();
        assert_eq!((account.nick.len(), account.level), (500, 3));
    }

    #[test]
    fn values_outside_their_lists_are_refused() {
        let mut account = Account::default();
        let allow = ProfilePatch { allow_type: Some("AllowAny".into()), ..ProfilePatch::default() };
        assert_eq!(account.update(allow).unwrap_err().code, Code::PROFILE_PARAMETER);
        let gender = ProfilePatch { gender: Some("other".into()), ..ProfilePatch::default() };
        assert_eq!(account.update(gender).unwrap_err().code, Code::PROFILE_PARAMETER);
    }
}

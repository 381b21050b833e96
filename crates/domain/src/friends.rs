//! Friends and applications.

use lethe_protocol::{AddFriend, Code, Error, FRIENDS_MAX, REMARK_MAX, WORDING_MAX};
use minicbor::{Decode, Encode};

use crate::Verdict;
use crate::accounts::Allow;

/// What one user keeps of a friend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Friendship {
    /// The user's remark.
    #[n(0)]
    pub remark: String,
    /// `AddSource_Type_*`.
    #[n(1)]
    pub source: String,
    /// What was said when asking.
    #[n(2)]
    pub wording: String,
    /// Unix seconds.
    #[n(3)]
    pub time: u64,
}

/// One side's copy of a request to be friends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Application {
    /// What was said.
    #[n(0)]
    pub wording: String,
    /// `AddSource_Type_*`.
    #[n(1)]
    pub source: String,
    /// Unix seconds.
    #[n(2)]
    pub time: u64,
    /// The one it came to has looked at it.
    #[n(3)]
    pub read: bool,
    /// The remark that the asking side wants for the friend.
    #[n(4)]
    pub remark: String,
    /// Only the asking side's list gains the other.
    #[n(5)]
    pub single: bool,
}

/// What a permitted request leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Friends at once.
    Friends,
    /// The other side confirms first.
    Pending,
}

/// Whether `user_id` may ask what it asks of an account that meets requests with `allow`; `friends` is the number of the
/// friends it has.
///
/// # Errors
/// `30001` for the user itself or a text over its limit, `30516` when the other side refuses everybody, `30010` when the
/// list is full.
pub fn may_add(user_id: &str, request: &AddFriend, allow: Allow, friends: usize) -> Verdict<Outcome> {
    if request.user_id == user_id {
        return Err(Error::new(Code::RELATION_PARAMETER, "one cannot be one's own friend"));
    }
    may_say("wording", &request.wording, WORDING_MAX)?;
    may_say("remark", &request.remark, REMARK_MAX)?;
    may_name_source(&request.source)?;
    if friends >= FRIENDS_MAX {
        return Err(Error::new(Code::FRIENDS_FULL, format!("{FRIENDS_MAX} friends are the most")));
    }
    match allow {
        Allow::Any => Ok(Outcome::Friends),
        Allow::Confirm => Ok(Outcome::Pending),
        Allow::Deny => Err(Error::new(Code::FRIEND_DENIED, "the user accepts no friend requests")),
    }
}

/// A remark has at most 96 bytes.
///
/// # Errors
/// `30001`.
pub fn may_remark(remark: &str) -> Verdict {
    may_say("remark", remark, REMARK_MAX)
}

fn may_say(name: &str, text: &str, max: usize) -> Verdict {
    if text.len() <= max {
        return Ok(());
    }
    let message = format!("{name} has at most {max} bytes, not {}", text.len());
    Err(Error::new(Code::RELATION_PARAMETER, message))
}

/// A source is empty or `AddSource_Type_` and at most 8 bytes.
fn may_name_source(source: &str) -> Verdict {
    let good =
        source.is_empty() || source.strip_prefix("AddSource_Type_").is_some_and(|rest| rest.len() <= 8);
    if good {
        return Ok(());
    }
    Err(Error::new(Code::RELATION_PARAMETER, "source is AddSource_Type_ and at most 8 letters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(user_id: &str) -> AddFriend {
        AddFriend {
            user_id: user_id.into(),
            source: "AddSource_Type_Web".into(),
            wording: String::new(),
            remark: String::new(),
            single: false,
        }
    }

    #[test]
    fn the_other_side_decides() {
        assert_eq!(may_add("alice", &ask("bob"), Allow::Any, 0), Ok(Outcome::Friends));
        assert_eq!(may_add("alice", &ask("bob"), Allow::Confirm, 0), Ok(Outcome::Pending));
        assert_eq!(may_add("alice", &ask("bob"), Allow::Deny, 0).unwrap_err().code, Code::FRIEND_DENIED);
    }

    #[test]
    fn limits_hold_on_both_sides() {
        assert!(may_add("alice", &ask("alice"), Allow::Any, 0).is_err());
        assert!(may_add("alice", &ask("bob"), Allow::Any, FRIENDS_MAX - 1).is_ok());
        assert!(may_add("alice", &ask("bob"), Allow::Any, FRIENDS_MAX).is_err());
        assert!(may_remark(&"r".repeat(96)).is_ok());
        assert!(may_remark(&"r".repeat(97)).is_err());
        let wording = |n| AddFriend { wording: "w".repeat(n), ..ask("bob") };
        assert!(may_add("alice", &wording(256), Allow::Any, 0).is_ok());
        assert!(may_add("alice", &wording(257), Allow::Any, 0).is_err());
        let source = |text: &str| AddFriend { source: text.into(), ..ask("bob") };
        assert!(may_add("alice", &source("AddSource_Type_12345678"), Allow::Any, 0).is_ok());
        assert!(may_add("alice", &source("AddSource_Type_123456789"), Allow::Any, 0).is_err());
        assert!(may_add("alice", &source("Web"), Allow::Any, 0).is_err());
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error code as apps written for Tencent's SDK know it; Lethe's own are at the end.
///
/// They are listed in `docs/errors.md`, which is made from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(pub u32);

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal;)*) => {
        impl Code {
            $($(#[doc = $doc])+ pub const $name: Self = Self($number);)*
            /// Every code with its name and meaning, for the SDK's constants and `docs/errors.md`.
            pub const ALL: &'static [(&'static str, u32, &'static str)] =
                &[$((stringify!($name), $number, concat!($($doc),+))),*];
        }
    };
}

codes! {
    /// The call needs a login first (client code of the web SDK).
    NOT_LOGGED_IN = 2024;
    /// A login is in flight already.
    LOGIN_IN_FLIGHT = 2025;
    /// One cannot send to the system conversation.
    SYSTEM_IS_READ_ONLY = 2106;
    /// No such conversation; a deletion that deletes nothing ends with it.
    CONVERSATION_NOT_FOUND = 2500;
    /// The conversation ID is malformed.
    INVALID_CONVERSATION_ID = 2503;
    /// A private group cannot be applied to.
    CANNOT_APPLY = 2601;
    /// A private group cannot be dismissed by a client.
    CANNOT_DISMISS = 2622;
    /// The request had no answer in time; whether it took effect is unknown.
    TIMED_OUT = 2801;
    /// An internal error of the group service.
    GROUP_INTERNAL = 10002;
    /// A parameter of a group request is missing or illegal.
    GROUP_PARAMETER = 10004;
    /// Too many accounts in one group request.
    GROUP_TOO_MANY_ACCOUNTS = 10005;
    /// No permission, or the group's type forbids it.
    GROUP_PERMISSION = 10007;
    /// The owner cannot quit this type of group.
    OWNER_CANNOT_QUIT = 10009;
    /// The group does not exist any more.
    GROUP_GONE = 10010;
    /// Already a member.
    ALREADY_MEMBER = 10013;
    /// The group is full.
    GROUP_FULL = 10014;
    /// The group ID is malformed or unknown.
    GROUP_INVALID_ID = 10015;
    /// Muted in this group.
    GROUP_MUTED = 10017;
    /// An account of the request does not exist.
    GROUP_UNKNOWN_ACCOUNT = 10019;
    /// The group ID is taken.
    GROUP_ID_TAKEN = 10021;
    /// The application has been handled already.
    APPLICATION_HANDLED = 10024;
    /// The group ID is taken by the caller's own group.
    GROUP_ID_MINE = 10025;
    /// A message packet is malformed.
    BAD_MESSAGE = 20001;
    /// Sender or receiver does not exist.
    UNKNOWN_ACCOUNT = 20003;
    /// An internal error of the message service; try again.
    INTERNAL = 20005;
    /// A parameter of a relation request is illegal.
    RELATION_PARAMETER = 30001;
    /// The account of a relation request does not exist.
    RELATION_UNKNOWN_ACCOUNT = 30003;
    /// The caller's list of friends is full.
    FRIENDS_FULL = 30010;
    /// The other side refuses all friend requests.
    FRIEND_DENIED = 30516;
    /// The other side has to confirm first. `addFriend` resolves with it.
    FRIEND_PENDING = 30539;
    /// No such pending application.
    NO_APPLICATION = 30614;
    /// Not a friend.
    NOT_A_FRIEND = 31704;
    /// No such application to delete.
    NO_APPLICATION_TO_DELETE = 31804;
    /// A parameter of a profile request is illegal.
    PROFILE_PARAMETER = 40001;
    /// The profile's account does not exist.
    PROFILE_UNKNOWN_ACCOUNT = 40003;
    /// A profile value is longer than 500 bytes.
    PROFILE_TOO_LONG = 40601;
    /// The account of a conversation request does not exist.
    CONVERSATION_UNKNOWN_ACCOUNT = 50001;
    /// A parameter of a conversation request is illegal.
    CONVERSATION_PARAMETER = 50002;
    /// A list of conversations is empty or has more than 100 entries.
    CONVERSATION_LIST_SIZE = 51006;
    /// More than 50 pinned conversations.
    TOO_MANY_PINNED = 51012;
    /// The REST body is not JSON.
    REST_JSON = 60003;
    /// The REST credentials are missing or malformed.
    REST_CREDENTIALS = 60004;
    /// The SDKAppID is not one this server serves.
    REST_APP = 60006;
    /// Too many requests; try again later.
    REST_RATE = 60007;
    /// No such REST path.
    REST_PATH = 60009;
    /// Only administrators may do this.
    REST_ADMIN = 60010;
    /// The SDKAppID is missing.
    REST_APP_MISSING = 60012;
    /// The UserSig has expired.
    SIG_EXPIRED = 70001;
    /// The UserSig is empty.
    SIG_EMPTY = 70002;
    /// The UserSig cannot be decoded.
    SIG_MALFORMED = 70003;
    /// The UserSig was signed with another key.
    SIG_FORGED = 70009;
    /// The UserSig names another user.
    SIG_OTHER_USER = 70013;
    /// The UserSig names another SDKAppID.
    SIG_OTHER_APP = 70014;
    /// The app is unknown.
    APP_UNKNOWN = 70020;
    /// There is no such account to end the logins of.
    KICK_UNKNOWN_ACCOUNT = 70107;
    /// A parameter of an account request is illegal.
    ACCOUNT_PARAMETER = 70402;
    /// The message body is longer than 12 KB.
    MESSAGE_TOO_LONG = 80002;
    /// The REST message body is malformed.
    REST_MESSAGE_BODY = 90002;
    /// The receiver of a REST message is missing or malformed.
    REST_TO_ACCOUNT = 90003;
    /// The random number of a REST message is missing or malformed.
    REST_RANDOM = 90005;
    /// The server is stopping or cannot reach its store; try again.
    UNAVAILABLE = 98001;
    /// The request is not one this server knows.
    UNKNOWN_REQUEST = 98002;
    /// The request is malformed.
    MALFORMED_REQUEST = 98003;
    /// The client speaks another version of the protocol.
    PROTOCOL_VERSION = 98004;
    /// The method is not available in this version.
    NOT_IMPLEMENTED = 98005;
    /// The name of a setting is unknown.
    SETTING_UNKNOWN = 98006;
    /// The value of a setting has the wrong type or is out of range.
    SETTING_VALUE = 98007;
    /// The console's password is wrong or the session has ended.
    CONSOLE_SIGN_IN = 98008;
    /// The operator has switched the demo's sign-in off.
    DEMO_OFF = 98009;
    /// The conversation has no deletion that could be undone.
    NOTHING_TO_RESTORE = 98010;
    /// The time in which the deletion could be undone is over.
    RESTORE_TOO_LATE = 98011;
    /// A deletion for everyone cannot be undone.
    NOT_RESTORABLE = 98012;
    /// The app does not allow deleting for everyone.
    EVERYONE_OFF = 98013;
    /// Some messages are too old to be deleted for everyone.
    EVERYONE_TOO_LATE = 98014;
    /// The idempotency key was used for another request.
    KEY_REUSED = 98015;
    /// There is no such row in the deletion journal.
    NO_ENTRY = 98016;
    /// There is no such hold.
    NO_HOLD = 98017;
    /// The export could not be written; nothing was deleted.
    EXPORT_FAILED = 98018;
}

/// Why a request was refused, in words that the user may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Error {
    /// What an app acts upon.
    #[cfg_attr(test, ts(type = "number"))]
    pub code: Code,
    /// What a developer reads.
    pub message: String,
}

impl Error {
    /// An error with this code and message.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code.0)
    }
}

impl std::error::Error for Error {}

/// Why the server closes a socket. 4000 to 4499 ask the client to come back and resume; 4500 and above tell it not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// The server is going away; come back, after a random delay.
    Restarting = 4000,
    /// The client reads too slowly; come back and resume by sequence.
    TooSlow = 4001,
    /// Nothing was heard from the client for too long.
    Silent = 4002,
    /// A newer connection of the same client instance took over.
    Replaced = 4003,
    /// The login ended: a newer login, an administrator, or the client itself.
    LoginEnded = 4500,
    /// The client broke the protocol.
    ProtocolError = 4501,
    /// No login within the time allowed.
    NoLogin = 4502,
}

//! The SDK's `protocol.ts` is made from the types of this crate.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

use ts_rs::{Config, TS};

use crate::*;

macro_rules! declarations {
    ($($name:ident),* $(,)?) => {
        fn declarations(config: &Config) -> Vec<String> {
            vec![$($name::decl(config)),*]
        }
    };
}

declarations! {
    Added, AddFriend, AnswerFriend, ArchiveConversations, ChangeMembers, ChangeOutcome, CheckFriends, ClearHistory, ClearOutcome, Conversation, ConversationPage,
    Conversations, ConversationsChanged, ConversationsDeleted, CreateGroup, DeleteApplication, DeleteConversations,
    DeletedConversation, DeleteFriends, DeleteItem, DeleteOutcome, DeletionPreview, DeletionScope, Error, Event, FailedConversation, FailedUser, Friend,
    FriendAdded, FriendApplication, FriendApplications, FriendRelation, FriendRelations, Friends, FriendsDeleted,
    GetConversations, GetHistory, GetMembers, GetProfiles, GotConversation, GroupApplication, GroupApplications,
    GroupChanged, GroupJoined, GroupLeft, GroupMember, GroupPatch, GroupProfile, GroupRef, Groups, GroupType,
    HandleApplication, History, HistoryRemoved, InviteOption, Joined, JoinGroup, JoinOption, JoinStatus, Kicked, KickReason, LeaveReason,
    ListConversations, ListMembers, LoggedIn, Login, MarkConversations, Members, Membership, MembershipChanged, Message,
    MessageAttributes, MessagesRemoved, NewMember, OneGroup, OpenConversation, PeerRead, PinConversation, Ping, Pong, Profile, ProfilePatch,
    PreviewDeletion, PreviewedConversation, Profiles, ReadAll, ReadConversation, RemindType, Removed, RestoreConversation, Resume, Resumed, Role, SendMessage, Sent, SetCustomData,
    SetRemindType, SetRole, TransferGroup, UpdateFriend, UpdateGroup, Verify,
}

fn generate() -> String {
    let mut out = String::from(
        "// Made from crates/protocol: do not edit.\n// LETHE_GENERATE=1 cargo test -p lethe-protocol typescript\n\n",
    );
    let _ = writeln!(out, "export const PROTOCOL_VERSION = {PROTOCOL_VERSION};\n");
    out.push_str("/** An element of a message, in the form of the REST API. */\n");
    out.push_str(
        "export type MessageElement = { MsgType: string, MsgContent: Record<string, unknown>, };\n\n",
    );
    for declaration in declarations(&Config::default()) {
        let _ = writeln!(out, "export {declaration}\n");
    }
    out.push_str("/** Each request: the type of its body and of its answer. */\nexport type Requests = {\n");
    for (op, body, answer) in Request::ALL {
        let _ = writeln!(out, "  \"{op}\": {{ body: {body}, answer: {answer} }},");
    }
    out.push_str("};\n\n/** Error codes, see docs/errors.md. */\nexport const CODE = {\n");
    for (name, number, _) in Code::ALL {
        let _ = writeln!(out, "  {name}: {number},");
    }
    out.push_str("} as const;\n\n/** Why a socket is closed: from 4500 on, do not come back. */\nexport const CLOSE = {\n");
    for (name, code) in [
        ("RESTARTING", CloseCode::Restarting),
        ("TOO_SLOW", CloseCode::TooSlow),
        ("SILENT", CloseCode::Silent),
        ("REPLACED", CloseCode::Replaced),
        ("LOGIN_ENDED", CloseCode::LoginEnded),
        ("PROTOCOL_ERROR", CloseCode::ProtocolError),
        ("NO_LOGIN", CloseCode::NoLogin),
    ] {
        let _ = writeln!(out, "  {name}: {},", code as u16);
    }
    out.push_str("} as const;\n");
    out
}

/// Codes that never travel: the SDK's own, in `sdk/src/errors.ts`.
const SDK_ERRORS: &str = "\nThe SDK's own, which never travel:\n\n| code | name | meaning |\n|---:|---|---|\n\
    | 98100 | `SEND_CANCELLED` | The conversation was deleted while the message waited to be sent, or what waited for a connection was taken back by a later call. |\n\
    | 98101 | `OTHER_USER_LOGGED_IN` | Another user is logged in on this instance: log out first. |\n\
    | 98102 | `BAD_CREATE_OPTIONS` | `create` was called without an SDKAppID or with an unusable address. |\n\
    | 98103 | `CONNECTION_REFUSED` | The server closed the connection and asked not to come back. |\n";

fn errors() -> String {
    let mut out = String::from(
        "# Error codes\n\nMade from `crates/protocol/src/error.rs`: `LETHE_GENERATE=1 cargo test -p lethe-protocol typescript`.\n\n\
         An error is `{code, message}`; apps act on the code. Codes below 98000 are Tencent Cloud Chat's own, with the meaning\n\
         that its documents give them; where it has none, Lethe's begin at 98001. The SDK's own begin at 98100.\n\n\
         | code | name | meaning |\n|---:|---|---|\n",
    );
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|(_, number, _)| *number);
    for (name, number, meaning) in codes {
        let _ = writeln!(out, "| {number} | `{name}` |{meaning} |");
    }
    out.push_str(SDK_ERRORS);
    out
}

#[test]
fn the_table_of_errors_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    if env::var_os("LETHE_GENERATE").is_some() {
        fs::write(&path, errors()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == errors(),
        "docs/errors.md is stale: LETHE_GENERATE=1 cargo test -p lethe-protocol typescript"
    );
}

#[test]
fn the_sdks_types_are_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/src/protocol.ts");
    let generated = generate();
    if env::var_os("LETHE_GENERATE").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == generated,
        "sdk/src/protocol.ts is stale: LETHE_GENERATE=1 cargo test -p lethe-protocol typescript"
    );
}

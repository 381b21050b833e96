use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::frame::Inbound;
use crate::{
    AddFriend, AnswerFriend, ArchiveConversations, ChangeMembers, CheckFriends, ClearHistory, Code,
    CreateGroup, DeleteApplication, DeleteConversations, DeleteFriends, Error, GetConversations, GetHistory,
    GetMembers, GetProfiles, GroupRef, HandleApplication, JoinGroup, ListConversations, ListMembers, Login,
    MarkConversations, OpenConversation, PinConversation, Ping, PreviewDeletion, ProfilePatch, ReadAll,
    ReadConversation, RestoreConversation, SendMessage, SetCustomData, SetRemindType, SetRole, TransferGroup,
    UpdateFriend, UpdateGroup,
};

macro_rules! requests {
    ($($(#[$doc:meta])* $op:literal => $name:ident $(($body:ident))? -> $answer:literal;)*) => {
        /// Everything a client can ask for. The server answers each in one `match`.
        #[derive(Clone, Debug)]
        pub enum Request {
            $($(#[$doc])* $name $(($body))?,)*
        }

        impl Request {
            /// Each request: its name on the wire, the type of its body, the type of its answer.
            pub const ALL: &'static [(&'static str, &'static str, &'static str)] =
                &[$(($op, requests!(@body $($body)?), $answer)),*];

            /// The request of this name with this body.
            fn of(op: &str, body: Option<&str>) -> Result<Self, Error> {
                match op {
                    $($op => requests!(@read body, $name $(, $body)?),)*
                    op => Err(Error::new(Code::UNKNOWN_REQUEST, format!("unknown request {op:?}"))),
                }
            }

            /// The name on the wire.
            #[must_use]
            pub fn op(&self) -> &'static str {
                match self {
                    $(requests!(@pattern $name $(, $body)?) => $op,)*
                }
            }

            /// The frame that asks for this.
            #[must_use]
            #[allow(clippy::expect_used, reason = "our own types always serialise")]
            pub fn frame(&self, id: u64) -> String {
                let body = match self {
                    $(requests!(@bind $name, body $(, $body)?) => requests!(@write body $(, $body)?),)*
                }
                .expect("requests serialise");
                format!(r#"{{"id":{id},"op":"{}","d":{body}}}"#, self.op())
            }
        }
    };
    (@body) => { "null" };
    (@body $body:ident) => { stringify!($body) };
    (@read $bind:ident, $name:ident) => { read::<IgnoredAny>($bind).map(|_| Self::$name) };
    (@read $bind:ident, $name:ident, $body:ident) => { read($bind).map(Self::$name) };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident, $body:ident) => { Self::$name(_) };
    (@bind $name:ident, $bind:ident) => { Self::$name };
    (@bind $name:ident, $bind:ident, $body:ident) => { Self::$name($bind) };
    (@write $bind:ident) => { Ok("null".to_owned()) };
    (@write $bind:ident, $body:ident) => { serde_json::to_string($bind) };
}

requests! {
    /// See [`Login`].
    "session.login" => Login(Login) -> "LoggedIn";
    /// Ends the login; the socket closes.
    "session.logout" => Logout -> "null";
    /// See [`Ping`].
    "session.ping" => Ping(Ping) -> "Pong";
    /// See [`SendMessage`].
    "messages.send" => SendMessage(SendMessage) -> "Sent";
    /// See [`GetHistory`].
    "messages.history" => GetHistory(GetHistory) -> "History";
    /// See [`ListConversations`].
    "conversations.list" => ListConversations(ListConversations) -> "ConversationPage";
    /// See [`GetConversations`].
    "conversations.get" => GetConversations(GetConversations) -> "Conversations";
    /// See [`OpenConversation`].
    "conversations.open" => OpenConversation(OpenConversation) -> "null";
    /// See [`DeleteConversations`].
    "conversations.delete" => DeleteConversations(DeleteConversations) -> "DeleteOutcome";
    /// See [`PreviewDeletion`].
    "conversations.previewDeletion" => PreviewDeletion(PreviewDeletion) -> "DeletionPreview";
    /// See [`RestoreConversation`].
    "conversations.restore" => RestoreConversation(RestoreConversation) -> "null";
    /// See [`ArchiveConversations`].
    "conversations.archive" => ArchiveConversations(ArchiveConversations) -> "ChangeOutcome";
    /// See [`ClearHistory`].
    "conversations.clear" => ClearHistory(ClearHistory) -> "ClearOutcome";
    /// See [`ReadConversation`].
    "conversations.read" => ReadConversation(ReadConversation) -> "null";
    /// See [`ReadAll`].
    "conversations.readAll" => ReadAll(ReadAll) -> "null";
    /// See [`PinConversation`].
    "conversations.pin" => PinConversation(PinConversation) -> "null";
    /// See [`SetRemindType`].
    "conversations.remind" => SetRemindType(SetRemindType) -> "ChangeOutcome";
    /// See [`MarkConversations`].
    "conversations.mark" => MarkConversations(MarkConversations) -> "ChangeOutcome";
    /// See [`SetCustomData`].
    "conversations.customData" => SetCustomData(SetCustomData) -> "ChangeOutcome";
    /// See [`CreateGroup`].
    "groups.create" => CreateGroup(CreateGroup) -> "OneGroup";
    /// The groups the user is in.
    "groups.list" => ListGroups -> "Groups";
    /// A group's profile.
    "groups.get" => GetGroup(GroupRef) -> "OneGroup";
    /// See [`UpdateGroup`].
    "groups.update" => UpdateGroup(UpdateGroup) -> "OneGroup";
    /// Ends a group for all.
    "groups.dismiss" => DismissGroup(GroupRef) -> "null";
    /// See [`TransferGroup`].
    "groups.transfer" => TransferGroup(TransferGroup) -> "OneGroup";
    /// See [`ListMembers`].
    "groups.members" => ListMembers(ListMembers) -> "Members";
    /// See [`GetMembers`].
    "groups.member" => GetMembers(GetMembers) -> "Members";
    /// Adds members.
    "groups.add" => AddMembers(ChangeMembers) -> "Added";
    /// Removes members.
    "groups.remove" => RemoveMembers(ChangeMembers) -> "Removed";
    /// See [`JoinGroup`].
    "groups.join" => JoinGroup(JoinGroup) -> "Joined";
    /// Leaves a group.
    "groups.quit" => QuitGroup(GroupRef) -> "null";
    /// The applications that the user decides.
    "groups.applications" => ListGroupApplications -> "GroupApplications";
    /// See [`HandleApplication`].
    "groups.handle" => HandleApplication(HandleApplication) -> "OneGroup";
    /// See [`SetRole`].
    "groups.role" => SetRole(SetRole) -> "OneGroup";
    /// See [`GetProfiles`].
    "users.get" => GetProfiles(GetProfiles) -> "Profiles";
    /// Changes the own profile.
    "users.update" => UpdateProfile(ProfilePatch) -> "Profiles";
    /// The user's friends.
    "friends.list" => ListFriends -> "Friends";
    /// See [`AddFriend`].
    "friends.add" => AddFriend(AddFriend) -> "FriendAdded";
    /// See [`DeleteFriends`].
    "friends.delete" => DeleteFriends(DeleteFriends) -> "FriendsDeleted";
    /// See [`CheckFriends`].
    "friends.check" => CheckFriends(CheckFriends) -> "FriendRelations";
    /// See [`UpdateFriend`].
    "friends.update" => UpdateFriend(UpdateFriend) -> "null";
    /// The user's applications.
    "friends.applications" => ListFriendApplications -> "FriendApplications";
    /// See [`AnswerFriend`].
    "friends.answer" => AnswerFriend(AnswerFriend) -> "null";
    /// See [`DeleteApplication`].
    "friends.deleteApplication" => DeleteFriendApplication(DeleteApplication) -> "null";
    /// Marks all applications that came in as read.
    "friends.readApplications" => ReadFriendApplications -> "null";
}

impl Request {
    /// Reads a frame: the client's number of the request, and the request.
    ///
    /// # Errors
    /// With the number, `98002` for an unknown name and `98003` for a body of another shape; with 0, `98003` for what is
    /// not even a frame.
    pub fn read(text: &str) -> Result<(u64, Self), (u64, Error)> {
        Self::read_usual(text).map_or_else(|| Self::read_any(text), Ok)
    }

    /// A frame written as clients write it: its body is read once, not twice. None for any other, and for one with a mistake.
    fn read_usual(text: &str) -> Option<(u64, Self)> {
        let (id, rest) = text.strip_prefix(r#"{"id":"#)?.split_once(r#","op":""#)?;
        let (op, rest) = rest.split_once('"')?;
        let body = rest.strip_prefix(r#","d":"#)?.strip_suffix('}')?;
        Some((serde_json::from_str(id).ok()?, Self::of(op, Some(body)).ok()?))
    }

    fn read_any(text: &str) -> Result<(u64, Self), (u64, Error)> {
        let frame: Inbound<'_> = serde_json::from_str(text).map_err(|error| (0, malformed(&error)))?;
        let request = Self::of(&frame.op, frame.d.map(RawValue::get));
        request.map(|request| (frame.id, request)).map_err(|error| (frame.id, error))
    }
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::new(Code::MALFORMED_REQUEST, error.to_string())
}

fn read<'a, T: Deserialize<'a>>(body: Option<&'a str>) -> Result<T, Error> {
    // No body is a body without fields.
    let text = body.filter(|&text| text != "null").unwrap_or("{}");
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: [&str; 8] = ["0", "7", "07", "-1", "1.5", "18446744073709551616", " 7", r#""7""#];
    const OP: [&str; 6] = [
        r#""session.ping""#,
        r#""groups.list""#,
        r#""conversations.list""#,
        r#""session.\u0070ing""#,
        r#""none""#,
        "null",
    ];
    const BODY: [&str; 9] = [
        "null",
        "{}",
        r#"{"limit":5}"#,
        r#"{"limit":5,"cursor":"C2C\"}\\"}"#,
        r#"{"limit":5},"d":{"limit":6}"#,
        r#"{"limit":5},"id":8"#,
        r#"{"limit":"five"}"#,
        r#"{"limit":5}}"#,
        "5]",
    ];

    fn frame() -> impl Strategy<Value = String> {
        let pick = |from: &'static [&'static str]| prop::sample::select(from);
        (
            pick(&ID),
            pick(&OP),
            pick(&BODY),
            0..6,
            any::<prop::sample::Index>(),
            pick(&["", " ", "}", "\\", "\""]),
        )
            .prop_map(|(id, op, body, order, place, more)| {
                let mut text = match order {
                    0 => format!(r#"{{"op":{op},"id":{id},"d":{body}}}"#),
                    1 => format!(r#"{{"id":{id},"op":{op}}}"#),
                    _ => format!(r#"{{"id":{id},"op":{op},"d":{body}}}"#),
                };
                text.insert_str(place.index(text.len() + 1), more);
                text
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// The short way finds nothing that the long one does not find.
        #[test]
        fn a_usual_frame_is_read_like_any_other(text in frame()) {
            if let Some(usual) = Request::read_usual(&text) {
                prop_assert_eq!(format!("{:?}", Ok::<_, (u64, Error)>(usual)), format!("{:?}", Request::read_any(&text)));
            }
        }
    }

    #[test]
    fn frames_of_clients_are_usual() {
        let requests = [
            Request::ListGroups,
            Request::ListConversations(ListConversations { cursor: Some(r#"C2C"}\"#.to_owned()), limit: 5 }),
        ];
        for request in requests {
            let (id, read) = Request::read_usual(&request.frame(u64::MAX)).unwrap();
            assert_eq!((id, format!("{read:?}")), (u64::MAX, format!("{request:?}")));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_number_if_there_is_one() {
        let refused = |text| {
            let (id, error) = Request::read(text).unwrap_err();
            (id, error.code)
        };
        assert_eq!(refused(r#"{"id":7,"op":"none","d":{}}"#), (7, Code::UNKNOWN_REQUEST));
        assert_eq!(refused(r#"{"id":7,"op":"conversations.list","d":{}}"#), (7, Code::MALFORMED_REQUEST));
        assert_eq!(
            refused(r#"{"id":7,"op":"conversations.list","d":{"limit":5}"#),
            (0, Code::MALFORMED_REQUEST)
        );
        assert_eq!(refused("[]"), (0, Code::MALFORMED_REQUEST));
    }
}

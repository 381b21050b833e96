use serde_json::value::RawValue;

use crate::{
    AddFriend, AnswerFriend, ArchiveConversations, ChangeMembers, CheckFriends, ClearHistory, Code,
    CreateGroup, DeleteApplication, DeleteConversations, DeleteFriends, Error, GetConversations, GetHistory,
    GetMembers, GetProfiles, GroupRef, HandleApplication, Inbound, JoinGroup, ListConversations, ListMembers,
    Login, MarkConversations, OpenConversation, PinConversation, Ping, PreviewDeletion, ProfilePatch,
    ReadAll, ReadConversation, RestoreConversation, SendMessage, SetCustomData, SetRemindType, SetRole,
    TransferGroup, UpdateFriend, UpdateGroup,
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

            /// Reads the body of a frame.
            ///
            /// # Errors
            /// `98002` for an unknown name, `98003` for a body of another shape.
            pub fn read(frame: &Inbound<'_>) -> Result<Self, Error> {
                match frame.op.as_ref() {
                    $($op => requests!(@read frame, $name $(, $body)?),)*
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
    (@read $frame:ident, $name:ident) => { Ok(Self::$name) };
    (@read $frame:ident, $name:ident, $body:ident) => { Ok(Self::$name(read($frame.d)?)) };
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

fn read<'a, T: serde::Deserialize<'a>>(body: Option<&'a RawValue>) -> Result<T, Error> {
    // No body is a body without fields.
    let text = body.map(RawValue::get).filter(|&text| text != "null").unwrap_or("{}");
    serde_json::from_str(text).map_err(|error| Error::new(Code::MALFORMED_REQUEST, error.to_string()))
}

// Made from crates/protocol: do not edit.
// LETHE_GENERATE=1 cargo test -p lethe-protocol typescript

export const PROTOCOL_VERSION = 1;

/** An element of a message, in the form of the REST API. */
export type MessageElement = { MsgType: string, MsgContent: Record<string, unknown>, };

export type Added = { 
/**
 * Members now.
 */
added: Array<string>, 
/**
 * Members before.
 */
existed: Array<string>, 
/**
 * Not added: unknown accounts, or no place left.
 */
failed: Array<string>, 
/**
 * The group now.
 */
group: GroupProfile, };

export type AddFriend = { 
/**
 * Whom.
 */
userId: string, 
/**
 * `AddSource_Type_` and at most 8 bytes.
 */
source: string, 
/**
 * At most [`WORDING_MAX`] bytes.
 */
wording: string, 
/**
 * At most [`REMARK_MAX`] bytes.
 */
remark: string, 
/**
 * Only the caller's list gains the other (`Add_Type_Single`).
 */
single: boolean, };

export type AnswerFriend = { 
/**
 * Whose.
 */
userId: string, 
/**
 * Agree or refuse.
 */
agree: boolean, 
/**
 * Agreeing, add the other to the own list too (`Response_Action_AgreeAndAdd`).
 */
add: boolean, 
/**
 * Remark for the other; at most [`REMARK_MAX`] bytes.
 */
remark: string, };

export type ArchiveConversations = { 
/**
 * 1 to [`crate::CONVERSATIONS_PER_CALL`].
 */
conversationIds: string[], 
/**
 * Away or out.
 */
archived: boolean, 
/**
 * It stays away when a newer message comes.
 */
keep?: boolean, };

export type ChangeMembers = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * 1 to [`MEMBERS_PER_CALL`].
 */
userIds: Array<string>, 
/**
 * Told to those who are removed.
 */
reason?: string, };

export type ChangeOutcome = { 
/**
 * Changed, or already so.
 */
changed: string[], 
/**
 * Not changed, and why.
 */
failed: Array<FailedConversation>, };

export type CheckFriends = { 
/**
 * 1 to 1000.
 */
userIds: Array<string>, };

export type ClearHistory = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * Up to this `seq`; absent: all there is.
 */
upTo?: number, };

export type ClearOutcome = { 
/**
 * Its row in the journal, if there was anything to clear.
 */
entry?: string, 
/**
 * Server time in ms until which it can be undone; 0 if it cannot.
 */
restorableUntil: number, };

export type Conversation = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * Number of the last change that the user itself made to it; 0 if none.
 */
change: number, 
/**
 * `seq` of the newest message that this user may read; 0 if the timeline is empty.
 */
head: number, 
/**
 * Countable messages of others above everything read, cleared or deleted.
 */
unread: number, 
/**
 * Messages that the user can read, of any kind.
 */
messages: number, 
/**
 * Server time in ms of the newest activity, which orders the list; clearing does not move it.
 */
activeAt: number, 
/**
 * No read path returns a message at or below this `seq`.
 */
clearedTo: number, 
/**
 * The user has read up to here.
 */
readTo: number, 
/**
 * One-to-one: the peer has read up to here.
 */
peerReadTo: number, 
/**
 * On top of the list.
 */
pinned: boolean, 
/**
 * `AcceptAndNotify`, `AcceptNotNotify`, `Discard` or `AcceptNotNotifyExceptAt`.
 */
remindType: RemindType, 
/**
 * Marks: powers of two for the built-in ones, decimal strings since they may exceed 2^53.
 */
marks: Array<string>, 
/**
 * The user's own data.
 */
customData: string, 
/**
 * Put away: not shown in the list that comes first, until a newer message or for good.
 */
archived?: boolean, 
/**
 * The user has left the group, was removed, or the group is gone: readable, not writable, never unread.
 */
left: boolean, 
/**
 * It does not stand in the list: a client that does not show it does not begin to.
 */
unlisted?: boolean, 
/**
 * The peer of a one-to-one conversation.
 */
user?: Profile, 
/**
 * The user's remark for a peer who is a friend.
 */
remark?: string, 
/**
 * The group of a group conversation.
 */
group?: GroupProfile, 
/**
 * The newest visible message that may stand in the list, or none.
 */
lastMessage: Message | null, };

export type ConversationPage = { 
/**
 * The page.
 */
conversations: Array<Conversation>, 
/**
 * Give it back for the next page; absent on the last.
 */
cursor?: string, };

export type Conversations = { 
/**
 * In the order asked for.
 */
conversations: Array<GotConversation>, };

export type ConversationsChanged = { 
/**
 * Their new states.
 */
conversations: Array<Conversation>, };

export type ConversationsDeleted = { 
/**
 * All that the call deleted.
 */
conversations: Array<DeletedConversation>, };

export type CreateGroup = { 
/**
 * A chosen ID: 1 to 48 printable ASCII characters, not beginning with `@TGS#`. Absent: the server makes one.
 */
groupId?: string, 
/**
 * The type.
 */
type: GroupType, 
/**
 * The name, 1 to [`GROUP_NAME_MAX`] bytes.
 */
name: string, 
/**
 * Everything else of the profile.
 */
profile: GroupPatch, 
/**
 * At most this many members; default and maximum [`GROUP_MEMBERS_MAX`].
 */
maxMemberCount?: number, 
/**
 * Members to begin with, at most [`crate::MEMBERS_AT_CREATION`].
 */
members: Array<NewMember>, };

export type DeleteApplication = { 
/**
 * The other side.
 */
userId: string, 
/**
 * The one that was sent; else the one that came in.
 */
sent: boolean, };

export type DeleteConversations = { 
/**
 * Which; the same twice is the same once.
 */
items: Array<DeleteItem>, 
/**
 * Whether the history up to each anchor is cleared too.
 */
clearHistory: boolean, 
/**
 * For whom; for everyone, the history of everyone goes too, as far as the app and the user's role allow.
 */
scope?: DeletionScope, 
/**
 * The user's other clients keep it for now, also when the app synchronises deletions.
 */
localOnly?: boolean, 
/**
 * The same key within a day is the same call: it is answered again and does nothing. 1 to 64 bytes.
 */
key?: string, };

export type DeletedConversation = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * The number of this change.
 */
change: number, 
/**
 * It is in the list only if a visible message has a greater `seq`.
 */
listedAfter: number, 
/**
 * Messages up to here are gone for this user; drop them from memory.
 */
clearedTo: number, 
/**
 * Present when newer messages had arrived already: the conversation stays, with just those.
 */
survivor?: Conversation, };

export type DeleteFriends = { 
/**
 * 1 to [`FRIENDS_PER_CALL`].
 */
userIds: Array<string>, 
/**
 * Only the caller's list loses them (`Delete_Type_Single`).
 */
single: boolean, };

export type DeleteItem = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * The newest `seq` the deleting client had been given: newer messages survive and bring the conversation back.
 * Absent: everything there is.
 */
anchor?: number, };

export type DeleteOutcome = { 
/**
 * Deleted, now or before.
 */
deleted: string[], 
/**
 * Not deleted, and why.
 */
failed: Array<FailedConversation>, 
/**
 * Its row in the journal, if anything changed.
 */
entry?: string, 
/**
 * Server time in ms until which it can be undone; 0 if it cannot.
 */
restorableUntil: number, };

export type DeletionPreview = { 
/**
 * What would happen to each, in the order asked for; unknown ones are in `failed`.
 */
conversations: Array<PreviewedConversation>, 
/**
 * What could not be deleted, and why.
 */
failed: Array<FailedConversation>, 
/**
 * Seconds in which it could be undone; 0 if it could not.
 */
restorableSeconds: number, 
/**
 * Clients of the user that are online and would lose it at once, this one included.
 */
devices: number, };

export type DeletionScope = "me" | "everyone";

export type Error = { 
/**
 * What an app acts upon.
 */
code: number, 
/**
 * What a developer reads.
 */
message: string, };

export type Event = { "ev": "message", "d": Message } | { "ev": "conversations.changed", "d": ConversationsChanged } | { "ev": "conversations.deleted", "d": ConversationsDeleted } | { "ev": "conversations.historyRemoved", "d": HistoryRemoved } | { "ev": "messages.removed", "d": MessagesRemoved } | { "ev": "conversations.peerRead", "d": PeerRead } | { "ev": "groups.joined", "d": GroupJoined } | { "ev": "groups.changed", "d": GroupChanged } | { "ev": "groups.membership", "d": MembershipChanged } | { "ev": "groups.left", "d": GroupLeft } | { "ev": "friends.changed", "d": Friends } | { "ev": "friends.applications", "d": FriendApplications } | { "ev": "users.changed", "d": Profiles } | { "ev": "session.verify", "d": Verify } | { "ev": "session.kicked", "d": Kicked };

export type FailedConversation = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * What an app acts upon.
 */
code: number, 
/**
 * What a developer reads.
 */
message: string, };

export type FailedUser = { 
/**
 * Who.
 */
userId: string, 
/**
 * What an app acts upon.
 */
code: number, 
/**
 * What a developer reads.
 */
message: string, };

export type Friend = { 
/**
 * Who.
 */
userId: string, 
/**
 * The reader's remark.
 */
remark: string, 
/**
 * `AddSource_Type_*`.
 */
source: string, 
/**
 * What was said when asking.
 */
wording: string, 
/**
 * Unix seconds.
 */
time: number, 
/**
 * The friend's profile.
 */
profile: Profile, };

export type FriendAdded = { 
/**
 * The other side has to confirm first (`30539`).
 */
pending: boolean, };

export type FriendApplication = { 
/**
 * The other side.
 */
userId: string, 
/**
 * The other side's nickname.
 */
nick: string, 
/**
 * The other side's avatar.
 */
avatar: string, 
/**
 * Whether the reader sent it; else it came in.
 */
sent: boolean, 
/**
 * What was said.
 */
wording: string, 
/**
 * `AddSource_Type_*`.
 */
source: string, 
/**
 * Unix seconds.
 */
time: number, };

export type FriendApplications = { 
/**
 * The reader's change counter when they last changed: the greater is newer.
 */
change: number, 
/**
 * All of them.
 */
applications: Array<FriendApplication>, 
/**
 * Those that came in and were not marked read.
 */
unread: number, };

export type FriendRelation = { 
/**
 * Who.
 */
userId: string, 
/**
 * On the caller's list.
 */
mine: boolean, 
/**
 * The caller is on that user's list.
 */
theirs: boolean, };

export type FriendRelations = { 
/**
 * In the order asked for.
 */
relations: Array<FriendRelation>, };

export type Friends = { 
/**
 * The reader's change counter when they last changed: the greater is newer.
 */
change: number, 
/**
 * All of them.
 */
friends: Array<Friend>, };

export type FriendsDeleted = { 
/**
 * No friends any more.
 */
deleted: Array<string>, 
/**
 * Not deleted, and why.
 */
failed: Array<FailedUser>, };

export type GetConversations = { 
/**
 * At most [`CONVERSATIONS_PER_CALL`].
 */
conversationIds: string[], };

export type GetHistory = { 
/**
 * Which conversation.
 */
conversationId: string, 
/**
 * Only messages with a smaller `seq`: the newest of them.
 */
before?: number, 
/**
 * Only messages with a greater `seq`: the oldest of them.
 */
after?: number, 
/**
 * 1 to [`HISTORY_MAX`].
 */
limit: number, };

export type GetMembers = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * Who; those who are not members are left out.
 */
userIds: Array<string>, };

export type GetProfiles = { 
/**
 * 1 to [`PROFILES_PER_CALL`].
 */
userIds: Array<string>, };

export type GotConversation = { 
/**
 * Whether it stands in the list.
 */
listed: boolean, 
/**
 * Its present state.
 */
conversation: Conversation, };

export type GroupApplication = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * Its name.
 */
groupName: string, 
/**
 * Who applies.
 */
applicant: string, 
/**
 * The applicant's nickname.
 */
applicantNick: string, 
/**
 * What the applicant said.
 */
note: string, 
/**
 * Unix seconds.
 */
time: number, };

export type GroupApplications = { 
/**
 * All of them.
 */
applications: Array<GroupApplication>, };

export type GroupChanged = { 
/**
 * The group.
 */
group: GroupProfile, };

export type GroupJoined = { 
/**
 * The group, with the user's membership.
 */
group: GroupProfile, };

export type GroupLeft = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * Why.
 */
reason: LeaveReason, 
/**
 * The last `seq` the user may read.
 */
leftAt: number, 
/**
 * Server time in ms: the conversation's last activity.
 */
time: number, 
/**
 * The number of the reader's change that this is; 0 for a dismissal, which is final.
 */
change: number, };

export type GroupMember = { 
/**
 * Who.
 */
userId: string, 
/**
 * Nickname.
 */
nick: string, 
/**
 * Avatar.
 */
avatar: string, 
/**
 * Whether a client of this user is online now.
 */
isOnline: boolean, 
/**
 * The role.
 */
role: Role, 
/**
 * Unix seconds.
 */
joinTime: number, 
/**
 * Name card in this group.
 */
nameCard: string, 
/**
 * Unix seconds; 0 or past: not muted.
 */
muteUntil: number, };

export type GroupPatch = { 
/**
 * See [`GroupProfile::name`].
 */
name?: string, 
/**
 * See [`GroupProfile::avatar`].
 */
avatar?: string, 
/**
 * See [`GroupProfile::introduction`].
 */
introduction?: string, 
/**
 * See [`GroupProfile::notification`].
 */
notification?: string, 
/**
 * See [`GroupProfile::join_option`]; only public groups may change it.
 */
joinOption?: JoinOption, 
/**
 * See [`GroupProfile::invite_option`].
 */
inviteOption?: InviteOption, 
/**
 * See [`GroupProfile::mute_all_members`].
 */
muteAllMembers?: boolean, };

export type GroupProfile = { 
/**
 * Its ID, without the `GROUP` of conversation IDs.
 */
groupId: string, 
/**
 * Its type; it never changes.
 */
type: GroupType, 
/**
 * At most [`GROUP_NAME_MAX`] bytes.
 */
name: string, 
/**
 * At most [`GROUP_AVATAR_MAX`] bytes.
 */
avatar: string, 
/**
 * At most [`GROUP_TEXT_MAX`] bytes.
 */
introduction: string, 
/**
 * At most [`GROUP_TEXT_MAX`] bytes.
 */
notification: string, 
/**
 * Empty when the group has none.
 */
ownerId: string, 
/**
 * Unix seconds.
 */
createTime: number, 
/**
 * Grows with each change of the profile.
 */
infoSequence: number, 
/**
 * Unix seconds of the last change of the profile.
 */
lastInfoTime: number, 
/**
 * Present members.
 */
memberCount: number, 
/**
 * The most members.
 */
maxMemberCount: number, 
/**
 * Who may join.
 */
joinOption: JoinOption, 
/**
 * Who may add others.
 */
inviteOption: InviteOption, 
/**
 * Only owner and administrators may write.
 */
muteAllMembers: boolean, 
/**
 * The group was dismissed.
 */
dismissed: boolean, 
/**
 * Server time in ms of the last change of anything here; of two profiles of a group the one with the greater is newer.
 */
updated: number, 
/**
 * The reader's own membership; absent in events to all members and for outsiders.
 */
me?: Membership, };

export type GroupRef = { 
/**
 * Which.
 */
groupId: string, };

export type Groups = { 
/**
 * All of them.
 */
groups: Array<GroupProfile>, };

export type GroupType = "Private" | "Public" | "ChatRoom";

export type HandleApplication = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * Whose application.
 */
applicant: string, 
/**
 * Agree or reject.
 */
agree: boolean, 
/**
 * Told to the applicant.
 */
message: string, };

export type History = { 
/**
 * The messages, each a [`Message`].
 */
messages: Message[], 
/**
 * Nothing visible lies further in the direction asked for.
 */
complete: boolean, };

export type HistoryRemoved = { 
/**
 * The group; absent for a one-to-one history.
 */
group?: string, 
/**
 * The two of a one-to-one history: the reader's peer is the other one.
 */
users?: Array<string>, 
/**
 * Who did it; empty for the app.
 */
by: string, 
/**
 * Messages up to this `seq` are gone.
 */
upTo: number, 
/**
 * Server time in ms.
 */
time: number, };

export type InviteOption = "FreeAccess" | "NeedPermission" | "DisableInvite";

export type Joined = { 
/**
 * How it went.
 */
status: JoinStatus, 
/**
 * The group; absent while an administrator decides.
 */
group?: GroupProfile, };

export type JoinGroup = { 
/**
 * Which.
 */
groupId: string, 
/**
 * Shown to those who decide; at most [`GROUP_TEXT_MAX`] bytes.
 */
message: string, };

export type JoinOption = "FreeAccess" | "NeedPermission" | "DisableApply";

export type JoinStatus = "JoinedSuccess" | "AlreadyInGroup" | "WaitAdminApproval";

export type Kicked = { 
/**
 * Why.
 */
reason: KickReason, };

export type KickReason = "multipleAccount" | "userSigExpired" | "REST_API_Kick";

export type LeaveReason = "quit" | "kicked" | "dismissed";

export type ListConversations = { 
/**
 * `cursor` of the page before; absent for the first page.
 */
cursor?: string, 
/**
 * 1 to [`CONVERSATION_PAGE_MAX`].
 */
limit: number, };

export type ListMembers = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * Skip this many.
 */
offset: number, 
/**
 * 1 to [`MEMBER_PAGE_MAX`].
 */
limit: number, 
/**
 * Only this role.
 */
role?: Role, };

export type LoggedIn = { 
/**
 * The user's number, the first part of the IDs of messages it sends. A decimal string: it exceeds 2^53.
 */
tinyId: string, 
/**
 * Server time in ms.
 */
time: number, 
/**
 * The user's change counter when the state below was read.
 */
change: number, 
/**
 * The user's own profile.
 */
profile: Profile, 
/**
 * What others did may be lost between the nodes that serve this app: heartbeats are to say where the client stands.
 */
verifies: boolean, 
/**
 * After a fresh login: the first page of the list. The rest comes with `conversations.list`.
 */
list?: ConversationPage, 
/**
 * After a resume: what changed.
 */
resumed?: Resumed, };

export type Login = { 
/**
 * [`crate::PROTOCOL_VERSION`] of the client.
 */
protocol: number, 
/**
 * The app.
 */
sdkAppId: number, 
/**
 * Who logs in.
 */
userId: string, 
/**
 * UserSig v2 of that user (`docs/rest.md`).
 */
userSig: string, 
/**
 * Random ID of this client instance, kept over reconnects: a newer socket of the same instance replaces the older.
 */
instance: string, 
/**
 * Present when the client still holds the state of this login and wants only what changed since.
 */
resume?: Resume, };

export type MarkConversations = { 
/**
 * 1 to [`CONVERSATIONS_PER_CALL`].
 */
conversationIds: string[], 
/**
 * A power of two: 1, 2, 4, 8, or 2^32 to 2^63 for the app's own; a decimal string.
 */
mark: string, 
/**
 * Set or remove.
 */
enable: boolean, };

export type Members = { 
/**
 * The page.
 */
members: Array<GroupMember>, 
/**
 * The offset of the next page; 0 when this is the last.
 */
next: number, };

export type Membership = { 
/**
 * The role.
 */
role: Role, 
/**
 * Unix seconds.
 */
joinTime: number, 
/**
 * Name card in this group.
 */
nameCard: string, 
/**
 * Unix seconds; 0 or past: not muted.
 */
muteUntil: number, };

export type MembershipChanged = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * The membership now.
 */
me: Membership, };

export type Message = { 
/**
 * Place in its timeline, contiguous from 1; 0 for a message to online users only, which is not stored.
 */
seq: number, 
/**
 * Server time in ms.
 */
time: number, 
/**
 * `${tinyID}-${clientTime}-${random}`.
 */
id: string, 
/**
 * The sender; `@TIM#SYSTEM` for tips and notices that nobody sent.
 */
from: string, 
/**
 * The receiver of a one-to-one message or of a system notice.
 */
to?: string, 
/**
 * The group of a group message.
 */
group?: string, 
/**
 * Deleted for everyone: what is left has no elements.
 */
removed?: boolean, 
/**
 * Elements in the form of the REST API: `[{MsgType, MsgContent}]`. Group tips (`TIMGroupTipElem`) and system notices
 * (`TIMGroupSystemNoticeElem`) carry the SDK's payload as `MsgContent`.
 */
body: MessageElement[], 
/**
 * What else the sender said about it.
 */
attributes?: MessageAttributes, 
/**
 * The sender's nickname when it was sent.
 */
nick?: string, 
/**
 * The sender's avatar when it was sent.
 */
avatar?: string, };

export type MessageAttributes = { 
/**
 * `High`, `Normal` (absent), `Low` or `Lowest`.
 */
priority?: string, 
/**
 * The app's own data, stored and delivered with the message.
 */
cloudCustomData?: string, 
/**
 * Does not raise the unread count.
 */
noUnread?: boolean, 
/**
 * Does not become the conversation's last message.
 */
noLast?: boolean, 
/**
 * The sender asked for read receipts.
 */
needReadReceipt?: boolean, 
/**
 * The sender allows extensions.
 */
supportExtension?: boolean, 
/**
 * Mentioned users; `__kImSDK_MesssageAtALL__` for all.
 */
at?: Array<string>, };

export type MessagesRemoved = { 
/**
 * See [`HistoryRemoved::group`].
 */
group?: string, 
/**
 * See [`HistoryRemoved::users`].
 */
users?: Array<string>, 
/**
 * Who did it.
 */
by: string, 
/**
 * Which, by their `seq`, ascending.
 */
seqs: number[], };

export type NewMember = { 
/**
 * Who.
 */
userId: string, 
/**
 * As an administrator.
 */
admin: boolean, };

export type OneGroup = { 
/**
 * Its present state.
 */
group: GroupProfile, };

export type OpenConversation = { 
/**
 * Which.
 */
conversationId: string, };

export type PeerRead = { 
/**
 * The peer who read.
 */
userId: string, 
/**
 * Up to here.
 */
readTo: number, };

export type PinConversation = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * The new state.
 */
pinned: boolean, };

export type Ping = { 
/**
 * Where the client stands, to be told what it missed. Needed where [`LoggedIn::verifies`].
 */
since?: Resume, };

export type Pong = { 
/**
 * Server time in ms.
 */
time: number, 
/**
 * The user's change counter when the state below was read; 0 without one.
 */
change: number, 
/**
 * What the client missed, when it said where it stands. Empty when nothing.
 */
resumed?: Resumed, };

export type Profile = { 
/**
 * Who.
 */
userId: string, 
/**
 * Nickname.
 */
nick?: string, 
/**
 * Address of an image.
 */
avatar?: string, 
/**
 * `Gender_Type_*`.
 */
gender?: string, 
/**
 * Like 20000101.
 */
birthday?: number, 
/**
 * At most 16 bytes.
 */
location?: string, 
/**
 * What the user says about itself.
 */
selfSignature?: string, 
/**
 * `AllowType_Type_AllowAny` (absent), `_NeedConfirm` or `_DenyAny`.
 */
allowType?: string, 
/**
 * The app's own number.
 */
language?: number, 
/**
 * Bit 0: messages are blocked.
 */
messageSettings?: number, 
/**
 * The app's own number.
 */
level?: number, 
/**
 * The app's own number.
 */
role?: number, };

export type ProfilePatch = { 
/**
 * See [`Profile::nick`].
 */
nick?: string, 
/**
 * See [`Profile::avatar`].
 */
avatar?: string, 
/**
 * See [`Profile::gender`].
 */
gender?: string, 
/**
 * See [`Profile::birthday`].
 */
birthday?: number, 
/**
 * See [`Profile::location`].
 */
location?: string, 
/**
 * See [`Profile::self_signature`].
 */
selfSignature?: string, 
/**
 * See [`Profile::allow_type`].
 */
allowType?: string, 
/**
 * See [`Profile::language`].
 */
language?: number, 
/**
 * See [`Profile::message_settings`].
 */
messageSettings?: number, 
/**
 * See [`Profile::level`].
 */
level?: number, 
/**
 * See [`Profile::role`].
 */
role?: number, };

export type PreviewDeletion = { 
/**
 * Which.
 */
items: Array<DeleteItem>, 
/**
 * Whether the history up to each anchor is cleared too.
 */
clearHistory: boolean, 
/**
 * For whom.
 */
scope?: DeletionScope, };

export type PreviewedConversation = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * Messages that could not be read any more; 0 when the history is kept.
 */
messages: number, 
/**
 * Images, sounds, videos and files in them.
 */
files: number, 
/**
 * Bytes of those messages as they are stored.
 */
bytes: number, 
/**
 * Files and bytes were counted in the newest messages only: there are more.
 */
more?: boolean, 
/**
 * People who would lose it, the user included.
 */
people: number, };

export type Profiles = { 
/**
 * The profiles.
 */
profiles: Array<Profile>, };

export type ReadAll = { 
/**
 * One-to-one conversations.
 */
users: boolean, 
/**
 * Group conversations.
 */
groups: boolean, };

export type ReadConversation = { 
/**
 * Which.
 */
conversationId: string, 
/**
 * Up to this `seq`; absent: all there is.
 */
upTo?: number, };

export type RemindType = "AcceptAndNotify" | "AcceptNotNotify" | "Discard" | "AcceptNotNotifyExceptAt";

export type Removed = { 
/**
 * Those who were members and are not any more.
 */
removed: Array<string>, 
/**
 * The group now.
 */
group: GroupProfile, };

export type RestoreConversation = { 
/**
 * Which.
 */
conversationId: string, };

export type Resume = { 
/**
 * The greatest change number the client has applied.
 */
change: number, 
/**
 * Server time in ms of the client's last answer or heartbeat: older news it has.
 */
syncedAt: number, 
/**
 * Server time in ms of the fresh login with which this state began: groups that were left before are not part of it.
 */
loggedInAt: number, 
/**
 * The last `seq` the client has of each listed conversation, at most [`HEADS_MAX`]. Clocks and a lost event cannot
 * deceive these; of conversations that are not among them, time alone tells.
 */
heads?: Record<string, number>, };

export type Resumed = { 
/**
 * Conversations that changed or have newer messages, in their present state. The client pulls the messages
 * between the head it knew and the head it reads here.
 */
conversations: Array<Conversation>, 
/**
 * Conversations that were deleted meanwhile and are not listed now: by this very login, or by any client when
 * deletions are synchronised.
 */
deleted: Array<DeletedConversation>, 
/**
 * All friends, when they changed.
 */
friends?: Friends, 
/**
 * All applications, when they changed.
 */
applications?: FriendApplications, };

export type Role = "Owner" | "Admin" | "Member";

export type SendMessage = { 
/**
 * Where to.
 */
conversationId: string, 
/**
 * Unix seconds at creation: the middle part of the message's ID.
 */
clientTime: number, 
/**
 * The last part of the message's ID.
 */
random: number, 
/**
 * See [`Message::body`].
 */
body: MessageElement[], 
/**
 * See [`MessageAttributes`].
 */
attributes?: MessageAttributes, 
/**
 * Deliver to clients that are online now; store nothing.
 */
onlineOnly?: boolean, };

export type Sent = { 
/**
 * Place in the timeline; 0 when `onlineOnly`.
 */
seq: number, 
/**
 * Server time in ms.
 */
time: number, };

export type SetCustomData = { 
/**
 * 1 to [`CONVERSATIONS_PER_CALL`].
 */
conversationIds: string[], 
/**
 * At most [`CUSTOM_DATA_MAX`] bytes.
 */
customData: string, };

export type SetRemindType = { 
/**
 * 1 to [`CONVERSATIONS_PER_CALL`].
 */
conversationIds: string[], 
/**
 * The new type.
 */
remindType: RemindType, };

export type SetRole = { 
/**
 * Which group.
 */
groupId: string, 
/**
 * Who.
 */
userId: string, 
/**
 * Administrator or not.
 */
admin: boolean, };

export type TransferGroup = { 
/**
 * Which.
 */
groupId: string, 
/**
 * A member.
 */
newOwnerId: string, };

export type UpdateFriend = { 
/**
 * Who.
 */
userId: string, 
/**
 * At most [`REMARK_MAX`] bytes.
 */
remark: string, };

export type UpdateGroup = { 
/**
 * Which.
 */
groupId: string, 
/**
 * What.
 */
profile: GroupPatch, };

export type Verify = { 
/**
 * At some random moment within so many ms, so that clients of one node do not all ask at once.
 */
within: number, };

/** Each request: the type of its body and of its answer. */
export type Requests = {
  "session.login": { body: Login, answer: LoggedIn },
  "session.logout": { body: null, answer: null },
  "session.ping": { body: Ping, answer: Pong },
  "messages.send": { body: SendMessage, answer: Sent },
  "messages.history": { body: GetHistory, answer: History },
  "conversations.list": { body: ListConversations, answer: ConversationPage },
  "conversations.get": { body: GetConversations, answer: Conversations },
  "conversations.open": { body: OpenConversation, answer: null },
  "conversations.delete": { body: DeleteConversations, answer: DeleteOutcome },
  "conversations.previewDeletion": { body: PreviewDeletion, answer: DeletionPreview },
  "conversations.restore": { body: RestoreConversation, answer: null },
  "conversations.archive": { body: ArchiveConversations, answer: ChangeOutcome },
  "conversations.clear": { body: ClearHistory, answer: ClearOutcome },
  "conversations.read": { body: ReadConversation, answer: null },
  "conversations.readAll": { body: ReadAll, answer: null },
  "conversations.pin": { body: PinConversation, answer: null },
  "conversations.remind": { body: SetRemindType, answer: ChangeOutcome },
  "conversations.mark": { body: MarkConversations, answer: ChangeOutcome },
  "conversations.customData": { body: SetCustomData, answer: ChangeOutcome },
  "groups.create": { body: CreateGroup, answer: OneGroup },
  "groups.list": { body: null, answer: Groups },
  "groups.get": { body: GroupRef, answer: OneGroup },
  "groups.update": { body: UpdateGroup, answer: OneGroup },
  "groups.dismiss": { body: GroupRef, answer: null },
  "groups.transfer": { body: TransferGroup, answer: OneGroup },
  "groups.members": { body: ListMembers, answer: Members },
  "groups.member": { body: GetMembers, answer: Members },
  "groups.add": { body: ChangeMembers, answer: Added },
  "groups.remove": { body: ChangeMembers, answer: Removed },
  "groups.join": { body: JoinGroup, answer: Joined },
  "groups.quit": { body: GroupRef, answer: null },
  "groups.applications": { body: null, answer: GroupApplications },
  "groups.handle": { body: HandleApplication, answer: OneGroup },
  "groups.role": { body: SetRole, answer: OneGroup },
  "users.get": { body: GetProfiles, answer: Profiles },
  "users.update": { body: ProfilePatch, answer: Profiles },
  "friends.list": { body: null, answer: Friends },
  "friends.add": { body: AddFriend, answer: FriendAdded },
  "friends.delete": { body: DeleteFriends, answer: FriendsDeleted },
  "friends.check": { body: CheckFriends, answer: FriendRelations },
  "friends.update": { body: UpdateFriend, answer: null },
  "friends.applications": { body: null, answer: FriendApplications },
  "friends.answer": { body: AnswerFriend, answer: null },
  "friends.deleteApplication": { body: DeleteApplication, answer: null },
  "friends.readApplications": { body: null, answer: null },
};

/** Error codes, see docs/errors.md. */
export const CODE = {
  NOT_LOGGED_IN: 2024,
  LOGIN_IN_FLIGHT: 2025,
  SYSTEM_IS_READ_ONLY: 2106,
  CONVERSATION_NOT_FOUND: 2500,
  INVALID_CONVERSATION_ID: 2503,
  CANNOT_APPLY: 2601,
  CANNOT_DISMISS: 2622,
  TIMED_OUT: 2801,
  GROUP_INTERNAL: 10002,
  GROUP_PARAMETER: 10004,
  GROUP_TOO_MANY_ACCOUNTS: 10005,
  GROUP_PERMISSION: 10007,
  OWNER_CANNOT_QUIT: 10009,
  GROUP_GONE: 10010,
  ALREADY_MEMBER: 10013,
  GROUP_FULL: 10014,
  GROUP_INVALID_ID: 10015,
  GROUP_MUTED: 10017,
  GROUP_UNKNOWN_ACCOUNT: 10019,
  GROUP_ID_TAKEN: 10021,
  APPLICATION_HANDLED: 10024,
  GROUP_ID_MINE: 10025,
  BAD_MESSAGE: 20001,
  UNKNOWN_ACCOUNT: 20003,
  INTERNAL: 20005,
  RELATION_PARAMETER: 30001,
  RELATION_UNKNOWN_ACCOUNT: 30003,
  FRIENDS_FULL: 30010,
  FRIEND_DENIED: 30516,
  FRIEND_PENDING: 30539,
  NO_APPLICATION: 30614,
  NOT_A_FRIEND: 31704,
  NO_APPLICATION_TO_DELETE: 31804,
  PROFILE_PARAMETER: 40001,
  PROFILE_UNKNOWN_ACCOUNT: 40003,
  PROFILE_TOO_LONG: 40601,
  CONVERSATION_UNKNOWN_ACCOUNT: 50001,
  CONVERSATION_PARAMETER: 50002,
  CONVERSATION_LIST_SIZE: 51006,
  TOO_MANY_PINNED: 51012,
  REST_JSON: 60003,
  REST_CREDENTIALS: 60004,
  REST_APP: 60006,
  REST_RATE: 60007,
  REST_PATH: 60009,
  REST_ADMIN: 60010,
  REST_APP_MISSING: 60012,
  SIG_EXPIRED: 70001,
  SIG_EMPTY: 70002,
  SIG_MALFORMED: 70003,
  SIG_FORGED: 70009,
  SIG_OTHER_USER: 70013,
  SIG_OTHER_APP: 70014,
  APP_UNKNOWN: 70020,
  KICK_UNKNOWN_ACCOUNT: 70107,
  ACCOUNT_PARAMETER: 70402,
  MESSAGE_TOO_LONG: 80002,
  REST_MESSAGE_BODY: 90002,
  REST_TO_ACCOUNT: 90003,
  REST_RANDOM: 90005,
  UNAVAILABLE: 98001,
  UNKNOWN_REQUEST: 98002,
  MALFORMED_REQUEST: 98003,
  PROTOCOL_VERSION: 98004,
  NOT_IMPLEMENTED: 98005,
  SETTING_UNKNOWN: 98006,
  SETTING_VALUE: 98007,
  CONSOLE_SIGN_IN: 98008,
  DEMO_OFF: 98009,
  NOTHING_TO_RESTORE: 98010,
  RESTORE_TOO_LATE: 98011,
  NOT_RESTORABLE: 98012,
  EVERYONE_OFF: 98013,
  EVERYONE_TOO_LATE: 98014,
  KEY_REUSED: 98015,
  NO_ENTRY: 98016,
  NO_HOLD: 98017,
  EXPORT_FAILED: 98018,
  HELD: 98019,
} as const;

/** Why a socket is closed: from 4500 on, do not come back. */
export const CLOSE = {
  RESTARTING: 4000,
  TOO_SLOW: 4001,
  SILENT: 4002,
  REPLACED: 4003,
  LOGIN_ENDED: 4500,
  PROTOCOL_ERROR: 4501,
  NO_LOGIN: 4502,
} as const;

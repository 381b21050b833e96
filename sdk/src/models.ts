import type { TSignaling, TYPES } from './constants.js';
import type { MessagePayload } from './payloads.js';

export type * from './payloads.js';

/** What every promise resolves with. */
export interface Result<Data> {
  code: 0;
  data: Data;
}

/** A pair of an app's own field. */
export interface CustomField {
  key: string;
  value: string;
}

export interface UserInfo {
  userID: string;
  nick: string;
  avatar: string;
}

export interface Profile extends UserInfo {
  gender: TYPES;
  birthday: number;
  location: string;
  selfSignature: string;
  allowType: TYPES;
  language: number;
  messageSettings: number;
  adminForbidType: TYPES;
  level: number;
  role: number;
  lastUpdatedNumber: number;
  /** The same under its name at run time. */
  lastUpdatedTime: number;
  profileCustomField: CustomField[];
}

export interface ReadReceiptInfo {
  readCount?: number;
  unreadCount?: number;
  isPeerRead?: boolean;
  timestamp?: number;
}

/** A message. The SDK keeps it up to date: `status`, `time`, `sequence` and `isPeerRead` change in place. */
export interface Message {
  /** `${tinyID of the sender}-${clientTime}-${random}`; known before it is sent, and kept for ever. */
  ID: string;
  type: TYPES;
  payload: MessagePayload;
  /** Further elements, of messages sent over REST; `payload` is that of the first. */
  _elements: { type: TYPES; payload: MessagePayload }[];
  conversationID: string;
  conversationType: TYPES;
  to: string;
  from: string;
  /** `in` or `out`; own messages from other clients are `out`. */
  flow: string;
  /** Seconds; the server's once sent. */
  time: number;
  /** Seconds at creation. */
  clientTime: number;
  random: number;
  /** Place in the conversation, contiguous from 1; 0 until sent, and of online-only messages. */
  sequence: number;
  /** `unSend`, `success` or `fail`. */
  status: string;
  priority: TYPES;
  nick: string;
  avatar: string;
  nameCard: string;
  atUserList: string[];
  cloudCustomData: string;
  isPeerRead: boolean;
  isRead: boolean;
  needReadReceipt: boolean;
  readReceiptInfo: ReadReceiptInfo;
  isRevoked: boolean;
  revoker: string;
  revokerInfo: UserInfo;
  revokeReason: string;
  isDeleted: boolean;
  isModified: boolean;
  isBroadcastMessage: boolean;
  isSupportExtension: boolean;
  hasRiskContent: boolean;
  version: number;
  receiverList: string[];
}

export interface LastMessage {
  nick: string;
  nameCard: string;
  /** Seconds; 0 when there is no message. */
  lastTime: number;
  lastSequence: number;
  fromAccount: string;
  isRevoked: boolean;
  revoker: string;
  isPeerRead: boolean;
  /** The text, or a word for the type in brackets. */
  messageForShow: string;
  type: TYPES | '';
  payload: MessagePayload | null;
  cloudCustomData: string;
}

export interface GroupAtInfo {
  groupID: string;
  messageSequence: number;
  /** One of CONV_AT_ME, CONV_AT_ALL, CONV_AT_ALL_AT_ME. */
  atTypeArray: number[];
  from: string;
}

/** A conversation as it was when it was handed out; a change makes a new object. */
export interface Conversation {
  conversationID: string;
  type: TYPES;
  /** Type of the group; empty for others. */
  subType: string;
  unreadCount: number;
  lastMessage: LastMessage;
  groupProfile: Group;
  userProfile: Profile;
  groupAtInfoList: GroupAtInfo[];
  remark: string;
  isPinned: boolean;
  messageRemindType: TYPES;
  /** An own mark above 2^53 is rounded, as every number in JavaScript is; powers of two stay exact. */
  markList: number[];
  customData: string;
  conversationGroupList: string[];
  draftText: string;
  /** Lethe's: the user left the group, was removed, or it was dismissed. Readable, not writable, never unread. */
  isLeft: boolean;
  /** Lethe's: how many messages the user can read in it. */
  messageCount: number;
  /** Lethe's: put away; it stands in `getConversationList({ isArchived: true })` only. */
  isArchived: boolean;
}

export interface GroupSelfInfo {
  userID: string;
  role: string;
  joinTime: number;
  nameCard: string;
  messageRemindType: string;
  muteTime: number;
}

export interface Group {
  groupID: string;
  name: string;
  avatar: string;
  type: TYPES;
  introduction: string;
  notification: string;
  ownerID: string;
  /** Seconds. */
  createTime: number;
  infoSequence: number;
  lastInfoTime: number;
  selfInfo: GroupSelfInfo;
  lastMessage: LastMessage;
  nextMessageSeq: number;
  memberCount: number;
  maxMemberCount: number;
  muteAllMembers: boolean;
  joinOption: TYPES;
  inviteOption: string;
  groupCustomField: CustomField[];
  isSupportTopic: boolean;
}

export interface GroupMember extends UserInfo {
  role: string;
  joinTime: number;
  nameCard: string;
  /** Seconds; muted while in the future. */
  muteUntil: number;
  isOnline: boolean;
  memberCustomField: CustomField[];
}

export interface GroupApplication {
  applicant: string;
  applicantNick: string;
  groupID: string;
  groupName: string;
  /** 0: the applicant wants to join. */
  applicationType: number;
  userID: string;
  note: string;
  time: number;
}

export interface Friend {
  userID: string;
  remark: string;
  groupList: string[];
  source: string;
  wording: string;
  /** Seconds. */
  timeStamp: number;
  profile: Profile;
  friendCustomField: CustomField[];
}

export interface FriendApplication extends UserInfo {
  time: number;
  source: string;
  wording: string;
  type: TYPES;
}

export interface FriendGroup {
  name: string;
  userIDList: string[];
  count: number;
}

export interface Topic {
  topicID: string;
  topicName: string;
  avatar: string;
  introduction: string;
  notification: string;
  unreadCount: number;
  muteAllMembers: boolean;
  customData: string;
  groupAtInfoList: GroupAtInfo[];
  lastMessage: LastMessage;
  selfInfo: { muteTime: number; messageRemindType: string };
}

export interface Signaling {
  inviteID: string;
  groupID: string;
  inviter: string;
  inviteeList: string[];
  data: string;
  actionType: TSignaling;
  timeout: number;
}

/** What could not be done to a conversation, and why. */
export interface FailedConversation {
  conversationID: string;
  code: number;
  message: string;
}

/** What could not be done to a user, and why. */
export interface FailedUser {
  userID: string;
  code: number;
  message: string;
}

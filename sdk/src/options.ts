import type { TYPES } from './constants.js';
import type { CustomField, GroupApplication, Message } from './models.js';

/** A constant of `TYPES`, or what it stands for: `'C2C'` is as good as `TYPES.CONV_C2C`. */
export type Constant = TYPES | string | number;

export interface CreateOptions {
  /** The app's number, as the server was started with. */
  SDKAppID: number;
  /**
   * Address of the Lethe server: `ws://`, `wss://`, `http://` or `https://`, with or without a path. Default: where the page
   * came from.
   */
  proxyServer?: string | undefined;
  /** Accepted; uploads are not available yet. */
  fileUploadProxy?: string | undefined;
  /** Accepted; uploads are not available yet. */
  fileDownloadProxy?: string | undefined;
  /** Accepted, without effect. */
  scene?: string | undefined;
}

export interface LoginOptions {
  userID: string;
  /** UserSig of that user, made by your server with the app's secret key. */
  userSig: string;
}

export interface MessageOptions<Payload> {
  /** The receiver: a user's or a group's ID. */
  to: string;
  conversationType: Constant;
  /** Default `TYPES.MSG_PRIORITY_NORMAL`. */
  priority?: Constant;
  payload: Payload;
  /** Stored and delivered with the message. Default empty. */
  cloudCustomData?: string;
  /** Default false. */
  needReadReceipt?: boolean;
  /** Only for these members of the group. Such messages cannot be sent yet. Default: for all. */
  receiverList?: string[];
  /** Default false. */
  isSupportExtension?: boolean;
  /** A function, to be called with the part (0 to 1) of an upload that is done. */
  onProgress?: ((progress: number) => void) | object;
  /** Accepted, without effect. */
  customModerationConfigurationID?: string;
}

export interface SendOptions {
  /** Only for clients that are online now; stored nowhere. Default false. */
  onlineUserOnly?: boolean;
  messageControlInfo?: {
    /** Stored, but raises no unread count. Default false. */
    excludedFromUnreadCount?: boolean;
    /** Stored, but does not become a conversation's last message. Default false. */
    excludedFromLastMessage?: boolean;
    /** Accepted, without effect. */
    excludedFromContentModeration?: boolean;
  };
  /** Accepted, without effect: there is no push to native apps. */
  offlinePushInfo?: Record<string, unknown>;
}

export interface GetMessageListOptions {
  conversationID: string;
  /** `nextReqMessageID` of the page before. Default: the newest page. */
  nextReqMessageID?: string;
  /** At most this many, up to 15. Default 15. */
  count?: number;
}

export interface GetMessageListHoppingOptions {
  conversationID: string;
  /** Begin with the message that has this sequence. */
  sequence?: number;
  /** Or, one-to-one, with the message sent at this time (seconds). */
  time?: number;
  /** 0: from there to older ones; 1: to newer ones. Default 0. The message there is included. */
  direction?: number;
  /** At most this many, up to 15. Default 15. */
  count?: number;
}

export interface GetConversationListOptions {
  /** Only conversations of this type: CONV_C2C or CONV_GROUP. */
  type?: Constant;
  /** Only conversations of this conversation group; `''`: of none. There are no conversation groups yet. */
  groupName?: string;
  /** Only conversations with this mark; 0: without any. */
  markType?: number;
  /** Only conversations with (true) or without (false) unread messages. */
  hasUnreadCount?: boolean;
  /** Only conversations with (true) or without (false) unread mentions. */
  hasGroupAtInfo?: boolean;
  /** Lethe's: the ones that were put away (true) or all others. Default false. */
  isArchived?: boolean;
}

export interface DeleteConversationOptions {
  /** 1 to 100 conversations. */
  conversationIDList: string[];
  /** Whether their history is cleared too, for the caller only. Default true. */
  clearHistoryMessage?: boolean;
  /**
   * Lethe's: for whom. `'everyone'` deletes the history of all sides too, as far as the app and the user's role allow; it
   * cannot be undone. Default `'me'`.
   */
  scope?: 'me' | 'everyone';
  /** Lethe's: the user's other clients keep it until their next login, whatever the app's setting. Default false. */
  localOnly?: boolean;
}

export interface PreviewDeletionOptions {
  /** 1 to 100 conversations. */
  conversationIDList: string[];
  /** Default true. */
  clearHistoryMessage?: boolean;
  /** Default `'me'`. */
  scope?: 'me' | 'everyone';
}

export interface ArchiveConversationOptions {
  /** 1 to 100 conversations. */
  conversationIDList: string[];
  /** Away (true) or back (false). */
  isArchived: boolean;
  /** It stays away when a newer message comes. Default false: such a message brings it back. */
  keepOnMessage?: boolean;
}

export interface SetMessageRemindTypeOptions {
  /** Either a group ... */
  groupID?: string;
  /** ... or 1 to 30 users. */
  userIDList?: string[];
  messageRemindType: Constant;
}

export interface ProfileOptions {
  nick?: string;
  avatar?: string;
  gender?: Constant;
  selfSignature?: string;
  allowType?: Constant;
  birthday?: number;
  location?: string;
  language?: number;
  messageSettings?: number;
  adminForbidType?: Constant;
  level?: number;
  role?: number;
  profileCustomField?: CustomField[];
}

export interface AddFriendOptions {
  to: string;
  /** `AddSource_Type_` and at most 8 bytes. */
  source: string;
  wording?: string;
  /** Default `TYPES.SNS_ADD_TYPE_BOTH`. */
  type?: Constant;
  remark?: string;
  groupName?: string;
}

export interface CreateGroupOptions {
  name: string;
  /** Default `TYPES.GRP_WORK`. */
  type?: Constant;
  /** Default: made by the server. */
  groupID?: string;
  introduction?: string;
  notification?: string;
  avatar?: string;
  /** Default: the server's greatest. */
  maxMemberNum?: number;
  /** Default: that of the type. */
  joinOption?: Constant;
  /** Default: that of the type. */
  inviteOption?: string;
  /** At most 500. */
  memberList?: { userID: string; role?: string }[];
  groupCustomField?: CustomField[];
  isSupportTopic?: boolean;
}

export interface UpdateGroupProfileOptions {
  groupID: string;
  name?: string;
  avatar?: string;
  introduction?: string;
  notification?: string;
  muteAllMembers?: boolean;
  joinOption?: Constant;
  inviteOption?: string;
  groupCustomField?: CustomField[];
}

export interface HandleGroupApplicationOptions {
  /** `Agree` or `Reject`. */
  handleAction: string;
  handleMessage?: string;
  /** Either the system notice of the application ... */
  message?: Message;
  /** ... or an item of `getGroupApplicationList`. */
  application?: GroupApplication;
}

export interface GetGroupMemberListOptions {
  groupID: string;
  /** Up to 100. Default 15. */
  count?: number;
  /** `offset` of the page before. Default 0. */
  offset?: number | string;
  /** Accepted, without effect. */
  filter?: number;
  role?: string;
}

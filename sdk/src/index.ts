import * as TencentCloudChat from './api.js';

export default TencentCloudChat;
export * from './api.js';
export type { ChatSDK } from './chat.js';
export type { BatchResult } from './conversations.js';
export type { DeletedConversations, DeletionPreview, PreviewedConversation } from './deletions.js';
export type { ChatEvent, EventData } from './emitter.js';
export { ChatError } from './errors.js';
export type {
  Conversation, CustomField, FailedConversation, FailedUser, Friend, FriendApplication, FriendGroup, Group, GroupApplication,
  GroupAtInfo, GroupMember, LastMessage, Message, MessagePayload, Profile, ReadReceiptInfo, Result, Signaling,
  SimplifiedMessage, Topic, UserInfo,
} from './models.js';
export type {
  AddFriendOptions, ArchiveConversationOptions, Constant, CreateGroupOptions, CreateOptions, DeleteConversationOptions,
  GetConversationListOptions, GetGroupMemberListOptions, GetMessageListHoppingOptions, GetMessageListOptions,
  HandleGroupApplicationOptions, LoginOptions, MessageOptions, PreviewDeletionOptions, ProfileOptions, SendOptions, SetMessageRemindTypeOptions, UpdateGroupProfileOptions,
} from './options.js';

import TencentCloudChat from '@lethe/chat';

export type { ChatSDK, Conversation, Friend, FriendApplication, Group, GroupMember, Message, Profile } from '@lethe/chat';

export const EVENT = TencentCloudChat.EVENT;
export const TYPES = TencentCloudChat.TYPES;
export const create = TencentCloudChat.create;

export const SYSTEM_CONVERSATION = '@TIM#SYSTEM';

export const isGroupID = (conversationID: string) => conversationID.startsWith('GROUP');
export const isC2CID = (conversationID: string) => conversationID.startsWith('C2C');

/** The user ID or group ID inside a conversation ID. */
export function targetOf(conversationID: string): string {
  if (isC2CID(conversationID)) return conversationID.slice('C2C'.length);
  if (isGroupID(conversationID)) return conversationID.slice('GROUP'.length);
  return conversationID;
}

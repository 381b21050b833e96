import { t } from '../messages';
import { conversationsByID } from './conversations';
import { type Conversation, type Group, isGroupID, type Message, SYSTEM_CONVERSATION, targetOf } from './sdk';

export interface NamedUser {
  userID: string;
  nick?: string;
  nameCard?: string;
}

export const userName = (user: NamedUser) => user.nameCard || user.nick || user.userID;
export const groupName = (group: Pick<Group, 'groupID' | 'name'>) => group.name || group.groupID;
export const senderName = (message: Message) => message.nameCard || message.nick || message.from;

/** The name of someone of whom only the ID was given, if there is a conversation to know it from. */
export function knownName(userID: string): string {
  const conversation = conversationsByID.value.get(`C2C${userID}`);
  return conversation === undefined ? userID : conversationName(conversation);
}

/** Remark, then nick, then user ID; for a group its name, then its ID. */
export function conversationName(conversation: Conversation): string {
  const { conversationID } = conversation;
  if (conversationID === SYSTEM_CONVERSATION) return t('conversation.system');
  if (isGroupID(conversationID)) return conversation.groupProfile?.name || targetOf(conversationID);
  return conversation.remark || conversation.userProfile?.nick || targetOf(conversationID);
}

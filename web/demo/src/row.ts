import { conversationName } from './chat/names';
import { isMuted } from './chat/conversations';
import { type Conversation, isGroupID, SYSTEM_CONVERSATION, targetOf } from './chat/sdk';
import { listTime } from './chat/times';
import { previewOf } from './chat/wording';

/** What one row of the list shows. */
export interface Row {
  id: string;
  target: string;
  name: string;
  kind: 'user' | 'group' | 'system';
  preview: string;
  time: string;
  unread: number;
  isPinned: boolean;
  isMuted: boolean;
  isLeft: boolean;
  isMentioned: boolean;
  draft: string;
}

export function rowOf(conversation: Conversation, me: string): Row {
  const id = conversation.conversationID;
  const kind = id === SYSTEM_CONVERSATION ? 'system' : isGroupID(id) ? 'group' : 'user';
  return {
    id,
    target: targetOf(id),
    name: conversationName(conversation),
    kind,
    preview: previewOf(conversation, me),
    time: listTime(conversation.lastMessage?.lastTime ?? 0),
    unread: conversation.unreadCount,
    isPinned: conversation.isPinned,
    isMuted: kind !== 'system' && isMuted(conversation),
    isLeft: conversation.isLeft === true,
    isMentioned: (conversation.groupAtInfoList ?? []).length > 0,
    draft: conversation.draftText ?? '',
  };
}

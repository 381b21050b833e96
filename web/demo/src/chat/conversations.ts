import { computed, ref, shallowRef } from 'vue';
import { chat } from './client';
import { type ChatSDK, type Conversation, EVENT, TYPES } from './sdk';

/**
 * The SDK's own objects in the SDK's own order. They change in place, so each event makes a new array,
 * and what is shown is derived from the rows on screen only: ten thousand conversations cost the same as ten.
 */
export const conversations = shallowRef<readonly Conversation[]>([]);
export const isSyncCompleted = ref(false);
export const conversationsByID = computed(
  () => new Map(conversations.value.map((conversation) => [conversation.conversationID, conversation])),
);

export async function loadConversations(): Promise<void> {
  const { data } = await chat().getConversationList();
  conversations.value = [...data.conversationList];
  isSyncCompleted.value = data.isSyncCompleted;
}

export function followConversations(sdk: ChatSDK): void {
  sdk.on(EVENT.CONVERSATION_LIST_UPDATED, (event: { data: Conversation[] }) => {
    conversations.value = [...event.data];
  });
}

export function forgetConversations(): void {
  conversations.value = [];
  isSyncCompleted.value = false;
}

export async function setPinned(conversation: Conversation, isPinned: boolean): Promise<void> {
  await chat().pinConversation({ conversationID: conversation.conversationID, isPinned });
}

export const isMuted = (conversation: Conversation) =>
  conversation.messageRemindType !== TYPES.MSG_REMIND_ACPT_AND_NOTE && Boolean(conversation.messageRemindType);

export async function setMuted(conversation: Conversation, muted: boolean): Promise<void> {
  const messageRemindType = muted ? TYPES.MSG_REMIND_ACPT_NOT_NOTE : TYPES.MSG_REMIND_ACPT_AND_NOTE;
  if (conversation.type === TYPES.CONV_GROUP) {
    await chat().setMessageRemindType({ groupID: conversation.groupProfile.groupID, messageRemindType });
  } else {
    await chat().setMessageRemindType({ userIDList: [conversation.userProfile.userID], messageRemindType });
  }
}

export async function markRead(conversationID: string): Promise<void> {
  await chat().setMessageRead({ conversationID });
}

export async function clearHistory(conversationID: string): Promise<void> {
  await chat().clearHistoryMessage(conversationID);
}

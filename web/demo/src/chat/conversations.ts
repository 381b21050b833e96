import { computed, ref, shallowRef } from 'vue';
import { chat } from './client';
import { type ChatSDK, type Conversation, EVENT, TYPES } from './sdk';

/**
 * The SDK's own objects in the SDK's own order. They change in place, so each event makes a new array,
 * and what is shown is derived from the rows on screen only: ten thousand conversations cost the same as ten.
 */
interface Lists {
  shown: readonly Conversation[];
  archived: readonly Conversation[];
}

/** Both at once: a conversation that moves from one to the other is never in neither. */
const lists = shallowRef<Lists>({ shown: [], archived: [] });
export const conversations = computed(() => lists.value.shown);
export const archived = computed(() => lists.value.archived);
export const isSyncCompleted = ref(false);
export const conversationsByID = computed(
  () => new Map([...archived.value, ...conversations.value].map((conversation) => [conversation.conversationID, conversation])),
);

async function archivedOf(sdk: ChatSDK): Promise<Conversation[]> {
  return (await sdk.getConversationList({ isArchived: true })).data.conversationList;
}

export async function loadConversations(): Promise<void> {
  const { data } = await chat().getConversationList();
  lists.value = { shown: data.conversationList, archived: await archivedOf(chat()) };
  isSyncCompleted.value = data.isSyncCompleted;
}

export function followConversations(sdk: ChatSDK): void {
  sdk.on(EVENT.CONVERSATION_LIST_UPDATED, async (event: { data: Conversation[] }) => {
    // It has the shown ones only, and comes for the others as well.
    const away = await archivedOf(sdk).catch(() => archived.value);
    if (sdk.getLoginUser() !== '') lists.value = { shown: event.data, archived: away };
  });
}

export function forgetConversations(): void {
  lists.value = { shown: [], archived: [] };
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

export async function setArchived(conversationID: string, isArchived: boolean): Promise<void> {
  const { data } = await chat().archiveConversation({ conversationIDList: [conversationID], isArchived });
  const [failure] = data.failureConversationIDList;
  if (failure !== undefined) throw failure;
}

/** Whether it can be undone now. */
export async function clearHistory(conversationID: string): Promise<boolean> {
  const { data } = await chat().clearHistoryMessage(conversationID);
  return data.restorableUntil > 0;
}

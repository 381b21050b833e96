import { ref, shallowRef, triggerRef, watch } from 'vue';
import { chat } from './client';
import { conversationsByID, markRead } from './conversations';
import { describeError } from './errors';
import { type ChatSDK, EVENT, isGroupID, type Message, SYSTEM_CONVERSATION, targetOf, TYPES } from './sdk';

/** The messages of the conversation that is open, oldest first. */
export const openID = ref<string | null>(null);
export const messages = shallowRef<Message[]>([]);
export const isComplete = ref(false);
export const isLoading = ref(false);
export const loadProblem = ref('');
/** Why a message of mine was not sent, by message ID. */
export const sendProblems = ref(new Map<string, string>());

let cursor = '';

function showAlso(more: readonly Message[]): void {
  const known = new Set(messages.value.map((message) => message.ID));
  const fresh = more.filter((message) => !known.has(message.ID));
  messages.value = [...messages.value, ...fresh];
}

async function readIfSeen(): Promise<void> {
  const id = openID.value;
  if (id === null || document.visibilityState !== 'visible') return;
  if ((conversationsByID.value.get(id)?.unreadCount ?? 0) === 0) return;
  // A read report that is lost is made again with the next message or visit.
  await markRead(id).catch(() => undefined);
}

export async function loadOlder(): Promise<void> {
  const conversationID = openID.value;
  if (conversationID === null || isLoading.value || isComplete.value) return;
  isLoading.value = true;
  loadProblem.value = '';
  try {
    const { data } = await chat().getMessageList({ conversationID, ...(cursor === '' ? {} : { nextReqMessageID: cursor }) });
    // The reader may have gone on to another conversation meanwhile.
    if (openID.value !== conversationID) return;
    const older: Message[] = data.messageList;
    const loaded = new Set(older.map((message) => message.ID));
    messages.value = [...older, ...messages.value.filter((message) => !loaded.has(message.ID))];
    cursor = data.nextReqMessageID ?? '';
    isComplete.value = data.isCompleted;
  } catch (error) {
    if (openID.value === conversationID) loadProblem.value = describeError(error);
  } finally {
    if (openID.value === conversationID) isLoading.value = false;
  }
}

function empty(): void {
  messages.value = [];
  cursor = '';
  isComplete.value = false;
  isLoading.value = false;
  loadProblem.value = '';
}

export async function openConversation(conversationID: string): Promise<void> {
  openID.value = conversationID;
  empty();
  await loadOlder();
  await readIfSeen();
}

export function closeConversation(): void {
  openID.value = null;
  empty();
}

/** Forgets what is loaded and reads it again, after the history was cleared. */
export async function reloadConversation(): Promise<void> {
  empty();
  await loadOlder();
}

async function deliver(message: Message, send: (message: Message) => Promise<unknown>): Promise<void> {
  sendProblems.value.delete(message.ID);
  try {
    await send(message);
  } catch (error) {
    sendProblems.value.set(message.ID, describeError(error));
  } finally {
    triggerRef(messages);
  }
}

export async function sendText(conversationID: string, text: string): Promise<void> {
  const message = chat().createTextMessage({
    to: targetOf(conversationID),
    conversationType: isGroupID(conversationID) ? TYPES.CONV_GROUP : TYPES.CONV_C2C,
    payload: { text },
  });
  showAlso([message]);
  await deliver(message, (unsent) => chat().sendMessage(unsent));
}

export async function resend(message: Message): Promise<void> {
  const sending = deliver(message, (failed) => chat().resendMessage(failed));
  triggerRef(messages);
  await sending;
}

/**
 * More on screen than there is to read: the history was cleared, here or elsewhere. Less, although all was read: that was
 * undone. System notices are not counted.
 */
async function followHistory(): Promise<void> {
  const id = openID.value;
  if (id === null || id === SYSTEM_CONVERSATION || isLoading.value) return;
  const readable = conversationsByID.value.get(id)?.messageCount;
  const shown = messages.value.filter((message) => message.status === 'success').length;
  if (readable !== undefined && (shown > readable || (isComplete.value && shown < readable))) await reloadConversation();
}

document.addEventListener('visibilitychange', () => void readIfSeen());

function followReading(sdk: ChatSDK): void {
  sdk.on(EVENT.MESSAGE_RECEIVED, (event: { data: Message[] }) => {
    showAlso(event.data.filter((message) => message.conversationID === openID.value));
  });
}

watch(
  conversationsByID,
  () => {
    void readIfSeen();
    void followHistory();
  },
  { flush: 'sync' },
);

export function followTimeline(sdk: ChatSDK): void {
  followReading(sdk);
  for (const name of [EVENT.MESSAGE_REVOKED, EVENT.MESSAGE_MODIFIED, EVENT.MESSAGE_READ_BY_PEER]) {
    sdk.on(name, (event: { data: Message[] }) => {
      const changed = new Map(event.data.map((message) => [message.ID, message]));
      messages.value = messages.value.map((message) => changed.get(message.ID) ?? message);
    });
  }
}

export function forgetTimeline(): void {
  closeConversation();
  sendProblems.value.clear();
}

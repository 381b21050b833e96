/*
Checked by the compiler only (`npm run typecheck`): whatever is written for `@tencentcloud/chat` 3.6.6 takes our instance,
and what apps write compiles against our own types.
*/
import type { ChatSDK as Theirs, Message as TheirMessage, Signaling as TheirSignaling } from '@tencentcloud/chat';

import TencentCloudChat, { ChatError, type ChatSDK, type Conversation, type Message } from '../src/index.js';

declare const ours: ChatSDK;
export const instance: Theirs = ours;
export const create: (options: { SDKAppID: number; proxyServer?: string; scene?: string }) => Theirs = TencentCloudChat.create;
export const message: TheirMessage = ours.createTextMessage({
  to: 'bob',
  conversationType: TencentCloudChat.TYPES.CONV_C2C,
  payload: { text: 'hello' },
});
export const signaling: TheirSignaling | null = ours.getSignalingInfo({} as Message);

/** The methods that theirs has and ours has not: none. */
type Missing = Exclude<keyof Theirs, keyof ChatSDK>;
export const missing: [Missing] extends [never] ? true : Missing = true;

/** As the vendor's guide has it. */
export async function anApp(): Promise<void> {
  const chat = TencentCloudChat.create({ SDKAppID: 1400000000, proxyServer: 'ws://localhost:8080' });
  chat.on(TencentCloudChat.EVENT.SDK_READY, () => chat.getConversationList());
  chat.on(TencentCloudChat.EVENT.MESSAGE_RECEIVED, (event) => {
    for (const received of event.data) {
      if (received.type === TencentCloudChat.TYPES.MSG_TEXT) console.info(received.payload.text, event.name);
    }
  });
  chat.on(TencentCloudChat.EVENT.CONVERSATION_LIST_UPDATED, ({ data }) => data.map(({ isLeft }) => isLeft));
  chat.on('an event of tomorrow', (event: { name: string }) => event.name);
  chat.setLogLevel(1);
  chat.registerPlugin({ 'tim-upload-plugin': {} });
  await chat.login({ userID: 'alice', userSig: '' });

  const one: string = (await chat.deleteConversation('C2Cbob')).data.conversationID;
  const { conversationIDList, failureList } = (
    await chat.deleteConversation({ conversationIDList: ['C2Cbob', 'GROUPteam'], clearHistoryMessage: false })
  ).data;
  const either: string | { conversationIDList: string[] } = 'C2Cbob';
  await chat.deleteConversation(either);

  const { restorableUntil, entry, isQueued } = (
    await chat.deleteConversation({ conversationIDList, scope: 'everyone', localOnly: false })
  ).data;
  const restored: Conversation = (await chat.restoreConversation('C2Cbob')).data.conversation;
  const { conversationList: previewed, deviceCount } = (await chat.previewDeletion({ conversationIDList })).data;
  await chat.archiveConversation({ conversationIDList, isArchived: true, keepOnMessage: true });
  const away: Conversation[] = (await chat.getConversationList({ isArchived: true })).data.conversationList;
  chat.on(TencentCloudChat.EVENT.MESSAGE_REVOKED, ({ data }) => data.map(({ revoker }) => revoker));
  console.info(restorableUntil, entry, isQueued, restored.isArchived, previewed[0]?.byteCount, deviceCount, away);

  const list: Conversation[] = (await chat.getConversationList()).data.conversationList;
  console.info(one, conversationIDList, failureList, list[0]?.lastMessage.messageForShow);
  for (const markType of [TencentCloudChat.TYPES.CONV_MARK_TYPE_HIDE, TencentCloudChat.TYPES.CONV_MARK_TYPE_STAR, 2 ** 40]) {
    await chat.markConversation({ conversationIDList, markType, enableMark: true });
  }
  const gender: TencentCloudChat.TYPES.GENDER_FEMALE = TencentCloudChat.TYPES.GENDER_FEMALE;
  await chat.updateMyProfile({ gender });
  await chat.getMyProfile().catch((error: unknown) => error instanceof ChatError && error.code);
}

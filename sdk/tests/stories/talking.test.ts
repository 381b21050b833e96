import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Actor } from '../support/actor.js';
import { hasServer, Lethe } from '../support/lethe.js';

const text = (from: Actor, to: string, words: string, conversationType: TYPES = TYPES.CONV_C2C) =>
  from.chat.createTextMessage({ to, conversationType, payload: { text: words } });

describe.skipIf(!hasServer)('talking', () => {
  let lethe: Lethe;
  let alice: Actor;
  let bob: Actor;

  beforeAll(async () => {
    lethe = await Lethe.start();
    [alice, bob] = await Promise.all([lethe.login('alice'), lethe.login('bob')]);
  });
  afterAll(() => lethe.stop());

  test('a message arrives, is counted, is read, and its sender hears of it', async () => {
    const message = text(alice, 'bob', 'hello');
    expect(message).toMatchObject({ status: 'unSend', flow: 'out', from: 'alice', conversationID: 'C2Cbob' });
    const { data } = await alice.chat.sendMessage(message);
    expect(data.message).toBe(message);
    expect(message).toMatchObject({ status: 'success', sequence: 1, isPeerRead: false });
    expect(alice.chat.findMessage(message.ID)).toBe(message);

    const [received] = await bob.next(EVENT.MESSAGE_RECEIVED);
    expect(received).toMatchObject({
      ID: message.ID, flow: 'in', from: 'alice', to: 'bob', conversationID: 'C2Calice', time: message.time, payload: { text: 'hello' },
    });
    await bob.next(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, (total) => total === 1);
    const [name, next, last] = bob.names().slice(-3);
    expect([name, next, last]).toEqual([
      EVENT.MESSAGE_RECEIVED, EVENT.CONVERSATION_LIST_UPDATED, EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED,
    ]);

    await bob.chat.setMessageRead({ conversationID: 'C2Calice' });
    expect(bob.chat.getTotalUnreadMessageCount()).toBe(0);
    expect(await alice.next(EVENT.MESSAGE_READ_BY_PEER)).toEqual([message]);
    expect(message.isPeerRead).toBe(true);
    const { conversation } = (await alice.chat.getConversationProfile('C2Cbob')).data;
    expect(conversation.lastMessage).toMatchObject({ messageForShow: 'hello', isPeerRead: true, lastSequence: 1 });
    expect(alice.all(EVENT.MESSAGE_RECEIVED)).toEqual([]);
  });

  test('every kind of content arrives as it was made', async () => {
    const options = { to: 'bob', conversationType: TYPES.CONV_C2C };
    const { chat } = alice;
    const first = text(alice, 'bob', 'one');
    await chat.sendMessage(first);
    const made = [
      chat.createCustomMessage({ ...options, payload: { data: '{"a":1}', description: 'd', extension: 'e' } }),
      chat.createFaceMessage({ ...options, payload: { index: 0, data: 'smile' } }),
      chat.createLocationMessage({ ...options, payload: { description: 'here', latitude: -1.5, longitude: 100.25 } }),
      chat.createForwardMessage({ ...options, payload: first }),
      chat.createMergerMessage({
        ...options, payload: { messageList: [first], title: 'chat', abstractList: ['alice: one'], compatibleText: 'old' },
      }),
    ];
    for (const message of made) await chat.sendMessage(message);
    await bob.next(EVENT.MESSAGE_RECEIVED, (list) => list.some(({ ID }) => ID === made.at(-1)?.ID));
    const received = bob.all(EVENT.MESSAGE_RECEIVED).flat().slice(-made.length);
    expect(received.map(({ type, payload }) => ({ type, payload }))).toEqual(made.map(({ type, payload }) => ({ type, payload })));
  });

  test('history comes in pages of 15, the newest first, each message once and in order', async () => {
    const carol = await lethe.login('carol');
    for (let i = 1; i <= 40; i++) await carol.chat.sendMessage(text(carol, 'alice', `${i}`));
    await alice.until(() => alice.texts().includes('40'));
    const pages: string[][] = [];
    let nextReqMessageID: string | undefined;
    for (;;) {
      const { data } = await alice.chat.getMessageList({
        conversationID: 'C2Ccarol', ...(nextReqMessageID === undefined ? {} : { nextReqMessageID }),
      });
      pages.unshift(data.messageList.map(({ payload }) => payload.text));
      ({ nextReqMessageID } = data);
      if (data.isCompleted) break;
    }
    expect(pages.map(({ length }) => length)).toEqual([10, 15, 15]);
    expect(pages.flat()).toEqual(Array.from({ length: 40 }, (_, i) => `${i + 1}`));
    expect(nextReqMessageID).toBe('');
    await expect(alice.chat.getMessageList({ conversationID: 'C2Ccarol', nextReqMessageID: 'x' })).rejects.toMatchObject({ code: 50002 });

    const hop = async (options: { sequence?: number; time?: number; direction?: number; count?: number }) =>
      (await alice.chat.getMessageListHopping({ conversationID: 'C2Ccarol', ...options })).data.messageList.map(({ sequence }) => sequence);
    expect(await hop({ sequence: 20, count: 3 })).toEqual([18, 19, 20]);
    expect(await hop({ sequence: 20, direction: 1, count: 3 })).toEqual([20, 21, 22]);
    const newest = alice.chat.findMessage(alice.all(EVENT.MESSAGE_RECEIVED).flat().at(-1)?.ID ?? '');
    expect(await hop({ time: newest?.time ?? 0, count: 1 })).toEqual([40]);
  });

  test('a message for those who are online leaves no trace', async () => {
    const since = bob.heard.length;
    const message = text(alice, 'bob', 'now only');
    await alice.chat.sendMessage(message, { onlineUserOnly: true });
    await bob.until(() => bob.texts(since).includes('now only'));
    expect(bob.names(since)).toEqual([EVENT.MESSAGE_RECEIVED]);
    const { messageList } = (await bob.chat.getMessageList({ conversationID: 'C2Calice' })).data;
    expect(messageList.map(({ payload }) => payload.text)).not.toContain('now only');
  });

  test('what is excluded from unread or from the last message is', async () => {
    const dora = await lethe.login('dora');
    await alice.chat.sendMessage(text(alice, 'dora', 'seen'));
    await alice.chat.sendMessage(text(alice, 'dora', 'uncounted'), { messageControlInfo: { excludedFromUnreadCount: true } });
    await alice.chat.sendMessage(text(alice, 'dora', 'not last'), { messageControlInfo: { excludedFromLastMessage: true } });
    await dora.until(() => dora.texts().includes('not last'));
    const [conversation] = (await dora.chat.getConversationList()).data.conversationList;
    expect(conversation).toMatchObject({ unreadCount: 2, lastMessage: { messageForShow: 'uncounted' }, messageCount: 3 });
  });

  test('a second client of the same user sees both sides', async () => {
    await lethe.settings({ OnlineWebInstances: 3 });
    const phone = await lethe.login('alice');
    const message = text(alice, 'bob', 'from the other client');
    await alice.chat.sendMessage(message);
    const received = await phone.next(EVENT.MESSAGE_RECEIVED, (list) => list.some(({ ID }) => ID === message.ID));
    expect(received[0]).toMatchObject({ flow: 'out', from: 'alice', conversationID: 'C2Cbob' });
    await phone.chat.pinConversation({ conversationID: 'C2Cbob', isPinned: true });
    await alice.next(EVENT.CONVERSATION_LIST_UPDATED, (list) => list[0]?.conversationID === 'C2Cbob' && list[0].isPinned);
    await phone.chat.markConversation({ conversationIDList: ['C2Cbob'], markType: TYPES.CONV_MARK_TYPE_STAR, enableMark: true });
    await phone.chat.setConversationCustomData({ conversationIDList: ['C2Cbob'], customData: 'mine' });
    await phone.chat.setMessageRemindType({ userIDList: ['bob'], messageRemindType: TYPES.MSG_REMIND_ACPT_NOT_NOTE });
    await alice.next(EVENT.CONVERSATION_LIST_UPDATED, ([first]) => String(first?.messageRemindType) === 'AcceptNotNotify');
    const marked = (await alice.chat.getConversationList({ markType: 1 })).data.conversationList;
    expect(marked).toMatchObject([{ conversationID: 'C2Cbob', markList: [1], customData: 'mine' }]);
    await phone.chat.pinConversation({ conversationID: 'C2Cbob', isPinned: false });
    await phone.chat.setMessageRemindType({ userIDList: ['bob'], messageRemindType: TYPES.MSG_REMIND_ACPT_AND_NOTE });
    await phone.chat.destroy();
  });

  test('messages that cannot be sent fail, and keep their ID', async () => {
    const file = new File(['x'], 'x.png');
    const image = alice.chat.createImageMessage({ to: 'bob', conversationType: TYPES.CONV_C2C, payload: { file } });
    await expect(alice.chat.sendMessage(image)).rejects.toMatchObject({ code: 98005, data: { message: image } });
    expect(image.status).toBe('fail');
    const long = text(alice, 'bob', 'x'.repeat(12 * 1024));
    await expect(alice.chat.sendMessage(long)).rejects.toMatchObject({ code: 80002 });
    const { ID } = long;
    await expect(alice.chat.resendMessage(long)).rejects.toMatchObject({ code: 80002 });
    expect(long).toMatchObject({ ID, status: 'fail' });
    await expect(alice.chat.sendMessage(text(alice, 'nobody', 'hello'))).rejects.toMatchObject({ code: 20003 });
    expect(() => text(alice, '@TIM#SYSTEM', 'hello')).toThrow(expect.objectContaining({ code: 2106 }));
  });

  test('friends', async () => {
    const [erin, frank] = await Promise.all([lethe.login('erin'), lethe.login('frank')]);
    await frank.chat.updateMyProfile({ allowType: TYPES.ALLOW_TYPE_NEED_CONFIRM, nick: 'Frank' });
    const { data } = await erin.chat.addFriend({ to: 'frank', source: 'AddSource_Type_Web', wording: 'please' });
    expect(data.code).toBe(30539);
    await frank.next(EVENT.FRIEND_APPLICATION_LIST_UPDATED, ({ unreadCount }) => unreadCount === 1);
    await frank.chat.acceptFriendApplication({ userID: 'erin', remark: 'E' });
    await erin.next(EVENT.FRIEND_LIST_UPDATED, ([friend]) => friend?.userID === 'frank');
    expect((await erin.chat.checkFriend({ userIDList: ['frank'] })).data.successUserIDList[0]?.relation).toBe(TYPES.SNS_TYPE_BOTH_WAY);
    await erin.chat.updateFriend({ userID: 'frank', remark: 'Frankie' });
    await frank.chat.sendMessage(text(frank, 'erin', 'hi'));
    await erin.next(EVENT.CONVERSATION_LIST_UPDATED, ([first]) => first?.remark === 'Frankie' && first.userProfile.nick === 'Frank');
    await erin.chat.deleteFriend({ userIDList: ['frank'] });
    expect((await erin.chat.getFriendList()).data).toEqual([]);
    expect(await erin.list()).toEqual(['C2Cfrank']);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TYPES } from '../../src/constants.js';
import { ChatError } from '../../src/errors.js';
import type { ChatSDK } from '../../src/chat.js';
import { UNAVAILABLE } from '../../src/unavailable.js';
import { Actor, QUICK } from '../support/actor.js';
import { conversation, FakeServer, loggedIn } from '../support/fake-server.js';

let server: FakeServer;
let alice: Actor;

beforeAll(async () => {
  server = await FakeServer.start();
  server
    .on('session.login', () => loggedIn({ list: { conversations: [conversation('C2Cbob', { head: 3 })] } }))
    .on('conversations.delete', ({ items }) => ({ deleted: items.map(({ conversationId }) => conversationId), failed: [], restorableUntil: 0 }));
  alice = await new Actor(server.url, 1, QUICK).login('alice');
});

afterAll(async () => {
  await alice.chat.destroy();
  await server.stop();
});

const SYNCHRONOUS = [
  'getLoginUser', 'getServerTime', 'isReady', 'on', 'off', 'once', 'registerPlugin', 'setLogLevel', 'findMessage',
  'getTotalUnreadMessageCount', 'getSignalingInfo', 'addSignalingListener', 'removeSignalingListener', 'inviteSync',
  'inviteInGroupSync', 'createTextMessage', 'createTextAtMessage', 'createImageMessage', 'createAudioMessage',
  'createVideoMessage', 'createCustomMessage', 'createFaceMessage', 'createFileMessage', 'createLocationMessage',
  'createMergerMessage', 'createForwardMessage',
];
const promising = (chat: ChatSDK): [string, (...args: unknown[]) => Promise<unknown>][] =>
  (Object.entries(chat) as unknown as [string, (...args: unknown[]) => Promise<unknown>][]).filter(
    ([name]) => !SYNCHRONOUS.includes(name),
  );

describe('without a login', () => {
  const { chat } = new Actor('ws://localhost:1');
  const needsLogin = promising(chat).filter(
    ([name]) => !['login', 'logout', 'destroy'].includes(name) && !(UNAVAILABLE as readonly string[]).includes(name),
  );

  test.each(needsLogin)('%s rejects with 2024', async (_name, method) => {
    await expect(method()).rejects.toMatchObject({ code: 2024, name: 'ChatError' });
  });

  test('the synchronous ones have nothing', () => {
    expect([chat.getLoginUser(), chat.isReady(), chat.findMessage('x'), chat.getTotalUnreadMessageCount()]).toEqual(['', false, null, 0]);
    expect(() => chat.createTextMessage({ to: 'bob', conversationType: TYPES.CONV_C2C, payload: { text: 'x' } })).toThrow(ChatError);
  });
});

describe('whatever is passed in', () => {
  const values: unknown[] = [undefined, null, 0, NaN, '', 'nonsense', true, [], [null], {}, () => undefined, Symbol('x'), 10n];
  const chat = new Actor('ws://localhost:1').chat;
  const names = promising(chat).map(([name]) => name).filter((name) => !['logout', 'destroy', 'login'].includes(name));

  test.each(names)('%s throws nothing', async (name) => {
    const method = alice.chat[name as keyof ChatSDK] as (...args: unknown[]) => Promise<unknown>;
    for (const value of values) {
      let answer: unknown;
      expect(() => (answer = method(value))).not.toThrow();
      expect(answer).toBeInstanceOf(Promise);
      await (answer as Promise<unknown>).catch((error: unknown) => {
        expect(error).toBeInstanceOf(ChatError);
        expect((error as ChatError).code).toBeTypeOf('number');
      });
    }
  });
});

describe('deleteConversation', () => {
  const sent = () => server.asked('conversations.delete').length;
  const ids = (count: number) => Array.from({ length: count }, (_, i) => `C2Cuser${i}`);

  test.each([
    [0, 51006], [101, 51006], [1000, 51006],
  ])('refuses %i conversations whole', async (count, code) => {
    const before = sent();
    await expect(alice.chat.deleteConversation({ conversationIDList: ids(count) })).rejects.toMatchObject({ code });
    expect(sent()).toBe(before);
  });

  test.each([1, 100])('takes %i', async (count) => {
    const { data } = await alice.chat.deleteConversation({ conversationIDList: ids(count) });
    expect(data).toEqual({ conversationIDList: ids(count), failureList: [], restorableUntil: 0, entry: '', isQueued: false });
  });

  test.each(['', 'C2C', 'GROUP', 'bob', 'c2cbob', `C2C${'u'.repeat(33)}`, `GROUP${'g'.repeat(49)}`, 'C2Cé', '@TIM#SYSTEM '])(
    'refuses the malformed ID %j, alone and in a list, before anything is sent',
    async (id) => {
      const before = sent();
      await expect(alice.chat.deleteConversation(id)).rejects.toMatchObject({ code: 2503 });
      await expect(alice.chat.deleteConversation({ conversationIDList: ['C2Cbob', id] })).rejects.toMatchObject({ code: 2503 });
      expect(sent()).toBe(before);
    },
  );

  test.each(['@TIM#SYSTEM', `C2C${'u'.repeat(32)}`, `GROUP${'g'.repeat(48)}`, 'GROUP@TGS#1 and spaces'])('takes %j', async (id) => {
    expect((await alice.chat.deleteConversation(id)).data).toEqual({ conversationID: id });
  });

  test.each([
    [undefined], [null], [5], [true], [['C2Cbob']], [{}], [{ conversationIDList: 'C2Cbob' }], [{ conversationIDList: [5] }],
    [{ conversationIDList: [['C2Cbob']] }], [{ conversationIDList: { 0: 'C2Cbob' } }],
    [{ conversationIDList: ['C2Cbob'], clearHistoryMessage: 1 }], [{ conversationIDList: ['C2Cbob'], clearHistoryMessage: null }],
    [{ conversationIDList: ['C2Cbob'], scope: 'all' }], [{ conversationIDList: ['C2Cbob'], localOnly: 'yes' }],
  ])('refuses %j', async (options) => {
    await expect(alice.chat.deleteConversation(options as never)).rejects.toMatchObject({ code: 50002 });
  });

  test('changes nothing of what it is given, and deletes what is named twice once', async () => {
    const options = Object.freeze({ conversationIDList: Object.freeze(['C2Cx', 'C2Cy', 'C2Cx']) as string[] });
    const { data } = await alice.chat.deleteConversation(options);
    expect(data.conversationIDList).toEqual(['C2Cx', 'C2Cy']);
    expect(options.conversationIDList).toEqual(['C2Cx', 'C2Cy', 'C2Cx']);
    expect(server.asked('conversations.delete').at(-1)).toEqual({
      items: [{ conversationId: 'C2Cx' }, { conversationId: 'C2Cy' }], clearHistory: true, key: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
  });
});

describe('the limits of the other lists', () => {
  const list = (count: number) => Array.from({ length: count }, (_, i) => `C2Cuser${i}`);

  test('marks and custom data take 1 to 100, and tell malformed IDs apart', async () => {
    server.on('conversations.mark', ({ conversationIds }) => ({ changed: conversationIds, failed: [] }));
    const mark = (conversationIDList: string[], markType: number) =>
      alice.chat.markConversation({ conversationIDList, markType, enableMark: true });
    await expect(mark([], 1)).rejects.toMatchObject({ code: 51006 });
    await expect(mark(list(101), 1)).rejects.toMatchObject({ code: 51006 });
    expect((await mark(list(100), 8)).data.successConversationIDList).toHaveLength(100);
    expect((await mark(['nobody', 'C2Cbob'], 2 ** 40)).data).toEqual({
      successConversationIDList: ['C2Cbob'],
      failureConversationIDList: [{ conversationID: 'nobody', code: 2503, message: 'no conversation ID' }],
    });
    expect(server.asked('conversations.mark').at(-1)?.mark).toBe('1099511627776');
    await mark(['C2Cbob'], 2 ** 63);
    expect(server.asked('conversations.mark').at(-1)?.mark).toBe('9223372036854775808');
    for (const markType of [0, 3, 16, 2 ** 31, 2 ** 64, -1, 1.5, NaN]) {
      await expect(mark(['C2Cbob'], markType)).rejects.toMatchObject({ code: 50002 });
    }
  });

  test('custom data has 256 bytes, not characters', async () => {
    server.on('conversations.customData', ({ conversationIds }) => ({ changed: conversationIds, failed: [] }));
    const set = (customData: string) => alice.chat.setConversationCustomData({ conversationIDList: ['C2Cbob'], customData });
    await expect(set('é'.repeat(128))).resolves.toMatchObject({ code: 0 });
    await expect(set('é'.repeat(128) + 'x')).rejects.toMatchObject({ code: 50002 });
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Event } from '../../src/protocol.js';
import { Actor, QUICK } from '../support/actor.js';
import { conversation, FakeServer, loggedIn, message } from '../support/fake-server.js';

/*
What docs/deletion.md promises of clients, by number. The server here says what the test wants it to say; with the real one
these stories are told in deleting.test.ts and connection.test.ts.
*/

const LIST = EVENT.CONVERSATION_LIST_UPDATED;
const TOTAL = EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED;

let server: FakeServer;
let alice: Actor;
let timing: typeof QUICK;

beforeEach(async () => {
  server = await FakeServer.start();
  server.on('users.get', () => ({ profiles: [] }));
  server.on('session.login', ({ resume }) => {
    const answer = loggedIn({ change: 5, list: { conversations: [
      conversation('C2Cbob', { head: 3, unread: 2, lastMessage: message('bob', 'alice', 3) }), conversation('C2Ccarol', { head: 1, unread: 1 }),
    ] } });
    if (!resume) return answer;
    delete answer.list;
    return { ...answer, resumed: { conversations: [], deleted: [] } };
  });
  server.on('conversations.delete', ({ items }, socket) => {
    socket.push(deleted(...items.map(({ conversationId }) => conversationId)));
    return { deleted: items.map(({ conversationId }) => conversationId), failed: [], restorableUntil: 0 };
  });
  timing = { ...QUICK };
  alice = await new Actor(server.url, 1, timing).login('alice');
});
afterEach(async () => {
  await alice.chat.destroy();
  await server.stop();
});

const deleted = (...ids: string[]): Event => ({
  ev: 'conversations.deleted',
  d: { conversations: ids.map((conversationId, i) => ({ conversationId, change: 6 + i, listedAfter: 3, clearedTo: 3 })) },
});
const settle = () => alice.chat.getUserProfile({ userIDList: ['x'] });
const text = (to: string, words: string) =>
  alice.chat.createTextMessage({ to, conversationType: TYPES.CONV_C2C, payload: { text: words } });

async function away(): Promise<void> {
  const since = alice.heard.length;
  await server.stop();
  await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'disconnected', since);
}

async function back(): Promise<void> {
  const since = alice.heard.length;
  await server.restart();
  await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'connected', since);
}

describe('inv_08 the total', () => {
  test('loses what a deletion takes, and is never below zero', async () => {
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(3);
    await alice.chat.deleteConversation('C2Cbob');
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(1);
    server.socket.push(deleted('C2Cbob', 'C2Ccarol'), deleted('C2Ccarol'));
    await settle();
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(0);
  });
});

describe('inv_14 the draft', () => {
  test('goes with the conversation', async () => {
    await alice.chat.setConversationDraft({ conversationID: 'C2Cbob', draftText: 'unfinished' });
    await alice.chat.deleteConversation('C2Cbob');
    server.on('conversations.get', () => ({
      conversations: [{ listed: true, conversation: conversation('C2Cbob', { change: 6, head: 4, unread: 1 }) }],
    }));
    server.socket.push({ ev: 'message', d: message('bob', 'alice', 4) });
    await alice.until(() => alice.texts().includes('text 4'));
    const [back] = (await alice.chat.getConversationList(['C2Cbob'])).data.conversationList;
    expect(back?.draftText).toBe('');
  });
});

describe('inv_20 events', () => {
  test('one for a deletion of several by another client, though nothing else changed', async () => {
    const since = alice.heard.length;
    server.socket.push(deleted('C2Cbob', 'C2Ccarol'));
    await settle();
    expect(alice.names(since)).toEqual([LIST, TOTAL]);
    expect(alice.all(LIST, since)).toEqual([[]]);
  });

  test('none for what happens to a deleted conversation afterwards, until it is really back', async () => {
    server.socket.push(deleted('C2Cbob', 'C2Ccarol'));
    await settle();
    const since = alice.heard.length;
    server.socket.push(
      { ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 9, head: 3, marks: ['1'], unlisted: true })] } },
      { ev: 'conversations.peerRead', d: { userId: 'bob', readTo: 3 } },
      { ev: 'users.changed', d: { profiles: [{ userId: 'bob', nick: 'Bobby' }] } },
      { ev: 'message', d: message('bob', 'alice', 3) },
    );
    await settle();
    expect(alice.all(LIST, since)).toEqual([]);
    expect(await alice.list()).toEqual([]);
    server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 10, head: 3 })] } });
    await settle();
    expect(alice.all(LIST, since)).toHaveLength(1);
    expect(await alice.list()).toEqual(['C2Cbob']);
  });
});

describe('inv_24 messages that have not left', () => {
  test('to a deleted conversation never leave; the others do', async () => {
    server.on('messages.send', () => ({ seq: 9, time: 1000 }));
    await away();
    const never = expect(alice.chat.sendMessage(text('bob', 'never'))).rejects.toMatchObject({ code: 98100 });
    const other = alice.chat.sendMessage(text('carol', 'hello'));
    const deleting = alice.chat.deleteConversation('C2Cbob');
    await never;
    await back();
    await Promise.all([other, deleting]);
    expect(server.asked('messages.send').map(({ conversationId }) => conversationId)).toEqual(['C2Ccarol']);
  });
});

describe('inv_25 and inv_26 arguments', () => {
  test('more than a hundred are refused whole, and what the caller gave is not touched', async () => {
    const conversationIDList = Object.freeze(Array.from({ length: 101 }, (_, i) => `C2Cu${i}`)) as string[];
    const options = Object.freeze({ conversationIDList });
    await expect(alice.chat.deleteConversation(options)).rejects.toMatchObject({ code: 51006 });
    expect(server.asked('conversations.delete')).toEqual([]);
    expect(conversationIDList).toHaveLength(101);
    const twice = Object.freeze({ conversationIDList: Object.freeze(['C2Cbob', 'C2Ccarol', 'C2Cbob']) as string[] });
    expect((await alice.chat.deleteConversation(twice)).data.conversationIDList).toEqual(['C2Cbob', 'C2Ccarol']);
  });

  test.each([
    undefined, null, 5, '', 'bob', [], {}, { conversationIDList: [] }, { conversationIDList: 'C2Cbob' }, { conversationIDList: ['bob'] },
    { conversationIDList: ['C2Cbob'], clearHistoryMessage: 'yes' },
  ])('%j rejects with a code and throws nothing', async (bad) => {
    const { chat } = alice;
    const calls = [
      () => chat.deleteConversation(bad as never), () => chat.clearHistoryMessage(bad as never),
      () => chat.pinConversation(bad as never), () => chat.getConversationProfile(bad as never),
    ];
    for (const call of calls) {
      let outcome: unknown;
      expect(() => { outcome = call(); }).not.toThrow();
      await expect(outcome).rejects.toMatchObject({ code: expect.any(Number) as number });
    }
    expect(server.asked('conversations.delete')).toEqual([]);
  });

  test('before a login everything rejects with 2024', async () => {
    const early = new Actor(server.url, 1, QUICK);
    await expect(early.chat.deleteConversation('C2Cbob')).rejects.toMatchObject({ code: 2024 });
    await early.chat.destroy();
  });
});

describe('inv_27 the shape of the answer', () => {
  test('is that of the vendor, with the failures beside it', async () => {
    expect(await alice.chat.deleteConversation('C2Cbob')).toEqual({ code: 0, data: { conversationID: 'C2Cbob' } });
    server.on('conversations.delete', () => ({
      deleted: ['C2Ccarol'], failed: [{ conversationId: 'C2Cx', code: 2500, message: 'none' }], restorableUntil: 0,
    }));
    const { data } = await alice.chat.deleteConversation({ conversationIDList: ['C2Ccarol', 'C2Cx'] });
    expect(data).toMatchObject({
      conversationIDList: ['C2Ccarol'], failureList: [{ conversationID: 'C2Cx', code: 2500, message: 'none' }],
    });
  });
});

describe('inv_49 notifications', () => {
  test('an app learns on every client which conversation went, so that it can take its notification back', async () => {
    const before = new Set(await alice.list());
    const since = alice.heard.length;
    server.socket.push(deleted('C2Cbob'));
    const list = await alice.next(LIST, () => true, since);
    for (const { conversationID } of list) before.delete(conversationID);
    expect([...before]).toEqual(['C2Cbob']);
  });
});

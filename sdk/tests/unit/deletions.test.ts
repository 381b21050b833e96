import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assemble, socketAddress } from '../../src/chat.js';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Conversation, Message } from '../../src/protocol.js';
import { Session } from '../../src/session.js';
import { MemoryStorage } from '../../src/shelf.js';
import { Actor, QUICK } from '../support/actor.js';
import { conversation, FakeServer, loggedIn, message, Refusal } from '../support/fake-server.js';

const LIST = EVENT.CONVERSATION_LIST_UPDATED;
const REVOKED = EVENT.MESSAGE_REVOKED;

let server: FakeServer;
let alice: Actor;
let list: Conversation[];

beforeEach(async () => {
  server = await FakeServer.start();
  list = [conversation('C2Cbob', { head: 3, unread: 2 }), conversation('C2Ccarol', { head: 5, unread: 1 })];
  server
    .on('session.login', ({ resume }) => {
      if (!resume) return loggedIn({ change: 5, list: { conversations: list } });
      const answer = loggedIn({ change: 5, resumed: { conversations: [], deleted: [] } });
      delete answer.list;
      return answer;
    })
    .on('users.get', () => ({ profiles: [] }))
    .on('conversations.get', ({ conversationIds }) => ({
      conversations: list.filter(({ conversationId }) => conversationIds.includes(conversationId)).map((one) => ({ listed: true, conversation: one })),
    }))
    .on('conversations.delete', ({ items }, socket) => {
      socket.push({ ev: 'conversations.deleted', d: { conversations: items.map(({ conversationId, anchor = 0 }, i) => ({
        conversationId, change: 6 + i, listedAfter: anchor, clearedTo: anchor,
      })) } });
      return { deleted: items.map(({ conversationId }) => conversationId), failed: [], restorableUntil: 7, entry: 'e' };
    });
  alice = await new Actor(server.url, 1, QUICK).login('alice');
});
afterEach(async () => {
  await alice.chat.destroy();
  await server.stop();
});

/** Everything pushed before is applied when its answer is here. */
const settle = () => alice.chat.getUserProfile({ userIDList: ['x'] });
const from = (user: string, seq: number, parts: Partial<Message> = {}) => message(user, 'alice', seq, parts);
const state = (id: string) => alice.chat.getConversationList([id]).then(({ data }) => data.conversationList[0]);

async function goOffline(): Promise<void> {
  await server.stop();
  await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'disconnected');
}

async function comeBack(): Promise<void> {
  const since = alice.heard.length;
  await server.restart();
  await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'connected', since);
  await settle();
}

describe('a deletion without a connection', () => {
  test('is shown at once with one event, and done with its anchor when there is one, without another', async () => {
    await goOffline();
    const since = alice.heard.length;
    const deleting = alice.chat.deleteConversation({ conversationIDList: ['C2Cbob'] });
    await alice.next(LIST, undefined, since);
    expect(await alice.list()).toEqual(['C2Ccarol']);
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(1);
    await comeBack();
    expect((await deleting).data).toEqual({
      conversationIDList: ['C2Cbob'], failureList: [], restorableUntil: 7, entry: 'e', isQueued: false,
    });
    expect(server.asked('conversations.delete')[0]?.items).toEqual([{ conversationId: 'C2Cbob', anchor: 3 }]);
    expect(alice.all(LIST, since).map((each) => each.map(({ conversationID }) => conversationID))).toEqual([['C2Ccarol']]);
  });

  test('is promised after the time of a request, and done whenever there is one', async () => {
    const timing = { ...QUICK };
    await alice.chat.destroy();
    alice = await new Actor(server.url, 1, timing).login('alice');
    await goOffline();
    timing.request = 20;
    const { data } = await alice.chat.deleteConversation({ conversationIDList: ['C2Cbob'] });
    timing.request = QUICK.request;
    expect(data).toEqual({ conversationIDList: ['C2Cbob'], failureList: [], restorableUntil: 0, entry: '', isQueued: true });
    await comeBack();
    expect(server.asked('conversations.delete')).toHaveLength(1);
    expect(await alice.list()).toEqual(['C2Ccarol']);
  });

  test('that is refused is shown again, and rejects', async () => {
    await goOffline();
    const since = alice.heard.length;
    const refused = expect(alice.chat.deleteConversation('C2Cbob')).rejects.toMatchObject({ code: 50002 });
    await alice.next(LIST, undefined, since);
    server.on('conversations.delete', () => { throw new Refusal(50002); });
    await comeBack();
    await refused;
    expect(alice.all(LIST, since).map((each) => each.length)).toEqual([1, 2]);
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(3);
  });

  test('that was promised and is refused is told as an error; the server being busy is no refusal', async () => {
    const timing = { ...QUICK };
    await alice.chat.destroy();
    alice = await new Actor(server.url, 1, timing).login('alice');
    await goOffline();
    timing.request = 20;
    await alice.chat.deleteConversation('C2Cbob');
    timing.request = QUICK.request;
    let asked = 0;
    server.on('conversations.delete', () => { throw new Refusal(asked++ < 2 ? 98001 : 50002); });
    await comeBack();
    expect(await alice.next(EVENT.ERROR)).toMatchObject({ code: 50002 });
    expect(asked).toBe(3);
    expect(new Set(server.asked('conversations.delete').map(({ key }) => key)).size).toBe(1);
    expect(new Set(await alice.list())).toEqual(new Set(['C2Cbob', 'C2Ccarol']));
  });

  test('is undone where it is, before it has left', async () => {
    await goOffline();
    const deleting = alice.chat.deleteConversation({ conversationIDList: ['C2Cbob', 'C2Ccarol'] });
    await alice.next(LIST, (each) => each.length === 0);
    const { data } = await alice.chat.restoreConversation('C2Cbob');
    expect(data.conversation).toMatchObject({ conversationID: 'C2Cbob', unreadCount: 2 });
    expect(await alice.list()).toEqual(['C2Cbob']);
    await comeBack();
    expect((await deleting).data.conversationIDList).toEqual(['C2Ccarol']);
    expect(server.asked('conversations.delete').map(({ items }) => items)).toEqual([[{ conversationId: 'C2Ccarol', anchor: 5 }]]);
    expect(server.asked('conversations.restore')).toEqual([]);
    expect(await alice.list()).toEqual(['C2Cbob']);
  });

  test('for everyone is not kept: it is done now or not at all', async () => {
    const timing = { ...QUICK };
    await alice.chat.destroy();
    alice = await new Actor(server.url, 1, timing).login('alice');
    await goOffline();
    timing.request = 20;
    await expect(alice.chat.deleteConversation({ conversationIDList: ['C2Cbob'], scope: 'everyone' })).rejects.toMatchObject({ code: 2801 });
    timing.request = QUICK.request;
    expect(await alice.list()).toHaveLength(2);
    await comeBack();
    expect(server.asked('conversations.delete')).toEqual([]);
  });
});

describe('what outlives the page', () => {
  const storage = new MemoryStorage();
  const open = (timing = QUICK) => {
    const actor = new Actor(server.url, 1, timing);
    Object.assign(actor, { chat: assemble(new Session(1, () => socketAddress(server.url), timing, storage), () => undefined) });
    actor.chat.setLogLevel(4);
    for (const name of [EVENT.SDK_READY, LIST, EVENT.ERROR] as const) {
      actor.chat.on(name, (event) => void actor.heard.push(event as never));
    }
    return actor;
  };

  test('a promised deletion is done after the next login of this user to this app, and hidden from its first list', async () => {
    const timing = { ...QUICK };
    const first = open(timing);
    await first.chat.login({ userID: 'alice', userSig: 'sig' });
    await server.stop();
    timing.request = 20;
    expect((await first.chat.deleteConversation({ conversationIDList: ['C2Cbob'] })).data.isQueued).toBe(true);
    // The page is gone, without a word.
    expect(storage.length).toBeGreaterThan(0);
    await first.chat.destroy();
    await server.restart();
    const second = open();
    await second.chat.login({ userID: 'carol', userSig: 'sig' });
    expect(await second.list()).toHaveLength(2);
    await second.chat.logout();
    await second.chat.login({ userID: 'alice', userSig: 'sig' });
    expect(await second.list()).toEqual(['C2Ccarol']);
    await expect.poll(() => storage.length).toBe(0);
    expect(server.asked('conversations.delete').at(-1)?.items).toEqual([{ conversationId: 'C2Cbob', anchor: 3 }]);
    await second.chat.destroy();
  });

  test.each([
    ['nonsense', '{'], ['another shape', '{"key":5}'], ['too old', JSON.stringify({ request: { key: 'k', items: [], clearHistory: true }, time: 0 })],
    ['sent longer ago than its key is known', JSON.stringify({
      request: { key: 'k', items: [{ conversationId: 'C2Cbob' }], clearHistory: true }, time: Date.now(), sentAt: Date.now() - 86_400_000,
    })],
  ])('what is %s is thrown away', async (_what, text) => {
    storage.setItem('lethe.deletion.1.alice.k', text);
    const actor = open();
    await actor.chat.login({ userID: 'alice', userSig: 'sig' });
    expect(storage.length).toBe(0);
    expect(await actor.list()).toHaveLength(2);
    await actor.chat.destroy();
  });
});

describe('a lost answer', () => {
  test('is asked for again under the same key', async () => {
    const answer = { deleted: ['C2Cbob'], failed: [], restorableUntil: 9, entry: 'e' };
    server.on('conversations.delete', (_, socket) => {
      socket.cut();
      server.on('conversations.delete', () => answer);
      return undefined;
    });
    const { data } = await alice.chat.deleteConversation({ conversationIDList: ['C2Cbob'] });
    expect(data).toMatchObject({ restorableUntil: 9, entry: 'e' });
    const [one, two] = server.asked('conversations.delete');
    expect(one).toEqual(two);
    await alice.chat.deleteConversation('C2Ccarol');
    expect(server.asked('conversations.delete').at(-1)?.key).not.toBe(one?.key);
  });
});

describe('undoing', () => {
  test('takes a floor that goes down', async () => {
    server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 6, head: 3, messages: 0, clearedTo: 3 })] } });
    await settle();
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 0, messageCount: 0 });
    server.on('conversations.restore', (_, socket) => {
      socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 7, head: 3, unread: 2, pinned: true })] } });
      return null;
    });
    const since = alice.heard.length;
    const { conversation: restored } = (await alice.chat.restoreConversation('C2Cbob')).data;
    expect(restored).toMatchObject({ unreadCount: 2, messageCount: 3, isPinned: true });
    expect(alice.names(since)).toEqual([LIST, EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED]);
    expect(server.asked('conversations.get')).toEqual([]);
  });

  test('asks for the state where the event is late', async () => {
    await alice.chat.deleteConversation('C2Cbob');
    list = [conversation('C2Cbob', { change: 7, head: 3, unread: 2 })];
    server.on('conversations.restore', () => null);
    expect((await alice.chat.restoreConversation('C2Cbob')).data.conversation).toMatchObject({ unreadCount: 2 });
    expect(new Set(await alice.list())).toEqual(new Set(['C2Cbob', 'C2Ccarol']));
  });

  test.each([98010, 98011, 98012])('rejects with %i', async (code) => {
    server.on('conversations.restore', () => { throw new Refusal(code); });
    await expect(alice.chat.restoreConversation('C2Cbob')).rejects.toMatchObject({ code });
  });
});

describe('what is put away', () => {
  const archived = () => alice.chat.getConversationList({ isArchived: true }).then(({ data }) => data.conversationList.map(({ conversationID }) => conversationID));
  const put = (parts: Partial<Conversation>) =>
    server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { head: 3, unread: 2, ...parts })] } });

  test('stands in a list of its own, and not in the total', async () => {
    const since = alice.heard.length;
    put({ change: 6, archived: true });
    await settle();
    expect(alice.all(LIST, since).map((each) => each.map(({ conversationID }) => conversationID))).toEqual([['C2Ccarol']]);
    expect([await alice.list(), await archived(), alice.chat.getTotalUnreadMessageCount()]).toEqual([['C2Ccarol'], ['C2Cbob'], 1]);
    expect(await state('C2Cbob')).toMatchObject({ isArchived: true, unreadCount: 2 });
    put({ change: 7 });
    await settle();
    expect([await archived(), alice.chat.getTotalUnreadMessageCount()]).toEqual([[], 3]);
  });

  test('is asked for when a message comes, until it is known to stay', async () => {
    put({ change: 6, archived: true });
    list = [conversation('C2Cbob', { change: 6, head: 4, unread: 3, archived: true })];
    server.socket.push({ ev: 'message', d: from('bob', 4) });
    await settle();
    await settle();
    expect(await archived()).toEqual(['C2Cbob']);
    expect(server.asked('conversations.get')).toHaveLength(1);
    server.socket.push({ ev: 'message', d: from('bob', 5) });
    await settle();
    expect(server.asked('conversations.get')).toHaveLength(1);
    // Put away again, this time until a message.
    put({ change: 7, head: 5, archived: true });
    list = [conversation('C2Cbob', { change: 7, head: 6, unread: 4 })];
    server.socket.push({ ev: 'message', d: from('bob', 6) });
    await settle();
    await settle();
    expect(await archived()).toEqual([]);
    expect(alice.texts()).toEqual(['text 4', 'text 5', 'text 6']);
  });
});

describe('what is gone for everyone', () => {
  const page = [from('bob', 1), from('bob', 2), from('bob', 3)];
  const read = async () => (await alice.chat.getMessageList({ conversationID: 'C2Cbob' })).data.messageList;

  beforeEach(() => {
    server.on('messages.history', () => ({ messages: page, complete: true }));
  });

  test('messages change in place, in one event, and in the list', async () => {
    server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 6, head: 3, lastMessage: from('bob', 3) })] } });
    const messages = await read();
    const since = alice.heard.length;
    server.socket.push({ ev: 'messages.removed', d: { users: ['alice', 'bob'], by: 'bob', seqs: [1, 3, 9] } });
    await settle();
    expect(alice.names(since)).toEqual([REVOKED, LIST]);
    expect(alice.all(REVOKED, since)[0]).toEqual([messages[0], messages[2]]);
    expect(messages.map(({ isRevoked, payload, revoker }) => [isRevoked, payload.text, revoker])).toEqual([
      [true, undefined, 'bob'], [false, 'text 2', ''], [true, undefined, 'bob'],
    ]);
    expect((await state('C2Cbob'))?.lastMessage).toMatchObject({ isRevoked: true, revoker: 'bob', messageForShow: '', lastSequence: 3 });
    server.socket.push({ ev: 'messages.removed', d: { users: ['alice', 'bob'], by: 'bob', seqs: [1, 3] } });
    await settle();
    expect(alice.all(REVOKED, since)).toHaveLength(1);
  });

  test('a message that its removal has overtaken comes without its content', async () => {
    server.socket.push(
      { ev: 'messages.removed', d: { users: ['alice', 'bob'], by: 'bob', seqs: [4] } },
      { ev: 'message', d: from('bob', 4) },
    );
    await settle();
    expect(alice.all(EVENT.MESSAGE_RECEIVED).flat()).toMatchObject([{ sequence: 4, isRevoked: true, payload: {} }]);
  });

  test('a removal that was missed is told when the message is read again', async () => {
    const [first] = await read();
    server.on('messages.history', () => ({ messages: [from('bob', 1, { body: [], removed: true })], complete: true }));
    const since = alice.heard.length;
    expect(await read()).toEqual([first]);
    expect(alice.all(REVOKED, since)).toEqual([[first]]);
    expect(first).toMatchObject({ isRevoked: true, type: TYPES.MSG_TEXT, payload: {} });
  });

  test('of a history the messages are forgotten, and the state is asked for once', async () => {
    const [first, , third] = await read();
    list = [conversation('C2Cbob', { head: 3, unread: 1, messages: 1, clearedTo: 2 })];
    const since = alice.heard.length;
    server.socket.push({ ev: 'conversations.historyRemoved', d: { users: ['bob', 'alice'], by: 'bob', upTo: 2, time: 1 } });
    await settle();
    await settle();
    expect(alice.all(LIST, since)).toHaveLength(1);
    expect(await state('C2Cbob')).toMatchObject({ messageCount: 1, unreadCount: 1 });
    expect([alice.chat.findMessage(first?.ID ?? ''), alice.chat.findMessage(third?.ID ?? '')]).toEqual([null, third]);
    expect(server.asked('conversations.get')).toEqual([{ conversationIds: ['C2Cbob'] }]);
  });
});

test('a dry run says what a deletion would do, with the anchors it would have', async () => {
  server.on('conversations.previewDeletion', ({ items }) => ({
    conversations: [{ conversationId: items[0]?.conversationId ?? '', messages: 3, files: 1, bytes: 200, people: 2 }],
    failed: [{ conversationId: 'C2Cx', code: 98013, message: 'no' }], restorableSeconds: 60, devices: 2,
  }));
  const { data } = await alice.chat.previewDeletion({ conversationIDList: ['C2Cbob', 'C2Cx'], scope: 'everyone' });
  expect(data).toEqual({
    conversationList: [{ conversationID: 'C2Cbob', messageCount: 3, fileCount: 1, byteCount: 200, hasMore: false, personCount: 2 }],
    failureList: [{ conversationID: 'C2Cx', code: 98013, message: 'no' }], restorableSeconds: 60, deviceCount: 2,
  });
  expect(server.asked('conversations.previewDeletion')).toEqual([
    { items: [{ conversationId: 'C2Cbob', anchor: 3 }, { conversationId: 'C2Cx' }], clearHistory: true, scope: 'everyone' },
  ]);
});

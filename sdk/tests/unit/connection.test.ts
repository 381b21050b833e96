import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Message } from '../../src/protocol.js';
import { Actor, QUICK } from '../support/actor.js';
import { conversation, FakeServer, group, loggedIn, message, Refusal } from '../support/fake-server.js';

let server: FakeServer;
let alice: Actor;

beforeEach(async () => {
  server = await FakeServer.start();
  server.on('users.get', () => ({ profiles: [] }));
  alice = new Actor(server.url, 1, QUICK);
});
afterEach(async () => {
  await alice.chat.destroy();
  await server.stop();
});

const settle = () => alice.chat.getUserProfile({ userIDList: ['x'] });
const from = (user: string, seq: number, parts: Partial<Message> = {}) => message(user, 'alice', seq, parts);
const text = (words: string) => alice.chat.createTextMessage({ to: 'bob', conversationType: TYPES.CONV_C2C, payload: { text: words } });
const nothing = { resumed: { conversations: [], deleted: [] } };

/** The first login gives the list, each later one what was missed. */
function logins(list: ReturnType<typeof conversation>[], resumed: object = nothing): void {
  server.on('session.login', ({ resume }) => {
    const answer = loggedIn({ change: 5, time: 1_800_000_000_000, list: { conversations: list } });
    if (!resume) return answer;
    delete answer.list;
    return { ...answer, change: 9, ...resumed };
  });
}

async function cut(): Promise<number> {
  const since = alice.heard.length;
  server.socket.cut();
  await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'connected', since);
  return since;
}

describe('a lost connection', () => {
  test('comes back with the same instance and what it has, and says so to the app', async () => {
    logins([conversation('C2Cbob', { head: 1 })]);
    await alice.login('alice');
    server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 7, head: 1 })] } });
    await settle();
    const since = await cut();
    const [first, second] = server.asked('session.login');
    expect(first?.resume).toBeUndefined();
    expect(second).toEqual({ ...first, resume: { change: 7, syncedAt: 1_800_000_000_000, loggedInAt: 1_800_000_000_000, heads: { C2Cbob: 1 } } });
    expect(alice.all(EVENT.NET_STATE_CHANGE, since).map(({ state }) => state)).toEqual(['disconnected', 'connecting', 'connected']);
    expect(alice.chat.isReady()).toBe(true);
    await cut();
    expect(server.asked('session.login').at(-1)?.resume?.change).toBe(9);
    await alice.chat.logout();
    await alice.login('alice');
    expect(server.asked('session.login').at(-1)?.instance).not.toBe(first?.instance);
  });

  test('pulls what it missed of known conversations, and of new ones what is news', async () => {
    const recent = 1_800_000_000_000;
    logins([conversation('C2Cbob', { head: 2, unread: 0 }), conversation('C2Cold', { head: 9 })], {
      resumed: {
        conversations: [
          conversation('C2Cbob', { head: 4, unread: 2 }),
          conversation('C2Cnew', { head: 3, unread: 1 }),
          conversation('C2Cold', { head: 9, change: 8, pinned: true }),
        ],
        deleted: [],
      },
    });
    server.on('messages.history', ({ conversationId, after }) => {
      if (conversationId === 'C2Cbob') {
        return { messages: after === 2 ? [from('bob', 3), from('bob', 4)] : [], complete: true };
      }
      return {
        messages: [from('new', 1), from('new', 2), from('new', 3)].map((m, i) => ({ ...m, id: `9-9-${i}`, time: i < 2 ? 1 : recent + 1 })),
        complete: true,
      };
    });
    await alice.login('alice');
    const since = await cut();
    await alice.until(() => alice.texts(since).length === 3);
    expect(alice.texts(since).sort()).toEqual(['text 3', 'text 3', 'text 4']);
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(3);
    expect((await alice.list())[0]).toBe('C2Cold');
    // What comes now follows on what was pulled.
    server.socket.push({ ev: 'message', d: from('bob', 4) }, { ev: 'message', d: from('bob', 5) });
    await settle();
    expect(alice.texts(since).filter((each) => each === 'text 5')).toHaveLength(1);
    expect(alice.texts(since)).toHaveLength(4);
  });

  test('of far too many messages takes the newest hundred', async () => {
    logins([conversation('C2Cbob', { head: 1 })], { resumed: { conversations: [conversation('C2Cbob', { head: 1002 })], deleted: [] } });
    server.on('messages.history', ({ after, limit }) => {
      expect(after).toBeUndefined();
      return { messages: Array.from({ length: limit }, (_, i) => from('bob', 903 + i)), complete: false };
    });
    await alice.login('alice');
    server.socket.push();
    const since = await cut();
    await alice.until(() => alice.texts(since).length > 0);
    expect(alice.texts(since)).toEqual(Array.from({ length: 100 }, (_, i) => `text ${903 + i}`));
    expect(server.asked('messages.history')).toHaveLength(1);
  });

  test('of a thousand takes them all', async () => {
    logins([conversation('C2Cbob', { head: 1 })], { resumed: { conversations: [conversation('C2Cbob', { head: 1001 })], deleted: [] } });
    server.on('messages.history', ({ after = 0, limit }) => ({
      messages: Array.from({ length: Math.min(limit, 1001 - after) }, (_, i) => from('bob', after + 1 + i)), complete: after + limit >= 1001,
    }));
    await alice.login('alice');
    const since = await cut();
    await alice.until(() => alice.texts(since).length === 1000);
    expect(server.asked('messages.history')).toHaveLength(10);
  });

  test('learns of deletions, and does not tell twice what it knows', async () => {
    logins([conversation('C2Cbob', { head: 1, unread: 1 }), conversation('C2Ccarol')], {
      resumed: { conversations: [], deleted: [{ conversationId: 'C2Cbob', change: 9, listedAfter: 1, clearedTo: 1 }] },
    });
    await alice.login('alice');
    const since = await cut();
    expect(await alice.list()).toEqual(['C2Ccarol']);
    expect(alice.all(EVENT.CONVERSATION_LIST_UPDATED, since)).toHaveLength(1);
    const again = await cut();
    expect(alice.all(EVENT.CONVERSATION_LIST_UPDATED, again)).toHaveLength(0);
  });

  test('that goes on during the pull pulls again, and loses and doubles nothing', async () => {
    logins([conversation('C2Cbob', { head: 1 })], { resumed: { conversations: [conversation('C2Cbob', { head: 3 })], deleted: [] } });
    let cuts = 0;
    server.on('messages.history', (_, socket) => {
      if (cuts++ === 0) {
        socket.cut();
        return undefined;
      }
      return { messages: [from('bob', 2), from('bob', 3)], complete: true };
    });
    await alice.login('alice');
    const since = await cut();
    await alice.until(() => alice.texts(since).length === 2);
    await settle();
    expect(alice.texts(since)).toEqual(['text 2', 'text 3']);
  });
});

describe('requests and lost connections', () => {
  test('are made again, in their order, and a message keeps its identity', async () => {
    logins([conversation('C2Cbob')]);
    let sends = 0;
    server.on('messages.send', (_, socket) => {
      if (++sends === 2) socket.cut();
      return sends > 2 ? { seq: sends - 2, time: 1000 } : undefined;
    });
    await alice.login('alice');
    const [first, second] = [text('one'), text('two')];
    await Promise.all([alice.chat.sendMessage(first), alice.chat.sendMessage(second)]);
    const bodies = server.asked('messages.send');
    expect(bodies.map(({ random }) => random)).toEqual([first.random, second.random, first.random, second.random]);
    expect(bodies[2]).toEqual(bodies[0]);
    expect([first.sequence, second.sequence]).toEqual([1, 2]);
    expect([first.status, second.status]).toEqual(['success', 'success']);
  });

  test('an own message whose answer was lost is not received, and is there once', async () => {
    let sent: Message | undefined;
    logins([conversation('C2Cbob', { head: 0 })]);
    await alice.login('alice');
    const mine = text('mine');
    server
      .on('messages.send', (_, socket) => {
        if (sent) return { seq: 1, time: sent.time };
        sent = message('alice', 'bob', 1, { id: mine.ID });
        socket.cut();
        return undefined;
      })
      .on('messages.history', () => ({ messages: sent ? [sent] : [], complete: true }));
    logins([], { resumed: { conversations: [conversation('C2Cbob', { head: 1 })], deleted: [] } });
    const since = alice.heard.length;
    await alice.chat.sendMessage(mine);
    await settle();
    expect(mine).toMatchObject({ status: 'success', sequence: 1 });
    expect(alice.all(EVENT.MESSAGE_RECEIVED, since)).toEqual([]);
    expect(alice.chat.findMessage(mine.ID)).toBe(mine);
  });

  test('the creation of a group is not made twice, unless its ID was chosen', async () => {
    logins([]);
    let creations = 0;
    server.on('groups.create', ({ groupId }, socket) => {
      if (creations++ === 0) socket.cut();
      return creations === 1 ? undefined : { group: group(groupId ?? 'made') };
    });
    await alice.login('alice');
    await expect(alice.chat.createGroup({ name: 'team' })).rejects.toMatchObject({ code: 2801 });
    expect(creations).toBe(1);
    creations = 0;
    expect((await alice.chat.createGroup({ name: 'team', groupID: 'mine' })).data.group.groupID).toBe('mine');
    expect(creations).toBe(2);
  });

  test('without an answer in time are rejected; the message has failed, and can be sent again', async () => {
    logins([conversation('C2Cbob')]);
    await alice.chat.destroy();
    const timing = { ...QUICK };
    alice = new Actor(server.url, 1, timing);
    await alice.login('alice');
    timing.request = 50;
    server.silent.add('messages.send');
    const lost = text('lost');
    await expect(alice.chat.sendMessage(lost)).rejects.toMatchObject({ code: 2801, data: { message: lost } });
    expect(lost.status).toBe('fail');
    server.silent.clear();
    timing.request = QUICK.request;
    server.on('messages.send', () => ({ seq: 1, time: 1000 }));
    const { ID } = lost;
    await alice.chat.resendMessage(lost);
    expect(lost).toMatchObject({ ID, status: 'success', sequence: 1 });
    expect(new Set(server.asked('messages.send').map(({ random }) => random)).size).toBe(1);
  });

  test('that wait for a connection wait within their time', async () => {
    logins([conversation('C2Cbob')]);
    await alice.chat.destroy();
    const timing = { ...QUICK };
    alice = new Actor(server.url, 1, timing);
    await alice.login('alice');
    await server.stop();
    await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'disconnected');
    timing.request = 50;
    await expect(alice.chat.sendMessage(text('lost'))).rejects.toMatchObject({ code: 2801 });
    await expect(alice.chat.pinConversation({ conversationID: 'C2Cbob', isPinned: true })).rejects.toMatchObject({ code: 2801 });
    await server.restart();
    await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'connected', alice.heard.length);
    expect(server.asked('messages.send')).toEqual([]);
    expect(server.asked('conversations.pin')).toEqual([]);
  });

  test('a deletion takes the anchor from when it was called for', async () => {
    logins([conversation('C2Cbob', { head: 3 })]);
    await alice.login('alice');
    let deleted = (): void => undefined;
    const asked = new Promise<void>((resolve) => (deleted = resolve));
    server.on('conversations.delete', () => {
      deleted();
      return { deleted: ['C2Cbob'], failed: [], restorableUntil: 0 };
    }).on('messages.send', (_, socket) => {
      // The peer's message is first; the own one follows it, so that the anchor cannot pass both.
      socket.push({ ev: 'message', d: from('bob', 4) });
      socket.push({ ev: 'message', d: message('alice', 'bob', 5, { id: mine.ID }) });
      return { seq: 5, time: 1000 };
    });
    const mine = text('mine');
    const sending = alice.chat.sendMessage(mine);
    const deleting = alice.chat.deleteConversation('C2Cbob');
    await Promise.all([sending, deleting, asked]);
    expect(server.asked('conversations.delete')[0]?.items).toEqual([{ conversationId: 'C2Cbob', anchor: 3 }]);
  });
});

describe('the heartbeat', () => {
  test('notices a dead connection, and tells the time', async () => {
    logins([]);
    await alice.chat.destroy();
    alice = new Actor(server.url, 1, { ...QUICK, heartbeat: 20, pong: 500 });
    server.on('session.ping', () => ({ time: 1_900_000_000_000, change: 0 }));
    await alice.login('alice');
    const { length } = server.sockets;
    await new Promise<void>((resolve) => {
      server.on('session.ping', () => {
        resolve();
        server.silent.add('session.ping');
        return { time: 1_900_000_000_000, change: 0 };
      });
    });
    const since = alice.heard.length;
    await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'connected', since);
    expect(server.sockets.length).toBe(length + 1);
    expect(server.asked('session.login').at(-1)?.resume?.syncedAt).toBe(1_900_000_000_000);
    expect(alice.chat.getServerTime()).toBeGreaterThanOrEqual(1_800_000_000);
  });
});

describe('a heartbeat that is refused', () => {
  test('keeps the connection, and is followed by the next', async () => {
    logins([]);
    await alice.chat.destroy();
    alice = new Actor(server.url, 1, { ...QUICK, heartbeat: 10, pong: 500 });
    await alice.login('alice');
    const { length } = server.sockets;
    let refusals = 0;
    await new Promise<void>((resolve) => {
      server.on('session.ping', () => {
        if (++refusals <= 3) throw new Refusal(98001);
        resolve();
        return { time: 1_900_000_000_000, change: 0 };
      });
    });
    expect(server.sockets).toHaveLength(length);
  });
});

describe('closing codes', () => {
  test.each([4000, 4001, 4002, 4003, 1006])('%i: come back', async (code) => {
    logins([]);
    await alice.login('alice');
    const since = alice.heard.length;
    if (code === 1006) server.socket.cut();
    else server.socket.close(code);
    await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'connected', since);
    expect(alice.chat.isReady()).toBe(true);
  });

  test('4000: back at once, not after the pause of a failure', async () => {
    logins([]);
    await alice.chat.destroy();
    alice = new Actor(server.url, 1, { ...QUICK, retry: [3_600_000, 3_600_000], restart: 1 });
    await alice.login('alice');
    server.socket.close(4000);
    await alice.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'connected', alice.heard.length);
    expect(server.sockets).toHaveLength(2);
  });

  test('4000 again and again: each node takes up what the one before it left, and nothing is lost or doubled', async () => {
    logins([conversation('C2Cbob', { head: 0 })]);
    await alice.login('alice');
    const stored: Message[] = [];
    logins([], { get resumed() {
      return { conversations: [conversation('C2Cbob', { head: stored.length })], deleted: [] };
    } });
    server
      .on('messages.history', ({ after = 0 }) => ({ messages: stored.filter(({ seq }) => seq > after), complete: true }))
      .on('messages.send', ({ clientTime, random }, socket) => {
        const id = `144115188075855873-${clientTime}-${random}`;
        const known = stored.find((one) => one.id === id);
        if (known) return { seq: known.seq, time: known.time };
        stored.push(message('alice', 'bob', stored.length + 1, { id }));
        stored.push(from('bob', stored.length + 1, { id: `bob-1-${stored.length + 1}` }));
        // The next node tells what this one did not come to tell.
        socket.close(4000);
        return undefined;
      });
    const sent = [text('one'), text('two'), text('three')];
    for (const one of sent) await alice.chat.sendMessage(one);
    await alice.until(() => alice.texts().length === 3);
    server.socket.push(...stored.map((one) => ({ ev: 'message' as const, d: one })));
    await settle();
    expect(sent.map(({ sequence, status }) => [sequence, status])).toEqual([[1, 'success'], [3, 'success'], [5, 'success']]);
    expect(alice.texts()).toEqual(['text 2', 'text 4', 'text 6']);
    expect(server.sockets).toHaveLength(4);
  });

  test.each([4500, 4501, 4502])('%i: the login is over', async (code) => {
    logins([]);
    await alice.login('alice');
    const since = alice.heard.length;
    server.socket.close(code);
    await alice.next(EVENT.SDK_NOT_READY);
    await alice.next(EVENT.ERROR, ({ code: told }) => told === 98103, since);
    expect(alice.chat.getLoginUser()).toBe('');
    expect(server.sockets).toHaveLength(1);
  });

  test('kicked out: told why, then not ready, and gone', async () => {
    logins([conversation('C2Cbob')]);
    await alice.login('alice');
    const since = alice.heard.length;
    server.silent.add('messages.send');
    const sending = expect(alice.chat.sendMessage(text('x'))).rejects.toMatchObject({ code: 2024 });
    await settle();
    server.socket.push({ ev: 'session.kicked', d: { reason: 'REST_API_Kick' } });
    server.socket.close(4500);
    await sending;
    expect(alice.names(since)).toEqual([EVENT.KICKED_OUT, EVENT.SDK_NOT_READY]);
    expect(alice.all(EVENT.KICKED_OUT)).toEqual([{ type: TYPES.KICKED_OUT_REST_API }]);
    expect(server.sockets).toHaveLength(1);
  });

  test('a signature that has run out when coming back is a kick', async () => {
    logins([]);
    await alice.login('alice');
    server.on('session.login', () => {
      throw new Refusal(70001, 'expired');
    });
    server.socket.cut();
    await alice.next(EVENT.SDK_NOT_READY);
    expect(alice.all(EVENT.KICKED_OUT)).toEqual([{ type: TYPES.KICKED_OUT_USERSIG_EXPIRED }]);
  });
});

test('destroy says goodbye and hears nothing any more', async () => {
  logins([]);
  await alice.login('alice');
  await alice.chat.destroy();
  expect(alice.names().slice(-2)).toEqual([EVENT.SDK_NOT_READY, 'sdkDestroy']);
  expect(server.asked('session.logout')).toHaveLength(1);
  const { length } = alice.heard;
  await alice.chat.destroy();
  expect(alice.heard).toHaveLength(length);
});

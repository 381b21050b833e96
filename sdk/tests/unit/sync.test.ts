import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Event, Message } from '../../src/protocol.js';
import { Actor, QUICK } from '../support/actor.js';
import { conversation, FakeServer, group, loggedIn, message, Refusal } from '../support/fake-server.js';

const LIST = EVENT.CONVERSATION_LIST_UPDATED;
const TOTAL = EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED;
const RECEIVED = EVENT.MESSAGE_RECEIVED;

let server: FakeServer;
let alice: Actor;

beforeEach(async () => {
  server = await FakeServer.start();
  alice = new Actor(server.url, 1, QUICK);
});
afterEach(async () => {
  await alice.chat.destroy();
  await server.stop();
});

const said = (m: Message): Event => ({ ev: 'message', d: m });
const from = (user: string, seq: number, parts: Partial<Message> = {}) => message(user, 'alice', seq, parts);
const state = (id: string) => alice.chat.getConversationList([id]).then(({ data }) => data.conversationList[0]);
/** Everything pushed before is applied when its answer is here. */
const settle = () => alice.chat.getUserProfile({ userIDList: ['x'] });

async function login(...conversations: ReturnType<typeof conversation>[]): Promise<void> {
  server
    .on('session.login', () => loggedIn({ change: 5, list: { conversations } }))
    .on('users.get', () => ({ profiles: [] }));
  await alice.login('alice');
}

describe('logging in', () => {
  test('pages the list, and is ready when it is complete', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    server
      .on('session.login', () => loggedIn({ list: { conversations: [conversation('C2Cbob', { unread: 1 })], cursor: 'a' } }))
      .on('conversations.list', async ({ cursor }) => {
        await gate;
        return cursor === 'a'
          ? { conversations: [conversation('C2Ccarol', { unread: 2 })], cursor: 'b' }
          : { conversations: [conversation('C2Cdora', { unread: 3 })] };
      });
    await alice.chat.login({ userID: 'alice', userSig: 'sig' });
    const { data } = await alice.chat.getConversationList();
    expect(data.conversationList.map(({ conversationID }) => conversationID)).toEqual(['C2Cbob']);
    expect([data.isSyncCompleted, alice.chat.isReady()]).toEqual([false, false]);
    release();
    await alice.next(EVENT.SDK_READY);
    expect((await alice.chat.getConversationList()).data.isSyncCompleted).toBe(true);
    expect(server.asked('conversations.list').map(({ cursor }) => cursor)).toEqual(['a', 'b']);
    expect(alice.all(TOTAL)).toEqual([1, 3, 6]);
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(6);
  });

  test('applies what came before the answer after it', async () => {
    server.on('session.login', (_, socket) => {
      socket.push(said(from('bob', 2)));
      return loggedIn({ list: { conversations: [conversation('C2Cbob', { head: 1 })] } });
    });
    await alice.login('alice');
    expect(alice.texts()).toEqual(['text 2']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
  });

  test('gives up after its time limit, and can be tried again', async () => {
    server.silent.add('session.login');
    const timing = { ...QUICK, request: 50 };
    const chat = new Actor(server.url, 1, timing);
    await expect(chat.chat.login({ userID: 'alice', userSig: 'sig' })).rejects.toMatchObject({ code: 2801 });
    server.silent.clear();
    timing.request = QUICK.request;
    server.on('session.login', () => loggedIn());
    await chat.login('alice');
    await chat.chat.destroy();
  });

  test('is refused with the code of the server, and waits where that says to come back', async () => {
    let refusals = 0;
    server.on('session.login', () => {
      if (refusals++ < 2) throw new Refusal(98001, 'stopping');
      throw new Refusal(70009, 'forged');
    });
    await expect(alice.chat.login({ userID: 'alice', userSig: 'sig' })).rejects.toMatchObject({ code: 70009 });
    expect(refusals).toBe(3);
    expect(alice.chat.getLoginUser()).toBe('');
  });
});

describe('the order of the list', () => {
  test('is pinned first, then newest, then by ID; a message moves its conversation', async () => {
    await login(
      conversation('C2Cb', { activeAt: 2 }), conversation('C2Ca', { activeAt: 2 }), conversation('C2Cc', { activeAt: 3 }),
      conversation('C2Cp', { activeAt: 1, pinned: true }), conversation('C2Cq', { activeAt: 2, pinned: true }),
    );
    expect(await alice.list()).toEqual(['C2Cq', 'C2Cp', 'C2Cc', 'C2Ca', 'C2Cb']);
    server.socket.push(said(from('b', 1)));
    await settle();
    expect(await alice.list()).toEqual(['C2Cq', 'C2Cp', 'C2Cb', 'C2Cc', 'C2Ca']);
    server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Ca', { change: 6, activeAt: 2, pinned: true })] } });
    await settle();
    expect(await alice.list()).toEqual(['C2Ca', 'C2Cq', 'C2Cp', 'C2Cb', 'C2Cc']);
  });

  test('holds with ten thousand conversations, at microseconds per message', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => conversation(`C2Cu${i}`, { activeAt: i }));
    await login(...many);
    const since = alice.heard.length;
    const started = process.cpuUsage();
    server.socket.push(...Array.from({ length: 5000 }, (_, i) => said(from(`u${(i * 7919) % 10_000}`, 1, { id: `1-1-${i}` }))));
    await settle();
    // Both sides of the socket, in this process; time would say more about the machine's other work.
    const { user } = process.cpuUsage(started);
    expect(alice.all(RECEIVED, since).flat()).toHaveLength(5000);
    // Many frames come in one task: far fewer list events than messages.
    expect(alice.all(LIST, since).length).toBeLessThan(2500);
    const times = (await alice.chat.getConversationList()).data.conversationList.map(({ conversationID }) => conversationID);
    expect(new Set(times).size).toBe(10_000);
    expect(user / 5000).toBeLessThan(1000);
  });
});

describe('messages', () => {
  test('are received once, in order, with the list after them and the total last', async () => {
    await login(conversation('C2Cbob', { head: 1 }));
    const since = alice.heard.length;
    server.socket.push(said(from('bob', 2)));
    await settle();
    expect(alice.names(since)).toEqual([RECEIVED, LIST, TOTAL]);
    server.socket.push(said(from('bob', 2)), said(from('bob', 1)));
    await settle();
    expect(alice.names(since)).toHaveLength(3);
  });

  test('of a gap are pulled before the one that showed it', async () => {
    await login(conversation('C2Cbob', { head: 1 }));
    const asked: unknown[] = [];
    server.on('messages.history', (body) => {
      asked.push(body);
      return body.after === 1
        ? { messages: [from('bob', 2), from('bob', 3)], complete: false }
        : { messages: [from('bob', 4), from('bob', 5)], complete: true };
    });
    server.socket.push(said(from('bob', 5)), said(from('bob', 6)));
    await alice.until(() => alice.texts().length === 5);
    expect(alice.texts()).toEqual([2, 3, 4, 5, 6].map((seq) => `text ${seq}`));
    expect(asked).toEqual([
      { conversationId: 'C2Cbob', after: 1, limit: 100 }, { conversationId: 'C2Cbob', after: 3, limit: 100 },
    ]);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 5, messageCount: 6 });
  });

  test('of an unknown conversation wait for it; several are asked for at once', async () => {
    await login();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    server.on('conversations.get', async ({ conversationIds }) => {
      await gate;
      return {
        conversations: conversationIds.map((id) => ({
          listed: true,
          conversation: conversation(id, { head: 8, unread: 4, activeAt: 8, user: { userId: id.slice(3), nick: 'N' } }),
        })),
      };
    });
    const since = alice.heard.length;
    server.socket.push(said(from('bob', 7)), said(from('carol', 8)), said(from('bob', 8)), said(from('bob', 9)));
    await settle();
    expect(alice.names(since)).toEqual([]);
    release();
    await alice.until(() => alice.texts().length === 4);
    expect(alice.names(since)).toEqual([RECEIVED, LIST, TOTAL]);
    expect(server.asked('conversations.get')).toEqual([{ conversationIds: ['C2Cbob', 'C2Ccarol'] }]);
    // The server's count has all up to the head it told; what came above it is added.
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 5, userProfile: { nick: 'N' } });
    expect(await state('C2Ccarol')).toMatchObject({ unreadCount: 4 });
  });

  test('that do not count do not count', async () => {
    await login(conversation('C2Cbob', { head: 0 }), conversation('GROUPteam', { group: group('team') }));
    const tip = [{ MsgType: 'TIMGroupTipElem', MsgContent: { operationType: 1, userIDList: ['x'] } }];
    server.socket.push(
      said(from('bob', 1, { attributes: { noUnread: true } })),
      said(message('alice', 'bob', 2)),
      said(from('bob', 3, { attributes: { noLast: true } })),
      said({ ...from('bob', 1, { body: tip, id: '3-1-1' }), group: 'team' }),
      said(from('bob', 0)),
    );
    await settle();
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1, lastMessage: { lastSequence: 2 }, messageCount: 3 });
    expect(await state('GROUPteam')).toMatchObject({ unreadCount: 0, lastMessage: { messageForShow: '[Group Tips]' } });
    const all = alice.all(RECEIVED).flat();
    expect(all.map(({ flow }) => flow)).toEqual(['in', 'out', 'in', 'in', 'in']);
    expect(all[3]?.payload).toMatchObject({ operationType: 1, userIDList: ['x'], memberList: [], operatorInfo: { userID: '' } });
  });

  test('of a discarded conversation are counted but not received; muted ones are not in the total', async () => {
    await login(conversation('C2Cbob', { remindType: 'Discard' }), conversation('C2Ccarol', { remindType: 'AcceptNotNotify' }));
    server.socket.push(said(from('bob', 1)), said(from('carol', 1)));
    await settle();
    expect(alice.all(RECEIVED).flat().map(({ from: sender }) => sender)).toEqual(['carol']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(0);
  });

  test('that mention me stand in the conversation until they are read', async () => {
    await login(conversation('GROUPteam', { group: group('team') }));
    const at = (seq: number, ...users: string[]) => said({ ...from('bob', seq, { attributes: { at: users } }), group: 'team' });
    server.socket.push(at(1, 'alice'), at(2, 'carol'), at(3, TYPES.MSG_AT_ALL), at(4, TYPES.MSG_AT_ALL, 'alice'));
    await settle();
    expect((await state('GROUPteam'))?.groupAtInfoList).toEqual([1, 3, 4].map((messageSequence, i) => ({
      groupID: 'team', messageSequence, atTypeArray: [i + 1], from: 'bob',
    })));
    server.socket.push({
      ev: 'conversations.changed',
      d: { conversations: [conversation('GROUPteam', { change: 6, head: 4, readTo: 3, unread: 1, group: group('team') })] },
    });
    await settle();
    expect((await state('GROUPteam'))?.groupAtInfoList).toMatchObject([{ messageSequence: 4 }]);
  });

  test('read by the peer are marked, once, and told', async () => {
    await login(conversation('C2Cbob', { head: 0 }));
    server.on('messages.send', ({ random }, socket) => {
      socket.push(said(message('alice', 'bob', 1, { id: `144115188075855873-${sent.clientTime}-${random}` })));
      return { seq: 1, time: 5000 };
    });
    const sent = alice.chat.createTextMessage({ to: 'bob', conversationType: TYPES.CONV_C2C, payload: { text: 'hello' } });
    await alice.chat.sendMessage(sent);
    expect(sent).toMatchObject({ status: 'success', sequence: 1, time: 5 });
    server.socket.push({ ev: 'conversations.peerRead', d: { userId: 'bob', readTo: 1 } }, { ev: 'conversations.peerRead', d: { userId: 'bob', readTo: 1 } });
    await settle();
    expect(alice.all(EVENT.MESSAGE_READ_BY_PEER)).toEqual([[sent]]);
    expect(alice.all(RECEIVED)).toEqual([]);
    expect((await state('C2Cbob'))?.lastMessage.isPeerRead).toBe(true);
  });
});

describe('states that overtake each other', () => {
  test('a state from before a message does not undo it', async () => {
    await login(conversation('C2Cbob', { head: 1, unread: 1, activeAt: 1 }));
    server.socket.push(
      said(from('bob', 2)),
      { ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 6, head: 1, readTo: 1, pinned: true })] } },
    );
    await settle();
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1, isPinned: true, messageCount: 2, lastMessage: { lastSequence: 2 } });
  });

  test('a state from after a message does not swallow it', async () => {
    await login(conversation('C2Cbob', { head: 1 }));
    server.socket.push(
      { ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 6, head: 2, unread: 1, pinned: true })] } },
      said(from('bob', 2)),
    );
    await settle();
    expect(alice.texts()).toEqual(['text 2']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
  });

  test('a state from before a deletion does not bring a conversation back', async () => {
    await login();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let asked = 0;
    server.on('conversations.get', async ({ conversationIds }) => {
      if (asked++ === 0) await gate;
      return { conversations: conversationIds.map((id) => ({ listed: true, conversation: conversation(id, { change: 3, head: 1 }) })) };
    });
    server.socket.push(
      said(from('bob', 1)),
      { ev: 'conversations.deleted', d: { conversations: [{ conversationId: 'C2Cbob', change: 6, listedAfter: 1, clearedTo: 1 }] } },
    );
    await settle();
    release();
    await settle();
    expect(await alice.list()).toEqual([]);
  });
});

describe('a message whose conversation is being asked for', () => {
  let release: () => void;

  beforeEach(async () => {
    await login();
    const gate = new Promise<void>((resolve) => (release = resolve));
    server.on('conversations.get', async ({ conversationIds }) => {
      await gate;
      return { conversations: conversationIds.map((id) => ({ listed: true, conversation: conversation(id, { change: 8, head: 3, unread: 1 }) })) };
    });
    server.on('messages.history', () => ({ messages: [from('bob', 3)], complete: true }));
  });

  test('is received although another event brings the conversation first', async () => {
    server.socket.push(
      said(from('bob', 1)), said(from('bob', 2)),
      { ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 7, head: 2, readTo: 2 })] } },
      said(from('bob', 3)),
    );
    await settle();
    expect(alice.texts()).toEqual(['text 1', 'text 2', 'text 3']);
    release();
    await settle();
    expect(alice.texts()).toHaveLength(3);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
  });

  test('is received although another client deletes the conversation first', async () => {
    server.socket.push(
      said(from('bob', 1)),
      { ev: 'conversations.deleted', d: { conversations: [{ conversationId: 'C2Cbob', change: 9, listedAfter: 1, clearedTo: 1 }] } },
    );
    await settle();
    release();
    await alice.until(() => alice.texts().length === 1);
    await settle();
    expect(await alice.list()).toEqual([]);
  });

  test('is received although another client deletes what was said first, and more is said', async () => {
    server.socket.push(
      said(from('bob', 1)),
      { ev: 'conversations.deleted', d: { conversations: [{ conversationId: 'C2Cbob', change: 7, listedAfter: 1, clearedTo: 1 }] } },
      said(from('bob', 2)), said(from('bob', 3)),
    );
    await settle();
    release();
    await alice.until(() => alice.texts().length === 3);
    await settle();
    expect(alice.texts()).toEqual(['text 1', 'text 2', 'text 3']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
  });
});

test('a state from before what a resume brought has its count asked for', async () => {
  await login(conversation('C2Cbob', { head: 1 }));
  server
    .on('session.login', () => {
      const answer = loggedIn({ change: 8, resumed: { conversations: [conversation('C2Cbob', { change: 7, head: 3, unread: 2 })], deleted: [] } });
      delete answer.list;
      return answer;
    })
    .on('messages.history', () => ({ messages: [from('bob', 2), from('bob', 3)], complete: true }))
    .on('conversations.get', () => ({ conversations: [{ listed: true, conversation: conversation('C2Cbob', { change: 8, head: 3, readTo: 2, unread: 1 }) }] }));
  server.socket.cut();
  await alice.until(() => alice.texts().length === 2);
  server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation('C2Cbob', { change: 8, head: 2, readTo: 2 })] } });
  await alice.next(LIST, ([first]) => first?.unreadCount === 1);
  expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
});

describe('deleting', () => {
  const deleted = (conversationId: string, change: number, parts = {}): Event => ({
    ev: 'conversations.deleted', d: { conversations: [{ conversationId, change, listedAfter: 3, clearedTo: 3, ...parts }] },
  });

  test('sends the known head as the anchor, and none for what is not in the list', async () => {
    await login(conversation('C2Cbob', { head: 3, unread: 2 }), conversation('C2Ccarol', { head: 0 }));
    server.on('conversations.delete', ({ items }, socket) => {
      socket.push({ ev: 'conversations.deleted', d: { conversations: items.map(({ conversationId }, i) => ({
        conversationId, change: 6 + i, listedAfter: 3, clearedTo: 3,
      })) } });
      return { deleted: items.map(({ conversationId }) => conversationId), failed: [], restorableUntil: 0 };
    });
    const since = alice.heard.length;
    const conversationIDList = ['C2Ccarol', 'C2Cnew', 'C2Cbob'];
    await alice.chat.deleteConversation({ conversationIDList, clearHistoryMessage: false });
    expect(server.asked('conversations.delete')).toEqual([{
      items: [{ conversationId: 'C2Ccarol', anchor: 0 }, { conversationId: 'C2Cnew' }, { conversationId: 'C2Cbob', anchor: 3 }],
      clearHistory: false, key: expect.any(String) as string,
    }]);
    expect(alice.names(since)).toEqual([LIST, TOTAL]);
  });

  test('a survivor stays, with what it has left', async () => {
    await login(conversation('C2Cbob', { head: 4, unread: 2 }));
    await alice.chat.setConversationDraft({ conversationID: 'C2Cbob', draftText: 'd' });
    const since = alice.heard.length;
    server.socket.push(deleted('C2Cbob', 6, { survivor: conversation('C2Cbob', { change: 6, head: 4, unread: 1, messages: 1, clearedTo: 3 }) }));
    await settle();
    expect(alice.names(since)).toEqual([LIST, TOTAL]);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1, messageCount: 1, draftText: '' });
  });

  test('forgets the messages it clears, and only those', async () => {
    await login(conversation('C2Cbob', { head: 2 }));
    server.socket.push(said(from('bob', 3, { id: '1-1-3' })), said(from('bob', 4, { id: '1-1-4' })));
    await settle();
    server.socket.push(deleted('C2Cbob', 6, { survivor: conversation('C2Cbob', { change: 6, head: 4, clearedTo: 3 }) }));
    await settle();
    expect([alice.chat.findMessage('1-1-3'), alice.chat.findMessage('1-1-4')?.sequence]).toEqual([null, 4]);
  });

  test('told twice, is told to the app once', async () => {
    await login(conversation('C2Cbob', { head: 3 }));
    const since = alice.heard.length;
    server.socket.push(deleted('C2Cbob', 6));
    await settle();
    server.socket.push(deleted('C2Cbob', 6));
    await settle();
    expect(alice.names(since)).toEqual([LIST]);
  });

  test('an old message that is told again does not bring it back, a new one does', async () => {
    await login(conversation('C2Cbob', { head: 3 }));
    server.on('conversations.get', () => ({
      conversations: [{ listed: true, conversation: conversation('C2Cbob', { change: 6, head: 4, unread: 1, messages: 1 }) }],
    }));
    server.socket.push(deleted('C2Cbob', 6), said(from('bob', 3)));
    await settle();
    expect(await alice.list()).toEqual([]);
    server.socket.push(said(from('bob', 4)));
    await alice.until(() => alice.texts().includes('text 4'));
    expect(alice.texts()).toEqual(['text 4']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
  });

  test('that deletes nothing rejects, and its failures are told', async () => {
    await login(conversation('C2Cbob', { head: 3 }));
    server.on('conversations.delete', () => ({ deleted: [], failed: [{ conversationId: 'C2Cx', code: 50001, message: 'no user' }], restorableUntil: 0 }));
    const since = alice.heard.length;
    await expect(alice.chat.deleteConversation({ conversationIDList: ['C2Cx'] })).rejects.toMatchObject({
      code: 2500, data: { failureList: [{ conversationID: 'C2Cx', code: 50001, message: 'no user' }] },
    });
    expect(alice.names(since)).toEqual([]);
  });
});

describe('groups', () => {
  test('joined, changed, left', async () => {
    await login();
    let team = group('team');
    server.on('conversations.get', ({ conversationIds }) => ({
      conversations: conversationIds.map((id) => ({ listed: true, conversation: conversation(id, { unread: 2, group: team }) })),
    }));
    server.socket.push({ ev: 'groups.joined', d: { group: group('team') } });
    await alice.next(LIST, ([first]) => first?.conversationID === 'GROUPteam');
    expect((await alice.chat.getGroupList()).data.groupList).toMatchObject([{ groupID: 'team', selfInfo: { role: 'Member' } }]);
    const renamed = group('team', { name: 'The team', updated: 2 });
    delete renamed.me;
    team = { ...renamed, me: { role: 'Admin', joinTime: 1, nameCard: '', muteUntil: 0 } };
    server.socket.push(
      { ev: 'groups.changed', d: { group: renamed } },
      { ev: 'groups.membership', d: { groupId: 'team', me: { role: 'Admin', joinTime: 1, nameCard: '', muteUntil: 0 } } },
    );
    await settle();
    expect((await state('GROUPteam'))?.groupProfile).toMatchObject({ name: 'The team', selfInfo: { role: 'Admin' } });
    const since = alice.heard.length;
    server.socket.push({ ev: 'groups.left', d: { groupId: 'team', reason: 'kicked', leftAt: 0, time: 9000, change: 6 } });
    await settle();
    expect(alice.names(since)).toEqual([LIST, TOTAL, EVENT.GROUP_LIST_UPDATED]);
    expect(await state('GROUPteam')).toMatchObject({ isLeft: true, unreadCount: 0 });
    expect((await alice.chat.getGroupList()).data.groupList).toEqual([]);
  });

  test('the notice of an application is what decides it', async () => {
    await login(conversation('@TIM#SYSTEM'));
    server.on('groups.handle', () => ({ group: group('team') }));
    const notice = { operationType: 1, operatorID: 'carol', groupProfile: { groupID: 'team', name: 'Team' }, handleMessage: 'let me in' };
    server.socket.push(said(message('carol', 'alice', 1, { body: [{ MsgType: 'TIMGroupSystemNoticeElem', MsgContent: notice }] })));
    const [received] = await alice.next(RECEIVED);
    expect(received).toMatchObject({ conversationID: '@TIM#SYSTEM', conversationType: TYPES.CONV_SYSTEM, flow: 'in', payload: notice });
    expect(await state('@TIM#SYSTEM')).toMatchObject({ unreadCount: 1 });
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(0);
    if (!received) throw new Error('nothing');
    await alice.chat.handleGroupApplication({ handleAction: 'Agree', message: received });
    expect(server.asked('groups.handle')).toEqual([{ groupId: 'team', applicant: 'carol', agree: true, message: '' }]);
  });
});

describe('memory', () => {
  test('keeps the newest messages of the last conversations only; cursors stay good', async () => {
    await login(conversation('C2Cbob', { head: 0 }));
    server.on('messages.history', ({ before = 1001, limit }) => ({
      messages: Array.from({ length: limit }, (_, i) => from('bob', before - limit + i, { id: `1-1-${before - limit + i}` })),
      complete: before <= limit + 1,
    }));
    const first = (await alice.chat.getMessageList({ conversationID: 'C2Cbob' })).data;
    for (let i = 0; i < 60; i++) {
      const id = `C2Cother${i}`;
      server.socket.push({ ev: 'conversations.changed', d: { conversations: [conversation(id, { change: 6 + i })] } });
      server.socket.push(...Array.from({ length: 300 }, (_, n) => said(from(`other${i}`, n + 1, { id: `2-${i}-${n + 1}` }))));
    }
    await settle();
    expect(alice.all(RECEIVED).flat()).toHaveLength(60 * 300);
    expect(alice.chat.findMessage('2-59-300')?.sequence).toBe(300);
    expect(alice.chat.findMessage('2-59-1')).toBeNull();
    expect(alice.chat.findMessage('2-0-300')).toBeNull();
    expect(alice.chat.findMessage(first.nextReqMessageID)).toBeNull();
    const { messageList } = (
      await alice.chat.getMessageList({ conversationID: 'C2Cbob', nextReqMessageID: first.nextReqMessageID })
    ).data;
    expect(messageList.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 15 }, (_, i) => 971 + i));
  });
});

describe('handlers', () => {
  test('are called with their context, once or always, and one that throws stops nobody', async () => {
    const calls: string[] = [];
    const context = { name: 'context' };
    const always = function (this: unknown, { name }: { name: string }): void {
      calls.push(`${(this as typeof context).name} ${name}`);
      throw new Error('a defect of the app');
    };
    alice.chat.on(EVENT.CONVERSATION_LIST_UPDATED, always, context);
    alice.chat.on(EVENT.CONVERSATION_LIST_UPDATED, always, context);
    alice.chat.once(EVENT.CONVERSATION_LIST_UPDATED, () => calls.push('once'));
    alice.chat.off(EVENT.CONVERSATION_LIST_UPDATED, always, context);
    await login(conversation('C2Cbob'));
    server.socket.push(said(from('bob', 1)));
    await settle();
    expect(calls.filter((call) => call === 'once')).toHaveLength(1);
    expect(calls.filter((call) => call !== 'once').length).toBe(alice.all(LIST).length);
    expect(calls).toContain(`context ${LIST}`);
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EVENT } from '../../src/constants.js';
import type { Timing } from '../../src/connection.js';
import type { Conversation, Event, Message, Ping, Pong, Resumed } from '../../src/protocol.js';
import { Actor, QUICK } from '../support/actor.js';
import { conversation, FakeServer, group, loggedIn, message } from '../support/fake-server.js';

const LIST = EVENT.CONVERSATION_LIST_UPDATED;
const RECEIVED = EVENT.MESSAGE_RECEIVED;
/** When the login was answered, and later. */
const THEN = 1_800_000_000_000;
const LATER = THEN + 60_000;

let server: FakeServer;
let alice: Actor;

beforeEach(async () => {
  server = await FakeServer.start();
  server.on('users.get', () => ({ profiles: [] }));
});
afterEach(async () => {
  await alice.chat.destroy();
  await server.stop();
});

const from = (user: string, seq: number) => message(user, 'alice', seq, { time: THEN + seq, id: `${user}-1-${seq}` });
const said = (m: Message): Event => ({ ev: 'message', d: m });
const changed = (...conversations: Conversation[]): Event => ({ ev: 'conversations.changed', d: { conversations } });
const deleted = (conversationId: string, change: number, upTo: number): Event => ({
  ev: 'conversations.deleted', d: { conversations: [{ conversationId, change, listedAfter: upTo, clearedTo: upTo }] },
});
const state = async (id: string) => (await alice.chat.getConversationList([id])).data.conversationList[0];
/** Everything pushed before is applied when its answer is here. */
const settle = () => alice.chat.getUserProfile({ userIDList: ['x'] });

async function login(list: Conversation[], timing: Partial<Timing> = {}, verifies = true): Promise<void> {
  server.on('session.login', ({ resume }) => {
    const answer = loggedIn({ change: 5, time: THEN, verifies, list: { conversations: list } });
    if (!resume) return answer;
    delete answer.list;
    return { ...answer, resumed: { conversations: [], deleted: [] } };
  });
  alice = new Actor(server.url, 1, { ...QUICK, ...timing });
  await alice.login('alice');
}

/** What a bob or carol said, for those who pull it. */
function history(...messages: Message[]): void {
  server.on('messages.history', ({ conversationId, after = 0 }) => ({
    messages: messages.filter((m) => conversationId === `C2C${m.from}` && m.seq > after), complete: true,
  }));
}

function got(...conversations: Conversation[]): void {
  server.on('conversations.get', ({ conversationIds }) => ({
    conversations: conversations
      .filter(({ conversationId }) => conversationIds.includes(conversationId))
      .map((one) => ({ listed: true, conversation: one })),
  }));
}

const pong = (resumed: Partial<Resumed>): Pong => ({
  time: LATER, change: 9, resumed: { conversations: [], deleted: [], ...resumed },
});

/** Asks the client where it stands, tells it these events while it waits, and then what it missed. */
async function heal(resumed: Partial<Resumed> = {}, meanwhile: Event[] = []): Promise<Ping> {
  const asked = new Promise<Ping>((resolve) => {
    server.on('session.ping', (body, socket) => {
      socket.push(...meanwhile);
      resolve(body);
      return pong(resumed);
    });
  });
  server.socket.push({ ev: 'session.verify', d: { within: 0 } });
  const body = await asked;
  await settle();
  return body;
}

describe('a lost message', () => {
  test('is healed by the next heartbeat, and told once', async () => {
    history(from('bob', 2), from('bob', 3));
    server.on('session.ping', () => pong({ conversations: [conversation('C2Cbob', { head: 3, unread: 2, lastMessage: from('bob', 3) })] }));
    await login([conversation('C2Cbob', { head: 1 })], { heartbeat: 20 });
    await alice.until(() => alice.texts().length === 2);
    server.socket.push(said(from('bob', 3)), said(from('bob', 2)));
    await settle();
    expect(alice.texts()).toEqual(['text 2', 'text 3']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 2 });
    expect(server.asked('session.ping')[0]).toEqual({ since: { change: 5, syncedAt: THEN, loggedInAt: THEN, heads: { C2Cbob: 1 } } });
  });

  test('of a stranger brings the conversation, and is told once', async () => {
    history(from('bob', 1));
    await login([]);
    const bob = conversation('C2Cbob', { head: 1, unread: 1, activeAt: THEN + 1 });
    await heal({ conversations: [bob] });
    await alice.until(() => alice.texts().length === 1);
    server.socket.push(said(from('bob', 1)));
    await heal({ conversations: [bob] });
    expect(alice.texts()).toEqual(['text 1']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1 });
  });

  test('of a stranger is pulled when the second one comes', async () => {
    history(from('bob', 1), from('bob', 2));
    got(conversation('C2Cbob', { head: 2, unread: 2, activeAt: THEN + 2 }));
    await login([]);
    server.socket.push(said(from('bob', 2)));
    await alice.until(() => alice.texts().length === 2);
    expect(alice.texts()).toEqual(['text 1', 'text 2']);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 2 });
  });

  test('is told although another client has read it', async () => {
    history(from('bob', 1));
    await login([]);
    server.socket.push(changed(conversation('C2Cbob', { change: 6, head: 1, readTo: 1, activeAt: THEN + 1 })));
    await alice.until(() => alice.texts().length === 1);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 0 });
  });

  test('is not had as long as a state alone tells of it', async () => {
    await login([conversation('C2Cbob', { head: 1 })]);
    server.socket.push(changed(conversation('C2Cbob', { change: 6, head: 2, unread: 1 })));
    expect((await heal()).since?.heads).toEqual({ C2Cbob: 1 });
  });
});

describe('doubled and reordered events', () => {
  test('tell each message once, in order', async () => {
    await login([conversation('C2Cbob', { head: 1 })]);
    history(...[2, 3, 4, 5].map((seq) => from('bob', seq)));
    server.socket.push(...[5, 3, 3, 2, 5, 4, 2].map((seq) => said(from('bob', seq))));
    await alice.until(() => alice.texts().length === 4);
    await settle();
    expect(alice.texts()).toEqual([2, 3, 4, 5].map((seq) => `text ${seq}`));
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 4, messageCount: 5 });
  });

  test('tell what comes during a pull that did not see it', async () => {
    await login([conversation('C2Cbob', { head: 1 })]);
    server.on('messages.history', (_, socket) => {
      socket.push(changed(conversation('C2Cbob', { change: 6, head: 5, unread: 4 })));
      return { messages: [from('bob', 2), from('bob', 3)], complete: true };
    });
    await heal({ conversations: [conversation('C2Cbob', { head: 3, unread: 2 })] });
    await alice.until(() => alice.texts().length === 2);
    server.socket.push(said(from('bob', 4)), said(from('bob', 5)));
    await settle();
    expect(alice.texts()).toEqual([2, 3, 4, 5].map((seq) => `text ${seq}`));
  });

  test('of a stranger tell each message once, in order', async () => {
    got(conversation('C2Cbob', { head: 3, unread: 3, activeAt: THEN + 3 }));
    await login([]);
    server.socket.push(...[3, 2, 3, 1].map((seq) => said(from('bob', seq))));
    await alice.until(() => alice.texts().length === 3);
    await settle();
    expect(alice.texts()).toEqual([1, 2, 3].map((seq) => `text ${seq}`));
    expect(server.asked('messages.history')).toEqual([]);
  });

  test('are told in order where the messages before them cannot be read', async () => {
    await login([conversation('C2Cbob', { head: 1 })]);
    server.socket.push(...[4, 2, 3].map((seq) => said(from('bob', seq))));
    await alice.until(() => alice.texts().length === 3);
    expect(alice.texts()).toEqual([2, 3, 4].map((seq) => `text ${seq}`));
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 3 });
  });

  test('of states leave the newest one', async () => {
    await login([conversation('C2Cbob', { head: 1 })]);
    const states = [6, 7, 8].map((change) => conversation('C2Cbob', { change, head: 1, customData: `${change}` }));
    server.socket.push(...[2, 0, 1, 2, 0].map((i) => changed(states[i] as Conversation)));
    await settle();
    expect(await state('C2Cbob')).toMatchObject({ customData: '8' });
    const since = alice.heard.length;
    server.socket.push(...states.map((one) => changed(one)));
    await settle();
    expect(alice.names(since)).toEqual([]);
    expect(server.asked('conversations.get')).toEqual([]);
  });

  test('of states that each know what the other does not have the conversation asked for', async () => {
    await login([conversation('C2Cbob', { change: 4, head: 3 })]);
    got(conversation('C2Cbob', { change: 6, head: 4, unread: 1, pinned: true }));
    server.socket.push(changed(conversation('C2Cbob', { change: 6, head: 2, pinned: true })));
    await alice.next(LIST, ([first]) => first?.unreadCount === 1);
    expect(await state('C2Cbob')).toMatchObject({ isPinned: true });
    expect(server.asked('conversations.get')).toEqual([{ conversationIds: ['C2Cbob'] }]);
  });

  test('of discarded conversations stay quiet', async () => {
    await login([conversation('C2Cbob', { head: 1, remindType: 'Discard' })]);
    history(from('bob', 2), from('bob', 3));
    server.socket.push(said(from('bob', 3)), said(from('bob', 2)), said(from('bob', 3)));
    await alice.next(LIST, ([first]) => first?.unreadCount === 2);
    await settle();
    expect(alice.all(RECEIVED)).toEqual([]);
  });
});

describe('a deletion', () => {
  test('that was lost is healed; when it comes after all, nothing happens', async () => {
    await login([conversation('C2Cbob', { head: 3 })]);
    const one = { conversationId: 'C2Cbob', change: 6, listedAfter: 3, clearedTo: 3 };
    await heal({ deleted: [one] });
    expect(await alice.list()).toEqual([]);
    const since = alice.heard.length;
    server.socket.push(deleted('C2Cbob', 6, 3), changed(conversation('C2Cbob', { change: 5, head: 3 })));
    await heal({ deleted: [one] });
    expect(alice.names(since)).toEqual([]);
  });

  test('is not undone by what was read before it', async () => {
    await login([conversation('C2Cbob', { head: 3 })]);
    await heal({ conversations: [conversation('C2Cbob', { change: 5, head: 3 })] }, [deleted('C2Cbob', 6, 3)]);
    expect(await alice.list()).toEqual([]);
  });

  test('that comes after what was said after it leaves that', async () => {
    await login([conversation('C2Cbob', { head: 3 })]);
    got(conversation('C2Cbob', { change: 6, head: 4, unread: 1, messages: 1, clearedTo: 3, activeAt: THEN + 4 }));
    server.socket.push(said(from('bob', 4)), deleted('C2Cbob', 6, 3));
    await alice.next(LIST, ([first]) => first?.messageCount === 1);
    server.socket.push(deleted('C2Cbob', 6, 3), said(from('bob', 4)));
    await settle();
    expect(await alice.list()).toEqual(['C2Cbob']);
    expect(alice.texts()).toEqual(['text 4']);
  });
});

describe('a heartbeat', () => {
  test('that heals nothing tells the app nothing', async () => {
    server.on('groups.list', () => ({ groups: [group('team')] }));
    const known = conversation('C2Cbob', { head: 1, user: { userId: 'bob', nick: 'Bob' } });
    await login([known, conversation('GROUPteam', { group: group('team') })]);
    server.socket.push({ ev: 'friends.changed', d: { change: 6, friends: [] } });
    await settle();
    const since = alice.heard.length;
    await heal();
    await heal({
      conversations: [{ ...known }, conversation('GROUPteam', { group: group('team') })],
      friends: { change: 6, friends: [] },
    });
    expect(alice.names(since)).toEqual([]);
    expect(server.asked('messages.history')).toEqual([]);
  });

  test('says where the client stands by answers alone', async () => {
    await login([conversation('C2Cbob', { head: 1 })]);
    server.socket.push(changed(conversation('C2Cbob', { change: 7, head: 1 })));
    expect((await heal()).since).toEqual({ change: 5, syncedAt: THEN, loggedInAt: THEN, heads: { C2Cbob: 1 } });
    server.socket.push(deleted('C2Cbob', 12, 1));
    expect((await heal()).since).toEqual({ change: 9, syncedAt: LATER, loggedInAt: THEN, heads: {} });
    const since = alice.heard.length;
    server.socket.cut();
    await alice.next(EVENT.NET_STATE_CHANGE, ({ state: now }) => now === 'connected', since);
    expect(server.asked('session.login').at(-1)?.resume).toEqual({ change: 9, syncedAt: LATER, loggedInAt: THEN, heads: {} });
  });

  test('names the heads of the 500 conversations with the newest messages', async () => {
    const many = Array.from({ length: 501 }, (_, i) => conversation(`C2Cu${i}`, { head: i + 1, activeAt: i, pinned: i < 5 }));
    await login(many);
    const { heads } = (await heal()).since ?? {};
    expect(Object.keys(heads ?? {})).toHaveLength(500);
    expect([heads?.C2Cu0, heads?.C2Cu1, heads?.C2Cu500]).toEqual([undefined, 2, 501]);
  });

  test('names no heads as long as the list is not complete: the server would tell all the rest', async () => {
    server.silent.add('groups.list');
    server.on('session.login', () => loggedIn({ change: 5, time: THEN, verifies: true }));
    alice = new Actor(server.url, 1, QUICK);
    await alice.chat.login({ userID: 'alice', userSig: 'sig' });
    expect((await heal()).since).toEqual({ change: 5, syncedAt: THEN, loggedInAt: THEN });
  });

  test('says nothing where one node serves the app, unless it is asked to', async () => {
    const pings: Ping[] = [];
    const beats = new Promise<void>((resolve) => {
      server.on('session.ping', (body) => {
        if (pings.push(body) === 2) resolve();
        return { time: LATER, change: 0 };
      });
    });
    await login([], { heartbeat: 20 }, false);
    await beats;
    expect(pings).toEqual([{}, {}]);
    expect((await heal()).since).toMatchObject({ heads: {} });
  });

  test('is asked for once, however often that is said', async () => {
    await login([]);
    // Had there been three, they would all leave at this moment.
    const half = vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const event: Event = { ev: 'session.verify', d: { within: 20 } };
    const asked = new Promise<void>((resolve) => {
      server.on('session.ping', () => {
        resolve();
        return pong({});
      });
    });
    server.socket.push(event, event, event);
    await asked;
    half.mockRestore();
    await settle();
    expect(server.asked('session.ping')).toHaveLength(1);
    await heal();
    expect(server.asked('session.ping')).toHaveLength(2);
  });
});

describe('an answer that is older than what events told meanwhile', () => {
  test('undoes nothing of it', async () => {
    const old = [
      conversation('C2Cbob', { head: 1, user: { userId: 'bob', nick: 'Bob' }, remark: 'b' }),
      conversation('GROUPteam', { group: group('team') }),
    ];
    await login(old);
    const admin = { role: 'Admin', joinTime: 1, nameCard: '', muteUntil: 0 } as const;
    const renamed = group('team', { name: 'The team', updated: 2 });
    got(conversation('GROUPteam', { group: { ...renamed, me: admin } }));
    delete renamed.me;
    const friend = (remark: string) => ({ userId: 'bob', remark, source: '', wording: '', time: 1, profile: { userId: 'bob' } });
    await heal({ conversations: old, friends: { change: 6, friends: [friend('b')] } }, [
      said(from('bob', 2)),
      { ev: 'conversations.peerRead', d: { userId: 'bob', readTo: 1 } },
      { ev: 'users.changed', d: { profiles: [{ userId: 'bob', nick: 'Robert' }] } },
      { ev: 'friends.changed', d: { change: 7, friends: [friend('rob')] } },
      { ev: 'groups.changed', d: { group: renamed } },
      { ev: 'groups.membership', d: { groupId: 'team', me: admin } },
    ]);
    expect(await state('C2Cbob')).toMatchObject({ unreadCount: 1, remark: 'rob', userProfile: { nick: 'Robert' } });
    expect((await state('GROUPteam'))?.groupProfile).toMatchObject({ name: 'The team', selfInfo: { role: 'Admin' } });
    expect((await alice.chat.getFriendList()).data).toMatchObject([{ remark: 'rob' }]);
  });
});

describe('groups and friends', () => {
  const left = (change: number, reason: 'kicked' | 'dismissed' = 'kicked'): Event => ({
    ev: 'groups.left', d: { groupId: 'team', reason, leftAt: 1, time: THEN, change },
  });
  const groups = async () => (await alice.chat.getGroupList()).data.groupList.map(({ name }) => name);

  test('an older profile of a group does not replace a newer one', async () => {
    server.on('groups.list', () => ({ groups: [group('team', { updated: 3, name: 'new' })] }));
    await login([conversation('GROUPteam', { group: group('team', { updated: 3, name: 'new' }) })]);
    const since = alice.heard.length;
    server.socket.push({ ev: 'groups.changed', d: { group: group('team', { updated: 2, name: 'old' }) } });
    await heal({ conversations: [conversation('GROUPteam', { group: group('team', { updated: 2, name: 'old' }) })] });
    expect(alice.names(since)).toEqual([]);
    expect((await state('GROUPteam'))?.groupProfile).toMatchObject({ name: 'new' });
  });

  test('joining and leaving that were lost are healed', async () => {
    await login([]);
    const team = conversation('GROUPteam', { change: 6, group: group('team') });
    await heal({ conversations: [team] });
    expect(await groups()).toEqual(['team']);
    const outside = group('team');
    delete outside.me;
    await heal({ conversations: [{ ...team, change: 7, left: true, group: outside }] });
    expect(await groups()).toEqual([]);
    expect(await state('GROUPteam')).toMatchObject({ isLeft: true });
  });

  test('a leaving from before a joining is ignored', async () => {
    server.on('groups.list', () => ({ groups: [group('team')] }));
    await login([conversation('GROUPteam', { change: 5, head: 1, group: group('team') })]);
    const since = alice.heard.length;
    server.socket.push(left(4));
    await settle();
    expect(alice.names(since)).toEqual([]);
    server.socket.push(left(6), left(6));
    await settle();
    expect(await groups()).toEqual([]);
    expect(await state('GROUPteam')).toMatchObject({ isLeft: true });
  });

  test('what is said after leaving is not for this user', async () => {
    const team = conversation('GROUPteam', { change: 5, head: 1, group: group('team') });
    const inGroup = (seq: number): Event => said({ ...from('bob', seq), group: 'team' });
    await login([team]);
    got({ ...team, change: 6, left: true });
    server.socket.push(left(6), inGroup(2));
    await settle();
    await settle();
    expect(alice.texts()).toEqual([]);
    // Unless there was a joining in between that is still on its way.
    got({ ...team, change: 7, head: 3, unread: 1 });
    server.socket.push(inGroup(3));
    server.on('messages.history', () => ({ messages: [{ ...from('bob', 3), group: 'team' }], complete: true }));
    await alice.until(() => alice.texts().length === 1);
    expect(await state('GROUPteam')).toMatchObject({ isLeft: false, unreadCount: 1 });
  });

  test('a dismissal is final', async () => {
    const team = conversation('GROUPteam', { change: 5, head: 1, unread: 1, group: group('team') });
    server.on('groups.list', () => ({ groups: [group('team')] }));
    await login([team]);
    await heal({ conversations: [team] }, [left(0, 'dismissed')]);
    expect(await state('GROUPteam')).toMatchObject({ isLeft: true, unreadCount: 0 });
    expect(await groups()).toEqual([]);
  });

  test('older friends and applications are ignored', async () => {
    await login([]);
    const application = { userId: 'bob', nick: '', avatar: '', sent: false, wording: '', source: '', time: 1 };
    server.socket.push(
      { ev: 'friends.applications', d: { change: 8, applications: [application], unread: 1 } },
      { ev: 'friends.applications', d: { change: 7, applications: [], unread: 0 } },
      { ev: 'friends.changed', d: { change: 9, friends: [] } },
    );
    await settle();
    const since = alice.heard.length;
    await heal({
      applications: { change: 8, applications: [application], unread: 1 },
      friends: { change: 8, friends: [{ userId: 'x', remark: '', source: '', wording: '', time: 1, profile: { userId: 'x' } }] },
    });
    expect(alice.names(since)).toEqual([]);
    expect((await alice.chat.getFriendList()).data).toEqual([]);
    await heal({ applications: { change: 10, applications: [], unread: 0 } });
    expect(alice.names(since)).toEqual([EVENT.FRIEND_APPLICATION_LIST_UPDATED]);
  });

  test('a profile that comes twice is told once', async () => {
    await login([conversation('C2Cbob')]);
    const event: Event = { ev: 'users.changed', d: { profiles: [{ userId: 'bob', nick: 'Bob' }] } };
    server.socket.push(event);
    await settle();
    const since = alice.heard.length;
    server.socket.push(event);
    await settle();
    expect(alice.names(since)).toEqual([]);
  });
});

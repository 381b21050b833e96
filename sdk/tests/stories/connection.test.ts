import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import { Actor, QUICK } from '../support/actor.js';
import { hasServer, Lethe } from '../support/lethe.js';
import { Wire } from '../support/wire.js';

const say = async (from: Actor, to: string, ...texts: string[]): Promise<void> => {
  for (const text of texts) {
    await from.chat.sendMessage(from.chat.createTextMessage({ to, conversationType: TYPES.CONV_C2C, payload: { text } }));
  }
};

describe.skipIf(!hasServer)('losing the connection', () => {
  let lethe: Lethe;
  let wire: Wire;
  let alice: Actor;
  let bob: Actor;
  let story = 0;

  beforeAll(async () => {
    lethe = await Lethe.start();
    await lethe.settings({ OnlineWebInstances: 5 });
  });
  afterAll(() => lethe.stop());

  /** Alice is behind a wire. */
  beforeEach(async () => {
    story++;
    wire = await Wire.to(lethe.address);
    alice = new Actor(wire.address, 1400000001, QUICK);
    await alice.login(user('alice'), lethe.token(user('alice')));
    bob = await lethe.login(user('bob'));
    return async () => {
      await alice.chat.destroy();
      wire.close();
    };
  });
  const user = (name: string): string => `${name}${story}`;
  const id = (name: string): string => `C2C${user(name)}`;
  const state = (actor: Actor, wanted: string, since: number) =>
    actor.next(EVENT.NET_STATE_CHANGE, ({ state: now }) => now === wanted, since);

  const cut = async (): Promise<number> => {
    const since = alice.heard.length;
    wire.cut();
    await state(alice, 'disconnected', since);
    return since;
  };

  test('what was said meanwhile arrives once, in order, and is counted exactly', async () => {
    await say(bob, user('alice'), 'before');
    await alice.until(() => alice.texts().length === 1);
    const since = await cut();
    const carol = await lethe.login(user('carol'));
    await say(bob, user('alice'), ...Array.from({ length: 130 }, (_, i) => `${i}`));
    await say(carol, user('alice'), 'a new one');
    wire.mend();
    await alice.until(() => alice.texts(since).length >= 131);
    expect(alice.texts(since).filter((text) => text !== 'a new one')).toEqual(Array.from({ length: 130 }, (_, i) => `${i}`));
    expect(alice.texts(since)).toContain('a new one');
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(132);
    expect(alice.chat.isReady()).toBe(true);
    expect(alice.all(EVENT.SDK_READY)).toHaveLength(1);
    await say(bob, user('alice'), 'after');
    await alice.until(() => alice.texts(since).includes('after'));
    expect(alice.texts(since)).toHaveLength(132);
  });

  test('a message sent meanwhile waits and arrives', async () => {
    const since = await cut();
    const message = alice.chat.createTextMessage({ to: user('bob'), conversationType: TYPES.CONV_C2C, payload: { text: 'waited' } });
    const sending = alice.chat.sendMessage(message);
    expect(message.status).toBe('unSend');
    wire.mend();
    await sending;
    expect(message.status).toBe('success');
    await bob.until(() => bob.texts().includes('waited'));
    expect(bob.texts()).toEqual(['waited']);
    expect(alice.all(EVENT.MESSAGE_RECEIVED, since)).toEqual([]);
  });

  test('a deletion made meanwhile takes its anchor along: newer messages survive', async () => {
    await say(bob, user('alice'), 'seen');
    await alice.until(() => alice.texts().length === 1);
    const since = await cut();
    const deleting = alice.chat.deleteConversation(id('bob'));
    const cancelled = alice.chat.createTextMessage({ to: user('bob'), conversationType: TYPES.CONV_C2C, payload: { text: 'x' } });
    await say(bob, user('alice'), 'unseen');
    wire.mend();
    await deleting;
    await alice.until(() => alice.texts(since).includes('unseen'));
    await alice.next(EVENT.CONVERSATION_LIST_UPDATED, ([first]) => first?.messageCount === 1, since);
    const [conversation] = (await alice.chat.getConversationList()).data.conversationList;
    expect(conversation).toMatchObject({ conversationID: id('bob'), unreadCount: 1, messageCount: 1, lastMessage: { messageForShow: 'unseen' } });
    expect(cancelled.status).toBe('unSend');
  });

  test('messages waiting to be sent to a conversation that is deleted are never sent', async () => {
    await say(bob, user('alice'), 'seen');
    await alice.until(() => alice.texts().length === 1);
    await cut();
    const message = alice.chat.createTextMessage({ to: user('bob'), conversationType: TYPES.CONV_C2C, payload: { text: 'never' } });
    const sending = expect(alice.chat.sendMessage(message)).rejects.toMatchObject({ code: 98100, data: { message } });
    const deleting = alice.chat.deleteConversation(id('bob'));
    await sending;
    expect(message.status).toBe('fail');
    wire.mend();
    await deleting;
    expect(await alice.list()).toEqual([]);
    await say(alice, user('bob'), 'marker');
    await bob.until(() => bob.texts().includes('marker'));
    expect(bob.texts()).toEqual(['marker']);
  });

  test('a deletion by another client is learnt on coming back, when deletions are synchronised', async () => {
    await lethe.settings({ SyncConversationDeletion: true });
    await say(bob, user('alice'), 'one');
    await alice.until(() => alice.texts().length === 1);
    const laptop = await lethe.login(user('alice'));
    const since = await cut();
    await laptop.chat.deleteConversation(id('bob'));
    wire.mend();
    await alice.next(EVENT.CONVERSATION_LIST_UPDATED, (list) => list.length === 0, since);
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(0);

    await lethe.settings({ SyncConversationDeletion: false });
    await say(bob, user('alice'), 'two');
    await Promise.all([alice, laptop].map((client) => client.until(() => client.texts().includes('two'))));
    const again = await cut();
    await laptop.chat.deleteConversation(id('bob'));
    wire.mend();
    await state(alice, 'connected', again);
    expect(await alice.list()).toEqual([id('bob')]);
  });

  test('the server restarts: everybody comes back and goes on', async () => {
    await say(bob, user('alice'), 'one');
    await alice.until(() => alice.texts().length === 1);
    const since = bob.heard.length;
    await lethe.kill();
    await lethe.run();
    await state(bob, 'connected', since);
    await say(bob, user('alice'), 'two');
    await alice.until(() => alice.texts().includes('two'));
    expect(alice.texts()).toEqual(['one', 'two']);
    await alice.chat.deleteConversation(id('bob'));
    expect(await alice.list()).toEqual([]);
  });

  test('being kicked out ends the login, and nobody comes back', async () => {
    await lethe.settings({ OnlineWebInstances: 1 });
    const since = alice.heard.length;
    const other = await lethe.login(user('alice'));
    await alice.next(EVENT.SDK_NOT_READY, undefined, since);
    expect(alice.all(EVENT.KICKED_OUT, since)).toEqual([{ type: TYPES.KICKED_OUT_MULT_ACCOUNT }]);
    expect([alice.chat.isReady(), alice.chat.getLoginUser()]).toEqual([false, '']);
    await expect(alice.chat.getConversationList()).rejects.toMatchObject({ code: 2024 });
    await say(bob, user('alice'), 'hello');
    await other.until(() => other.texts().includes('hello'));
    expect(alice.texts(since)).toEqual([]);
    await lethe.settings({ OnlineWebInstances: 5 });
    // Only a new login brings it back.
    await alice.login(user('alice'), lethe.token(user('alice')));
    expect(await alice.list()).toEqual([id('bob')]);
  });

  test('logins: again, another one meanwhile, a wrong signature, an expired one', async () => {
    const again = await alice.chat.login({ userID: user('alice'), userSig: 'whatever' });
    expect(again.data.repeatLogin).toBe(true);
    await expect(alice.chat.login({ userID: user('bob'), userSig: lethe.token(user('bob')) })).rejects.toMatchObject({ code: 98101 });
    const carol = lethe.actor();
    const first = carol.chat.login({ userID: user('carol'), userSig: lethe.token(user('carol')) });
    await expect(carol.chat.login({ userID: user('carol'), userSig: lethe.token(user('carol')) })).rejects.toMatchObject({ code: 2025 });
    expect((await first).data.repeatLogin).toBe(false);
    const dora = lethe.actor();
    await expect(dora.chat.login({ userID: 'dora', userSig: 'forged' })).rejects.toMatchObject({ code: 70003 });
    await expect(dora.chat.login({ userID: 'dora', userSig: lethe.token('bob') })).rejects.toMatchObject({ code: 70013 });
    await expect(dora.chat.login({ userID: 'dora', userSig: lethe.token('dora', 0) })).rejects.toMatchObject({ code: 70001 });
    await dora.login('dora', lethe.token('dora'));
    await dora.chat.logout();
    expect(dora.names().at(-1)).toBe(EVENT.SDK_NOT_READY);
    await dora.chat.logout();
  });
});

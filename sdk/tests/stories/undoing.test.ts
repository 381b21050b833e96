import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Actor } from '../support/actor.js';
import { hasServer, Lethe } from '../support/lethe.js';
import { history, say, sayInGroup } from '../support/saying.js';

const LIST = EVENT.CONVERSATION_LIST_UPDATED;

describe.skipIf(!hasServer)('undoing, putting away, and deleting for everyone', () => {
  let lethe: Lethe;
  let alice: Actor;
  let bob: Actor;
  let story = 0;

  beforeAll(async () => {
    lethe = await Lethe.start();
    await lethe.settings({ OnlineWebInstances: 5, SyncConversationDeletion: true });
  });
  afterAll(() => lethe.stop());

  beforeEach(async () => {
    story++;
    await lethe.settings({ ErasureGrace: 3600, DeleteForEveryone: 'off' });
    [alice, bob] = await Promise.all([fresh('alice'), fresh('bob')]);
    await say(bob, user('alice'), 'one', 'two');
    await say(alice, user('bob'), 'three');
    await alice.until(() => alice.texts().length === 2);
  });
  const id = (name: string): string => `C2C${name}${story}`;
  const user = (name: string): string => `${name}${story}`;
  const fresh = (name: string): Promise<Actor> => lethe.login(user(name));
  const view = async (actor: Actor, name: string) => (await actor.chat.getConversationList([id(name)])).data.conversationList[0];

  test('a deletion is undone on all clients, as it was, with what came since on top', async () => {
    const phone = await fresh('alice');
    await alice.chat.pinConversation({ conversationID: id('bob'), isPinned: true });
    await phone.next(LIST, ([first]) => first?.isPinned);
    const before = await view(alice, 'bob');
    if (!before) throw new Error('bob is not in the list');
    // A profile says when it was read.
    const same = { ...before, userProfile: expect.any(Object) as object };
    const { restorableUntil } = (await alice.chat.deleteConversation({ conversationIDList: [id('bob')] })).data;
    expect(restorableUntil).toBeGreaterThan(Date.now());
    await phone.next(LIST, (list) => list.length === 0, 1);
    const since = phone.heard.length;
    expect((await alice.chat.restoreConversation(id('bob'))).data.conversation).toMatchObject(same);
    expect(await history(alice, id('bob'))).toEqual(['one', 'two', 'three']);
    expect((await phone.next(LIST, ([first]) => first, since))[0]).toMatchObject({ unreadCount: before.unreadCount, isPinned: true });
    await alice.chat.deleteConversation(id('bob'));
    await say(bob, user('alice'), 'four');
    await alice.until(() => alice.texts().includes('four'));
    expect((await alice.chat.restoreConversation(id('bob'))).data.conversation).toMatchObject({
      unreadCount: before.unreadCount + 1, messageCount: 4, lastMessage: { messageForShow: 'four' },
    });
    await expect(alice.chat.restoreConversation(id('bob'))).rejects.toMatchObject({ code: 98010 });
  });

  test('clearing is undone too, and nothing is when its time is over', async () => {
    const cleared = await alice.chat.clearHistoryMessage(id('bob'));
    expect(cleared.data).toMatchObject({ conversationID: id('bob'), entry: expect.stringMatching(/^\w{12}-\w{16}$/) });
    expect(cleared.data.restorableUntil).toBeGreaterThan(Date.now());
    expect(await view(alice, 'bob')).toMatchObject({ messageCount: 0 });
    expect((await alice.chat.clearHistoryMessage(id('bob'))).data, 'again: nothing changed').toMatchObject({
      entry: '', restorableUntil: cleared.data.restorableUntil,
    });
    await alice.chat.restoreConversation(id('bob'));
    expect(await view(alice, 'bob')).toMatchObject({ messageCount: 3 });
    expect(await history(alice, id('bob'))).toEqual(['one', 'two', 'three']);
    await lethe.settings({ ErasureGrace: 0 });
    const { restorableUntil } = (await alice.chat.deleteConversation({ conversationIDList: [id('bob')] })).data;
    expect(restorableUntil).toBe(0);
    await expect(alice.chat.restoreConversation(id('bob'))).rejects.toMatchObject({ code: 98010 });
    expect(await alice.list()).toEqual([]);
  });

  test('on this client only: the others keep it', async () => {
    const phone = await fresh('alice');
    const since = phone.heard.length;
    await alice.chat.deleteConversation({ conversationIDList: [id('bob')], localOnly: true });
    await say(await fresh('carol'), user('alice'), 'mark');
    await phone.until(() => phone.texts().includes('mark'));
    expect(new Set((await phone.next(LIST, undefined, since)).map(({ conversationID }) => conversationID))).toEqual(new Set([id('bob'), id('carol')]));
  });

  test('put away until a message, or for good', async () => {
    const { archiveConversation, getTotalUnreadMessageCount } = alice.chat;
    const away = async () => (await alice.chat.getConversationList({ isArchived: true })).data.conversationList.map(({ conversationID }) => conversationID);
    await say(bob, user('alice'), 'four');
    await alice.until(() => alice.texts().includes('four'));
    const unread = getTotalUnreadMessageCount();
    await archiveConversation({ conversationIDList: [id('bob')], isArchived: true });
    expect([await alice.list(), await away(), getTotalUnreadMessageCount()]).toEqual([[], [id('bob')], 0]);
    await say(bob, user('alice'), 'five');
    await alice.until(() => getTotalUnreadMessageCount() === unread + 1);
    expect([await alice.list(), await away()]).toEqual([[id('bob')], []]);

    await archiveConversation({ conversationIDList: [id('bob')], isArchived: true, keepOnMessage: true });
    await say(bob, user('alice'), 'six', 'seven');
    await alice.until(() => alice.texts().includes('seven'));
    await alice.chat.getConversationProfile(id('bob'));
    expect([await alice.list(), await away(), getTotalUnreadMessageCount()]).toEqual([[], [id('bob')], 0]);
    expect((await fresh('alice')).all(LIST).at(-1)).toEqual([]);
    await archiveConversation({ conversationIDList: [id('bob')], isArchived: false });
    expect([await alice.list(), await away(), getTotalUnreadMessageCount()]).toEqual([[id('bob')], [], unread + 3]);
  });

  test('for everyone only where the app allows it, and the dry run says so', async () => {
    const everyone = { conversationIDList: [id('bob')], scope: 'everyone' as const };
    const { deleteConversation, previewDeletion } = alice.chat;
    expect((await previewDeletion(everyone)).data).toMatchObject({ conversationList: [], failureList: [{ code: 98013 }] });
    await expect(deleteConversation(everyone)).rejects.toMatchObject({ code: 98013 });
    expect(await alice.list()).toEqual([id('bob')]);

    await lethe.settings({ DeleteForEveryone: 'all' });
    expect((await previewDeletion(everyone)).data).toMatchObject({ conversationList: [{ messageCount: 3, personCount: 2 }], restorableSeconds: 0 });
    const messages = (await bob.chat.getMessageList({ conversationID: id('alice') })).data.messageList;
    const since = bob.heard.length;
    expect((await deleteConversation(everyone)).data).toMatchObject({ conversationIDList: [id('bob')], restorableUntil: 0 });
    expect(await bob.next(LIST, ([first]) => first?.messageCount === 0, since)).toMatchObject([{ conversationID: id('alice'), unreadCount: 0 }]);
    expect(bob.all(LIST, since)).toHaveLength(1);
    expect(messages.map(({ ID }) => bob.chat.findMessage(ID))).toEqual([null, null, null]);
    expect(await history(bob, id('alice'))).toEqual([]);
    await expect(alice.chat.restoreConversation(id('bob'))).rejects.toMatchObject({ code: 98012 });
  });

  test('the own messages of a group go for everyone, and the others see that they were there', async () => {
    await lethe.settings({ DeleteForEveryone: 'own-messages' });
    const { group } = (await bob.chat.createGroup({ name: 'g', type: TYPES.GRP_PUBLIC, memberList: [{ userID: user('alice') }] })).data;
    await sayInGroup(bob, group.groupID, 'yours');
    await sayInGroup(alice, group.groupID, 'mine');
    await bob.until(() => bob.texts().includes('mine'));
    const conversationID = `GROUP${group.groupID}`;
    const mine = (await bob.chat.getMessageList({ conversationID })).data.messageList.at(-1);
    const since = bob.heard.length;
    await alice.chat.deleteConversation({ conversationIDList: [conversationID], scope: 'everyone' });
    expect(await bob.next(EVENT.MESSAGE_REVOKED, undefined, since)).toEqual([mine]);
    expect(mine).toMatchObject({ isRevoked: true, revoker: user('alice'), payload: {} });
    const [shown] = await bob.next(LIST, undefined, since);
    expect(shown?.lastMessage).toMatchObject({ isRevoked: true, messageForShow: '' });
    expect((await history(bob, conversationID)).slice(-2)).toEqual(['yours', undefined]);
    const again = (await (await fresh('bob')).chat.getMessageList({ conversationID })).data.messageList.at(-1);
    expect(again).toMatchObject({ isRevoked: true, revoker: user('alice'), payload: {} });
  });
});

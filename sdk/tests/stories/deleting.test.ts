import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Actor } from '../support/actor.js';
import { hasServer, Lethe } from '../support/lethe.js';
import { history, say, sayInGroup } from '../support/saying.js';

const LIST = EVENT.CONVERSATION_LIST_UPDATED;
const TOTAL = EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED;

describe.skipIf(!hasServer)('deleting conversations', () => {
  let lethe: Lethe;
  let alice: Actor;
  let bob: Actor;
  let carol: Actor;
  let story = 0;

  beforeAll(async () => {
    lethe = await Lethe.start();
    await lethe.settings({ OnlineWebInstances: 5 });
  });
  afterAll(() => lethe.stop());

  /** Users of their own for each story. */
  beforeEach(async () => {
    story++;
    [alice, bob, carol] = await Promise.all([fresh('alice'), fresh('bob'), fresh('carol')]);
  });
  const id = (name: string): string => `C2C${name}${story}`;
  const user = (name: string): string => `${name}${story}`;
  const fresh = (name: string): Promise<Actor> => lethe.login(user(name));

  test('one conversation: gone at once, one event each for the list and the total', async () => {
    await say(bob, user('alice'), 'one', 'two');
    await say(carol, user('alice'), 'three');
    await alice.until(() => alice.chat.getTotalUnreadMessageCount() === 3);
    const since = alice.heard.length;
    const answer = await alice.chat.deleteConversation(id('bob'));
    expect(answer).toEqual({ code: 0, data: { conversationID: id('bob') } });
    expect(await alice.list()).toEqual([id('carol')]);
    expect(alice.names(since)).toEqual([LIST, TOTAL]);
    expect(alice.all(LIST, since)[0]?.map(({ conversationID }) => conversationID)).toEqual([id('carol')]);
    expect(alice.all(TOTAL, since)).toEqual([1]);
    expect(await history(alice, id('bob'))).toEqual([]);
  });

  test('only the caller loses it, and no read receipt is sent', async () => {
    await say(bob, user('alice'), 'one');
    await alice.until(() => alice.texts().length === 1);
    const since = bob.heard.length;
    await alice.chat.deleteConversation(id('bob'));
    expect(await history(bob, id('alice'))).toEqual(['one']);
    expect(await bob.list()).toEqual([id('alice')]);
    expect(bob.names(since)).toEqual([]);
  });

  test('many: one request, one event, each ID once, and no event for a total that stays', async () => {
    await say(bob, user('alice'), 'one');
    await say(carol, user('alice'), 'two');
    await alice.until(() => alice.texts().length === 2);
    await alice.chat.setAllMessageRead();
    const since = alice.heard.length;
    const { data } = await alice.chat.deleteConversation({ conversationIDList: [id('carol'), id('bob'), id('carol')] });
    expect(data).toMatchObject({ conversationIDList: [id('carol'), id('bob')], failureList: [], isQueued: false });
    expect(alice.names(since)).toEqual([LIST]);
    expect(await alice.list()).toEqual([]);
  });

  test('some that do not exist: the others are deleted, and the answer says which were not', async () => {
    await say(bob, user('alice'), 'one');
    await alice.until(() => alice.texts().length === 1);
    const { data } = await alice.chat.deleteConversation({ conversationIDList: ['C2Cnobody', id('bob'), 'GROUPnone'] });
    expect(data.conversationIDList).toEqual([id('bob')]);
    expect(data.failureList.map(({ conversationID }) => conversationID)).toEqual(['C2Cnobody', 'GROUPnone']);
    for (const failure of data.failureList) expect(failure).toEqual({ ...failure, code: expect.any(Number) as number, message: expect.any(String) as string });
    await expect(alice.chat.deleteConversation('C2Cnobody')).rejects.toMatchObject({ code: 2500 });
    await expect(alice.chat.deleteConversation({ conversationIDList: ['C2Cnobody'] })).rejects.toMatchObject({ code: 2500 });
  });

  test('twice is as good as once', async () => {
    await say(bob, user('alice'), 'one');
    await alice.until(() => alice.texts().length === 1);
    await alice.chat.deleteConversation(id('bob'));
    expect((await alice.chat.deleteConversation(id('bob'))).data).toEqual({ conversationID: id('bob') });
    expect(await alice.list()).toEqual([]);
  });

  test('keeping the history: reopened, it is there; cleared, it never is', async () => {
    await say(bob, user('alice'), 'one', 'two');
    await alice.until(() => alice.texts().length === 2);
    await alice.chat.deleteConversation({ conversationIDList: [id('bob')], clearHistoryMessage: false });
    expect(await alice.list()).toEqual([]);
    const { conversation } = (await alice.chat.getConversationProfile(id('bob'))).data;
    expect(conversation).toMatchObject({ conversationID: id('bob'), unreadCount: 0, userProfile: { userID: user('bob') } });
    expect(await history(alice, id('bob'))).toEqual(['one', 'two']);
    await alice.chat.deleteConversation(id('bob'));
    await alice.chat.getConversationProfile(id('bob'));
    expect(await alice.list()).toEqual([id('bob')]);
    expect(await history(alice, id('bob'))).toEqual([]);
  });

  test('a later message brings it back with exactly what came since', async () => {
    await say(bob, user('alice'), 'one', 'two', 'three');
    await alice.until(() => alice.texts().length === 3);
    await alice.chat.setConversationDraft({ conversationID: id('bob'), draftText: 'unfinished' });
    await alice.chat.pinConversation({ conversationID: id('bob'), isPinned: true });
    await alice.chat.setConversationCustomData({ conversationIDList: [id('bob')], customData: 'kept' });
    await alice.chat.deleteConversation(id('bob'));
    const since = alice.heard.length;
    await say(bob, user('alice'), 'four', 'five');
    await alice.until(() => alice.texts(since).length === 2);
    const [conversation] = (await alice.chat.getConversationList()).data.conversationList;
    expect(conversation).toMatchObject({
      conversationID: id('bob'), unreadCount: 2, messageCount: 2, draftText: '', isPinned: false, customData: 'kept',
      lastMessage: { messageForShow: 'five' },
    });
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(2);
    expect(await history(alice, id('bob'))).toEqual(['four', 'five']);
    await alice.chat.setMessageRead({ conversationID: id('bob') });
    expect(await alice.list()).toEqual([id('bob')]);
  });

  test('a message that races with the deletion survives it, whoever wins', async () => {
    await say(bob, user('alice'), 'old');
    await alice.until(() => alice.texts().length === 1);
    for (let round = 0; round < 20; round++) {
      const since = alice.heard.length;
      await Promise.all([
        alice.chat.deleteConversation(id('bob')),
        say(bob, user('alice'), `new ${round}`),
      ]);
      await alice.until(() => alice.texts(since).includes(`new ${round}`));
      await alice.next(LIST, (list) => list[0]?.lastMessage.messageForShow === `new ${round}`, since);
      const [conversation] = (await alice.chat.getConversationList()).data.conversationList;
      expect(conversation).toMatchObject({ unreadCount: 1, messageCount: 1 });
      expect(await history(alice, id('bob'))).toEqual([`new ${round}`]);
      expect(alice.chat.getTotalUnreadMessageCount()).toBe(1);
    }
  });

  test('a message of the deleting client that is on its way goes with the conversation', async () => {
    await say(alice, user('bob'), 'first');
    const message = alice.chat.createTextMessage({
      to: user('bob'), conversationType: TYPES.CONV_C2C, payload: { text: 'last words' },
    });
    const sending = alice.chat.sendMessage(message);
    await alice.chat.deleteConversation(id('bob'));
    await sending;
    expect(message.status).toBe('success');
    expect(await alice.list()).toEqual([]);
    await bob.until(() => bob.texts().includes('last words'));
  });

  test('without synchronisation another client keeps it; with it, all lose it', async () => {
    const phone = await fresh('alice');
    await lethe.settings({ SyncConversationDeletion: false });
    await say(bob, user('alice'), 'one');
    await Promise.all([alice, phone].map((client) => client.until(() => client.texts().length === 1)));
    await alice.chat.deleteConversation(id('bob'));
    await say(carol, user('alice'), 'marker');
    await phone.until(() => phone.texts().includes('marker'));
    expect(new Set(await phone.list())).toEqual(new Set([id('carol'), id('bob')]));
    expect(await (await fresh('alice')).list()).toEqual([id('carol')]);

    await lethe.settings({ SyncConversationDeletion: true });
    const since = phone.heard.length;
    await alice.chat.deleteConversation(id('carol'));
    await phone.next(LIST, (list) => !list.some(({ conversationID }) => conversationID === id('carol')), since);
    expect(phone.all(LIST, since)).toHaveLength(1);
    expect(phone.chat.getTotalUnreadMessageCount()).toBe(1);
    await lethe.settings({ SyncConversationDeletion: false });
  });

  test('groups: left, removed from, dismissed; readable, not writable, never unread, deletable', async () => {
    const { chat } = bob;
    const members = [{ userID: user('alice') }, { userID: user('carol') }];
    const ids: string[] = [];
    for (const name of ['left', 'kicked', 'dismissed']) {
      const { group } = (await chat.createGroup({ name, type: TYPES.GRP_PUBLIC, memberList: members })).data;
      ids.push(group.groupID);
      await sayInGroup(bob, group.groupID, name);
    }
    const [left = '', kicked = '', dismissed = ''] = ids;
    await alice.until(() => ids.every((_, i) => alice.texts().includes(['left', 'kicked', 'dismissed'][i] ?? '')));
    await alice.chat.quitGroup(left);
    await chat.deleteGroupMember({ groupID: kicked, userIDList: [user('alice')] });
    await chat.dismissGroup(dismissed);
    await alice.next(EVENT.GROUP_LIST_UPDATED, (groups) => groups.length === 0, 5);
    const groupConversations = ids.map((groupID) => `GROUP${groupID}`);
    const conversations = (await alice.chat.getConversationList(groupConversations)).data.conversationList;
    expect(conversations.map(({ isLeft, unreadCount }) => ({ isLeft, unreadCount }))).toEqual(
      ids.map(() => ({ isLeft: true, unreadCount: 0 })),
    );
    expect((await alice.chat.getGroupList()).data.groupList).toEqual([]);
    expect(alice.chat.getTotalUnreadMessageCount()).toBe(0);
    expect(await history(alice, `GROUP${left}`)).toContain('left');
    expect(await history(alice, `GROUP${dismissed}`)).toContain('dismissed');
    await expect(sayInGroup(alice, left, 'hello')).rejects.toMatchObject({ code: 10007 });
    await expect(sayInGroup(alice, kicked, 'hello')).rejects.toMatchObject({ code: 10007 });
    await expect(sayInGroup(alice, dismissed, 'hello')).rejects.toMatchObject({ code: 10010 });
    const { data } = await alice.chat.deleteConversation({ conversationIDList: groupConversations });
    expect(data).toMatchObject({ conversationIDList: groupConversations, failureList: [] });
    expect((await alice.list()).filter((each) => each.startsWith('GROUP'))).toEqual([]);
    expect(await (await fresh('alice')).list()).not.toEqual(expect.arrayContaining(groupConversations));
  });

  test('system notices', async () => {
    await bob.chat.createGroup({ name: 'a', type: TYPES.GRP_PUBLIC, memberList: [{ userID: user('alice') }] });
    await alice.next(LIST, (list) => list.some(({ conversationID }) => conversationID === '@TIM#SYSTEM'));
    expect((await alice.chat.deleteConversation('@TIM#SYSTEM')).data).toEqual({ conversationID: '@TIM#SYSTEM' });
    expect(await alice.list()).not.toContain('@TIM#SYSTEM');
    expect((await alice.chat.getMessageList({ conversationID: '@TIM#SYSTEM' })).data.messageList).toEqual([]);
  });

  test('one that this client does not have in its list', async () => {
    await lethe.settings({ SyncConversationDeletion: false });
    const phone = await fresh('alice');
    await say(bob, user('alice'), 'one');
    await Promise.all([alice, phone].map((client) => client.until(() => client.texts().length === 1)));
    await alice.chat.deleteConversation({ conversationIDList: [id('bob')], clearHistoryMessage: false });
    const since = alice.heard.length;
    // Not listed any more here, but the server knows it: now its history goes too.
    expect((await alice.chat.deleteConversation(id('bob'))).data).toEqual({ conversationID: id('bob') });
    expect(alice.names(since)).toEqual([LIST]);
    expect(await history(alice, id('bob'))).toEqual([]);
    expect(await history(phone, id('bob'))).toEqual([]);
  });

  test('the list after a new login is the same', async () => {
    await say(bob, user('alice'), 'one');
    await say(carol, user('alice'), 'two');
    await alice.until(() => alice.texts().length === 2);
    await alice.chat.deleteConversation(id('bob'));
    const again = await fresh('alice');
    expect(await again.list()).toEqual([id('carol')]);
    expect(again.chat.getTotalUnreadMessageCount()).toBe(1);
    expect(await history(again, id('bob'))).toEqual([]);
  });

  test('relations stay', async () => {
    await alice.chat.addFriend({ to: user('bob'), source: 'AddSource_Type_Web' });
    await say(bob, user('alice'), 'one');
    await alice.until(() => alice.texts().length === 1);
    await alice.chat.deleteConversation(id('bob'));
    expect((await alice.chat.getFriendList()).data.map(({ userID }) => userID)).toEqual([user('bob')]);
  });

  test('clearing keeps the place in the list', async () => {
    await say(bob, user('alice'), 'one');
    await say(carol, user('alice'), 'two');
    await alice.until(() => alice.texts().length === 2);
    const before = await alice.list();
    await alice.chat.clearHistoryMessage(id('bob'));
    const conversations = (await alice.chat.getConversationList()).data.conversationList;
    expect(conversations.map(({ conversationID }) => conversationID)).toEqual(before);
    expect(conversations.find(({ conversationID }) => conversationID === id('bob'))).toMatchObject({ unreadCount: 0, messageCount: 0, lastMessage: { lastTime: 0, messageForShow: '' } });
    expect(await history(alice, id('bob'))).toEqual([]);
    expect(bob.all(EVENT.MESSAGE_READ_BY_PEER)).toEqual([]);
  });
});

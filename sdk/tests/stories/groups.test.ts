import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Message } from '../../src/models.js';
import type { Actor } from '../support/actor.js';
import { hasServer, Lethe } from '../support/lethe.js';

const say = (from: Actor, to: string, text: string, atUserList?: (string | TYPES)[]) => {
  const options = { to, conversationType: TYPES.CONV_GROUP };
  const message = atUserList
    ? from.chat.createTextAtMessage({ ...options, payload: { text, atUserList } })
    : from.chat.createTextMessage({ ...options, payload: { text } });
  return from.chat.sendMessage(message);
};

describe.skipIf(!hasServer)('groups', () => {
  let lethe: Lethe;
  let alice: Actor;
  let bob: Actor;
  let carol: Actor;
  let story = 0;
  const user = (name: string): string => `${name}${story}`;

  beforeAll(async () => {
    lethe = await Lethe.start();
  });
  afterAll(() => lethe.stop());
  beforeEach(async () => {
    story++;
    [alice, bob, carol] = await Promise.all([lethe.login(user('alice')), lethe.login(user('bob')), lethe.login(user('carol'))]);
  });

  test('are made, found, joined by application, run and left', async () => {
    const { group } = (await alice.chat.createGroup({ name: 'Club', type: TYPES.GRP_PUBLIC, joinOption: TYPES.JOIN_OPTIONS_NEED_PERMISSION })).data;
    const { groupID } = group;
    expect(group).toMatchObject({ name: 'Club', type: 'Public', ownerID: user('alice'), memberCount: 1, selfInfo: { role: 'Owner' } });
    await alice.next(EVENT.CONVERSATION_LIST_UPDATED, (list) => list.some(({ conversationID }) => conversationID === `GROUP${groupID}`));
    expect((await bob.chat.searchGroupByID(groupID)).data.group.name).toBe('Club');

    const applied = (await bob.chat.joinGroup({ groupID, applyMessage: 'please' })).data;
    expect(applied).toEqual({ status: TYPES.JOIN_STATUS_WAIT_APPROVAL });
    const isApplication = ({ type, payload }: Message) => type === TYPES.MSG_GRP_SYS_NOTICE && payload.operationType === 1;
    const notice = (await alice.next(EVENT.MESSAGE_RECEIVED, (list) => list.some(isApplication))).find(isApplication);
    if (!notice) throw new Error('no notice');
    expect((await alice.chat.getGroupApplicationList()).data.applicationList).toMatchObject([{ applicant: user('bob'), groupID, note: 'please' }]);
    await alice.chat.handleGroupApplication({ handleAction: 'Agree', handleMessage: 'welcome', message: notice });
    await bob.next(EVENT.GROUP_LIST_UPDATED, ([first]) => first?.groupID === groupID);
    await bob.next(EVENT.CONVERSATION_LIST_UPDATED, (list) => list.some(({ conversationID }) => conversationID === `GROUP${groupID}`));
    await expect(alice.chat.handleGroupApplication({ handleAction: 'Agree', message: notice })).rejects.toMatchObject({ code: expect.any(Number) as number });

    await carol.chat.joinGroup({ groupID });
    const [application] = (await alice.chat.getGroupApplicationList()).data.applicationList;
    if (!application) throw new Error('no application');
    await alice.chat.handleGroupApplication({ handleAction: 'Agree', application });
    await carol.next(EVENT.GROUP_LIST_UPDATED, ([first]) => first?.groupID === groupID);

    const { member } = (await alice.chat.setGroupMemberRole({ groupID, userID: user('bob'), role: TYPES.GRP_MBR_ROLE_ADMIN })).data;
    expect(member).toMatchObject({ userID: user('bob'), role: 'Admin' });
    await bob.next(EVENT.GROUP_LIST_UPDATED, ([first]) => first?.selfInfo.role === 'Admin');
    await bob.chat.updateGroupProfile({ groupID, name: 'The club', muteAllMembers: true });
    await carol.next(EVENT.CONVERSATION_LIST_UPDATED, (list) => list.some(({ groupProfile }) => groupProfile.name === 'The club'));
    await expect(say(carol, groupID, 'hello')).rejects.toMatchObject({ code: 10017 });
    await bob.chat.updateGroupProfile({ groupID, muteAllMembers: false });
    await say(carol, groupID, 'hello');
    await bob.until(() => bob.texts().includes('hello'));

    const { memberList, offset } = (await alice.chat.getGroupMemberList({ groupID, count: 2 })).data;
    const rest = (await alice.chat.getGroupMemberList({ groupID, count: 2, offset })).data;
    expect([...memberList, ...rest.memberList].map(({ userID }) => userID).sort()).toEqual(['alice', 'bob', 'carol'].map(user));
    expect([offset, rest.offset]).toEqual([2, 0]);
    expect((await alice.chat.getGroupMemberProfile({ groupID, userIDList: [user('carol'), 'nobody'] })).data.memberList).toMatchObject([
      { userID: user('carol'), role: 'Member', isOnline: true },
    ]);

    await alice.chat.changeGroupOwner({ groupID, newOwnerID: user('bob') });
    await alice.chat.quitGroup(groupID);
    expect((await alice.chat.getGroupList()).data.groupList).toEqual([]);
    await expect(bob.chat.quitGroup(groupID)).rejects.toMatchObject({ code: 10009 });
    await bob.chat.deleteGroupMember({ groupID, userIDList: [user('carol')], reason: 'noise' });
    await carol.next(EVENT.GROUP_LIST_UPDATED, (groups) => groups.length === 0, 5);
    await bob.chat.dismissGroup(groupID);
    await expect(say(bob, groupID, 'hello')).rejects.toMatchObject({ code: 10010 });
  });

  test('members who are added are in, with what is said from then on', async () => {
    const { groupID } = (await alice.chat.createGroup({ name: 'Work' })).data.group;
    await say(alice, groupID, 'before');
    const added = (await alice.chat.addGroupMember({ groupID, userIDList: [user('bob'), user('alice'), 'nobody'] })).data;
    expect(added).toMatchObject({ successUserIDList: [user('bob')], existedUserIDList: [user('alice')], failureUserIDList: ['nobody'] });
    await say(alice, groupID, 'after');
    await bob.until(() => bob.texts().includes('after'));
    const { messageList } = (await bob.chat.getMessageList({ conversationID: `GROUP${groupID}` })).data;
    expect(messageList.map(({ payload }) => payload.text).filter(Boolean)).toEqual(['after']);
    expect(bob.texts()).not.toContain('before');
    await expect(alice.chat.dismissGroup(groupID)).rejects.toMatchObject({ code: 2622 });
  });

  test('mentions are there until they are read', async () => {
    const { groupID } = (await alice.chat.createGroup({ name: 'Work', memberList: [{ userID: user('bob') }] })).data.group;
    await say(alice, groupID, 'look', [user('bob'), TYPES.MSG_AT_ALL]);
    const conversationID = `GROUP${groupID}`;
    await bob.next(EVENT.CONVERSATION_LIST_UPDATED, (list) => list.some(({ groupAtInfoList }) => groupAtInfoList.length === 1));
    const mentioned = (await bob.chat.getConversationList({ hasGroupAtInfo: true })).data.conversationList;
    expect(mentioned.map((each) => [each.conversationID, each.groupAtInfoList[0]?.atTypeArray])).toEqual([[conversationID, [3]]]);
    await bob.chat.setMessageRead({ conversationID });
    expect((await bob.chat.getConversationList({ hasGroupAtInfo: true })).data.conversationList).toEqual([]);
  });

  test('one who comes back to a group reads on from there', async () => {
    const { groupID } = (await alice.chat.createGroup({ name: 'Open', type: TYPES.GRP_PUBLIC, joinOption: TYPES.JOIN_OPTIONS_FREE_ACCESS })).data.group;
    expect((await bob.chat.joinGroup({ groupID })).data).toMatchObject({ status: 'JoinedSuccess', group: { groupID } });
    await say(alice, groupID, 'one');
    await bob.until(() => bob.texts().includes('one'));
    await bob.chat.quitGroup(groupID);
    await say(alice, groupID, 'not for bob');
    await bob.chat.joinGroup({ groupID });
    await say(alice, groupID, 'two');
    await bob.until(() => bob.texts().includes('two'));
    expect(bob.texts().filter((text) => text !== undefined)).toEqual(['one', 'two']);
    const [conversation] = (await bob.chat.getConversationList([`GROUP${groupID}`])).data.conversationList;
    expect(conversation).toMatchObject({ isLeft: false, lastMessage: { messageForShow: 'two' } });
  });
});

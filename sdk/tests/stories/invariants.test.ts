import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import { ChatError } from '../../src/errors.js';
import { Actor, QUICK } from '../support/actor.js';
import { hasServer, Lethe } from '../support/lethe.js';
import { history, say } from '../support/saying.js';
import { Wire } from '../support/wire.js';

/* What has to hold of deletions on the side of the client, by the numbers under which the server's tests know the others. */

const LIST = EVENT.CONVERSATION_LIST_UPDATED;
const TOTAL = EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED;

describe.skipIf(!hasServer)('invariants of deletions', () => {
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

  beforeEach(async () => {
    story++;
    [alice, bob, carol] = await Promise.all([fresh('alice'), fresh('bob'), fresh('carol')]);
  });
  const id = (name: string): string => `C2C${name}-${story}`;
  const user = (name: string): string => `${name}-${story}`;
  const fresh = (name: string): Promise<Actor> => lethe.login(user(name));
  const both = async (): Promise<void> => {
    await say(bob, user('alice'), 'one', 'two');
    await say(carol, user('alice'), 'three');
    await alice.until(() => alice.texts().length === 3);
  };

  test('inv_20 one event for a batch, none for others, and one where only a deletion changed something', async () => {
    await both();
    await alice.chat.setAllMessageRead();
    await bob.next(EVENT.MESSAGE_READ_BY_PEER);
    const [mine, theirs] = [alice.heard.length, bob.heard.length];
    await alice.chat.deleteConversation({ conversationIDList: [id('bob'), id('carol')] });
    // Nothing but the deletion: no message, and no change of a total that was 0 before.
    expect(alice.names(mine)).toEqual([LIST]);
    await alice.chat.restoreConversation(id('bob'));
    expect(alice.all(LIST, mine).map((list) => list.map(({ conversationID }) => conversationID))).toEqual([[], [id('bob')]]);
    await say(carol, user('bob'), 'a mark in time');
    await bob.until(() => bob.texts().includes('a mark in time'));
    expect(bob.names(theirs)).toEqual([EVENT.MESSAGE_RECEIVED, LIST, TOTAL]);
  });

  describe('with a wire that can be cut', () => {
    let wire: Wire;
    let shaky: Actor;

    beforeEach(async () => {
      wire = await Wire.to(lethe.address);
      shaky = new Actor(wire.address, 1400000001, QUICK);
      await shaky.login(user('alice'), lethe.token(user('alice')));
      await both();
      await shaky.until(() => shaky.texts().length === 3);
      wire.cut();
      await shaky.next(EVENT.NET_STATE_CHANGE, ({ state }) => state === 'disconnected');
      return async () => {
        await shaky.chat.destroy();
        wire.close();
      };
    });

    test('inv_21 pressed without a connection it is shown at once, and done later with the anchor it had', async () => {
      const since = shaky.heard.length;
      const deleting = shaky.chat.deleteConversation(id('bob'));
      await shaky.next(LIST, undefined, since);
      expect([await shaky.list(), shaky.chat.getTotalUnreadMessageCount()]).toEqual([[id('carol')], 1]);
      await say(bob, user('alice'), 'unseen');
      wire.mend();
      expect((await deleting).data).toEqual({ conversationID: id('bob') });
      await shaky.until(() => shaky.texts().includes('unseen'));
      expect(await shaky.list()).toEqual([id('bob'), id('carol')]);
      expect(await history(shaky, id('bob'))).toEqual(['unseen']);
      expect(shaky.chat.getTotalUnreadMessageCount()).toBe(2);
    });

    test('inv_21 a refusal of the server shows it again', async () => {
      const since = shaky.heard.length;
      const nobody = `GROUP@nobody-${story}`;
      const refused = expect(shaky.chat.deleteConversation(nobody)).rejects.toMatchObject({ code: 2500 });
      const deleting = shaky.chat.deleteConversation({ conversationIDList: [id('bob'), nobody] });
      await shaky.next(LIST, undefined, since);
      expect(await shaky.list()).toEqual([id('carol')]);
      wire.mend();
      await refused;
      expect((await deleting).data).toMatchObject({ conversationIDList: [id('bob')], failureList: [{ conversationID: nobody, code: 2500 }] });
      expect(await shaky.list()).toEqual([id('carol')]);
    });

    test('inv_24 what waits to be sent to a deleted conversation is never sent', async () => {
      const message = shaky.chat.createTextMessage({ to: user('bob'), conversationType: TYPES.CONV_C2C, payload: { text: 'never' } });
      const cancelled = expect(shaky.chat.sendMessage(message)).rejects.toMatchObject({ code: 98100, data: { message } });
      const deleting = shaky.chat.deleteConversation(id('bob'));
      await cancelled;
      wire.mend();
      await deleting;
      expect(message.status).toBe('fail');
      await say(shaky, user('bob'), 'after');
      await bob.until(() => bob.texts().includes('after'));
      expect(bob.texts()).not.toContain('never');
    });
  });

  test('inv_26 whatever is passed in, nothing is thrown and every refusal has a code', async () => {
    const values: unknown[] = [
      undefined, null, 5, '', 'nonsense', [], {}, { conversationIDList: null }, { conversationIDList: [] }, { conversationIDList: ['C2C'] },
      { conversationIDList: [id('bob')], scope: 'world' }, { conversationIDList: [id('bob')], isArchived: 1 },
      { conversationIDList: Array.from({ length: 101 }, (_, i) => `C2C${i}`) }, Symbol('x'), 10n,
    ];
    for (const name of ['deleteConversation', 'restoreConversation', 'previewDeletion', 'archiveConversation', 'clearHistoryMessage'] as const) {
      for (const value of values) {
        const method = alice.chat[name] as (value: unknown) => Promise<unknown>;
        let answer: Promise<unknown> = Promise.resolve();
        expect(() => (answer = method(value))).not.toThrow();
        const failure: unknown = await answer.then(() => null, (error: unknown) => error);
        if (failure === null) continue;
        expect(failure).toBeInstanceOf(ChatError);
        expect((failure as ChatError).code).toBeGreaterThan(0);
      }
    }
  });

  test('inv_27 answers have their documented shape', async () => {
    await both();
    const { deleteConversation, previewDeletion, archiveConversation, restoreConversation } = alice.chat;
    const preview = await previewDeletion({ conversationIDList: [id('bob'), 'C2Cnobody'] });
    expect(preview).toEqual({
      code: 0,
      data: {
        conversationList: [{
          conversationID: id('bob'), messageCount: 2, fileCount: 0, byteCount: expect.any(Number) as number, hasMore: false, personCount: 1,
        }],
        failureList: [{ conversationID: 'C2Cnobody', code: 2500, message: expect.any(String) as string }],
        restorableSeconds: 86_400,
        deviceCount: 1,
      },
    });
    expect(await archiveConversation({ conversationIDList: [id('bob'), 'C2Cnobody'], isArchived: true })).toEqual({
      code: 0,
      data: {
        successConversationIDList: [id('bob')],
        failureConversationIDList: [{ conversationID: 'C2Cnobody', code: 2500, message: expect.any(String) as string }],
      },
    });
    expect(await deleteConversation(id('carol'))).toEqual({ code: 0, data: { conversationID: id('carol') } });
    const deleted = await deleteConversation({ conversationIDList: [id('bob')] });
    expect(deleted).toEqual({
      code: 0,
      data: {
        conversationIDList: [id('bob')], failureList: [], restorableUntil: expect.any(Number) as number,
        entry: expect.stringMatching(/^[0-9a-f]+-[0-9a-f]+$/) as string, isQueued: false,
      },
    });
    expect(deleted.data.restorableUntil).toBeGreaterThan(Date.now() + 86_000_000);
    const restored = await restoreConversation(id('carol'));
    expect(restored).toEqual({ code: 0, data: { conversation: expect.objectContaining({ conversationID: id('carol'), unreadCount: 1 }) as object } });
  });

  test('inv_49 an app hears which conversation went, so that it can withdraw its notifications', async () => {
    await lethe.settings({ SyncConversationDeletion: true });
    const phone = await fresh('alice');
    await both();
    await phone.until(() => phone.texts().length === 3);
    const [here, there] = [alice.heard.length, phone.heard.length];
    await alice.chat.deleteConversation(id('bob'));
    for (const [client, since] of [[alice, here], [phone, there]] as const) {
      const list = await client.next(LIST, undefined, since);
      expect(list.map(({ conversationID }) => conversationID)).toEqual([id('carol')]);
      await client.next(TOTAL, (total) => total === 1, since);
    }
    await lethe.settings({ SyncConversationDeletion: false });
  });
});

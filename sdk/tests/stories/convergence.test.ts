import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT, TYPES } from '../../src/constants.js';
import type { Conversation } from '../../src/models.js';
import { Actor, QUICK } from '../support/actor.js';
import { hasServer, Lethe } from '../support/lethe.js';
import { random } from '../support/random.js';
import { Wire } from '../support/wire.js';

const essence = (list: Conversation[]) =>
  list.map(({ conversationID, unreadCount, messageCount, isPinned, isArchived, customData, markList, lastMessage }) => ({
    conversationID, unreadCount, messageCount, isPinned, isArchived, customData, markList, last: lastMessage.lastSequence,
  }));

describe.skipIf(!hasServer)('whatever happens in whatever order', () => {
  let lethe: Lethe;
  const step = Number(process.env.LETHE_STEPS ?? 120);

  beforeAll(async () => {
    lethe = await Lethe.start();
    await lethe.settings({ OnlineWebInstances: 8, SyncConversationDeletion: true });
  });
  afterAll(() => lethe.stop());

  const seeds = process.env.LETHE_SEED ? [Number(process.env.LETHE_SEED)] : [1, 2, 3, 4, 5];

  test.each(seeds)('all clients of a user agree with the server in the end, and no message comes twice (seed %i)', async (seed) => {
    const pick = random(seed);
    const user = (name: string): string => `${name}-${seed}`;
    const alice = user('alice');
    const peers = await Promise.all(['bob', 'carol', 'dora'].map((name) => lethe.login(user(name))));
    const steady = await lethe.login(alice);
    const wire = await Wire.to(lethe.address);
    const shaky = new Actor(wire.address, 1400000001, QUICK);
    await shaky.login(alice, lethe.token(alice));
    const { groupID } = (
      await (peers[0] as Actor).chat.createGroup({
        name: 'g', type: TYPES.GRP_PUBLIC, memberList: [{ userID: user('carol') }, { userID: alice }],
      })
    ).data.group;
    const clients = [steady, shaky];
    const conversations = [...peers.map((_, i) => `C2C${user(['bob', 'carol', 'dora'][i] ?? '')}`), `GROUP${groupID}`];
    const said = new Set<string>();
    const under: Promise<unknown>[] = [];
    const also = (doing: Promise<unknown>): void => void under.push(doing.catch((error: unknown) => error));

    for (let i = 0; i < step; i++) {
      const client = clients[pick(2)] as Actor;
      const place = pick(4);
      const conversationID = conversations[place] ?? '';
      const isGroup = place === 3;
      switch (pick(12)) {
        case 0: case 1: case 2: case 3: {
          const peer = peers[isGroup ? pick(2) : place] as Actor;
          const message = peer.chat.createTextMessage({
            to: isGroup ? groupID : alice, conversationType: isGroup ? TYPES.CONV_GROUP : TYPES.CONV_C2C, payload: { text: `${i}` },
          });
          said.add(message.ID);
          also(peer.chat.sendMessage(message));
          break;
        }
        case 4: {
          const message = client.chat.createTextMessage({
            to: conversationID.replace(/^(C2C|GROUP)/, ''), conversationType: isGroup ? TYPES.CONV_GROUP : TYPES.CONV_C2C, payload: { text: `${i}` },
          });
          also(client.chat.sendMessage(message));
          break;
        }
        case 5: also(client.chat.setMessageRead({ conversationID })); break;
        case 6: also(client.chat.deleteConversation({ conversationIDList: [conversationID], clearHistoryMessage: pick(2) === 0 })); break;
        case 7: also(client.chat.pinConversation({ conversationID, isPinned: pick(2) === 0 })); break;
        case 8: also(pick(2) === 0
          ? client.chat.clearHistoryMessage(conversationID)
          : client.chat.setConversationCustomData({ conversationIDList: [conversationID], customData: `${i}` })); break;
        case 9: also(client.chat.restoreConversation(conversationID)); break;
        case 10: also(client.chat.archiveConversation({
          conversationIDList: [conversationID], isArchived: pick(3) > 0, keepOnMessage: pick(2) === 0,
        })); break;
        default:
          if (wire.isCut) wire.mend();
          else wire.cut();
      }
      if (wire.isCut && pick(3) === 0) wire.mend();
      // What waits for a cut wire would wait until its time is over.
      if (!wire.isCut && pick(4) === 0) await Promise.all(under.splice(0));
    }
    wire.mend();
    await Promise.all(under);

    const marker = (peers[1] as Actor).chat.createTextMessage({ to: alice, conversationType: TYPES.CONV_C2C, payload: { text: 'the end' } });
    await (peers[1] as Actor).chat.sendMessage(marker);
    await Promise.all(clients.map((client) => client.until(() => client.texts().includes('the end'))));
    const fresh = await lethe.login(alice);
    const listed = async (client: Actor, isArchived: boolean) =>
      essence((await client.chat.getConversationList({ isArchived })).data.conversationList);
    const truth = await listed(fresh, false);
    const away = await listed(fresh, true);
    for (const client of clients) {
      // What others of this user did may still be on its way: each event is a new chance to agree.
      let present: unknown;
      const agrees = (): boolean => {
        present = essence(client.all(EVENT.CONVERSATION_LIST_UPDATED).at(-1) ?? []);
        return JSON.stringify(present) === JSON.stringify(truth);
      };
      await client.until(agrees, 'agreement').catch(() => expect(present).toEqual(truth));
      await expect.poll(() => listed(client, true)).toEqual(away);
      const total = truth.reduce((sum, { unreadCount }) => sum + unreadCount, 0);
      const notices = truth.find(({ conversationID }) => conversationID === '@TIM#SYSTEM')?.unreadCount ?? 0;
      expect(client.chat.getTotalUnreadMessageCount()).toBe(total - notices);

      const received = client.all(EVENT.MESSAGE_RECEIVED).flat().map(({ ID }) => ID);
      expect(received.filter((ID, i) => received.indexOf(ID) !== i)).toEqual([]);
      if (client === steady) expect([...said].filter((ID) => !received.includes(ID))).toEqual([]);
    }
    await shaky.chat.destroy();
    wire.close();
  });
});

import { TYPES } from '../../src/constants.js';
import type { Actor } from './actor.js';

/** A user says these texts to another, one after the other. */
export async function say(from: Actor, to: string, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await from.chat.sendMessage(from.chat.createTextMessage({ to, conversationType: TYPES.CONV_C2C, payload: { text } }));
  }
}

/** The same in a group. */
export async function sayInGroup(from: Actor, to: string, text: string): Promise<void> {
  await from.chat.sendMessage(from.chat.createTextMessage({ to, conversationType: TYPES.CONV_GROUP, payload: { text } }));
}

/** The texts of a conversation's newest page, as the server has it; undefined for what is gone for everyone. */
export const history = async (actor: Actor, conversationID: string): Promise<(string | undefined)[]> =>
  (await actor.chat.getMessageList({ conversationID })).data.messageList.map(({ payload }) => payload.text);

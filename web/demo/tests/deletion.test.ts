import { describe, expect, it } from 'vitest';
import { consequencesOf } from '../src/chat/deletion';
import type { Conversation } from '../src/chat/sdk';

function conversation(conversationID: string, fields: Partial<Conversation> = {}): Conversation {
  return { conversationID, unreadCount: 0, isLeft: false, messageCount: 0, ...fields } as Conversation;
}

describe('what a deletion will do', () => {
  it('adds up messages and unread messages', () => {
    const result = consequencesOf([
      conversation('C2Cbob', { messageCount: 40, unreadCount: 2 }),
      conversation('GROUPriver', { messageCount: 2, unreadCount: 1 }),
    ]);
    expect(result).toEqual({ count: 2, messages: 42, unread: 3, hasC2C: true, hasGroup: true, left: 0 });
  });

  it('names no number of messages when one of them is unknown', () => {
    const known = conversation('C2Cbob', { messageCount: 40 });
    const unknown = { ...conversation('C2Ccarol'), messageCount: undefined } as unknown as Conversation;
    expect(consequencesOf([known, unknown]).messages).toBeNull();
  });

  it('counts a left group as left, not as a membership that stays', () => {
    expect(consequencesOf([conversation('GROUPold', { isLeft: true })])).toMatchObject({ left: 1, hasGroup: false });
  });

  it('promises no friendship or membership for system notices', () => {
    expect(consequencesOf([conversation('@TIM#SYSTEM')])).toMatchObject({ hasC2C: false, hasGroup: false });
  });
});

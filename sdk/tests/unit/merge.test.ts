import { describe, expect, test } from 'vitest';
import { newEntry } from '../../src/conversation-list.js';
import { merge } from '../../src/merge.js';
import type { Conversation } from '../../src/protocol.js';
import { same } from '../../src/same.js';
import { conversation, group } from '../support/fake-server.js';

const at = (change: number, head: number, parts: Partial<Conversation> = {}): Conversation =>
  conversation('GROUPteam', { change, head, customData: `${change}/${head}`, ...parts });

/** What becomes of a state that an event tells, when this one is known. */
function meet(known: Conversation, next: Conversation): { asks: boolean; state: Conversation } {
  const entry = newEntry(known, known.head);
  entry.heardAt = 5;
  return { asks: merge(entry, next, null), state: entry.state };
}

describe('of two states', () => {
  const known = at(5, 5);

  test.each([[5, 5], [6, 5], [5, 6], [6, 6]])('(%i, %i) replaces (5, 5)', (change, head) => {
    const next = at(change, head, { unread: 7 });
    expect(meet(known, next)).toEqual({ asks: false, state: next });
  });

  test.each([[4, 5], [5, 4], [4, 4]])('(%i, %i) is older than (5, 5)', (change, head) => {
    expect(meet(known, at(change, head, { unread: 7 }))).toEqual({ asks: false, state: known });
  });

  test.each([[4, 6], [6, 4]])('(%i, %i) and (5, 5) each lack something', (change, head) => {
    const { asks, state } = meet(known, at(change, head));
    expect([asks, state.change, state.head]).toEqual([true, Math.max(change, 5), Math.max(head, 5)]);
  });

  test('the one that was asked for after all that was heard has the last word', () => {
    const entry = newEntry(known, 5);
    entry.heardAt = 5;
    expect([merge(entry, at(6, 4), 4), entry.state.head]).toEqual([true, 5]);
    expect([merge(entry, at(7, 4), 5), entry.state.head]).toEqual([false, 4]);
  });

  test.each([[4, 4], [5, 5], [6, 6], [4, 6]])('(%i, %i) brings what has an order of its own', (change, head) => {
    const old = at(5, 5, { peerReadTo: 2, group: group('team', { updated: 2, name: 'two' }) });
    const ahead = at(change, head, { peerReadTo: 3, group: group('team', { updated: 3, name: 'three' }) });
    expect(meet(old, ahead).state).toMatchObject({ peerReadTo: 3, group: { name: 'three' } });
    const behind = at(change, head, { peerReadTo: 1, group: group('team', { updated: 1, name: 'one' }) });
    expect(meet(old, behind).state).toMatchObject({ peerReadTo: 2, group: { name: 'two' } });
  });
});

test.each([
  [{ a: [1, { b: null }] }, { a: [1, { b: null }] }, true],
  [{ a: undefined }, {}, true],
  [{ a: [1] }, { a: [1, 2] }, false],
  [{ a: null }, { a: {} }, false],
  [{ a: 1 }, { b: 1 }, false],
  ['a', 'b', false],
])('%j and %j are the same: %s', (a, b, is) => {
  expect([same(a, b), same(b, a)]).toEqual([is, is]);
});

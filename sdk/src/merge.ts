import type { Entry } from './conversation-list.js';
import type { Conversation, GroupProfile } from './protocol.js';

/**
 * Brings a state from the server into an entry. The two may have overtaken each other on different ways: events, answers,
 * pages. `change` counts what the user did, `head` what was said: a state that is not behind in either replaces what is
 * known, one that is not ahead in either is old, and of the rest each has something that the other lacks.
 *
 * @param asked The moment at which the state was asked for; null when an event told it.
 * @returns Whether the conversation has to be asked for: what it is now was put together from both.
 */
export function merge(entry: Entry, next: Conversation, asked: number | null): boolean {
  const now = entry.state;
  const newerSelf = next.change >= now.change;
  const newerTalk = next.head >= now.head;
  if (newerSelf && newerTalk) {
    replace(entry, next, asked);
    return false;
  }
  if (next.change <= now.change && next.head <= now.head) {
    keep(entry, next);
    return false;
  }
  // Asked for after all that is known: the server has the last word, even if its head went back.
  if (asked !== null && asked >= entry.heardAt) {
    replace(entry, next, asked);
    return false;
  }
  combine(entry, next, newerSelf);
  settle(entry, next);
  return true;
}

/** Of two profiles of a group the newer one. The membership has no version, and stays with the profile it came with. */
export function newer(known: GroupProfile | undefined, next: GroupProfile): GroupProfile {
  return known && known.updated > next.updated ? known : next;
}

function replace(entry: Entry, next: Conversation, asked: number | null): void {
  const now = entry.state;
  const state = { ...next, peerReadTo: Math.max(now.peerReadTo, next.peerReadTo) };
  // Profiles, remarks and memberships have no numbers: what an event told since the state was asked for is newer.
  const met = asked !== null && entry.metAt > asked ? now : next;
  if (now.user && met === now) state.user = now.user;
  if (met === now) withRemark(state, now.remark);
  if (next.group) state.group = withMembership(newer(now.group, next.group), met.group ?? next.group);
  entry.state = final(state);
  settle(entry, next);
}

function keep(entry: Entry, next: Conversation): void {
  const now = entry.state;
  const state = { ...now, peerReadTo: Math.max(now.peerReadTo, next.peerReadTo) };
  if (now.group && next.group) state.group = withMembership(newer(now.group, next.group), now.group);
  entry.state = final(state);
}

/** The newer of each side: right but for what lies between the two. Undoing a deletion lowers what was cleared. */
function combine(entry: Entry, next: Conversation, newerSelf: boolean): void {
  const now = entry.state;
  const [self, talk] = newerSelf ? [next, now] : [now, next];
  const { clearedTo } = self;
  const readTo = Math.max(now.readTo, next.readTo);
  const counted = entry.counted.filter((seq) => seq > Math.max(next.head, readTo, clearedTo));
  let { unread, messages } = self;
  if (newerSelf) {
    unread = next.left ? 0 : next.unread + counted.length;
    messages = next.messages + now.head - next.head;
  }
  const state: Conversation = {
    ...now,
    change: self.change,
    pinned: self.pinned,
    remindType: self.remindType,
    marks: self.marks,
    customData: self.customData,
    left: self.left,
    unread,
    clearedTo,
    readTo,
    peerReadTo: Math.max(now.peerReadTo, next.peerReadTo),
    head: talk.head,
    messages,
    activeAt: Math.max(now.activeAt, next.activeAt),
    lastMessage: talk.lastMessage && talk.lastMessage.seq > clearedTo ? talk.lastMessage : null,
  };
  if (self.archived) state.archived = true;
  else delete state.archived;
  if (next.group) state.group = withMembership(newer(now.group, next.group), self.group ?? next.group);
  entry.state = final(state);
}

/** A dismissal is final, and has no number. */
function final(state: Conversation): Conversation {
  if (state.left || !state.group?.dismissed) return state;
  return { ...state, left: true, unread: 0 };
}

function settle(entry: Entry, next: Conversation): void {
  const { readTo, clearedTo } = entry.state;
  entry.counted = entry.counted.filter((seq) => seq > Math.max(next.head, readTo, clearedTo));
  entry.mentions = entry.mentions.filter(({ messageSequence }) => messageSequence > Math.max(readTo, clearedTo));
}

function withMembership(group: GroupProfile, { me }: GroupProfile): GroupProfile {
  const whole = { ...group };
  if (me) whole.me = me;
  else delete whole.me;
  return whole;
}

function withRemark(state: Conversation, remark: string | undefined): void {
  if (remark === undefined) delete state.remark;
  else state.remark = remark;
}

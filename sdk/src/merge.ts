import type { Entry } from './conversation-list.js';
import type { Conversation } from './protocol.js';

/**
 * Brings a state from the server into an entry. The two may have overtaken each other on different ways: events, answers,
 * pages. `change` orders what the user did, `head` what was said; of each side the newer one stays, and floors only grow.
 *
 * Whether the entry is left without a sure unread count, so that it has to be asked for.
 */
export function merge(entry: Entry, next: Conversation): boolean {
  const now = entry.state;
  const newerSelf = next.change >= now.change;
  const newerTalk = next.head >= now.head;
  if (!newerSelf && !newerTalk) return false;
  const clearedTo = Math.max(now.clearedTo, next.clearedTo);
  const readTo = Math.max(now.readTo, next.readTo);
  const self = newerSelf ? next : now;
  const talk = newerTalk ? next : now;

  const counted = entry.counted.filter((seq) => seq > Math.max(next.head, readTo, clearedTo));
  let { unread, messages } = self;
  if (!newerTalk) {
    unread = next.left ? 0 : next.unread + counted.length;
    messages = next.messages + now.head - next.head;
  }
  // Read here, and more was said; or said before this state's reading, in a way that did not come message by message.
  const isUnsure = newerSelf ? next.head < entry.stateHead : next.head > now.head;

  entry.state = {
    ...now,
    ...next,
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
    activeAt: newerTalk ? next.activeAt : Math.max(now.activeAt, next.activeAt),
    lastMessage: talk.lastMessage && talk.lastMessage.seq > clearedTo ? talk.lastMessage : null,
  };
  entry.counted = counted;
  entry.stateHead = Math.max(entry.stateHead, next.head);
  entry.mentions = entry.mentions.filter(({ messageSequence }) => messageSequence > Math.max(readTo, clearedTo));
  return isUnsure;
}

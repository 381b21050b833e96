import type { TYPES } from './constants.js';
import { toGroup } from './group.js';
import { SYSTEM } from './ids.js';
import { conversationType, lastMessage } from './message.js';
import type { Conversation, Group, GroupAtInfo, Profile } from './models.js';
import { NEVER, START } from './moment.js';
import { toProfile } from './profile.js';
import type { Conversation as WireConversation, Message as WireMessage } from './protocol.js';

/** One conversation of the list, as the SDK holds it. */
export interface Entry {
  readonly id: string;
  /** The server's word, moved on by the events since. */
  state: WireConversation;
  /** The app was told of all messages up to here. Behind `state.head` while a gap is being pulled. */
  delivered: number;
  /** Messages that were counted here, one by one: what a state from before them lacks. */
  counted: number[];
  /** The moment of the last event that had a message, a change or a leaving. */
  heardAt: number;
  /** The moment of the last event that had what no number orders: a profile, a remark, a membership. */
  metAt: number;
  mentions: GroupAtInfo[];
  draft: string;
  /** Messages that wait for the gap before them; null when there is none. */
  waiting: WireMessage[] | null;
  /** Messages older than this (server ms) are history, not news, when the gap is pulled. */
  newsSince: number;
  /** The newest message that came while the conversation was put away: whether it stays away is the server's to say. */
  doubt: number;
  /** The change at which it was put away for good: newer messages need no asking; 0 for none. */
  keeps: number;
}

/** What is said in a group after leaving it is not for this user, even if a node that does not know yet still tells it. */
export const isAfterLeaving = ({ state }: Entry, { seq }: WireMessage): boolean => state.left && seq > state.head;

interface Slot {
  entry: Entry;
  /** The place in the order, as it was when the slot was put there. */
  pinned: boolean;
  activeAt: number;
  unread: number;
  /** What the app gets; null when it has to be made anew. */
  view: Conversation | null;
}

export const newEntry = (state: WireConversation, delivered: number): Entry => ({
  id: state.conversationId,
  state,
  delivered,
  counted: [],
  heardAt: START,
  metAt: NEVER,
  mentions: [],
  draft: '',
  waiting: null,
  newsSince: 0,
  doubt: 0,
  keeps: 0,
});

/** Pinned first, then newest activity first, then by ID, so that the order is total and stable. */
function before(a: Slot, b: Slot): number {
  if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
  if (a.activeAt !== b.activeAt) return b.activeAt - a.activeAt;
  return a.entry.id < b.entry.id ? -1 : 1;
}

/** Muted conversations, notices, and what was put away are not in the total. */
function totalPart({ id, state }: Entry): number {
  return state.remindType === 'AcceptAndNotify' && id !== SYSTEM && !state.archived ? state.unread : 0;
}

/**
 * The list of conversations, always sorted, and the sum of its unread counts. Every change goes through `put`, which moves
 * one slot by two binary searches: with ten thousand conversations a message costs microseconds, not a sort.
 */
export class ConversationList {
  readonly #slots = new Map<string, Slot>();
  #order: Slot[] = [];
  #total = 0;
  readonly #me: string;
  /** Deleted by the user, and not by the server yet: here, and not shown. */
  readonly #hidden: ReadonlySet<string>;

  constructor(me: string, hidden: ReadonlySet<string> = new Set()) {
    this.#me = me;
    this.#hidden = hidden;
  }

  get total(): number {
    return this.#total;
  }

  get(id: string): Entry | undefined {
    return this.#slots.get(id)?.entry;
  }

  *entries(): Iterable<Entry> {
    for (const { entry } of this.#order) yield entry;
  }

  /** Adds an entry, or takes note that it changed. */
  put(entry: Entry): void {
    const old = this.#slots.get(entry.id);
    if (old && old.pinned === entry.state.pinned && old.activeAt === entry.state.activeAt) {
      const unread = this.#part(entry);
      this.#total += unread - old.unread;
      old.unread = unread;
      old.entry = entry;
      old.view = null;
      return;
    }
    if (old) this.remove(entry.id);
    const slot = this.#slot(entry);
    this.#order.splice(this.#indexOf(slot), 0, slot);
  }

  /** Adds a page of entries at the cost of one sort. */
  putAll(entries: Entry[]): void {
    if (entries.length < 20) {
      for (const entry of entries) this.put(entry);
      return;
    }
    for (const entry of entries) this.remove(entry.id);
    this.#order = [...this.#order, ...entries.map((entry) => this.#slot(entry))].sort(before);
  }

  remove(id: string): Entry | undefined {
    const slot = this.#slots.get(id);
    if (!slot) return undefined;
    this.#slots.delete(id);
    this.#order.splice(this.#indexOf(slot), 1);
    this.#total -= slot.unread;
    return slot.entry;
  }

  isHidden(id: string): boolean {
    return this.#hidden.has(id);
  }

  /** Takes note that what is hidden has changed. Whether there is such a conversation. */
  refresh(id: string): boolean {
    const entry = this.get(id);
    if (entry) this.put(entry);
    return entry !== undefined;
  }

  view(id: string): Conversation | undefined {
    const slot = this.#slots.get(id);
    return slot && !this.#hidden.has(id) ? this.#viewOf(slot) : undefined;
  }

  /** Those that were put away, or all others. */
  views(archived = false): Conversation[] {
    const shown = this.#order.filter(({ entry }) => (entry.state.archived ?? false) === archived && !this.#hidden.has(entry.id));
    return shown.map((slot) => this.#viewOf(slot));
  }

  #part(entry: Entry): number {
    return this.#hidden.has(entry.id) ? 0 : totalPart(entry);
  }

  #slot(entry: Entry): Slot {
    const { pinned, activeAt } = entry.state;
    const slot: Slot = { entry, pinned, activeAt, unread: this.#part(entry), view: null };
    this.#slots.set(entry.id, slot);
    this.#total += slot.unread;
    return slot;
  }

  /** Where it stands, or would stand. */
  #indexOf(slot: Slot): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#order[middle];
      if (other && other !== slot && before(other, slot) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #viewOf(slot: Slot): Conversation {
    slot.view ??= toConversation(slot.entry, this.#me);
    return slot.view;
  }
}

export function toConversation({ id, state, mentions, draft }: Entry, me: string): Conversation {
  const type = conversationType(id);
  return {
    conversationID: id,
    type,
    subType: state.group?.type ?? '',
    unreadCount: state.unread,
    lastMessage: lastMessage(state.lastMessage, me, state.peerReadTo),
    // Conversations of the other kind have an empty object here, as apps expect.
    groupProfile: state.group ? toGroup(state.group, me, state) : ({} as Group),
    userProfile: id.startsWith('C2C') ? toProfile(state.user ?? { userId: id.slice(3) }) : ({} as Profile),
    groupAtInfoList: [...mentions],
    remark: state.remark ?? '',
    isPinned: state.pinned,
    messageRemindType: state.remindType as TYPES,
    markList: state.marks.map(Number),
    customData: state.customData,
    conversationGroupList: [],
    draftText: draft,
    isLeft: state.left,
    messageCount: state.messages,
    isArchived: state.archived ?? false,
  };
}

import { trim } from './bounded.js';
import { TYPES } from './constants.js';
import { receive, revoke } from './message.js';
import type { Message } from './models.js';
import type { Message as WireMessage } from './protocol.js';

/** Conversations whose messages are kept, most recently used last. */
const CONVERSATIONS = 50;
/** Messages kept of a conversation whose history the app does not page through. */
const PER_CONVERSATION = 200;
/** The same while it does. */
const PER_PAGED_CONVERSATION = 5000;
/** Cursors of `getMessageList` that stay good. */
const CURSORS = 1000;
/** Own messages that are known by their object. */
const OWN = 2000;

interface Kept {
  messages: Map<string, Message>;
  paged: boolean;
}

/**
 * The messages that the SDK remembers, one object each, so that a message the app holds stays the one that changes. A
 * bounded memory: the server has them all.
 */
export class MessageCache {
  readonly #kept = new Map<string, Kept>();
  readonly #own = new Map<string, Message>();
  readonly #cursors = new Map<string, { conversationID: string; sequence: number }>();
  readonly #me: string;
  readonly #revoked: (message: Message) => void;

  /** @param revoked Is called with a message of which the server tells only now that it is gone for everyone. */
  constructor(me: string, revoked: (message: Message) => void = () => undefined) {
    this.#me = me;
    this.#revoked = revoked;
  }

  find(id: string): Message | undefined {
    for (const { messages } of this.#kept.values()) {
      const message = messages.get(id);
      if (message) return message;
    }
    return this.#own.get(id);
  }

  /** The messages kept of a conversation, in no order. */
  of(conversationID: string): Iterable<Message> {
    return this.#kept.get(conversationID)?.messages.values() ?? [];
  }

  /** A message that this instance sends: from now on it is known by this object. */
  own(message: Message): void {
    this.#own.delete(message.ID);
    this.#own.set(message.ID, message);
    trim(this.#own, OWN);
  }

  isOwn(id: string): boolean {
    return this.#own.has(id);
  }

  /**
   * The anchor of a deletion called for at `anchor`, moved over the messages that this instance itself was sending then:
   * nobody but their author wrote them, so there is nothing unseen to survive.
   */
  pastOwn(conversationID: string, anchor: number): number {
    const own = new Set<number>();
    for (const message of this.of(conversationID)) if (this.isOwn(message.ID)) own.add(message.sequence);
    let end = anchor;
    while (own.has(end + 1)) end++;
    return end;
  }

  /** The one object of a message that came from the server; `peerReadTo` says whether the peer has read it. */
  take(wire: WireMessage, peerReadTo: number): Message {
    const own = this.#own.get(wire.id);
    const message = own ?? this.find(wire.id) ?? receive(wire, this.#me);
    if (own) accept(own, wire.seq, wire.time);
    if (wire.removed && !message.isRevoked) {
      revoke(message, wire.from);
      this.#revoked(message);
    }
    if (message.flow === 'out' && message.conversationType === TYPES.CONV_C2C && wire.seq > 0 && wire.seq <= peerReadTo) {
      message.isPeerRead = true;
    }
    this.#keep(message);
    return message;
  }

  /** Marks own messages up to here as read. Those that were not yet, oldest first. */
  readByPeer(conversationID: string, upTo: number): Message[] {
    const read: Message[] = [];
    for (const message of this.of(conversationID)) {
      const { flow, isPeerRead, sequence } = message;
      if (flow !== 'out' || isPeerRead || sequence === 0 || sequence > upTo) continue;
      message.isPeerRead = true;
      read.push(message);
    }
    return read.sort((a, b) => a.sequence - b.sequence);
  }

  /** A page the app asked for. It may ask for the next one by the oldest message's ID. */
  page(conversationID: string, messages: Message[]): void {
    const kept = this.#kept.get(conversationID);
    if (kept) kept.paged = true;
    const [oldest] = messages;
    if (!oldest) return;
    this.#cursors.delete(oldest.ID);
    this.#cursors.set(oldest.ID, { conversationID, sequence: oldest.sequence });
    trim(this.#cursors, CURSORS);
  }

  /** Where a cursor stands, or undefined when it is not one that was handed out. */
  cursor(conversationID: string, id: string): number | undefined {
    const cursor = this.#cursors.get(id);
    if (cursor?.conversationID === conversationID) return cursor.sequence;
    return this.#kept.get(conversationID)?.messages.get(id)?.sequence;
  }

  /** Forgets messages that are gone for the user. */
  drop(conversationID: string, upTo: number): void {
    const kept = this.#kept.get(conversationID);
    if (!kept) return;
    for (const [id, message] of kept.messages) {
      if (message.sequence <= upTo) kept.messages.delete(id);
    }
    for (const [id, message] of this.#own) {
      if (message.conversationID === conversationID && message.sequence > 0 && message.sequence <= upTo) this.#own.delete(id);
    }
  }

  #keep(message: Message): void {
    const { conversationID } = message;
    const kept = this.#kept.get(conversationID) ?? { messages: new Map<string, Message>(), paged: false };
    // Used last, so evicted last.
    this.#kept.delete(conversationID);
    this.#kept.set(conversationID, kept);
    trim(this.#kept, CONVERSATIONS);
    kept.messages.set(message.ID, message);
    const size = kept.paged ? PER_PAGED_CONVERSATION : PER_CONVERSATION;
    // Not at each message: sorting a quarter more now and then is cheaper.
    if (kept.messages.size > size * 1.25) {
      const newest = [...kept.messages.values()].sort((a, b) => b.sequence - a.sequence).slice(0, size);
      kept.messages = new Map(newest.map((each) => [each.ID, each]));
    }
  }
}

/** The server has taken an own message. */
export function accept(message: Message, sequence: number, time: number): void {
  message.sequence = sequence;
  message.time = Math.floor(time / 1000);
  message.status = 'success';
}

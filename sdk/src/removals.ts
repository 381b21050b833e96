import { trim } from './bounded.js';
import type { ConversationList } from './conversation-list.js';
import { groupConversation, SYSTEM, userConversation } from './ids.js';
import type { MessageCache } from './message-cache.js';
import { revoke, strip } from './message.js';
import type { Message } from './models.js';
import type { News } from './news.js';
import type { HistoryRemoved, Message as WireMessage, MessagesRemoved } from './protocol.js';
import type { Source } from './replica.js';

/** Removed messages that are remembered, for what comes after the event of its removal. */
const REMEMBERED = 5000;

/** The part of the replica that is about what somebody deleted for everyone. */
export class Removals {
  readonly #me: string;
  readonly #list: ConversationList;
  readonly #cache: MessageCache;
  readonly #news: News;
  readonly #source: Source;
  readonly #removed = new Set<string>();

  constructor(me: string, list: ConversationList, cache: MessageCache, news: News, source: Source) {
    this.#me = me;
    this.#list = list;
    this.#cache = cache;
    this.#news = news;
    this.#source = source;
  }

  /** A history is gone. What is left of its conversation only the server can tell. */
  history(removed: HistoryRemoved): void {
    for (const id of this.#conversations(removed)) {
      const entry = this.#list.get(id);
      this.#cache.drop(id, removed.upTo);
      if (!entry) continue;
      if (entry.waiting) entry.waiting = entry.waiting.filter(({ seq }) => seq > removed.upTo);
      this.#source.fetch(id);
    }
  }

  /** Of these messages is left that they were there: the app's objects change, and so does what the list shows of them. */
  messages(removed: MessagesRemoved, strangers: (id: string) => WireMessage[]): void {
    const gone = new Set(removed.seqs);
    // With oneself there are two users, the same; the system's notices have one.
    const [id = SYSTEM] = this.#conversations(removed).slice(removed.users?.length === 1 ? -1 : 0);
    for (const seq of gone) this.#removed.add(place(id, seq));
    trim(this.#removed, REMEMBERED);
    const revoked: Message[] = [];
    for (const message of this.#cache.of(id)) {
      if (message.isRevoked || !gone.has(message.sequence)) continue;
      revoke(message, removed.by);
      revoked.push(message);
    }
    if (revoked.length > 0) this.#news.revoked(revoked.sort((a, b) => a.sequence - b.sequence));

    const entry = this.#list.get(id);
    for (const message of [...strangers(id), ...(entry?.waiting ?? [])]) if (gone.has(message.seq)) strip(message);
    if (!entry) return;
    const { lastMessage } = entry.state;
    const mentions = entry.mentions.filter(({ messageSequence }) => !gone.has(messageSequence));
    const showsOne = lastMessage !== null && gone.has(lastMessage.seq) && !lastMessage.removed;
    if (!showsOne && mentions.length === entry.mentions.length) return;
    entry.mentions = mentions;
    if (showsOne) {
      const left = { ...lastMessage };
      strip(left);
      entry.state.lastMessage = left;
    }
    this.#list.put(entry);
    this.#news.changed('list');
  }

  /** A message that comes: nodes overtake each other, and it may be gone already. */
  check(id: string, message: WireMessage): void {
    if (this.#removed.has(place(id, message.seq))) strip(message);
  }

  #conversations({ group, users = [] }: { group?: string; users?: string[] }): string[] {
    if (group !== undefined) return [groupConversation(group)];
    const peer = users.find((user) => user !== this.#me);
    return peer === undefined ? [userConversation(this.#me), SYSTEM] : [userConversation(peer)];
  }
}

const place = (id: string, seq: number): string => `${seq} ${id}`;

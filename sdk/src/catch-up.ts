import type { Connection } from './connection.js';
import type { Entry } from './conversation-list.js';
import { ChatError } from './errors.js';
import type { Log } from './log.js';
import { CODE, type Message as WireMessage } from './protocol.js';
import type { Replica, Source } from './replica.js';

/** The server's limits. */
const CONVERSATIONS_PER_CALL = 100;
const HISTORY_MAX = 100;
/** Above this many missed messages of one conversation only the newest page is pulled. */
const PULL_MAX = 1000;

/**
 * Asks the server for what events alone do not tell. It is stubborn: while the login lasts, a request without an answer is
 * made again, for what is being asked for is what makes "nothing lost" true.
 */
export class CatchUp implements Source {
  readonly #connection: Connection;
  readonly #replica: () => Replica;
  readonly #log: Log;
  #asked = new Set<string>();

  constructor(connection: Connection, replica: () => Replica, log: Log) {
    this.#connection = connection;
    this.#replica = replica;
    this.#log = log;
  }

  fetch(conversationID: string): void {
    if (this.#asked.size === 0) queueMicrotask(() => this.#fetchAsked());
    this.#asked.add(conversationID);
  }

  pull(entry: Entry): void {
    // What is known to be there now; what is said during the pull is not in it.
    const end = Math.max(entry.state.head, (entry.waiting?.[0]?.seq ?? 1) - 1);
    const missed = (entry.waiting?.[0]?.seq ?? entry.state.head + 1) - entry.delivered - 1;
    const restart = missed > PULL_MAX;
    const pages = restart || entry.newsSince > 0 ? this.#newest(entry, restart) : this.#after(entry);
    pages.then(
      (messages) => this.#replica().pulled(entry, messages, end, restart),
      (failure: unknown) => {
        if (this.#isOver(failure)) return;
        this.#log.warn('messages could not be pulled', entry.id, failure);
        this.#replica().pulled(entry, [], end, false);
      },
    );
  }

  #fetchAsked(): void {
    const asked = [...this.#asked];
    this.#asked.clear();
    for (let start = 0; start < asked.length; start += CONVERSATIONS_PER_CALL) {
      this.#fetchSome(asked.slice(start, start + CONVERSATIONS_PER_CALL));
    }
  }

  #fetchSome(conversationIds: string[]): void {
    const asked = this.#replica().moment.now;
    this.#connection
      .request('conversations.get', { conversationIds }, {
        apply: ({ conversations }) => this.#replica().fetched(conversationIds, conversations, asked),
      })
      .catch((failure: unknown) => {
        if (isTimeout(failure)) return this.#fetchSome(conversationIds);
        if (!this.#isOver(failure)) this.#log.warn('conversations could not be read', failure);
        this.#replica().fetched(conversationIds, [], asked);
      });
  }

  /** All that came after what the app has. */
  async #after(entry: Entry): Promise<WireMessage[]> {
    const messages: WireMessage[] = [];
    let after = entry.delivered;
    for (;;) {
      const page = await this.#history({ conversationId: entry.id, after, limit: HISTORY_MAX });
      messages.push(...page.messages);
      const last = page.messages.at(-1);
      if (page.complete || !last) return messages;
      after = last.seq;
    }
  }

  /** The newest page; and, unless there is far too much, the pages before it as long as they are news. */
  async #newest(entry: Entry, onlyOne: boolean): Promise<WireMessage[]> {
    let messages: WireMessage[] = [];
    for (;;) {
      const before = messages[0]?.seq;
      const limit = { conversationId: entry.id, limit: HISTORY_MAX };
      const page = await this.#history(before === undefined ? limit : { ...limit, before });
      messages = [...page.messages, ...messages];
      const [oldest] = page.messages;
      const isEnough = !oldest || oldest.time < entry.newsSince || oldest.seq <= entry.delivered + 1;
      if (onlyOne || page.complete || isEnough) return messages;
    }
  }

  async #history(body: { conversationId: string; limit: number; after?: number; before?: number }) {
    for (;;) {
      try {
        return await this.#connection.request('messages.history', body);
      } catch (failure) {
        if (!isTimeout(failure)) throw failure;
      }
    }
  }

  /** The login ended: nobody waits for it any more. */
  #isOver(failure: unknown): boolean {
    return failure instanceof ChatError && failure.code === CODE.NOT_LOGGED_IN;
  }
}

const isTimeout = (failure: unknown): boolean => failure instanceof ChatError && failure.code === CODE.TIMED_OUT;

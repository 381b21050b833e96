import type { Connection } from './connection.js';
import { asChatError, ChatError, LOCAL_CODE } from './errors.js';
import { randomID } from './ids.js';
import { CODE, type DeleteConversations, type DeleteItem, type DeleteOutcome } from './protocol.js';
import type { Replica } from './replica.js';
import type { Shelf } from './shelf.js';

/** A deletion as it is asked for, again and again, until there is an answer. */
export interface Asked {
  /** The key makes it the same one each time. */
  request: DeleteConversations & { key: string };
  /** When it was called for: ms of this device. */
  time: number;
  /** When it first left. */
  sentAt?: number;
}

interface Queued {
  asked: Asked;
  /** It has left once, so it may have happened: too late to take it back here. */
  sent: boolean;
  /** Its conversations are not shown any more. */
  hidden: boolean;
  /** The app was told that it will be done. */
  promised: boolean;
  /** Of the replica when it was called for. */
  before: number;
}

/** What waited longer than this is not what its user means any more, in ms. */
const KEPT = 7 * 24 * 3600 * 1000;
/** For so long after it has left, the server knows its key: later it might undo what the user did since. */
const KNOWN = 24 * 3600 * 1000;
/** Refusals that are about the server's state and not about the deletion. */
const TEMPORARY: readonly number[] = [CODE.UNAVAILABLE, CODE.INTERNAL, CODE.TIMED_OUT];

const tagOf = ({ request }: Asked): string => `deletion ${request.key}`;
const idsOf = ({ request }: Asked): string[] => request.items.map(({ conversationId }) => conversationId);

/**
 * The user's deletions on their way. Without a connection what they delete is hidden at once, and they wait for one with the
 * anchors they were called for with, through a new login too if they were promised. A refusal shows what was hidden again.
 */
export class DeletionQueue {
  /** Conversations that wait to be deleted and are not shown. */
  readonly hidden = new Set<string>();
  readonly #connection: Connection;
  readonly #replica: () => Replica;
  readonly #shelf: Shelf<Asked>;
  readonly #timing: { request: number; retry: [number, number] };
  readonly #refused: (error: ChatError) => void;
  readonly #queue = new Set<Queued>();

  /** @param refused Is told of a promised deletion that was not to be. */
  constructor(
    connection: Connection,
    replica: () => Replica,
    shelf: Shelf<Asked>,
    timing: { request: number; retry: [number, number] },
    refused: (error: ChatError) => void,
  ) {
    this.#connection = connection;
    this.#replica = replica;
    this.#shelf = shelf;
    this.#timing = timing;
    this.#refused = refused;
  }

  /** The server's answer, within the time of a request. */
  now(request: DeleteConversations): Promise<DeleteOutcome> {
    const before = this.#replica().deletions;
    return this.#connection.request('conversations.delete', { ...request, key: randomID() }, {
      apply: ({ deleted }) => this.#tell(deleted, before),
    });
  }

  /** The server's answer; null if there was none within the time of a request: then it is promised. */
  async add(request: DeleteConversations): Promise<DeleteOutcome | null> {
    const asked: Asked = { request: { ...request, key: randomID() }, time: Date.now() };
    const queued: Queued = { asked, sent: false, hidden: false, promised: false, before: this.#replica().deletions };
    this.#queue.add(queued);
    this.#shelf.put(asked.request.key, asked);
    if (!this.#connection.isUp) this.#hide(queued);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => {
        queued.promised = true;
        this.#hide(queued);
        resolve(null);
      }, this.#timing.request);
    });
    try {
      return await Promise.race([this.#run(queued), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks for what earlier logins of this user have left undone. Called before the list is there. */
  replay(): void {
    for (const asked of this.#shelf.take(readAsked)) {
      // It may have left then: only the server can take it back.
      const queued: Queued = { asked, sent: true, hidden: false, promised: true, before: this.#replica().deletions };
      this.#queue.add(queued);
      this.#hide(queued);
      void this.#run(queued);
    }
  }

  /** Takes back what would delete this conversation and has not left. Whether there was any. */
  cancel(conversationID: string): boolean {
    const found = [...this.#queue].filter(({ sent, asked }) => !sent && idsOf(asked).includes(conversationID));
    for (const queued of found) {
      const { asked } = queued;
      const items = asked.request.items.filter(({ conversationId }) => conversationId !== conversationID);
      queued.asked = { ...asked, request: { ...asked.request, items, key: randomID() } };
      this.#shelf.remove(asked.request.key);
      if (items.length > 0) this.#shelf.put(queued.asked.request.key, queued.asked);
      else this.#queue.delete(queued);
      void this.#connection.withdraw(new Set([tagOf(asked)]));
    }
    if (found.length > 0) this.#show([conversationID]);
    return found.length > 0;
  }

  async #run(queued: Queued): Promise<DeleteOutcome | null> {
    for (;;) {
      try {
        return await this.#connection.request('conversations.delete', queued.asked.request, {
          timeout: Infinity,
          tag: tagOf(queued.asked),
          onWrite: () => this.#left(queued),
          apply: (outcome) => this.#answered(queued, outcome),
        });
      } catch (failure) {
        const error = asChatError(failure, CODE.INTERNAL);
        const isCancelled = error.code === LOCAL_CODE.SEND_CANCELLED;
        if (isCancelled && queued.asked.request.items.length > 0) continue;
        // On the shelf it waits for the next login.
        if (queued.promised && (isCancelled || error.code === CODE.NOT_LOGGED_IN)) return null;
        if (queued.promised && TEMPORARY.includes(error.code)) {
          await new Promise((resolve) => setTimeout(resolve, this.#timing.retry[1]));
          continue;
        }
        this.#drop(queued);
        if (!queued.promised) throw error;
        this.#refused(error);
        return null;
      }
    }
  }

  #left(queued: Queued): void {
    queued.sent = true;
    if (queued.asked.sentAt !== undefined) return;
    queued.asked = { ...queued.asked, sentAt: Date.now() };
    this.#shelf.put(queued.asked.request.key, queued.asked);
  }

  #answered(queued: Queued, { deleted, failed }: DeleteOutcome): void {
    const { hidden, promised, before } = queued;
    this.#drop(queued);
    if (!hidden) this.#tell(deleted, before);
    const [first] = failed;
    if (promised && first) this.#refused(new ChatError(first.code, `${first.conversationId} was not deleted: ${first.message}`));
  }

  /** The event came first and told everything, unless all of it was deleted already. */
  #tell(deleted: string[], before: number): void {
    const { deletions, news } = this.#replica();
    if (deleted.length > 0 && deletions === before) news.changed('list');
  }

  /** It waits no longer: what it has not deleted is shown again. */
  #drop(queued: Queued): void {
    this.#queue.delete(queued);
    this.#shelf.remove(queued.asked.request.key);
    if (queued.hidden) this.#show(idsOf(queued.asked));
  }

  #hide(queued: Queued): void {
    queued.hidden = true;
    const { list, news } = this.#replica();
    let isSeen = false;
    for (const id of idsOf(queued.asked)) {
      if (this.hidden.has(id)) continue;
      this.hidden.add(id);
      isSeen = list.refresh(id) || isSeen;
    }
    if (isSeen) news.changed('list');
  }

  #show(ids: string[]): void {
    const still = new Set([...this.#queue].flatMap(({ hidden, asked }) => (hidden ? idsOf(asked) : [])));
    const { list, news } = this.#replica();
    let isSeen = false;
    for (const id of ids) {
      if (still.has(id) || !this.hidden.delete(id)) continue;
      isSeen = list.refresh(id) || isSeen;
    }
    if (isSeen) news.changed('list');
  }
}

/** What was written by any version of this SDK, or by somebody else: only what is whole and recent is asked for. */
function readAsked(value: unknown): Asked | null {
  const { request, time, sentAt = Infinity } = (value ?? {}) as Partial<Asked>;
  const { key, items, clearHistory } = (request ?? {}) as Partial<Asked['request']>;
  const isItem = (item: unknown): boolean => typeof (item as Partial<DeleteItem> | null)?.conversationId === 'string';
  const isWhole = typeof key === 'string' && typeof clearHistory === 'boolean' && Array.isArray(items) && items.every(isItem);
  const isRecent = typeof time === 'number' && Date.now() - time < KEPT && !(Date.now() - sentAt >= KNOWN);
  return isWhole && isRecent ? (value as Asked) : null;
}

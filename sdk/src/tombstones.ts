import { trim } from './bounded.js';
import type { Conversation } from './protocol.js';

/** The most deletions that are remembered. */
const LIMIT = 20_000;

interface Tombstone {
  /** The number of the deletion. */
  change: number;
  /** The app needs to hear of no message up to here. */
  delivered: number;
}

/** What is remembered of conversations that were deleted, so that late news do not bring them back. */
export class Tombstones {
  readonly #stones = new Map<string, Tombstone>();

  has(id: string): boolean {
    return this.#stones.has(id);
  }

  change(id: string): number {
    return this.#stones.get(id)?.change ?? 0;
  }

  delivered(id: string): number {
    return this.#stones.get(id)?.delivered ?? 0;
  }

  /** Whether a state was read before the conversation was deleted here. */
  isBefore({ conversationId, change }: Conversation): boolean {
    return change < this.change(conversationId);
  }

  put(id: string, tombstone: Tombstone): void {
    this.#stones.delete(id);
    this.#stones.set(id, tombstone);
    trim(this.#stones, LIMIT);
  }

  delete(id: string): void {
    this.#stones.delete(id);
  }
}

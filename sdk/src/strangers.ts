import type { Message } from './protocol.js';

/** Messages of conversations that are not in the list and are being asked for, and who waits for these. */
export class Strangers {
  readonly #waiting = new Map<string, Message[]>();
  readonly #arrivals = new Map<string, (() => void)[]>();

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** Whether this is the first one, and the conversation has to be asked for. */
  wait(id: string, message: Message): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting) waiting.push(message);
    else this.#waiting.set(id, [message]);
    return !waiting;
  }

  /** What waits. */
  of(id: string): Message[] {
    return this.#waiting.get(id) ?? [];
  }

  /** What waited, in the order of the timeline: events overtake each other. */
  take(id: string): Message[] {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    return waiting.sort((a, b) => a.seq - b.seq);
  }

  /** Resolves when the conversation is not being asked for any more. */
  arrived(id: string): Promise<void> {
    if (!this.#waiting.has(id)) return Promise.resolve();
    return new Promise((resolve) => this.#arrivals.set(id, [...(this.#arrivals.get(id) ?? []), resolve]));
  }

  answered(id: string): void {
    for (const arrived of this.#arrivals.get(id) ?? []) arrived();
    this.#arrivals.delete(id);
  }

  /** Nobody is to wait any more. */
  release(): void {
    for (const id of [...this.#arrivals.keys()]) this.answered(id);
  }
}

import { EVENT } from './constants.js';
import type { EventData, Emitter } from './emitter.js';
import type { Message } from './models.js';

/** What the events that carry a whole state read at the moment they fire. */
export interface Present {
  list(): EventData[EVENT.CONVERSATION_LIST_UPDATED];
  total(): number;
  groups(): EventData[EVENT.GROUP_LIST_UPDATED];
  friends(): EventData[EVENT.FRIEND_LIST_UPDATED];
  applications(): EventData[EVENT.FRIEND_APPLICATION_LIST_UPDATED];
}

type Part = 'list' | 'groups' | 'friends' | 'applications';

/**
 * What changed and was not told yet. It is told at the end of the task that changed it, or before a promise resolves,
 * whichever comes first: so a burst of messages makes one list event, and after `await` everything has been told.
 */
export class News {
  readonly #emitter: Emitter;
  readonly #present: Present;
  readonly #changed = new Set<Part>();
  #received: Message[] = [];
  #revoked: Message[] = [];
  #read: Message[] = [];
  #profiles = new Map<string, EventData[EVENT.PROFILE_UPDATED][number]>();
  #total = 0;
  #scheduled = false;
  #isSilent = false;

  constructor(emitter: Emitter, present: Present) {
    this.#emitter = emitter;
    this.#present = present;
  }

  received(message: Message): void {
    this.#received.push(message);
    this.#schedule();
  }

  /** They are gone for everyone. */
  revoked(messages: Message[]): void {
    this.#revoked.push(...messages);
    this.#schedule();
  }

  readByPeer(messages: Message[]): void {
    this.#read.push(...messages);
    this.#schedule();
  }

  profile(profile: EventData[EVENT.PROFILE_UPDATED][number]): void {
    this.#profiles.set(profile.userID, profile);
    this.#schedule();
  }

  changed(part: Part): void {
    this.#changed.add(part);
    this.#schedule();
  }

  /** The login ended: nothing more is told of it. */
  silence(): void {
    this.#isSilent = true;
  }

  tell(): void {
    if (this.#isSilent) return;
    const received = this.#received;
    const revoked = this.#revoked;
    const read = this.#read;
    const profiles = [...this.#profiles.values()];
    const changed = new Set(this.#changed);
    this.#received = [];
    this.#revoked = [];
    this.#read = [];
    this.#profiles.clear();
    this.#changed.clear();

    // Messages before the list they changed, the list before the sum of it.
    if (received.length > 0) this.#emitter.emit(EVENT.MESSAGE_RECEIVED, received);
    if (revoked.length > 0) this.#emitter.emit(EVENT.MESSAGE_REVOKED, revoked);
    if (read.length > 0) this.#emitter.emit(EVENT.MESSAGE_READ_BY_PEER, read);
    if (profiles.length > 0) this.#emitter.emit(EVENT.PROFILE_UPDATED, profiles);
    if (changed.has('list')) {
      this.#emitter.emit(EVENT.CONVERSATION_LIST_UPDATED, this.#present.list());
      this.#tellTotal();
    }
    if (changed.has('groups')) this.#emitter.emit(EVENT.GROUP_LIST_UPDATED, this.#present.groups());
    if (changed.has('friends')) this.#emitter.emit(EVENT.FRIEND_LIST_UPDATED, this.#present.friends());
    if (changed.has('applications')) {
      this.#emitter.emit(EVENT.FRIEND_APPLICATION_LIST_UPDATED, this.#present.applications());
    }
  }

  #tellTotal(): void {
    const total = this.#present.total();
    if (total === this.#total) return;
    this.#total = total;
    this.#emitter.emit(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, total);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.tell();
    });
  }
}

import type { EVENT } from './constants.js';
import type { Log } from './log.js';
import type { Conversation, Friend, FriendApplication, Group, Message, Profile } from './models.js';

/** The data of each event that this SDK fires. */
export interface EventData {
  [EVENT.SDK_READY]: undefined;
  [EVENT.SDK_NOT_READY]: undefined;
  sdkDestroy: { SDKAppID: number };
  [EVENT.MESSAGE_RECEIVED]: Message[];
  [EVENT.MESSAGE_REVOKED]: Message[];
  [EVENT.MESSAGE_READ_BY_PEER]: Message[];
  [EVENT.CONVERSATION_LIST_UPDATED]: Conversation[];
  [EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED]: number;
  [EVENT.GROUP_LIST_UPDATED]: Group[];
  [EVENT.PROFILE_UPDATED]: Profile[];
  [EVENT.FRIEND_LIST_UPDATED]: Friend[];
  [EVENT.FRIEND_APPLICATION_LIST_UPDATED]: { friendApplicationList: FriendApplication[]; unreadCount: number };
  [EVENT.KICKED_OUT]: { type: string };
  [EVENT.ERROR]: { code: number; message: string };
  [EVENT.NET_STATE_CHANGE]: { state: string };
}

/** A handler's argument. */
export interface ChatEvent<Name extends keyof EventData> {
  name: Name;
  data: EventData[Name];
}

export type Handler = (...args: never[]) => unknown;

interface Listener {
  handler: Handler;
  context: unknown;
  once: boolean;
}

/** Who listens to what. The same handler given twice is called twice, and is taken off one at a time. */
export class Emitter {
  readonly #listeners = new Map<string, Listener[]>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, handler: Handler, context: unknown, once: boolean): void {
    const listeners = this.#listeners.get(name) ?? [];
    // A new array each time, so that a handler may add and remove handlers while it is called.
    this.#listeners.set(name, [...listeners, { handler, context, once }]);
  }

  remove(name: string, handler: Handler, context?: unknown): void {
    const listeners = this.#listeners.get(name) ?? [];
    const index = listeners.findIndex(
      (listener) => listener.handler === handler && (context === undefined || listener.context === context),
    );
    if (index >= 0) this.#listeners.set(name, listeners.filter((_, place) => place !== index));
  }

  emit<Name extends keyof EventData>(name: Name, data: EventData[Name]): void {
    for (const { handler, context, once } of this.#listeners.get(name) ?? []) {
      if (once) this.remove(name, handler, context);
      try {
        Reflect.apply(handler, context, [{ name, data }]);
      } catch (failure) {
        // One app handler that fails must not keep the others, or the SDK's own state, from going on.
        this.#log.error(`a handler of ${name} threw`, failure);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

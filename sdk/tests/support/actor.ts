import type { Timing } from '../../src/connection.js';
import { assemble, socketAddress, type ChatSDK } from '../../src/chat.js';
import { EVENT } from '../../src/constants.js';
import type { EventData } from '../../src/emitter.js';
import { Session } from '../../src/session.js';

/** What happened to a client, in order. */
export interface Heard<Name extends keyof EventData = keyof EventData> {
  name: Name;
  data: EventData[Name];
}

/** A client with a memory. Waiting is for something that happens, never for time to pass. */
export class Actor {
  readonly chat: ChatSDK;
  readonly heard: Heard[] = [];
  #waiting: { test: () => unknown; resolve: () => void }[] = [];

  /** Several clients of one app live in one process here: `create` would give them the same instance. */
  constructor(address: string, SDKAppID = 1400000000, timing?: Timing) {
    this.chat = assemble(new Session(SDKAppID, () => socketAddress(address), timing), () => undefined);
    this.chat.setLogLevel(4);
    for (const name of Object.values(EVENT)) {
      this.chat.on(name as keyof EventData, (event) => {
        this.heard.push(event);
        for (const waiting of this.#waiting) if (waiting.test()) waiting.resolve();
      });
    }
  }

  /** The data of each event of this name, from the `since`th event on. */
  all<Name extends keyof EventData>(name: Name, since = 0): EventData[Name][] {
    return this.heard.slice(since).filter((event) => event.name === name).map(({ data }) => data as EventData[Name]);
  }

  names(since = 0): string[] {
    return this.heard.slice(since).map(({ name }) => name);
  }

  /** Resolves with the data of the next event of this name from the `since`th event on that passes the test. */
  async next<Name extends keyof EventData>(
    name: Name,
    test: (data: EventData[Name]) => unknown = () => true,
    since = 0,
  ): Promise<EventData[Name]> {
    await this.until(() => this.all(name, since).some(test), `${name}`);
    return this.all(name, since).find(test) as EventData[Name];
  }

  /** Resolves when the test holds after some event. */
  until(test: () => unknown, what = 'what was waited for'): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${what} did not happen; heard: ${this.names().join(', ')}`));
      }, 15_000);
      this.#waiting.push({ test, resolve: () => { clearTimeout(timer); resolve(); } });
    });
  }

  async login(userID: string, userSig = 'sig'): Promise<this> {
    await this.chat.login({ userID, userSig });
    await this.next(EVENT.SDK_READY);
    return this;
  }

  async list(): Promise<string[]> {
    return (await this.chat.getConversationList()).data.conversationList.map(({ conversationID }) => conversationID);
  }

  texts(since = 0): string[] {
    return this.all(EVENT.MESSAGE_RECEIVED, since).flat().map(({ payload }) => payload.text);
  }
}

/** Quick to come back; patient, because a busy machine is no failure. */
export const QUICK: Timing = { request: 15_000, heartbeat: 60_000, pong: 10_000, retry: [1, 20], restart: 20 };

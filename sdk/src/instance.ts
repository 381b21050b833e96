import * as check from './check.js';
import type { ChatEvent, EventData, Handler } from './emitter.js';
import { isUserID } from './ids.js';
import { ChatError } from './errors.js';
import type { LogLevel } from './log.js';
import type { Result } from './models.js';
import type { LoginOptions } from './options.js';
import { CODE } from './protocol.js';
import type { Session } from './session.js';

/** Logging in and out, and listening. */
export class Instance {
  readonly #session: Session;
  readonly #destroyed: () => void;

  constructor(session: Session, destroyed: () => void) {
    this.#session = session;
    this.#destroyed = destroyed;
  }

  /** Resolves when the server has taken the login; `SDK_READY` follows when the whole list of conversations is there. */
  async login(
    options: LoginOptions,
  ): Promise<Result<{ actionStatus: 'OK'; errorCode: 0; errorInfo: string; repeatLogin: boolean }>> {
    const { userID, userSig } = check.fields(options, CODE.ACCOUNT_PARAMETER);
    if (typeof userID !== 'string' || !isUserID(userID)) {
      throw new ChatError(CODE.ACCOUNT_PARAMETER, 'userID is a string of 1 to 32 printable ASCII characters');
    }
    if (typeof userSig !== 'string' || userSig === '') throw new ChatError(CODE.SIG_EMPTY, 'userSig is a non-empty string');
    const repeatLogin = await this.#session.open(userID, userSig);
    const errorInfo = repeatLogin ? `${userID} is logged in already` : '';
    return { code: 0, data: { actionStatus: 'OK', errorCode: 0, errorInfo, repeatLogin } };
  }

  /** Ends this login and forgets everything of it; other clients of the user stay. */
  async logout(): Promise<void> {
    await this.#session.close();
    return done();
  }

  /** Logs out and lets go of everything; `create` makes a new instance then. */
  async destroy(): Promise<void> {
    await this.#session.close();
    this.#session.emitter.emit('sdkDestroy', { SDKAppID: this.#session.SDKAppID });
    this.#session.emitter.clear();
    this.#destroyed();
    return done();
  }

  /** The user that is logged in, or an empty string. */
  getLoginUser(): string {
    return this.#session.userID;
  }

  /** The server's time in seconds. */
  getServerTime(): number {
    return Math.floor(this.#session.now / 1000);
  }

  /** Whether `SDK_READY` was fired and the login lasts. */
  isReady(): boolean {
    return this.#session.isReady;
  }

  /** Listens to an event. Attach handlers before `login`, or early events are missed. */
  on<Name extends keyof EventData>(name: Name, handler: (event: ChatEvent<Name>) => unknown, context?: unknown): void;
  on(name: string, handler: Handler, context?: unknown): void;
  on(name: string, handler: Handler, context?: unknown): void {
    this.#session.emitter.add(name, handler, context, false);
  }

  /** Listens to the next one of an event. */
  once<Name extends keyof EventData>(name: Name, handler: (event: ChatEvent<Name>) => unknown, context?: unknown): void;
  once(name: string, handler: Handler, context?: unknown): void;
  once(name: string, handler: Handler, context?: unknown): void {
    this.#session.emitter.add(name, handler, context, true);
  }

  /** Ends listening: the handler that was given to `on`. */
  off(name: string, handler: Handler, context?: unknown): void {
    this.#session.emitter.remove(name, handler, context);
  }

  /** Accepted: this SDK needs no plugins. */
  registerPlugin(plugins: object): void {
    this.#session.log.debug('plugins without effect', Object.keys(plugins));
  }

  /** 0 everything, 1 release, 2 warnings and errors, 3 errors, 4 nothing. Default 1. */
  setLogLevel(level: number): void {
    if (Number.isInteger(level) && level >= 0 && level <= 4) this.#session.log.level = level as LogLevel;
  }

  /** Attached for apps that have signaling; invitations are not available yet, so nothing is ever fired. */
  addSignalingListener(name: string, handler: Handler, context?: unknown): void {
    this.#session.emitter.add(name, handler, context, false);
  }

  removeSignalingListener(name: string, handler: Handler, context?: unknown): void {
    this.#session.emitter.remove(name, handler, context);
  }
}


/** The API's typings promise nothing here, and its guide prints `data`: so there is an answer, and the type does not say so. */
function done(): void {
  const answer: Result<Record<string, never>> = { code: 0, data: {} };
  return answer as unknown as undefined;
}

import { CLOSE, CODE } from './protocol.js';
import type { Error as WireError, Event, Requests } from './protocol.js';
import { asChatError, ChatError, LOCAL_CODE } from './errors.js';
import { openSocket, type Socket } from './socket.js';

/*
One logical connection over as many sockets as it takes. It knows frames, answers, time-outs, heartbeats and coming back;
what a login is and what events mean is the business of its owner.
*/

export type Op = keyof Requests;
export type Body<O extends Op> = Requests[O]['body'];
export type Answer<O extends Op> = Requests[O]['answer'];

export interface Timing {
  /** Time limit of a request in ms, waiting for a connection included. */
  request: number;
  /** Pause between heartbeats in ms. */
  heartbeat: number;
  /** How long a heartbeat may be without an answer in ms. */
  pong: number;
  /** The first and the longest pause before coming back in ms. */
  retry: [first: number, longest: number];
  /** A node that restarts has its clients come back elsewhere within so many ms. */
  restart: number;
}

export const TIMING: Timing = { request: 15_000, heartbeat: 25_000, pong: 10_000, retry: [200, 15_000], restart: 1000 };

/** What a heartbeat says, and what becomes of its answer. */
export interface Heartbeat {
  body: Body<'session.ping'>;
  apply: (answer: Answer<'session.ping'>) => void;
}

export interface Owner {
  /** The first request on each socket. */
  login(): Body<'session.login'>;
  /** It was answered. Runs before any event that came after it. */
  loggedIn(answer: Answer<'session.login'>): void;
  event(event: Event): void;
  /** All that came so far is applied: tell the app before a promise resolves. */
  settled(): void;
  state(state: 'connecting' | 'disconnected' | 'connected'): void;
  /** The next heartbeat; `isAsked` when the server wants it to say where the client stands. */
  heartbeat(isAsked: boolean): Heartbeat;
  /** The server ended it: there is no way back. */
  ended(error: ChatError): void;
}

export interface RequestOptions<O extends Op> {
  /** Runs with the answer at its place in the order of frames, before the promise resolves. */
  apply?: (answer: Answer<O>) => void;
  /** Whether asking twice is asking once. Default true; else a lost socket fails the request. */
  repeatable?: boolean;
  /** In ms; `Infinity` waits as long as the login lasts. Default `Timing.request`. */
  timeout?: number;
  /** What `withdraw` knows it by. */
  tag?: string;
  /** It leaves now, for the first time or again. */
  onWrite?: () => void;
}

interface Pending {
  id: number;
  op: Op;
  frame: string;
  /** It was written to the present socket. */
  written: boolean;
  repeatable: boolean;
  tag: string | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  onWrite: (() => void) | undefined;
  resolve: (answer: never) => void;
  reject: (error: ChatError) => void;
  apply: ((answer: never) => void) | undefined;
  /** Settles with the request. */
  done: Promise<unknown>;
}

type Frame = { id: number; ok: unknown } | { id: number; err: WireError } | Event;

/** Temporary refusals of a login: the server is stopping, or cannot reach its store. */
const COME_BACK: readonly number[] = [CODE.UNAVAILABLE, CODE.INTERNAL];

export class Connection {
  readonly #url: string;
  readonly #owner: Owner;
  readonly #timing: Timing;
  readonly #pending = new Map<number, Pending>();
  /** Events that came before the login's answer. */
  #early: Event[] = [];
  #socket: Socket | null = null;
  #phase: 'down' | 'opening' | 'login' | 'up' | 'closed' = 'down';
  #nextID = 1;
  #loginID = 0;
  #failures = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #beatTimer: ReturnType<typeof setTimeout> | undefined;
  /** Set while the server waits to be told where the client stands. */
  #verifyTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, owner: Owner, timing: Timing = TIMING) {
    this.#url = url;
    this.#owner = owner;
    this.#timing = timing;
    // A phone that finds its network again should not wait for the pause to end.
    globalThis.addEventListener?.('online', this.#online);
  }

  get isUp(): boolean {
    return this.#phase === 'up';
  }

  open(): void {
    if (this.#phase !== 'down') return;
    clearTimeout(this.#retryTimer);
    this.#phase = 'opening';
    this.#owner.state('connecting');
    // A host that swallows packets never fails by itself.
    this.#beatTimer = setTimeout(() => this.#lost(), this.#timing.pong);
    const socket = openSocket(this.#url, {
      open: () => this.#opened(),
      message: (text) => this.#read(text),
      close: (code) => this.#lost(code),
    });
    this.#socket = socket;
  }

  request<O extends Op>(op: O, body: Body<O>, options: RequestOptions<O> = {}): Promise<Answer<O>> {
    if (this.#phase === 'closed') {
      return Promise.reject(new ChatError(CODE.NOT_LOGGED_IN, 'not logged in'));
    }
    const id = this.#nextID++;
    const done = new Promise<Answer<O>>((resolve, reject) => {
      const timeout = options.timeout ?? this.#timing.request;
      const timer = timeout === Infinity ? undefined : setTimeout(() => {
        this.#fail(id, new ChatError(CODE.TIMED_OUT, `${op} had no answer in time; whether it took effect is unknown`));
      }, timeout);
      const pending: Pending = {
        id, op, timer, resolve, reject,
        frame: JSON.stringify({ id, op, d: body }),
        written: false,
        repeatable: options.repeatable ?? true,
        tag: options.tag,
        onWrite: options.onWrite,
        apply: options.apply,
        done: Promise.resolve(),
      };
      this.#pending.set(id, pending);
    });
    const pending = this.#pending.get(id);
    if (pending) {
      pending.done = done;
      if (this.#phase === 'up') this.#write(pending);
    }
    return done;
  }

  /** Takes back what was tagged so and has not left: it is never sent. Resolves when the rest of it is settled. */
  async withdraw(tags: ReadonlySet<string>): Promise<void> {
    const onTheirWay: Promise<unknown>[] = [];
    for (const { id, tag, written, done } of [...this.#pending.values()]) {
      if (tag === undefined || !tags.has(tag)) continue;
      if (written) onTheirWay.push(done);
      else this.#fail(id, new ChatError(LOCAL_CODE.SEND_CANCELLED, 'cancelled before it was sent'));
    }
    if (onTheirWay.length > 0) await Promise.allSettled(onTheirWay);
  }

  /** Beats at a random moment within so many ms, unless it is going to already: a node asks all its clients at once. */
  verify(within: number): void {
    if (this.#phase === 'up') this.#verifyTimer ??= setTimeout(() => this.#ping(), Math.random() * within);
  }

  close(reason = new ChatError(CODE.NOT_LOGGED_IN, 'logged out')): void {
    this.#phase = 'closed';
    globalThis.removeEventListener?.('online', this.#online);
    clearTimeout(this.#retryTimer);
    this.#drop();
    for (const id of [...this.#pending.keys()]) this.#fail(id, reason);
  }

  readonly #online = (): void => {
    this.#failures = 0;
    this.open();
  };

  #opened(): void {
    this.#phase = 'login';
    this.#loginID = this.#nextID++;
    this.#socket?.send(JSON.stringify({ id: this.#loginID, op: 'session.login', d: this.#owner.login() }));
  }

  #read(text: string): void {
    const frame = JSON.parse(text) as Frame;
    if ('ev' in frame) {
      if (this.#phase === 'up') this.#owner.event(frame);
      else this.#early.push(frame);
    } else if (frame.id === this.#loginID) {
      this.#readLogin(frame);
    } else {
      this.#readAnswer(frame);
    }
  }

  #readLogin(frame: Exclude<Frame, Event>): void {
    if ('err' in frame) {
      const error = ChatError.from(frame.err);
      if (COME_BACK.includes(error.code)) this.#lost();
      else this.#owner.ended(error);
      return;
    }
    this.#phase = 'up';
    this.#failures = 0;
    this.#owner.loggedIn(frame.ok as Answer<'session.login'>);
    const early = this.#early;
    this.#early = [];
    for (const event of early) this.#owner.event(event);
    this.#owner.settled();
    // In the order in which they were asked for.
    for (const pending of this.#pending.values()) this.#write(pending);
    this.#beat();
    this.#owner.state('connected');
  }

  #readAnswer(frame: Exclude<Frame, Event>): void {
    const pending = this.#pending.get(frame.id);
    if (!pending) return;
    if ('err' in frame) {
      this.#fail(frame.id, ChatError.from(frame.err));
      return;
    }
    try {
      pending.apply?.(frame.ok as never);
    } catch (failure) {
      this.#fail(frame.id, asChatError(failure, CODE.INTERNAL));
      return;
    }
    this.#pending.delete(frame.id);
    clearTimeout(pending.timer);
    this.#owner.settled();
    pending.resolve(frame.ok as never);
  }

  #fail(id: number, error: ChatError): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    this.#owner.settled();
    pending.reject(error);
  }

  #write(pending: Pending): void {
    if (pending.written) return;
    pending.written = true;
    pending.onWrite?.();
    this.#socket?.send(pending.frame);
  }

  #beat(): void {
    clearTimeout(this.#beatTimer);
    this.#beatTimer = setTimeout(() => this.#ping(), this.#timing.heartbeat);
  }

  #ping(): void {
    clearTimeout(this.#beatTimer);
    this.#beatTimer = setTimeout(() => this.#lost(), this.#timing.pong);
    const { body, apply } = this.#owner.heartbeat(this.#verifyTimer !== undefined);
    this.#verified();
    const isAlive = (): void => {
      if (this.isUp) this.#beat();
    };
    this.request('session.ping', body, { apply }).then(isAlive, (error: ChatError) => {
      // A server that cannot reach its store refuses; the connection is as good as before.
      if (error.code !== CODE.TIMED_OUT) isAlive();
    });
  }

  #verified(): void {
    clearTimeout(this.#verifyTimer);
    this.#verifyTimer = undefined;
  }

  /** The socket is gone, or as good as gone. */
  #lost(code?: number): void {
    if (this.#phase === 'closed' || this.#phase === 'down') return;
    this.#drop();
    for (const pending of [...this.#pending.values()]) {
      const { id, op, written, repeatable } = pending;
      pending.written = false;
      if (op === 'session.ping') {
        this.#fail(id, new ChatError(CODE.TIMED_OUT, 'the connection was lost'));
      } else if (written && !repeatable) {
        this.#fail(id, new ChatError(CODE.TIMED_OUT, `the connection was lost during ${op}; whether it took effect is unknown`));
      }
    }
    if (code !== undefined && code >= CLOSE.LOGIN_ENDED) {
      this.#owner.ended(new ChatError(LOCAL_CODE.CONNECTION_REFUSED, `the server closed the connection (${code})`));
      return;
    }
    this.#phase = 'down';
    this.#owner.state('disconnected');
    this.#retryTimer = setTimeout(() => this.open(), this.#pause(code));
    this.#failures++;
  }

  /** Full jitter: clients that lost one server together do not come back together. */
  #pause(code: number | undefined): number {
    const [first, longest] = this.#timing.retry;
    // It says so while another node is there: no reason to wait, but all of its clients hear it at once.
    const most = code === CLOSE.RESTARTING ? this.#timing.restart : Math.min(longest, first * 2 ** this.#failures);
    return Math.random() * most;
  }

  #drop(): void {
    clearTimeout(this.#beatTimer);
    // The login that follows asks the same.
    this.#verified();
    this.#early = [];
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

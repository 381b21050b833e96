import { CatchUp } from './catch-up.js';
import { Connection, TIMING, type Answer, type Body, type Heartbeat, type Op, type Owner, type RequestOptions, type Timing } from './connection.js';
import { EVENT, TYPES } from './constants.js';
import { Emitter } from './emitter.js';
import { DeletionQueue, type Asked } from './deletion-queue.js';
import { asChatError, ChatError, LOCAL_CODE } from './errors.js';
import { randomID } from './ids.js';
import { Log } from './log.js';
import { News } from './news.js';
import { toApplication, toFriend } from './profile.js';
import { CODE, PROTOCOL_VERSION, type Event, type LoggedIn, type Pong } from './protocol.js';
import { Replica } from './replica.js';
import { MemoryStorage, pageStorage, Shelf, type Storage } from './shelf.js';

/** The greatest page of the list. */
const LIST_PAGE = 500;
/** How long a logout waits for the server, in ms. */
const LOGOUT_WAIT = 2000;

interface Login {
  userID: string;
  userSig: string;
  instance: string;
  connection: Connection;
  deletions: DeletionQueue;
  replica: Replica | null;
  resolve: () => void;
  reject: (error: ChatError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** One login from beginning to end, and what all nouns need of it. There is at most one at a time. */
export class Session implements Owner {
  readonly SDKAppID: number;
  readonly log = new Log();
  readonly emitter = new Emitter(this.log);
  readonly #url: () => string;
  readonly #timing: Timing;
  readonly #storage: Storage;
  #login: Login | null = null;
  #isSynced = false;
  #isReady = false;
  /** Server's clock minus ours, in ms. */
  #clock = 0;
  #netState: 'connecting' | 'disconnected' | 'connected' | '' = '';

  /** @param storage What outlives this login is kept in; default: the page's, or memory. */
  constructor(SDKAppID: number, url: () => string, timing: Timing = TIMING, storage = pageStorage() ?? new MemoryStorage()) {
    this.SDKAppID = SDKAppID;
    this.#url = url;
    this.#timing = timing;
    this.#storage = storage;
  }

  get userID(): string {
    return this.#login?.replica ? this.#login.userID : '';
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The whole list has arrived. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  get isOnline(): boolean {
    return this.#login?.connection.isUp ?? false;
  }

  /** Server time in ms. */
  get now(): number {
    return Date.now() + this.#clock;
  }

  /** The state of this login; without one, `2024`. */
  get replica(): Replica {
    const replica = this.#login?.replica;
    if (!replica) throw new ChatError(CODE.NOT_LOGGED_IN, 'not logged in: call login first');
    return replica;
  }

  /** Without a login, a call fails for that before anything else. */
  requireLogin(): void {
    void this.replica;
  }

  /** The user's deletions on their way. */
  get deletions(): DeletionQueue {
    this.requireLogin();
    return this.#present().deletions;
  }

  async request<O extends Op>(op: O, body: Body<O>, options?: RequestOptions<O>): Promise<Answer<O>> {
    if (!this.#login?.replica) throw new ChatError(CODE.NOT_LOGGED_IN, 'not logged in: call login first');
    return this.#login.connection.request(op, body, options);
  }

  /** Messages to these conversations that have not left will not leave any more; resolves when the others have arrived. */
  async withdraw(conversationIDs: ReadonlySet<string>): Promise<void> {
    await this.#login?.connection.withdraw(conversationIDs);
  }

  /** Whether it was logged in already. */
  async open(userID: string, userSig: string): Promise<boolean> {
    const present = this.#login;
    if (present && !present.replica) throw new ChatError(CODE.LOGIN_IN_FLIGHT, 'a login is in flight already');
    if (present && present.userID === userID) return true;
    if (present) {
      throw new ChatError(LOCAL_CODE.OTHER_USER_LOGGED_IN, `${present.userID} is logged in: log out first`);
    }
    const url = this.#url();
    await new Promise<void>((resolve, reject) => {
      const connection = new Connection(url, this, this.#timing);
      const timer = setTimeout(() => {
        this.#end(new ChatError(CODE.TIMED_OUT, `${url} did not answer the login in time`));
      }, this.#timing.request);
      const deletions = this.#newDeletions(userID, connection);
      this.#login = { userID, userSig, instance: randomID(), connection, deletions, replica: null, resolve, reject, timer };
      connection.open();
    });
    return false;
  }

  async close(): Promise<void> {
    const login = this.#login;
    if (!login) return;
    if (login.connection.isUp) {
      // Best effort: the socket's end is a logout too.
      await login.connection.request('session.logout', null, { timeout: LOGOUT_WAIT }).catch(() => undefined);
    }
    if (this.#login === login) this.#end(new ChatError(CODE.NOT_LOGGED_IN, 'logged out'));
  }

  login(): Body<'session.login'> {
    const login = this.#present();
    const body = {
      protocol: PROTOCOL_VERSION,
      sdkAppId: this.SDKAppID,
      userId: login.userID,
      userSig: login.userSig,
      instance: login.instance,
    };
    const { replica } = login;
    return replica ? { ...body, resume: replica.since(this.#isSynced) } : body;
  }

  loggedIn(answer: LoggedIn): void {
    const login = this.#present();
    this.#clock = answer.time - Date.now();
    if (login.replica && answer.resumed) {
      login.replica.verifies = answer.verifies;
      login.replica.resumed(answer.resumed, answer);
      this.#refresh(login);
      return;
    }
    // The first login; or the server has lost what a resume needs, and the list begins anew.
    const isFirst = login.replica === null;
    login.replica?.release();
    const replica = this.#newReplica(login, answer);
    login.replica = replica;
    this.#isSynced = false;
    if (isFirst) login.deletions.replay();
    replica.page(answer.list ?? { conversations: [] });
    clearTimeout(login.timer);
    login.resolve();
    void this.#sync(login, answer.list?.cursor, isFirst);
  }

  event(event: Event): void {
    if (event.ev === 'session.kicked') {
      this.settled();
      this.#kicked(event.d.reason);
      return;
    }
    if (event.ev === 'session.verify') {
      this.#login?.connection.verify(event.d.within);
      return;
    }
    try {
      this.#login?.replica?.apply(event);
    } catch (failure) {
      // A defect of ours in one event must not take the app's process along.
      const { code, message } = asChatError(failure, CODE.INTERNAL);
      this.log.error(`the event ${event.ev} could not be applied`, failure);
      this.emitter.emit(EVENT.ERROR, { code, message });
    }
  }

  settled(): void {
    this.#login?.replica?.news.tell();
  }

  state(state: 'connecting' | 'disconnected' | 'connected'): void {
    if (state === this.#netState) return;
    this.#netState = state;
    this.emitter.emit(EVENT.NET_STATE_CHANGE, { state });
  }

  heartbeat(isAsked: boolean): Heartbeat {
    const { replica } = this;
    if (!isAsked && !replica.verifies) {
      const apply = ({ time }: Pong): void => {
        this.#clock = time - Date.now();
        replica.syncedAt = Math.max(replica.syncedAt, time);
      };
      return { body: {}, apply };
    }
    const asked = replica.moment.now;
    const apply = (pong: Pong): void => {
      this.#clock = pong.time - Date.now();
      if (pong.resumed) replica.resumed(pong.resumed, pong, asked);
    };
    return { body: { since: replica.since(this.#isSynced) }, apply };
  }

  ended(error: ChatError): void {
    const wasLoggedIn = Boolean(this.#login?.replica);
    if (wasLoggedIn && error.code === CODE.SIG_EXPIRED) return this.#kicked(TYPES.KICKED_OUT_USERSIG_EXPIRED);
    this.#end(error);
    if (wasLoggedIn) this.emitter.emit(EVENT.ERROR, { code: error.code, message: error.message });
  }

  #kicked(type: string): void {
    this.emitter.emit(EVENT.KICKED_OUT, { type });
    this.#end(new ChatError(CODE.NOT_LOGGED_IN, `kicked out: ${type}`));
  }

  #present(): Login {
    if (!this.#login) throw new Error('a frame came without a login');
    return this.#login;
  }

  #newReplica(login: Login, answer: LoggedIn): Replica {
    const me = login.userID;
    const current = (): Replica => login.replica ?? replica;
    const news = new News(this.emitter, {
      list: () => current().list.views(),
      total: () => current().list.total,
      groups: () => current().contacts.groupViews(),
      friends: () => (current().contacts.friends ?? []).map(toFriend),
      applications: () => ({
        friendApplicationList: (current().contacts.applications?.applications ?? []).map(toApplication),
        unreadCount: current().contacts.applications?.unread ?? 0,
      }),
    });
    const source = new CatchUp(login.connection, current, this.log);
    const replica: Replica = new Replica(me, answer, news, source, login.deletions.hidden);
    return replica;
  }

  #newDeletions(userID: string, connection: Connection): DeletionQueue {
    const shelf = new Shelf<Asked>(this.#storage, `lethe.deletion.${this.SDKAppID}.${userID}.`);
    return new DeletionQueue(connection, () => this.replica, shelf, this.#timing, ({ code, message }) => {
      this.emitter.emit(EVENT.ERROR, { code, message });
    });
  }

  /** The rest of the list, and the groups; then the SDK is ready. */
  async #sync(login: Login, cursor: string | undefined, isFirst: boolean): Promise<void> {
    const { connection, replica } = login;
    const isOver = (): boolean => this.#login !== login || login.replica !== replica;
    const groups = this.#insist(isOver, () => connection.request('groups.list', null));
    let next = cursor;
    while (next !== undefined) {
      const from = next;
      const page = await this.#insist(isOver, () =>
        connection.request('conversations.list', { cursor: from, limit: LIST_PAGE }, {
          apply: (answer) => replica?.page(answer),
        }),
      );
      if (!page) return;
      next = page.cursor;
    }
    const answer = await groups;
    if (isOver() || !replica) return;
    this.#isSynced = true;
    if (answer) replica.contacts.setGroups(answer.groups);
    replica.news.changed('list');
    replica.news.tell();
    if (!isFirst) return;
    this.#isReady = true;
    this.emitter.emit(EVENT.SDK_READY, undefined);
  }

  /** After a lost connection: what has no change numbers is read again, if it was read before. */
  #refresh(login: Login): void {
    const { connection, replica } = login;
    if (!replica) return;
    const ignore = (): void => undefined;
    if (this.#isSynced) {
      connection.request('groups.list', null, { apply: ({ groups }) => replica.contacts.setGroups(groups) }).catch(ignore);
    }
    if (replica.contacts.friends) {
      connection.request('friends.list', null, { apply: (answer) => replica.contacts.setFriends(answer) }).catch(ignore);
    }
    if (replica.contacts.applications) {
      connection.request('friends.applications', null, {
        apply: (answer) => replica.contacts.setApplications(answer),
      }).catch(ignore);
    }
  }

  /** Asks until there is an answer, or nobody wants it any more. Refusals end it too: they would come again. */
  async #insist<T>(isOver: () => boolean, ask: () => Promise<T>): Promise<T | undefined> {
    while (!isOver()) {
      try {
        return await ask();
      } catch (failure) {
        const error = asChatError(failure, CODE.INTERNAL);
        if (error.code === CODE.TIMED_OUT) continue;
        if (!isOver()) {
          this.log.error('the list could not be read', error);
          this.emitter.emit(EVENT.ERROR, { code: error.code, message: error.message });
        }
        return undefined;
      }
    }
    return undefined;
  }

  #end(error: ChatError): void {
    const login = this.#login;
    if (!login) return;
    this.#login = null;
    this.#isReady = false;
    this.#isSynced = false;
    this.#netState = '';
    clearTimeout(login.timer);
    login.replica?.release();
    login.connection.close(error.code === CODE.NOT_LOGGED_IN ? error : new ChatError(CODE.NOT_LOGGED_IN, error.message));
    if (login.replica) this.emitter.emit(EVENT.SDK_NOT_READY, undefined);
    else login.reject(error);
  }
}

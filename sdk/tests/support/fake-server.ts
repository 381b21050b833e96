import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type {
  Conversation, Event, GroupProfile, LoggedIn, Message, Requests,
} from '../../src/protocol.js';

type Op = keyof Requests;
interface Request {
  id: number;
  op: Op;
  d: never;
}

export type Handler<O extends Op> = (
  body: Requests[O]['body'],
  socket: FakeSocket,
) => Requests[O]['answer'] | undefined | Promise<Requests[O]['answer'] | undefined>;

/** A refusal that a handler may throw. */
export class Refusal {
  constructor(
    readonly code: number,
    readonly message = 'refused',
  ) {}
}

/** A client's socket as the server sees it. */
export class FakeSocket {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  push(...events: Event[]): void {
    for (const event of events) this.#socket.send(JSON.stringify(event));
  }

  answer(id: number, ok: unknown): void {
    this.#socket.send(JSON.stringify({ id, ok }));
  }

  refuse(id: number, err: { code: number; message: string }): void {
    this.#socket.send(JSON.stringify({ id, err }));
  }

  /** Without a goodbye, as a network does it. */
  cut(): void {
    this.#socket.terminate();
  }

  close(code: number): void {
    this.#socket.close(code);
  }
}

/** Speaks frames on a real socket. What it answers is up to the test; what was asked is kept. */
export class FakeServer {
  readonly requests: { op: Op; d: unknown; id: number }[] = [];
  readonly sockets: FakeSocket[] = [];
  /** An operation that is named here gets no answer. */
  readonly silent = new Set<Op>();
  readonly #handlers: { [O in Op]?: Handler<O> } = {};
  #server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  #port = 0;

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    await fake.#listen();
    fake.on('groups.list', () => ({ groups: [] }));
    fake.on('session.ping', () => ({ time: Date.now(), change: 0 }));
    fake.on('session.logout', () => null);
    return fake;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** The newest socket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('no client has connected');
    return socket;
  }

  on<O extends Op>(op: O, handler: Handler<O>): this {
    (this.#handlers as Partial<Record<Op, unknown>>)[op] = handler;
    return this;
  }

  asked<O extends Op>(op: O): Requests[O]['body'][] {
    return this.requests.filter((request) => request.op === op).map(({ d }) => d as Requests[O]['body']);
  }

  /** Goes away, with all sockets; `restart` comes back at the same address. */
  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async restart(): Promise<void> {
    this.#server = new WebSocketServer({ port: this.#port, host: '127.0.0.1' });
    await this.#listen();
  }

  async #listen(): Promise<void> {
    this.#server.on('connection', (raw) => {
      const socket = new FakeSocket(raw);
      this.sockets.push(socket);
      raw.on('message', (data) => void this.#serve(socket, JSON.parse(String(data)) as Request));
      raw.on('error', () => undefined);
    });
    if (!this.#server.address()) await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #serve(socket: FakeSocket, { id, op, d }: Request): Promise<void> {
    this.requests.push({ op, d, id });
    if (this.silent.has(op)) return;
    const handler = this.#handlers[op] as Handler<Op> | undefined;
    try {
      if (!handler) throw new Refusal(98002, `nobody answers ${op}`);
      const answer = await handler(d, socket);
      if (answer !== undefined) socket.answer(id, answer);
    } catch (failure) {
      if (!(failure instanceof Refusal)) throw failure;
      socket.refuse(id, { code: failure.code, message: failure.message });
    }
  }
}

/* Makers of what travels. */

export const conversation = (conversationId: string, parts: Partial<Conversation> = {}): Conversation => ({
  conversationId,
  change: 0,
  head: 0,
  unread: 0,
  messages: parts.head ?? 0,
  lastMessage: null,
  activeAt: 1000,
  clearedTo: 0,
  readTo: 0,
  peerReadTo: 0,
  pinned: false,
  remindType: 'AcceptAndNotify',
  marks: [],
  customData: '',
  left: false,
  ...parts,
});

export const message = (from: string, to: string, seq: number, parts: Partial<Message> = {}): Message => ({
  seq,
  time: 1_700_000_000_000 + seq * 1000,
  id: `${from.length}-1700000000-${seq}`,
  from,
  to,
  body: [{ MsgType: 'TIMTextElem', MsgContent: { Text: `text ${seq}` } }],
  ...parts,
});

export const group = (groupId: string, parts: Partial<GroupProfile> = {}): GroupProfile => ({
  groupId,
  type: 'Public',
  name: groupId,
  avatar: '',
  introduction: '',
  notification: '',
  ownerId: 'bob',
  createTime: 1,
  infoSequence: 1,
  lastInfoTime: 1,
  memberCount: 2,
  maxMemberCount: 6000,
  joinOption: 'FreeAccess',
  inviteOption: 'FreeAccess',
  muteAllMembers: false,
  dismissed: false,
  updated: 1,
  me: { role: 'Member', joinTime: 1, nameCard: '', muteUntil: 0 },
  ...parts,
});

export const loggedIn = (parts: Partial<LoggedIn> = {}): LoggedIn => ({
  tinyId: '144115188075855873',
  time: Date.now(),
  change: 0,
  profile: { userId: 'alice' },
  verifies: false,
  list: { conversations: [] },
  ...parts,
});

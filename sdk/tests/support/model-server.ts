import type { Conversation, DeletedConversation, Event, GotConversation, Message, Resume, Resumed } from '../../src/protocol.js';
import { conversation, loggedIn, message, type FakeServer } from './fake-server.js';

const ME = 'alice';
/** As the server's: what happened so long before the client's last answer is told again. */
const OVERLAP = 5000;

interface View {
  timeline: Message[];
  change: number;
  listedAfter: number;
  clearedTo: number;
  readTo: number;
  peerReadTo: number;
  pinned: boolean;
  /** When others last did something to it. */
  touched: number;
  /** What the last deletion took. */
  undo: Pick<View, 'listedAfter' | 'clearedTo' | 'pinned'> | null;
  /** The furthest that any deletion has reached. */
  covered: number;
}

const head = (view: View): number => view.timeline.length;
const isListed = (view: View): boolean => head(view) > view.listedAfter || view.pinned;

/**
 * What is true of one user's conversations, small enough to be right at a glance. Whatever happens is put on `bus`; what
 * becomes of it there is up to the test.
 */
export class ModelServer {
  readonly bus: Event[] = [];
  readonly peers: string[];
  now = 1_800_000_000_000;
  /** Whether heartbeats tell what was missed. */
  heals = true;
  readonly #views = new Map<string, View>();
  #change = 0;

  constructor(server: FakeServer, peers: string[]) {
    this.peers = peers;
    server
      .on('session.login', ({ resume }) => this.#login(resume))
      .on('session.ping', ({ since }) => this.pong(since))
      .on('users.get', () => ({ profiles: [] }))
      .on('conversations.get', ({ conversationIds }) => ({ conversations: conversationIds.map((id) => this.#got(id)) }))
      .on('messages.history', ({ conversationId, after, before = Infinity, limit }) => {
        const readable = this.#readable(conversationId).filter(({ seq }) => seq > (after ?? 0) && seq < before);
        const messages = after === undefined ? readable.slice(-limit) : readable.slice(0, limit);
        return { messages, complete: messages.length === readable.length };
      });
  }

  pong(since: Resume | undefined) {
    const resumed = since && this.heals ? this.#missed(since) : { conversations: [], deleted: [] };
    return { time: this.now, change: this.#change, resumed };
  }

  say(peer: string, isOwn: boolean): void {
    const view = this.#view(peer);
    const seq = head(view) + 1;
    const [from, to] = isOwn ? [ME, peer] : [peer, ME];
    const said = message(from, to, seq, { time: ++this.now, id: `${peer}-1-${seq}` });
    view.timeline.push(said);
    this.bus.push({ ev: 'message', d: said });
  }

  peerReads(peer: string): void {
    const view = this.#view(peer);
    view.peerReadTo = head(view);
    view.touched = ++this.now;
    this.bus.push({ ev: 'conversations.peerRead', d: { userId: peer, readTo: view.peerReadTo } });
  }

  read(peer: string): void {
    this.#changes(peer, (view) => (view.readTo = head(view)));
  }

  pin(peer: string): void {
    this.#changes(peer, (view) => (view.pinned = !view.pinned));
  }

  delete(peer: string, clear: boolean, unseen: number): void {
    const view = this.#view(peer);
    if (!isListed(view)) return;
    view.undo = { listedAfter: view.listedAfter, clearedTo: view.clearedTo, pinned: view.pinned };
    view.change = ++this.#change;
    view.listedAfter = Math.max(view.listedAfter, head(view) - unseen);
    if (clear) view.clearedTo = Math.max(view.clearedTo, view.listedAfter);
    view.covered = Math.max(view.covered, view.listedAfter);
    view.pinned = false;
    this.bus.push({ ev: 'conversations.deleted', d: { conversations: [this.#deleted(peer)] } });
  }

  /** Gives back what the last deletion took. */
  restore(peer: string): void {
    const view = this.#view(peer);
    if (!view.undo) return;
    Object.assign(view, view.undo, { undo: null, change: ++this.#change });
    this.bus.push({ ev: 'conversations.changed', d: { conversations: [this.#state(peer)] } });
  }

  /** The list as it is. */
  list(): Conversation[] {
    return this.peers.filter((peer) => isListed(this.#view(peer))).map((peer) => this.#state(peer));
  }

  /** What others said, and no deletion has covered. */
  heard(): string[] {
    return this.peers.flatMap((peer) => {
      const { timeline, covered } = this.#view(peer);
      return timeline.filter(({ seq }) => seq > covered).map(({ id }) => id);
    });
  }

  #changes(peer: string, change: (view: View) => void): void {
    const view = this.#view(peer);
    if (!isListed(view)) return;
    change(view);
    view.change = ++this.#change;
    const unlisted = isListed(view) ? {} : { unlisted: true };
    this.bus.push({ ev: 'conversations.changed', d: { conversations: [{ ...this.#state(peer), ...unlisted }] } });
  }

  #login(resume: Resume | undefined) {
    const answer = loggedIn({ time: this.now, change: this.#change, verifies: true, list: { conversations: this.list() } });
    if (!resume) return answer;
    delete answer.list;
    return { ...answer, resumed: this.#missed(resume) };
  }

  #missed({ change, syncedAt, heads = {} }: Resume): Resumed {
    const changed = this.peers.filter((peer) => this.#view(peer).change > change);
    const isNews = (peer: string): boolean => {
      const view = this.#view(peer);
      const newest = Math.max(view.touched, view.timeline.at(-1)?.time ?? 0);
      return heads[`C2C${peer}`] !== head(view) || newest >= syncedAt - OVERLAP;
    };
    const told = this.peers.filter((peer) => isListed(this.#view(peer)) && (changed.includes(peer) || isNews(peer)));
    const gone = changed.filter((peer) => !isListed(this.#view(peer)));
    return { conversations: told.map((peer) => this.#state(peer)), deleted: gone.map((peer) => this.#deleted(peer)) };
  }

  #got(id: string): GotConversation {
    const peer = id.slice(3);
    return { listed: isListed(this.#view(peer)), conversation: this.#state(peer) };
  }

  #deleted(peer: string): DeletedConversation {
    const view = this.#view(peer);
    const { change, listedAfter, clearedTo } = view;
    const one = { conversationId: `C2C${peer}`, change, listedAfter, clearedTo };
    return isListed(view) ? { ...one, survivor: this.#state(peer) } : one;
  }

  #state(peer: string): Conversation {
    const view = this.#view(peer);
    const { change, clearedTo, readTo, peerReadTo, pinned } = view;
    const readable = this.#readable(`C2C${peer}`);
    const floor = Math.max(readTo, clearedTo, view.listedAfter);
    return conversation(`C2C${peer}`, {
      change, clearedTo, readTo, peerReadTo, pinned, head: head(view),
      messages: readable.length,
      unread: readable.filter(({ seq, from }) => seq > floor && from !== ME).length,
      lastMessage: readable.at(-1) ?? null,
      activeAt: view.timeline.at(-1)?.time ?? 0,
      user: { userId: peer },
    });
  }

  #readable(id: string): Message[] {
    const { timeline, clearedTo } = this.#view(id.slice(3));
    return timeline.filter(({ seq }) => seq > clearedTo);
  }

  #view(peer: string): View {
    const view = this.#views.get(peer) ?? {
      timeline: [], change: 0, listedAfter: 0, clearedTo: 0, readTo: 0, peerReadTo: 0, pinned: false, touched: 0, undo: null, covered: 0,
    };
    this.#views.set(peer, view);
    return view;
  }
}

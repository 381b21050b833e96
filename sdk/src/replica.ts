import { isInDoubt, settleArchive } from './archive.js';
import { trim } from './bounded.js';
import { Contacts } from './contacts.js';
import { ConversationList, isAfterLeaving, newEntry, type Entry } from './conversation-list.js';
import { userConversation, groupConversation } from './ids.js';
import { MessageCache } from './message-cache.js';
import { noteMention } from './mentions.js';
import { conversationOf, isCountable, mayBeLast } from './message.js';
import { merge } from './merge.js';
import type { Message } from './models.js';
import { NEVER, START, type Moment } from './moment.js';
import type { News } from './news.js';
import { Removals } from './removals.js';
import { same } from './same.js';
import { heads } from './since.js';
import { Strangers } from './strangers.js';
import { Tombstones } from './tombstones.js';
import type {
  Conversation, ConversationPage, DeletedConversation, Event, GotConversation, GroupLeft, GroupProfile, LoggedIn,
  Message as WireMessage, PeerRead, Pong, Resume, Resumed,
} from './protocol.js';

/** What the replica cannot know from the events alone, and asks for. */
export interface Source {
  /** The state of a conversation that is not in the list, or of which only a part is known. Ends in `fetched`. */
  fetch(conversationID: string): void;
  /** The messages between `entry.delivered` and what waits. Ends in `pulled`. */
  pull(entry: Entry): void;
}

/** Messages whose telling is remembered: the last guard against telling one twice. */
const TOLD = 5000;
/** How far a message's time may lie before the heartbeat that came after it, in ms. */
const CLOCK_MARGIN = 5000;

/**
 * This client's copy of what the server knows of the user. All changes of it are here: events, pages, answers. It tells
 * `News` what the app has to hear, and never waits: whatever needs a request is asked of `Source` and comes back as a call.
 */
export class Replica {
  readonly me: string;
  readonly tinyID: string;
  readonly list: ConversationList;
  readonly cache: MessageCache;
  readonly news: News;
  readonly contacts: Contacts;
  readonly moment: Moment = { now: START };
  /** The greatest change number applied, and the server's time of the last sign that nothing is missing before it. */
  change: number;
  syncedAt: number;
  /** Events may be lost: that one came says nothing of those before it. */
  verifies: boolean;

  /** How many deletions were applied: an answer can tell whether its event came. */
  deletions = 0;

  /** The server's time of the login with which this list began. */
  readonly #loggedInAt: number;
  readonly #source: Source;
  readonly #strangers = new Strangers();
  readonly #told = new Set<string>();
  readonly #tombstones = new Tombstones();
  readonly #removals: Removals;

  /** @param hidden Conversations that the user has deleted and the server has not yet. */
  constructor(me: string, login: LoggedIn, news: News, source: Source, hidden?: ReadonlySet<string>) {
    this.me = me;
    this.tinyID = login.tinyId;
    this.change = login.change;
    this.syncedAt = login.time;
    this.#loggedInAt = login.time;
    this.verifies = login.verifies;
    this.news = news;
    this.#source = source;
    this.list = new ConversationList(me, hidden);
    this.cache = new MessageCache(me, (message) => news.revoked([message]));
    this.contacts = new Contacts(login.profile, this.list, news, this.moment);
    this.#removals = new Removals(me, this.list, this.cache, news, source);
  }

  /** Where this client stands. The heads of a part of the list would have the server tell all the rest of it. */
  since(isComplete: boolean): Resume {
    const place = { change: this.change, syncedAt: this.syncedAt, loggedInAt: this.#loggedInAt };
    return isComplete ? { ...place, heads: heads(this.list) } : place;
  }

  apply(event: Event): void {
    this.moment.now++;
    switch (event.ev) {
      case 'message': return this.#message(event.d);
      case 'conversations.changed': {
        for (const state of event.d.conversations) {
          this.#note(state.change);
          // Deleted elsewhere: news only for a client that still shows it.
          if (!state.unlisted || this.list.get(state.conversationId)) this.#news(state);
        }
        return;
      }
      case 'conversations.deleted': return this.deleted(event.d.conversations);
      case 'conversations.historyRemoved': return this.#removals.history(event.d);
      case 'messages.removed': return this.#removals.messages(event.d, (id) => this.#strangers.of(id));
      case 'conversations.peerRead': return this.#peerRead(event.d);
      case 'groups.joined': return this.#joined(event.d.group);
      case 'groups.changed': return this.contacts.group(event.d.group);
      case 'groups.membership': {
        this.contacts.membership(event.d);
        return this.#source.fetch(groupConversation(event.d.groupId));
      }
      case 'groups.left': return this.#left(event.d);
      case 'friends.changed': return this.contacts.setFriends(event.d);
      case 'friends.applications': return this.contacts.setApplications(event.d);
      case 'users.changed': return event.d.profiles.forEach((profile) => this.contacts.user(profile));
      case 'session.verify': case 'session.kicked': return; // The session's business.
    }
  }

  /** A page of the list after a fresh login. */
  page({ conversations }: ConversationPage): void {
    const fresh: Entry[] = [];
    for (const state of conversations) {
      // What events brought before its page is not older than the page.
      const { conversationId: id } = state;
      if (this.list.get(id) || this.#strangers.has(id) || this.#tombstones.isBefore(state)) this.#state(state, NEVER);
      else fresh.push(this.#entry(state, state.head));
    }
    this.list.putAll(fresh);
    this.news.changed('list');
  }

  /**
   * What was missed: while there was no connection, or although there was one. The server tells too much rather than too
   * little, and may have read it before what events brought since.
   *
   * @param asked The moment at which it was asked for.
   */
  resumed({ conversations, deleted, friends, applications }: Resumed, { change, time }: LoggedIn | Pong, asked = this.moment.now): void {
    for (const state of conversations) {
      this.#state(state, asked, true);
      const entry = this.list.get(state.conversationId);
      if (entry && entry.state.head > entry.delivered && !entry.waiting) this.#gap(entry, []);
    }
    this.deleted(deleted);
    this.contacts.resumed(friends, applications);
    this.change = Math.max(this.change, change);
    // Nodes' clocks differ: the time of the one that answered, even if it is behind.
    this.syncedAt = time;
  }

  deleted(conversations: DeletedConversation[]): void {
    let isFirst = false;
    let isSeen = false;
    for (const one of conversations) {
      const { conversationId: id, change, clearedTo, listedAfter, survivor } = one;
      this.#note(change);
      const entry = this.list.get(id);
      // A repeat, of an answer that was lost with its connection for example.
      if (change <= Math.max(entry?.state.change ?? 0, this.#tombstones.change(id))) continue;
      isFirst = true;
      // What is hidden is gone for the app already.
      isSeen ||= !this.list.isHidden(id);
      this.cache.drop(id, clearedTo);
      const delivered = Math.max(entry?.delivered ?? 0, this.#tombstones.delivered(id), listedAfter);
      if (survivor && entry) {
        entry.draft = '';
        entry.heardAt = this.moment.now;
        if (merge(entry, survivor, null)) this.#source.fetch(id);
        this.list.put(entry);
      } else if (survivor) {
        this.list.put(this.#entry(survivor, Math.min(delivered, survivor.head)));
      } else {
        this.list.remove(id);
        this.#tombstones.put(id, { change, delivered });
        // Said after the deletion, and told before it.
        if (entry && entry.state.head > listedAfter) this.#source.fetch(id);
      }
    }
    if (isFirst) this.deletions++;
    if (isSeen) this.news.changed('list');
  }

  /** Resolves when the conversation is not being fetched any more. */
  arrived(id: string): Promise<void> {
    return this.#strangers.arrived(id);
  }

  /** This state is given up: nobody is to wait for it. */
  release(): void {
    this.news.silence();
    this.#strangers.release();
  }

  /** The answers to `Source.fetch`, for all IDs that were asked for at the moment `since`. */
  fetched(asked: string[], got: GotConversation[], since: number): void {
    const found = new Map(got.map((one) => [one.conversation.conversationId, one]));
    for (const id of asked) {
      const one = found.get(id);
      if (one?.listed) this.#state(one.conversation, since);
      // Not in the list, and not to be; or read before a deletion that has come since.
      const mayReturn = one !== undefined && this.#tombstones.isBefore(one.conversation);
      for (const message of this.#strangers.take(id)) {
        const entry = this.list.get(id);
        if (!entry || !isAfterLeaving(entry, message)) this.#late(message, mayReturn);
      }
      this.#strangers.answered(id);
    }
  }

  /**
   * What `Source.pull` found, oldest first; `restart` when there was too much, and this is only the newest part. `end` is how
   * far the conversation was known to go when it was asked for.
   */
  pulled(entry: Entry, messages: WireMessage[], end: number, restart: boolean): void {
    const waiting = (entry.waiting ?? []).sort((a, b) => a.seq - b.seq);
    entry.waiting = null;
    if (this.list.get(entry.id) === entry) {
      if (restart) this.cache.drop(entry.id, (messages[0]?.seq ?? 0) - 1);
      for (const message of messages) {
        if (message.seq > entry.delivered) this.#append(entry, message);
      }
      // What else lay between is not for this reader: do not wait for it again.
      entry.delivered = Math.max(entry.delivered, Math.min(end, (waiting[0]?.seq ?? Infinity) - 1));
      entry.newsSince = 0;
    } else {
      // Deleted meanwhile: what the deletion did not cover brings it back.
      const news = messages.filter(({ time }) => time >= entry.newsSince);
      for (const message of news) this.#late(message, true);
    }
    for (const message of waiting) this.#late(message, true);
  }

  draft(id: string, text: string): boolean {
    const entry = this.list.get(id);
    if (!entry) return false;
    entry.draft = text;
    this.#changed(entry);
    return true;
  }

  /** A page of history: the app's objects of these messages. */
  history(id: string, messages: WireMessage[]): Message[] {
    const peerReadTo = this.list.get(id)?.state.peerReadTo ?? 0;
    return messages.map((message) => this.cache.take(message, peerReadTo));
  }

  #message(message: WireMessage): void {
    const id = conversationOf(message, this.me);
    const entry = this.list.get(id);
    this.#removals.check(id, message);
    if (message.seq === 0) return this.#tell(message, 0, entry?.state.remindType === 'Discard');
    if (!entry || isAfterLeaving(entry, message)) {
      if (message.seq > this.#tombstones.delivered(id) && this.#strangers.wait(id, message)) this.#source.fetch(id);
    } else if (message.seq <= entry.delivered) {
      // A duplicate.
    } else if (entry.waiting) {
      entry.waiting.push(message);
    } else if (message.seq > entry.delivered + 1) {
      this.#gap(entry, [message]);
    } else {
      this.#append(entry, message);
    }
  }

  #gap(entry: Entry, waiting: WireMessage[]): void {
    entry.waiting = waiting;
    this.#source.pull(entry);
  }

  /** The next message of a conversation. */
  #append(entry: Entry, message: WireMessage): void {
    const { state } = entry;
    entry.delivered = message.seq;
    entry.heardAt = this.moment.now;
    if (message.seq > state.head) {
      state.head = message.seq;
      state.messages++;
      state.activeAt = Math.max(state.activeAt, message.time);
      if (mayBeLast(message)) state.lastMessage = message;
      if (isCountable(message, this.me)) {
        if (entry.counted.push(message.seq) > 1000) entry.counted.shift();
        if (!state.left && message.seq > state.readTo) state.unread++;
      }
    }
    if (isInDoubt(entry, message.seq)) this.#source.fetch(entry.id);
    noteMention(entry, message, this.me);
    this.#changed(entry);
    if (message.time >= entry.newsSince) this.#tell(message, state.peerReadTo, state.remindType === 'Discard');
    else this.cache.take(message, state.peerReadTo);
  }

  /** Makes the app's message, and has it received unless this instance sent it. */
  #tell(message: WireMessage, peerReadTo: number, quiet = false): void {
    const own = this.cache.isOwn(message.id);
    const taken = this.cache.take(message, peerReadTo);
    if (own || quiet || this.#told.has(message.id)) return;
    this.#told.add(message.id);
    trim(this.#told, TOLD);
    this.news.received(taken);
  }

  /**
   * A message that had to wait. Where a deletion by another client has passed it meanwhile, there is nothing left of it in the
   * list; but the app hears what was said, as it would have had the message not waited.
   */
  #late(message: WireMessage, mayReturn: boolean): void {
    const id = conversationOf(message, this.me);
    const entry = this.list.get(id);
    const delivered = entry?.delivered ?? this.#tombstones.delivered(id);
    if (message.seq > delivered && (entry || mayReturn)) this.#message(message);
    else this.#tell(message, 0, entry?.state.remindType === 'Discard');
  }

  /** A state that an event brought. */
  #news(state: Conversation): void {
    this.#state(state, null);
    const entry = this.list.get(state.conversationId);
    if (entry) entry.heardAt = this.moment.now;
  }

  /** A state from the server, by whatever way it came; `isMissed` when what was said may be news. */
  #state(state: Conversation, asked: number | null, isMissed = false): void {
    const entry = this.list.get(state.conversationId);
    if (entry) this.#merge(entry, state, asked);
    else if (!this.#tombstones.isBefore(state)) this.#arrive(state, isMissed);
  }

  #merge(entry: Entry, state: Conversation, asked: number | null): void {
    const before = entry.state;
    if (merge(entry, state, asked)) this.#source.fetch(entry.id);
    this.contacts.seen(entry.state);
    settleArchive(entry, before, state);
    if (same(before, entry.state)) return;
    this.cache.drop(entry.id, entry.state.clearedTo);
    if (entry.state.peerReadTo > before.peerReadTo) this.#markRead(entry);
    this.#changed(entry);
  }

  /** A conversation comes into the list. */
  #arrive(state: Conversation, isMissed: boolean): void {
    const id = state.conversationId;
    const waiting = this.#strangers.take(id);
    const first = waiting[0]?.seq;
    const buried = this.#tombstones.has(id) ? this.#tombstones.delivered(id) : undefined;
    const known = Math.min(state.head, Math.max(state.clearedTo, buried ?? 0));
    const newsSince = this.syncedAt - CLOCK_MARGIN;
    const mayMiss = isMissed || (this.verifies && (first !== undefined || state.activeAt >= newsSince));
    const delivered = first === undefined ? state.head : (buried ?? first - 1);
    const entry = this.#entry(state, mayMiss ? known : delivered);
    this.#changed(entry);
    if (mayMiss && (first === undefined ? state.head > known : first > known + 1)) {
      entry.newsSince = newsSince;
      this.#gap(entry, waiting);
      return;
    }
    for (const message of waiting) this.#late(message, true);
  }

  #entry(state: Conversation, delivered: number): Entry {
    this.#tombstones.delete(state.conversationId);
    const entry = newEntry(state, delivered);
    if (state.lastMessage) noteMention(entry, state.lastMessage, this.me);
    this.contacts.seen(state);
    return entry;
  }

  #changed(entry: Entry): void {
    this.list.put(entry);
    this.news.changed('list');
  }

  /** Only what comes in order may move it: a page can overtake the event of an earlier change, and so can one of several nodes. */
  #note(change: number): void {
    if (!this.verifies) this.change = Math.max(this.change, change);
  }

  #peerRead({ userId, readTo }: PeerRead): void {
    const entry = this.list.get(userConversation(userId));
    if (!entry || readTo <= entry.state.peerReadTo) return;
    entry.state.peerReadTo = readTo;
    this.#markRead(entry);
    this.#changed(entry);
  }

  #markRead({ id, state }: Entry): void {
    const read = this.cache.readByPeer(id, state.peerReadTo);
    if (read.length > 0) this.news.readByPeer(read);
  }

  #left(left: GroupLeft): void {
    const id = groupConversation(left.groupId);
    const known = Math.max(this.list.get(id)?.state.change ?? 0, this.#tombstones.change(id));
    if (left.change === 0 || left.change >= known) this.contacts.left(left);
  }

  #joined(group: GroupProfile): void {
    this.contacts.joined(group);
    // The conversation may be new, or one that was left before: its state has other floors now.
    this.#source.fetch(groupConversation(group.groupId));
  }
}

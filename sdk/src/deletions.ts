import * as check from './check.js';
import { newEntry, toConversation } from './conversation-list.js';
import { ChatError } from './errors.js';
import { conversationID } from './ids.js';
import type { Conversation, FailedConversation, Result } from './models.js';
import type { DeleteConversationOptions, PreviewDeletionOptions } from './options.js';
import { CODE, type DeleteConversations, type DeleteItem, type DeleteOutcome, type FailedConversation as WireFailure } from './protocol.js';
import type { Session } from './session.js';

const BAD = CODE.CONVERSATION_PARAMETER;
/** The most conversations in one call. */
const PER_CALL = 100;
const SCOPES = ['me', 'everyone'] as const;

/** The answer of the list form of `deleteConversation`. */
export interface DeletedConversations {
  /** The deleted ones, each once, in the order asked for. */
  conversationIDList: string[];
  /** Lethe's: those that were not deleted, and why. */
  failureList: FailedConversation[];
  /** Lethe's: server time in ms until which `restoreConversation` undoes it; 0 if it cannot be undone, or is not done yet. */
  restorableUntil: number;
  /** Lethe's: its row in the server's deletion journal; empty if nothing changed, or is not done yet. */
  entry: string;
  /** Lethe's: there was no connection: it is not shown any more, and is done when there is one. */
  isQueued: boolean;
}

/** What deleting one conversation would do. */
export interface PreviewedConversation {
  conversationID: string;
  /** Messages that could not be read any more; 0 when the history is kept. */
  messageCount: number;
  /** Images, sounds, videos and files in them. */
  fileCount: number;
  /** Bytes of those messages as they are stored. */
  byteCount: number;
  /** Files and bytes were counted in the newest messages only: there are more. */
  hasMore: boolean;
  /** People who would lose it, the user included. */
  personCount: number;
}

export interface DeletionPreview {
  /** In the order asked for. */
  conversationList: PreviewedConversation[];
  /** What could not be deleted, and why. */
  failureList: FailedConversation[];
  /** Seconds in which it could be undone; 0 if it could not. */
  restorableSeconds: number;
  /** Clients of the user that are online and would lose it at once, this one included. */
  deviceCount: number;
}

/** Deleting conversations, what that would do, and taking it back. */
export class Deletions {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Takes conversations off the caller's list. Nobody else notices, and a message that this client has not seen yet brings
   * the conversation back with just that message. Messages still waiting to be sent to it are cancelled. Without a connection
   * they are hidden at once, and deleted when there is one again.
   *
   * @param options An ID; or a list of up to 100, whether their history is cleared too (default: yes), and for whom.
   */
  deleteConversation(options: string): Promise<Result<{ conversationID: string }>>;
  deleteConversation(options: DeleteConversationOptions): Promise<Result<DeletedConversations>>;
  deleteConversation(
    options: string | DeleteConversationOptions,
  ): Promise<Result<{ conversationID: string } | DeletedConversations>>;
  async deleteConversation(
    options: string | DeleteConversationOptions,
  ): Promise<Result<{ conversationID: string } | DeletedConversations>> {
    const { replica } = this.#session;
    const { ids, ...how } = deletion(options);
    const anchors = new Map(ids.map((id) => [id, replica.list.get(id)?.state.head]));
    await this.#session.withdraw(new Set(ids));
    const items = ids.map((conversationId): DeleteItem => {
      const anchor = anchors.get(conversationId);
      return anchor === undefined ? { conversationId } : { conversationId, anchor: replica.cache.pastOwn(conversationId, anchor) };
    });
    const { deletions } = this.#session;
    // What others would lose too is done now or not at all.
    const outcome = how.scope === 'everyone' ? await deletions.now({ items, ...how }) : await deletions.add({ items, ...how });
    const isQueued = outcome === null;
    const { deleted, failed, restorableUntil, entry = '' } = outcome ?? { ...NOTHING, deleted: ids };
    if (deleted.length === 0) {
      const [first] = failed;
      throw new ChatError(
        // For everyone there are reasons that an app has to tell apart.
        how.scope === 'everyone' && first ? first.code : CODE.CONVERSATION_NOT_FOUND,
        first ? `nothing was deleted: ${first.message}` : 'nothing was deleted',
        { failureList: failed.map(toFailure) },
      );
    }
    if (typeof options === 'string') return { code: 0, data: { conversationID: options } };
    const failureList = failed.map(toFailure);
    return { code: 0, data: { conversationIDList: [...deleted], failureList, restorableUntil, entry, isQueued } };
  }

  /**
   * Undoes the last deletion or clearing of a conversation, while the app's grace period lasts: place, history, unread
   * messages and pin are as they were, and what came since stays on top.
   */
  async restoreConversation(id: string): Promise<Result<{ conversation: Conversation }>> {
    const { replica } = this.#session;
    const conversationId = conversationID(id);
    if (!this.#session.deletions.cancel(conversationId)) {
      const before = replica.list.get(conversationId)?.state.change;
      await this.#session.request('conversations.restore', { conversationId });
      // Its event came before the answer, unless another node has still to tell it.
      const now = replica.list.get(conversationId)?.state.change;
      if (now === undefined || now === before) await this.#read(conversationId);
    }
    const conversation = replica.list.view(conversationId) ?? (await this.#read(conversationId));
    if (!conversation) throw new ChatError(CODE.CONVERSATION_NOT_FOUND, `there is no conversation ${conversationId}`);
    return { code: 0, data: { conversation } };
  }

  /** Says what `deleteConversation` would do with these options, and does nothing. */
  async previewDeletion(options: PreviewDeletionOptions): Promise<Result<DeletionPreview>> {
    const { replica } = this.#session;
    const { ids, clearHistory, scope } = deletion(check.fields(options, BAD));
    const items = ids.map((conversationId): DeleteItem => {
      const anchor = replica.list.get(conversationId)?.state.head;
      return anchor === undefined ? { conversationId } : { conversationId, anchor };
    });
    const preview = await this.#session.request('conversations.previewDeletion', {
      items, clearHistory, ...(scope !== undefined && { scope }),
    });
    return {
      code: 0,
      data: {
        conversationList: preview.conversations.map((one) => ({
          conversationID: one.conversationId,
          messageCount: one.messages,
          fileCount: one.files,
          byteCount: one.bytes,
          hasMore: one.more ?? false,
          personCount: one.people,
        })),
        failureList: preview.failed.map(toFailure),
        restorableSeconds: preview.restorableSeconds,
        deviceCount: preview.devices,
      },
    };
  }

  /** A conversation as the server has it, whether listed or not. */
  async #read(conversationId: string): Promise<Conversation | undefined> {
    const { replica } = this.#session;
    const asked = replica.moment.now;
    const { conversations } = await this.#session.request('conversations.get', { conversationIds: [conversationId] }, {
      apply: (answer) => replica.fetched([conversationId], answer.conversations, asked),
    });
    const [got] = conversations;
    return replica.list.view(conversationId) ?? (got && toConversation(newEntry(got.conversation, 0), replica.me));
  }
}

const NOTHING: DeleteOutcome = { deleted: [], failed: [], restorableUntil: 0 };

type How = Omit<DeleteConversations, 'items' | 'key'>;

function deletion(options: unknown): How & { ids: string[] } {
  if (typeof options === 'string') return { ids: [conversationID(options)], clearHistory: true };
  const given = check.fields(options, BAD);
  const ids = idList(given.conversationIDList).map(conversationID);
  const flag = (name: string, otherwise: boolean): boolean =>
    given[name] === undefined ? otherwise : check.flag(given[name], name, BAD);
  const scope = check.oneOf(given.scope ?? 'me', SCOPES, 'scope', BAD);
  return {
    ids,
    clearHistory: flag('clearHistoryMessage', true),
    ...(scope === 'everyone' && { scope }),
    ...(flag('localOnly', false) && { localOnly: true }),
  };
}

/** 1 to 100 IDs, each once. More are refused whole: cutting a list silently would be a lie about what was done. */
export function idList(value: unknown): string[] {
  if (!Array.isArray(value) || value.some((id) => typeof id !== 'string')) {
    throw new ChatError(BAD, 'conversationIDList is an array of strings');
  }
  const ids = value as string[];
  if (ids.length < 1 || ids.length > PER_CALL) {
    throw new ChatError(CODE.CONVERSATION_LIST_SIZE, `a call takes 1 to ${PER_CALL} conversations, not ${ids.length}`);
  }
  return [...new Set(ids)];
}

export const toFailure = ({ conversationId, code, message }: WireFailure): FailedConversation => ({
  conversationID: conversationId, code, message,
});

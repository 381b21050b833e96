import * as check from './check.js';
import { TYPES } from './constants.js';
import { newEntry, toConversation } from './conversation-list.js';
import { idList, toFailure } from './deletions.js';
import { ChatError } from './errors.js';
import { conversationID, groupConversation, parseConversationID, SYSTEM, userConversation } from './ids.js';
import type { Conversation, FailedConversation, FailedUser, Result } from './models.js';
import type {
  ArchiveConversationOptions, Constant, GetConversationListOptions, SetMessageRemindTypeOptions,
} from './options.js';
import { CODE, type ChangeOutcome } from './protocol.js';
import type { Session } from './session.js';

const BAD = CODE.CONVERSATION_PARAMETER;
const CUSTOM_DATA_BYTES = 256;
const REMIND_TYPES = ['AcceptAndNotify', 'AcceptNotNotify', 'Discard', 'AcceptNotNotifyExceptAt'] as const;
const SCOPES = ['readAllC2CMessage', 'readAllGroupMessage', 'readAllMessage'] as const;

/** What a call did to each of several conversations. */
export interface BatchResult {
  successConversationIDList: string[];
  failureConversationIDList: FailedConversation[];
}

/** The list of conversations, and what a user does to its own. */
export class Conversations {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The conversations in the list's order; those with these IDs, put away or not; or those that match all given filters. */
  async getConversationList(
    options?: string[] | GetConversationListOptions,
  ): Promise<Result<{ conversationList: Conversation[]; isSyncCompleted: boolean }>> {
    const { list } = this.#session.replica;
    let conversationList: Conversation[];
    if (Array.isArray(options)) {
      conversationList = check.texts(options, 'conversationIDList', BAD).flatMap((id) => list.view(id) ?? []);
    } else {
      const filter = check.fields(options ?? {}, BAD) as GetConversationListOptions;
      const isArchived = filter.isArchived !== undefined && check.flag(filter.isArchived, 'isArchived', BAD);
      conversationList = list.views(isArchived).filter((conversation) => matches(conversation, filter));
    }
    return { code: 0, data: { conversationList, isSyncCompleted: this.#session.isSynced } };
  }

  /** A conversation as it is on the server now. One that is not in the list is put there, as by opening a chat. */
  async getConversationProfile(id: string): Promise<Result<{ conversation: Conversation }>> {
    const { replica } = this.#session;
    const conversationId = conversationID(id);
    const read = () => {
      const asked = replica.moment.now;
      return this.#session.request('conversations.get', { conversationIds: [conversationId] }, {
        apply: ({ conversations }) => replica.fetched([conversationId], conversations, asked),
      });
    };
    let [got] = (await read()).conversations;
    if (!got?.listed && conversationId !== SYSTEM && !got?.conversation.left) {
      await this.#session.request('conversations.open', { conversationId });
      if (!replica.list.get(conversationId)) [got] = (await read()).conversations;
    }
    const conversation =
      replica.list.view(conversationId) ?? (got && toConversation(newEntry(got.conversation, 0), replica.me));
    if (!conversation) throw new ChatError(CODE.CONVERSATION_NOT_FOUND, `there is no conversation ${conversationId}`);
    return { code: 0, data: { conversation } };
  }

  /** Keeps a draft with a conversation of the list, in this client's memory only. */
  async setConversationDraft(options: { conversationID: string; draftText: string }): Promise<Result<{ conversationID: string }>> {
    const { replica } = this.#session;
    const given = check.fields(options, BAD);
    const id = conversationID(given.conversationID);
    if (!replica.draft(id, check.text(given.draftText, 'draftText', BAD, 0))) {
      throw new ChatError(CODE.CONVERSATION_NOT_FOUND, `there is no conversation ${id} in the list`);
    }
    return { code: 0, data: { conversationID: id } };
  }

  /**
   * Clears a conversation's history for the caller; it keeps its place in the list. `restoreConversation` gives the history
   * back until `restorableUntil`, in ms; 0 when it cannot. `entry` names the row in the deletion journal, if anything changed.
   */
  async clearHistoryMessage(id: string): Promise<Result<{ conversationID: string; restorableUntil: number; entry: string }>> {
    this.#session.requireLogin();
    const conversationId = conversationID(id);
    const request = { conversationId, ...this.#known(conversationId) };
    const { restorableUntil, entry = '' } = await this.#session.request('conversations.clear', request);
    return { code: 0, data: { conversationID: conversationId, restorableUntil, entry } };
  }

  async pinConversation(options: { conversationID: string; isPinned: boolean }): Promise<Result<{ conversationID: string }>> {
    this.#session.requireLogin();
    const { conversationID: id, isPinned } = check.fields(options, BAD);
    const conversationId = conversationID(id);
    await this.#session.request('conversations.pin', { conversationId, pinned: check.flag(isPinned, 'isPinned', BAD) });
    return { code: 0, data: { conversationID: conversationId } };
  }

  /** Marks a conversation read, up to the newest message that this client has. */
  async setMessageRead(options: { conversationID: string }): Promise<Result<{ conversationID: string }>> {
    const { replica } = this.#session;
    const conversationId = conversationID(check.fields(options, BAD).conversationID);
    const state = replica.list.get(conversationId)?.state;
    if (!state || state.unread > 0 || state.readTo < state.head) {
      await this.#session.request('conversations.read', { conversationId, ...this.#known(conversationId) });
    }
    return { code: 0, data: { conversationID: conversationId } };
  }

  /** @param options `scope`: default `TYPES.READ_ALL_MSG`. */
  async setAllMessageRead(options?: { scope?: Constant }): Promise<Result<Record<string, never>>> {
    this.#session.requireLogin();
    const { scope } = check.fields(options ?? {}, BAD);
    const which = check.oneOf(scope ?? 'readAllMessage', SCOPES, 'scope', BAD);
    await this.#session.request('conversations.readAll', {
      users: which !== 'readAllGroupMessage',
      groups: which !== 'readAllC2CMessage',
    });
    return { code: 0, data: {} };
  }

  /** Sets how new messages of users, or of a group, are received. */
  async setMessageRemindType(
    options: SetMessageRemindTypeOptions,
  ): Promise<Result<{ successUserIDList: { userID: string }[]; failureUserIDList: FailedUser[] }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const remindType = check.oneOf(given.messageRemindType, REMIND_TYPES, 'messageRemindType', BAD);
    const isGroup = given.groupID !== undefined;
    const conversationIds = isGroup
      ? [groupConversation(check.text(given.groupID, 'groupID', BAD))]
      : check.users(given.userIDList, 30, BAD).map(userConversation);
    conversationIds.forEach(conversationID);
    const { changed, failed } = await this.#session.request('conversations.remind', { conversationIds, remindType });
    const [first] = failed;
    if (isGroup && first) throw new ChatError(first.code, first.message);
    const users = isGroup ? [] : changed;
    return {
      code: 0,
      data: {
        successUserIDList: users.map((id) => ({ userID: id.slice('C2C'.length) })),
        failureUserIDList: failed.map(({ conversationId, code, message }) => ({
          userID: conversationId.slice('C2C'.length), code, message,
        })),
      },
    };
  }

  /** The sum of unread messages, without muted conversations and system notices. */
  getTotalUnreadMessageCount(): number {
    return this.#session.userID ? this.#session.replica.list.total : 0;
  }

  /** Stores the user's own data, at most 256 bytes, with conversations. */
  async setConversationCustomData(options: { conversationIDList: string[]; customData: string }): Promise<Result<BatchResult>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const customData = check.text(given.customData, 'customData', BAD, 0);
    if (check.bytes(customData) > CUSTOM_DATA_BYTES) {
      throw new ChatError(BAD, `customData has at most ${CUSTOM_DATA_BYTES} bytes`);
    }
    return this.#batch(given.conversationIDList, (conversationIds) =>
      this.#session.request('conversations.customData', { conversationIds, customData }),
    );
  }

  /** Sets or removes a mark: one of `TYPES.CONV_MARK_TYPE_*`, or an own one, 2^32 to 2^63. */
  async markConversation(
    options: { conversationIDList: string[]; markType: Constant; enableMark: boolean },
  ): Promise<Result<BatchResult>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const mark = markText(given.markType);
    const enable = check.flag(given.enableMark, 'enableMark', BAD);
    return this.#batch(given.conversationIDList, (conversationIds) =>
      this.#session.request('conversations.mark', { conversationIds, mark, enable }),
    );
  }

  /** Puts conversations away without deleting anything, or takes them out again. Those put away are not pinned any more. */
  async archiveConversation(options: ArchiveConversationOptions): Promise<Result<BatchResult>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const archived = check.flag(given.isArchived, 'isArchived', BAD);
    const keep = given.keepOnMessage === undefined ? false : check.flag(given.keepOnMessage, 'keepOnMessage', BAD);
    return this.#batch(given.conversationIDList, (conversationIds) =>
      this.#session.request('conversations.archive', { conversationIds, archived, ...(archived && keep && { keep }) }),
    );
  }

  async #batch(value: unknown, ask: (ids: string[]) => Promise<ChangeOutcome>): Promise<Result<BatchResult>> {
    const ids = idList(value);
    const good = ids.filter(parseConversationID);
    const bad = ids.filter((id) => !parseConversationID(id)).map((id) => ({
      conversationID: id, code: CODE.INVALID_CONVERSATION_ID, message: 'no conversation ID',
    }));
    const { changed, failed } = good.length > 0 ? await ask(good) : { changed: [], failed: [] };
    return {
      code: 0,
      data: { successConversationIDList: changed, failureConversationIDList: [...bad, ...failed.map(toFailure)] },
    };
  }

  /** What this client knows of a conversation: newer messages are not touched by what it asks for. */
  #known(id: string): { upTo?: number } {
    const head = this.#session.replica.list.get(id)?.state.head;
    return head === undefined ? {} : { upTo: head };
  }
}

/** A mark as it travels: it exceeds the integers of JavaScript's numbers, but as a power of two it is exact in them. */
function markText(mark: unknown): string {
  const power = typeof mark === 'number' ? Math.log2(mark) : NaN;
  if (Number.isInteger(power) && (power < 4 ? power >= 0 : power >= 32 && power < 64)) return BigInt(mark as number).toString();
  throw new ChatError(BAD, 'markType is 1, 2, 4, 8, or a power of two from 2^32 to 2^63');
}

function matches(conversation: Conversation, filter: GetConversationListOptions): boolean {
  const { type, groupName, markType, hasUnreadCount, hasGroupAtInfo } = filter;
  if ((type === TYPES.CONV_C2C || type === TYPES.CONV_GROUP) && conversation.type !== type) return false;
  if (groupName !== undefined && groupName !== '') return false;
  if (markType === 0 && conversation.markList.length > 0) return false;
  if (markType !== undefined && markType !== 0 && !conversation.markList.includes(markType)) return false;
  if (hasUnreadCount !== undefined && conversation.unreadCount > 0 !== hasUnreadCount) return false;
  return hasGroupAtInfo === undefined || conversation.groupAtInfoList.length > 0 === hasGroupAtInfo;
}

import { chat } from './client';
import { CANCELLED, codeOf } from './codes';
import { netState } from './netState';
import { isC2CID, isGroupID, TYPES, type Conversation } from './sdk';

/** The most that one call deletes. */
export const DELETION_LIMIT = 100;

/** What a deletion will do, as far as this client can know before it is done. */
export interface Consequences {
  count: number;
  /** Messages that clearing removes from view; null when the server has not told how many there are. */
  messages: number | null;
  unread: number;
  hasC2C: boolean;
  hasGroup: boolean;
  /** Left or dismissed groups: nothing can bring these back. */
  left: number;
}

export function consequencesOf(selected: readonly Conversation[]): Consequences {
  const known = selected.every((conversation) => conversation.messageCount !== undefined);
  const left = selected.filter((conversation) => conversation.isLeft === true);
  const ids = selected.filter((conversation) => conversation.isLeft !== true).map((item) => item.conversationID);
  return {
    count: selected.length,
    messages: known ? selected.reduce((sum, conversation) => sum + (conversation.messageCount ?? 0), 0) : null,
    unread: selected.reduce((sum, conversation) => sum + conversation.unreadCount, 0),
    hasC2C: ids.some(isC2CID),
    hasGroup: ids.some(isGroupID),
    left: left.length,
  };
}

export interface DeletionFailure {
  conversationID: string;
  code: number;
  message: string;
}

export interface DeletionResult {
  deleted: string[];
  failures: DeletionFailure[];
  /** It can be undone now. */
  isUndoable: boolean;
  /** It waits for a connection. */
  isQueued: boolean;
}

/** The reasons inside an error that says nothing at all was deleted. */
function failuresIn(error: unknown): DeletionFailure[] {
  const data = (error as { data?: { failureList?: DeletionFailure[] } } | null)?.data;
  return data?.failureList ?? [];
}

export interface DeletionChoice {
  clearHistory: boolean;
  forEveryone: boolean;
}

const scopeOf = ({ forEveryone }: DeletionChoice) => (forEveryone ? 'everyone' : 'me');

async function ask(conversationIDList: string[], choice: DeletionChoice): Promise<DeletionResult> {
  try {
    const { data } = await chat().deleteConversation({
      conversationIDList,
      clearHistoryMessage: choice.clearHistory,
      scope: scopeOf(choice),
    });
    const isUndoable = data.isQueued || data.restorableUntil > 0;
    return { deleted: data.conversationIDList, failures: data.failureList, isUndoable, isQueued: data.isQueued };
  } catch (error) {
    const failures = failuresIn(error);
    if (failures.length === 0) throw error;
    return { deleted: [], failures, isUndoable: false, isQueued: false };
  }
}

/**
 * Deletes. Without a connection the SDK hides them at once and deletes them later: nobody waits for that. What it then finds
 * to be impossible is told by `refused`.
 */
export async function deleteConversations(ids: string[], choice: DeletionChoice, refused: (error: unknown) => void): Promise<DeletionResult> {
  const asked = ask(ids, choice);
  if (netState.value === TYPES.NET_STATE_CONNECTED || choice.forEveryone) return asked;
  asked.catch((error: unknown) => {
    if (codeOf(error) !== CANCELLED) refused(error);
  });
  return { deleted: ids, failures: [], isUndoable: true, isQueued: true };
}

/** What the server says that a deletion would do. */
export interface Forecast {
  messages: number;
  files: number;
  bytes: number;
  /** Files and bytes are of a part only. */
  isPartial: boolean;
  /** The most people who would lose the same conversation. */
  people: number;
  restorableSeconds: number;
  devices: number;
  /** The choice is open to this user for all of these conversations. */
  isAllowed: boolean;
}

/** Asks without deleting anything; null when there is no answer to be had. */
export async function forecast(ids: string[], choice: DeletionChoice): Promise<Forecast | null> {
  const options = { conversationIDList: ids, clearHistoryMessage: choice.clearHistory, scope: scopeOf(choice) } as const;
  const answer = await chat().previewDeletion(options).catch(() => null);
  if (answer === null) return null;
  const { conversationList, failureList, restorableSeconds, deviceCount } = answer.data;
  const sum = (of: (one: (typeof conversationList)[number]) => number) => conversationList.reduce((total, one) => total + of(one), 0);
  return {
    messages: sum((one) => one.messageCount),
    files: sum((one) => one.fileCount),
    bytes: sum((one) => one.byteCount),
    isPartial: conversationList.some((one) => one.hasMore),
    people: Math.max(1, ...conversationList.map((one) => one.personCount)),
    restorableSeconds,
    devices: deviceCount,
    isAllowed: failureList.length === 0,
  };
}

/** Undoes the last deletion or clearing of each; those that could not be undone, and why. */
export async function restoreConversations(ids: readonly string[]): Promise<{ restored: string[]; errors: unknown[] }> {
  const outcomes = await Promise.allSettled(ids.map((id) => chat().restoreConversation(id)));
  return {
    restored: ids.filter((_, index) => outcomes[index]?.status === 'fulfilled'),
    errors: outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : [])),
  };
}

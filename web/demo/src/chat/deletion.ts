import { chat } from './client';
import { isC2CID, isGroupID, type Conversation } from './sdk';

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
}

/** The reasons inside an error that says nothing at all was deleted. */
function failuresIn(error: unknown): DeletionFailure[] {
  const data = (error as { data?: { failureList?: DeletionFailure[] } } | null)?.data;
  return data?.failureList ?? [];
}

export async function deleteConversations(conversationIDList: string[], clearHistoryMessage: boolean): Promise<DeletionResult> {
  try {
    const { data } = await chat().deleteConversation({ conversationIDList, clearHistoryMessage });
    return { deleted: data.conversationIDList, failures: data.failureList };
  } catch (error) {
    const failures = failuresIn(error);
    if (failures.length === 0) throw error;
    return { deleted: [], failures };
  }
}

import type { Entry } from './conversation-list.js';
import type { Conversation } from './protocol.js';

/*
A conversation is put away until a newer message, or for good: which of the two only the server knows. So what comes for one
that is away has its state asked for, until an answer shows that it stays away whatever comes.
*/

/** A message came. Whether the conversation has to be asked for. */
export function isInDoubt(entry: Entry, seq: number): boolean {
  if (!entry.state.archived || entry.keeps === entry.state.change) return false;
  entry.doubt = seq;
  return true;
}

/** A state from the server was merged; `before` is what was known. */
export function settleArchive(entry: Entry, before: Conversation, state: Conversation): void {
  const { archived, change } = entry.state;
  if (!archived || change !== before.change) entry.doubt = 0;
  else if (entry.doubt > 0 && state.change === change && state.head >= entry.doubt) entry.keeps = change;
}

import type { ConversationList, Entry } from './conversation-list.js';

/** The server's limit: the most conversations whose heads a client names. */
const HEADS_MAX = 500;

/** How far the app was told of each conversation; of too many, of those with the newest messages. */
export function heads(list: ConversationList): Record<string, number> {
  let entries = [...list.entries()];
  if (entries.length > HEADS_MAX) {
    entries = entries.sort((a, b) => b.state.activeAt - a.state.activeAt).slice(0, HEADS_MAX);
  }
  return Object.fromEntries(entries.map((entry) => [entry.id, head(entry)]));
}

/** What is still being pulled is not had yet. */
const head = ({ state, delivered }: Entry): number => Math.min(state.head, delivered);

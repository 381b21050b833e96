import type { Entry } from './conversation-list.js';
import { mention } from './message.js';
import type { Message } from './protocol.js';

/** Takes note of a message that mentions the reader and was not read. */
export function noteMention(entry: Entry, message: Message, me: string): void {
  const kind = mention(message, me);
  if (kind === 0 || message.seq <= entry.state.readTo) return;
  if (entry.mentions.some(({ messageSequence }) => messageSequence === message.seq)) return;
  entry.mentions.push({
    groupID: message.group ?? '', messageSequence: message.seq, atTypeArray: [kind], from: message.from,
  });
}

import { describe } from './check.js';
import { ChatError } from './errors.js';
import { CODE } from './protocol.js';

/** The conversation of system notices. */
export const SYSTEM = '@TIM#SYSTEM';

const USER_ID = /^[\x20-\x7e]{1,32}$/;
const GROUP_ID = /^[\x20-\x7e]{1,48}$/;

export const userConversation = (userID: string): string => `C2C${userID}`;
export const groupConversation = (groupID: string): string => `GROUP${groupID}`;

export const isUserID = (text: string): boolean => USER_ID.test(text);

/** What a conversation ID names, or null when it is malformed. */
export function parseConversationID(id: string): { user?: string; group?: string; system?: true } | null {
  if (id === SYSTEM) return { system: true };
  if (id.startsWith('C2C') && USER_ID.test(id.slice(3))) return { user: id.slice(3) };
  if (id.startsWith('GROUP') && GROUP_ID.test(id.slice(5))) return { group: id.slice(5) };
  return null;
}

/** Not `crypto.randomUUID`: browsers have that on secure pages only. */
export function randomID(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The ID itself; malformed ones and other types throw `2503`. */
export function conversationID(value: unknown): string {
  if (typeof value === 'string' && parseConversationID(value)) return value;
  throw new ChatError(
    CODE.INVALID_CONVERSATION_ID,
    `${describe(value)} is no conversation ID: expected C2C\${userID}, GROUP\${groupID} or ${SYSTEM}`,
  );
}

import type { Error as WireError } from './protocol.js';

/** Codes of this SDK's own; all others are the server's, see `CODE` of the protocol. */
export const LOCAL_CODE = {
  /** A message waited to be sent when its conversation was deleted, or a deletion when it was undone: never sent. */
  SEND_CANCELLED: 98100,
  /** Another user is logged in: log out first. */
  OTHER_USER_LOGGED_IN: 98101,
  /** `create` got no usable SDKAppID or proxyServer. */
  BAD_CREATE_OPTIONS: 98102,
  /** The server ended the connection and does not want it back. */
  CONNECTION_REFUSED: 98103,
} as const;

/** What every promise of the SDK rejects with, and what the synchronous creators throw. */
export class ChatError extends Error {
  override readonly name = 'ChatError';
  /** What an app acts upon. */
  readonly code: number;
  /** What belongs to the failure: the failed message of a send, for example. */
  data?: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    if (data !== undefined) this.data = data;
  }

  static from(error: WireError): ChatError {
    return new ChatError(error.code, error.message);
  }
}

/** Any failure as a `ChatError`: foreign ones are defects of ours and say so. */
export function asChatError(failure: unknown, code: number): ChatError {
  if (failure instanceof ChatError) return failure;
  return new ChatError(code, failure instanceof Error ? failure.message : String(failure));
}

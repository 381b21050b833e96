/** The operator's HTTP API. The session is an HttpOnly cookie, so nothing here holds a secret. */

export interface Overview {
  version: string;
  engine: string;
  startedAt: number;
  onlineUsers: number;
  connections: number;
  messagesPerSecond: number;
  messages: number;
  conversations: number;
  deletions: number;
  accounts: number;
  groups: number;
}

export interface Settings {
  SyncConversationDeletion: boolean;
  OnlineWebInstances: number;
  RetainLeftGroups: boolean;
  Administrators: string[];
  /** Seconds. */
  ErasureGrace: number;
  DeleteForEveryone: 'off' | 'own-messages' | 'all';
  /** Seconds; 0 for no limit. */
  DeleteForEveryoneWindow: number;
  /** 0 for ever. */
  RetentionDays: number;
}

/** A row of the deletion journal. Times are ms. */
export interface JournalRow {
  entry: string;
  kind: string;
  time: number;
  /** Empty for the server itself. */
  actor: string;
  /** Whose view; empty for all of a timeline. */
  user: string;
  /** Empty over REST and for the server itself. */
  device: string;
  scope: 'me' | 'everyone';
  items: { conversation: string; listedAfter: number; clearedTo: number }[];
  removed: { store: string; count: number; bytes: number }[];
  note: string;
}

export interface Journal {
  rows: JournalRow[];
  /** Names the page that follows. */
  next: string | null;
}

/** What erases in the background. Times are ms. */
export interface Eraser {
  erased: number;
  erasedBytes: number;
  waiting: number;
  queue: { user: string; conversation: string; due: number; held: boolean; working: boolean; messages: number }[];
  current: { user: string; conversation: string; done: number; target: number } | null;
  diskBytes: number;
  /** 0 for never since the start. */
  compactedAt: number;
  graceSeconds: number;
}

/** A legal hold, on a user or a group. */
export interface Hold {
  user: string | null;
  group: string | null;
  by: string;
  reason: string;
  time: number;
}

export interface AppIdentity {
  sdkAppId: number;
  secretKey: string;
  address: string;
  demo: boolean;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

function errorFrom(status: number, body: unknown): ApiError {
  if (typeof body === 'object' && body !== null && 'code' in body && 'message' in body) {
    return new ApiError(status, Number(body.code), String(body.message));
  }
  return new ApiError(status, status, `HTTP ${status}`);
}

async function call<Answer>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`/console/api/${path}`, {
    method,
    credentials: 'same-origin',
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorFrom(response.status, answer);
  return answer as Answer;
}

export const api = {
  logIn: (password: string) => call<object>('POST', 'login', { password }),
  logOut: () => call<object>('POST', 'logout', {}),
  overview: () => call<Overview>('GET', 'overview'),
  settings: () => call<Settings>('GET', 'settings'),
  changeSettings: (changes: Partial<Settings>) => call<Settings>('PUT', 'settings', changes),
  app: () => call<AppIdentity>('GET', 'app'),
  journal: (user: string, before: string) => call<Journal>('GET', `journal?${new URLSearchParams({ user, before })}`),
  eraser: () => call<Eraser>('GET', 'eraser'),
  holds: () => call<{ holds: Hold[] }>('GET', 'holds'),
  receipt: (entry: string) => call<object>('GET', `receipts/${encodeURIComponent(entry)}`),
};

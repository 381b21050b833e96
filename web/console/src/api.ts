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
};

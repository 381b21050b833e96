/** The operator has turned the demo's sign-in off. */
export class SignInIsOff extends Error {}

class RequestError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const DEMO_OFF = 98009;

async function ask<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(`/demo/api/${path}`, init);
  if (response.ok) return (await response.json()) as Answer;
  const { code, message } = (await response.json().catch(() => ({}))) as { code?: number; message?: string };
  if (code === DEMO_OFF) throw new SignInIsOff();
  throw new RequestError(code ?? response.status, message ?? `HTTP ${response.status}`);
}

export async function demoApp(): Promise<number> {
  return (await ask<{ sdkAppId: number }>('app')).sdkAppId;
}

export async function demoUserSig(userID: string): Promise<string> {
  const answer = await ask<{ userSig: string }>('usersig', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userID }),
  });
  return answer.userSig;
}

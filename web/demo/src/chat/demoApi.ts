/** The operator has turned the demo's sign-in off. */
export class SignInIsOff extends Error {}

async function ask<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(`/demo/api/${path}`, init);
  if (response.status === 403) throw new SignInIsOff();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json()) as Answer;
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

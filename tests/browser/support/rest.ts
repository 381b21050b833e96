import { randomInt } from 'node:crypto';

/** Calls the REST API as the administrator. */
export class Rest {
  readonly #origin: string;
  readonly #query: URLSearchParams;

  constructor(origin: string, sdkAppID: string, userSig: string) {
    this.#origin = origin;
    this.#query = new URLSearchParams({ sdkappid: sdkAppID, identifier: 'administrator', usersig: userSig, random: '1', contenttype: 'json' });
  }

  async call(command: string, body: object): Promise<void> {
    const response = await fetch(`${this.#origin}/v4/${command}?${this.#query}`, { method: 'POST', body: JSON.stringify(body) });
    const answer = (await response.json()) as { ErrorCode: number; ErrorInfo: string };
    if (answer.ErrorCode !== 0) throw new Error(`${command}: ${answer.ErrorInfo} (${answer.ErrorCode})`);
  }

  async settings(settings: object): Promise<void> {
    await this.call('lethe_config/set', settings);
  }

  async createUser(userID: string): Promise<void> {
    await this.call('im_open_login_svc/account_import', { UserID: userID, Nick: userID });
  }

  async send(from: string, to: string, text: string): Promise<void> {
    await this.call('openim/sendmsg', {
      From_Account: from,
      To_Account: to,
      MsgRandom: randomInt(2 ** 31),
      MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: text } }],
    });
  }
}

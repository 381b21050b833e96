import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Actor, QUICK } from './actor.js';

const { Api } = createRequire(import.meta.url)('tls-sig-api-v2') as {
  Api: new (appID: number, key: string) => { genSig(userID: string, expire: number): string };
};

const BINARY = process.env.LETHE_BIN ?? resolve(import.meta.dirname, '../../../target/debug/lethe');
const SDKAPPID = 1400000001;
const KEY = 'a key that only this test knows';
const tokens = new Api(SDKAPPID, KEY);

export const hasServer = existsSync(BINARY);

/** The real server, with a database of its own. */
export class Lethe {
  address = '';
  #process: ChildProcess | null = null;
  #data = '';
  #actors: Actor[] = [];

  static async start(): Promise<Lethe> {
    const lethe = new Lethe();
    lethe.#data = await mkdtemp(join(tmpdir(), 'lethe-sdk-'));
    await lethe.run();
    return lethe;
  }

  /** Starts the process; after `kill`, again with the same data and at the same address. */
  async run(): Promise<void> {
    const listen = this.address ? new URL(this.address).host : '127.0.0.1:0';
    const process_ = spawn(BINARY, ['serve', '--listen', listen, '--data', this.#data], {
      env: { ...process.env, LETHE_SDKAPPID: String(SDKAPPID), LETHE_SECRET_KEY: KEY, RUST_LOG: 'warn' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = process_;
    let output = '';
    this.address = await new Promise<string>((ready, failed) => {
      const read = (data: Buffer): void => {
        output += String(data);
        const address = /lethe ready at (http:\/\/\S+)/.exec(output)?.[1];
        if (address) ready(address);
      };
      process_.stdout.on('data', read);
      process_.stderr.on('data', read);
      process_.once('exit', (code) => failed(new Error(`lethe ended with ${code}:\n${output}`)));
      process_.once('error', failed);
    });
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (!running || running.exitCode !== null) return;
    await new Promise((gone) => {
      running.once('exit', gone);
      running.kill('SIGKILL');
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#actors.map((actor) => actor.chat.destroy()));
    await this.kill();
    await rm(this.#data, { recursive: true, force: true });
  }

  /** A client of this user, logged in and ready. */
  async login(userID: string): Promise<Actor> {
    return this.actor().login(userID, tokens.genSig(userID, 3600));
  }

  actor(): Actor {
    const actor = new Actor(this.address, SDKAPPID, QUICK);
    this.#actors.push(actor);
    return actor;
  }

  token(userID: string, expire = 3600): string {
    return tokens.genSig(userID, expire);
  }

  async settings(settings: Record<string, unknown>): Promise<void> {
    await this.rest('v4/lethe_config/set', settings);
  }

  async rest(path: string, body: unknown): Promise<Record<string, unknown>> {
    const query = new URLSearchParams({
      sdkappid: String(SDKAPPID), identifier: 'administrator', usersig: tokens.genSig('administrator', 3600), random: '1',
      contenttype: 'json',
    });
    const response = await fetch(`${this.address}/${path}?${query}`, { method: 'POST', body: JSON.stringify(body) });
    const answer = (await response.json()) as Record<string, unknown>;
    if (answer.ErrorCode !== 0) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  }
}

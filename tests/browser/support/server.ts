import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Rest } from './rest';

const repository = resolve(import.meta.dirname, '../../..');
const binary = process.env['LETHE_BIN'] ?? join(repository, 'target/debug/lethe');

export const CONSOLE_PASSWORD = 'a quiet river';

const identity = {
  LETHE_SDKAPPID: '1400000001',
  LETHE_SECRET_KEY: '5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e',
  LETHE_CONSOLE_PASSWORD: CONSOLE_PASSWORD,
};

export interface Server {
  origin: string;
  rest(): Promise<Rest>;
  stop(): Promise<void>;
}

/** Starts the real server on a port of its own choice, with an empty data directory. */
export async function startServer(): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'lethe-browser-'));
  const process_ = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data', data], {
    env: { ...process.env, ...identity },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(process_, 'exit');
  let errors = '';
  process_.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));

  const ready = (async () => {
    for await (const line of createInterface({ input: process_.stdout })) {
      const address = /lethe ready at (http:\/\/\S+)/.exec(line)?.[1];
      if (address !== undefined) return address;
    }
    throw new Error('the server closed its output');
  })();
  const origin = await Promise.race([
    ready,
    exited.then(() => {
      throw new Error(`the server ended before it was ready:\n${errors}`);
    }),
  ]);
  // Whatever else it prints must not fill the pipe.
  process_.stdout.resume();

  return {
    origin: origin.replace(/\/$/, ''),
    async rest() {
      const { stdout } = await promisify(execFile)(binary, ['usersig', 'administrator', '--data', data], {
        env: { ...process.env, ...identity },
      });
      return new Rest(origin, identity.LETHE_SDKAPPID, stdout.trim());
    },
    async stop() {
      process_.kill('SIGTERM');
      await exited;
      await rm(data, { recursive: true, force: true });
    },
  };
}

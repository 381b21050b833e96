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
  /** Ends the process and starts it again on the same port and data. */
  restart(): Promise<void>;
  rest(): Promise<Rest>;
  stop(): Promise<void>;
}

interface Running {
  origin: string;
  end(): Promise<void>;
}

async function run(args: string[], env: NodeJS.ProcessEnv): Promise<Running> {
  const lethe = spawn(binary, ['serve', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(lethe, 'exit');
  let errors = '';
  lethe.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));

  const ready = (async () => {
    for await (const line of createInterface({ input: lethe.stdout })) {
      const address = /lethe ready at (http:\/\/\S+)/.exec(line)?.[1];
      if (address !== undefined) return address.replace(/\/$/, '');
    }
    throw new Error('the server closed its output');
  })();
  const ended = exited.then((): never => {
    throw new Error(`the server ended before it was ready:\n${errors}`);
  });
  const origin = await Promise.race([ready, ended]);
  ended.catch(() => undefined);
  // Whatever else it prints must not fill the pipe.
  lethe.stdout.resume();

  return {
    origin,
    async end() {
      lethe.kill('SIGTERM');
      await exited;
    },
  };
}

/** Starts the real server on a port of its own choice, with an empty data directory. */
export async function startServer(settings: NodeJS.ProcessEnv = {}): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'lethe-browser-'));
  const env = { ...process.env, ...identity, ...settings };
  let running = await run(['--listen', '127.0.0.1:0', '--data', data], env);
  const { origin } = running;

  return {
    origin,
    async restart() {
      await running.end();
      running = await run(['--listen', new URL(origin).host, '--data', data], env);
    },
    async rest() {
      const { stdout } = await promisify(execFile)(binary, ['usersig', 'administrator', '--data', data], { env });
      return new Rest(origin, identity.LETHE_SDKAPPID, stdout.trim());
    },
    async stop() {
      await running.end();
      await rm(data, { recursive: true, force: true });
    },
  };
}

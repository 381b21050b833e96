import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const SDK = resolve(import.meta.dirname, '../..');
const run = (command: string, args: string[], cwd: string): string => {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (failure) {
    const { stdout, stderr } = failure as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: failure });
  }
};

/** The package as apps get it: built, packed and put into another project. */
describe('the package', () => {
  let app: string;
  const write = (name: string, content: string): void => writeFileSync(join(app, name), content);

  beforeAll(() => {
    run('node', ['build.js'], SDK);
    app = mkdtempSync(join(tmpdir(), 'lethe-app-'));
    const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', app], SDK)) as { filename: string }[];
    mkdirSync(join(app, 'node_modules/@lethe'), { recursive: true });
    run('tar', ['xzf', packed?.filename ?? ''], app);
    symlinkSync(join(app, 'package'), join(app, 'node_modules/@lethe/chat'));
    write('package.json', '{"private": true}');
  }, 120_000);
  afterAll(() => rmSync(app, { recursive: true, force: true }));

  test('has what it says and nothing else', () => {
    const files = run('find', ['package', '-type', 'f'], app).trim().split('\n').sort();
    expect(files).toEqual([
      'LICENSE', 'README.md', 'dist/index.cjs', 'dist/index.cjs.map', 'dist/index.d.cts', 'dist/index.d.ts', 'dist/index.js',
      'dist/index.js.map', 'package.json',
    ].map((name) => `package/${name}`));
    const manifest = JSON.parse(readFileSync(join(app, 'package/package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest.dependencies).toBeUndefined();
  });

  test('is imported and required', () => {
    const check = 'console.log(TencentCloudChat.VERSION, create === TencentCloudChat.create, TYPES.CONV_C2C)';
    write('a.mjs', `import TencentCloudChat, { create, TYPES } from '@lethe/chat'; ${check}`);
    write('b.cjs', `const TencentCloudChat = require('@lethe/chat'); const { default: { create }, TYPES } = TencentCloudChat; ${check}`);
    for (const name of ['a.mjs', 'b.cjs']) expect(run('node', [name], app)).toBe('3.6.6 true C2C\n');
  });

  test('has types for both', () => {
    const source = `
      import TencentCloudChat, { type ChatSDK, type Message } from '@lethe/chat';
      export const chat: ChatSDK = TencentCloudChat.create({ SDKAppID: 1 });
      export const type: TencentCloudChat.TYPES = TencentCloudChat.TYPES.MSG_TEXT;
      export const deleted: Promise<string[]> =
        chat.deleteConversation({ conversationIDList: [] }).then(({ data }) => data.conversationIDList);
      export const text = (message: Message): string => message.payload.text;
      // @ts-expect-error A number is not a conversation ID.
      void chat.deleteConversation(5);
    `;
    write('c.mts', source);
    write('d.cts', source);
    write('tsconfig.json', JSON.stringify({
      compilerOptions: { noEmit: true, strict: true, module: 'nodenext', target: 'es2022', lib: ['es2022', 'dom'], types: [] },
      files: ['c.mts', 'd.cts'],
    }));
    run(join(SDK, '../node_modules/.bin/tsc'), ['-p', '.'], app);
  }, 60_000);

  test('is bundled for browsers without anything of Node', async () => {
    write('e.js', `import TencentCloudChat from '@lethe/chat'; console.log(TencentCloudChat.create({ SDKAppID: 1 }).isReady());`);
    const { outputFiles, warnings } = await build({
      entryPoints: [join(app, 'e.js')], bundle: true, format: 'esm', platform: 'browser', minify: true, write: false,
    });
    expect(warnings).toEqual([]);
    const [output] = outputFiles;
    expect(output?.text).not.toMatch(/\brequire\(/);
    expect(output?.contents.length).toBeLessThan(100 * 1024);
  });
});

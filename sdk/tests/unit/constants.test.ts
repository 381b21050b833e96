import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import TencentCloudChat, { EVENT, LETHE_VERSION, TSignaling, TYPES, VERSION, create } from '../../src/index.js';
import { Actor } from '../support/actor.js';
import { UNAVAILABLE } from '../../src/unavailable.js';

/** The package whose API this is. It loads in Node; only its values are read. */
const theirs = createRequire(import.meta.url)('@tencentcloud/chat') as typeof TencentCloudChat;

describe('the constants', () => {
  test.each(['EVENT', 'TYPES', 'TSignaling'] as const)('%s has the names and values of the package', (name) => {
    expect(TencentCloudChat[name]).toEqual({ ...theirs[name] });
  });

  test('are exported by name and on the namespace', () => {
    expect(TencentCloudChat).toMatchObject({ EVENT, TYPES, TSignaling, VERSION, LETHE_VERSION, create });
    expect(VERSION).toBe('3.6.6');
  });
});

describe('create', () => {
  test('gives the same instance for the same app until it is destroyed', async () => {
    const one = create({ SDKAppID: 1, proxyServer: 'ws://localhost:1' });
    expect(create({ SDKAppID: 1 })).toBe(one);
    expect(create({ SDKAppID: 2 })).not.toBe(one);
    await one.destroy();
    expect(create({ SDKAppID: 1 })).not.toBe(one);
  });

  test.each([undefined, {}, { SDKAppID: '1' }, { SDKAppID: 0 }, { SDKAppID: 1.5 }])('refuses %j', (options) => {
    expect(() => create(options as never)).toThrow(expect.objectContaining({ code: 98102 }));
  });

  test.each(['localhost:8080', 'ftp://localhost', '', 5])('refuses the address %j', (proxyServer) => {
    expect(() => create({ SDKAppID: 3, proxyServer: proxyServer as string })).toThrow(expect.objectContaining({ code: 98102 }));
  });
});

test('all 148 methods of the API and four of Lethe’s are there, and those that are not available say so', async () => {
  const LETHE = ['once', 'restoreConversation', 'previewDeletion', 'archiveConversation'];
  const { chat } = new Actor('ws://localhost:1');
  const methods = Object.keys(chat).filter((name) => !LETHE.includes(name));
  expect(methods).toHaveLength(148);
  for (const name of UNAVAILABLE) {
    await expect(chat[name]()).rejects.toMatchObject({ code: 98005, message: expect.stringContaining(name) as string });
  }
  expect(chat.getSignalingInfo({} as never)).toBeNull();
});

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['stories/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each story has a server and several browser windows of its own: two files at once keep a small machine busy.
    maxWorkers: 2,
    expect: { poll: { timeout: 10_000, interval: 50 } },
  },
});

import { beforeEach, describe, expect, it } from 'vitest';
import { locale } from '../../shared/i18n';
import { dataSize, timeSpan } from '../../shared/amounts';
import type { Consequences, Forecast } from '../src/chat/deletion';
import { deletionLines } from '../src/chat/deletionWords';

const known: Consequences = { count: 1, messages: 3, unread: 0, hasC2C: true, hasGroup: false, left: 0 };
const forecast: Forecast = { messages: 3, files: 1, bytes: 1234, isPartial: false, people: 2, restorableSeconds: 86_400, devices: 1, isAllowed: true };
const cleared = { clearHistory: true, forEveryone: false };
const text = (key: string, lines: ReturnType<typeof deletionLines>) => lines.find((line) => line.key === key)?.text;

beforeEach(() => {
  locale.value = 'en';
});

describe('what the delete dialogue says', () => {
  it('has the dry run in it once there is one', () => {
    const before = deletionLines(known, cleared, null);
    expect([text('amount', before), text('undo', before)]).toEqual([undefined, undefined]);
    const after = deletionLines(known, cleared, forecast);
    expect(text('amount', after)).toBe('Goes from view: 3 messages, 1 file, 1.2 kB.');
    expect(text('undo', after)).toBe('This can be undone for 24 hours.');
    expect(text('whose', after)).toContain('Only your own view changes');
    expect(text('returns', after)).toContain('A newer message brings its conversation back');
    expect(text('devices', after)).toContain('Only this device');
  });

  it('says that it is for everyone, and for good', () => {
    const lines = deletionLines(known, { clearHistory: true, forEveryone: true }, { ...forecast, people: 12, restorableSeconds: 0, devices: 3 });
    expect(text('whose', lines)).toBe('Everyone in it loses the messages: 12 people.');
    expect(text('undo', lines)).toBe('This cannot be undone.');
    expect(text('devices', lines)).toContain('online on 3 devices');
  });

  it('names no amount where the history is kept, and not all where not all was counted', () => {
    expect(text('amount', deletionLines(known, { ...cleared, clearHistory: false }, { ...forecast, messages: 0 }))).toBeUndefined();
    expect(text('amount', deletionLines(known, cleared, { ...forecast, isPartial: true }))).toContain('and more in older messages');
  });

  it.each(['en', 'zh-CN', 'ja'] as const)('leaves no placeholder open in %s', (language) => {
    locale.value = language;
    for (const choice of [cleared, { clearHistory: false, forEveryone: false }, { clearHistory: true, forEveryone: true }]) {
      for (const line of deletionLines({ ...known, unread: 2, hasGroup: true, left: 1 }, choice, forecast)) expect(line.text).not.toMatch(/[{}|]/);
    }
  });
});

describe('amounts', () => {
  it.each([[0, '0 bytes'], [999, '999 bytes'], [1000, '1 kB'], [1_250_000, '1.3 MB']])('%i bytes are %s', (bytes, words) => {
    expect(dataSize(bytes)).toBe(words);
  });

  it.each([[30, '30 seconds'], [60, '1 minute'], [90, '2 minutes'], [5400, '2 hours'], [86_400, '24 hours'], [172_800, '2 days'], [90_000, '25 hours']])(
    '%i seconds are %s',
    (seconds, words) => expect(timeSpan(seconds)).toBe(words),
  );
});

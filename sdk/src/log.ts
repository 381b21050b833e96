/** 0 all, 1 release, 2 warnings and errors, 3 errors, 4 nothing. */
export type LogLevel = 0 | 1 | 2 | 3 | 4;

/** The SDK's voice on the console. One per instance. */
export class Log {
  level: LogLevel = 1;

  debug(...words: unknown[]): void {
    if (this.level < 1) console.debug('[lethe]', ...words);
  }

  warn(...words: unknown[]): void {
    if (this.level <= 2) console.warn('[lethe]', ...words);
  }

  error(...words: unknown[]): void {
    if (this.level <= 3) console.error('[lethe]', ...words);
  }
}

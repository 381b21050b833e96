import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const artifacts = resolve(import.meta.dirname, '../../artifacts');
mkdirSync(artifacts, { recursive: true });

export const artifact = (name: string) => join(artifacts, `${name.replace(/[^\p{L}\p{N}]+/gu, '-').toLowerCase()}.png`);

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

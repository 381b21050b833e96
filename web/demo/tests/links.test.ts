import { describe, expect, it } from 'vitest';
import { textParts } from '../src/chat/links';

const links = (text: string) => textParts(text).filter((part) => part.isLink).map((part) => part.text);

describe('addresses in a message', () => {
  it.each([
    ['see https://example.org/a?b=c, please', 'https://example.org/a?b=c'],
    ['(http://example.org)', 'http://example.org'],
    ['请看 https://example.org/路径。', 'https://example.org/路径'],
  ])('finds the one in %j', (text, link) => {
    expect(links(text)).toEqual([link]);
  });

  it('keeps every character of the message', () => {
    const text = 'a https://x.example/1 b\nhttps://x.example/2';
    expect(textParts(text).map((part) => part.text).join('')).toBe(text);
  });

  it('makes no link of anything that could run', () => {
    expect(links('javascript:alert(1) data:text/html,x')).toEqual([]);
  });
});

/** A hue for each ID, the same in every window and on every visit. */
export function avatarHue(id: string): number {
  // FNV-1a: short, similar IDs (user1, user2) come out far apart.
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return (hash >>> 8) % 360;
}

/** One character of a CJK name, otherwise the first letters of up to two words. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s_.-]+/u).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const first = [...(words[0] ?? '?')];
  if (/\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u.test(first[0] ?? '')) return first[0] ?? '?';
  const second = words.length > 1 ? ([...(words[words.length - 1] ?? '')][0] ?? '') : '';
  return ((first[0] ?? '?') + second).toUpperCase();
}

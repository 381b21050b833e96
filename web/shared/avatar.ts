/** A hue for each ID, the same in every window and on every visit. */
export function avatarHue(id: string): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  // The golden angle keeps the hues of short, similar IDs (user1, user2) far apart.
  return Math.round((hash * 137.508) % 360);
}

/** One character of a CJK name, otherwise the first letters of up to two words. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s_.-]+/u).filter((word) => word !== '');
  const first = [...(words[0] ?? '?')];
  if (/\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u.test(first[0] ?? '')) return first[0] ?? '?';
  const second = words.length > 1 ? ([...(words[words.length - 1] ?? '')][0] ?? '') : '';
  return ((first[0] ?? '?') + second).toUpperCase();
}

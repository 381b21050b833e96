import { ChatError } from './errors.js';

/*
Checks of what an app passes in. Each takes the code that the noun at hand has for illegal parameters, so that a
mistake says where it was made.
*/

const encoder = new TextEncoder();

export const bytes = (text: string): number => encoder.encode(text).length;

/** An object of options, to be read field by field. */
export function fields(value: unknown, code: number): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ChatError(code, `options are an object, not ${describe(value)}`);
  }
  return value as Record<string, unknown>;
}

export function text(value: unknown, name: string, code: number, min = 1): string {
  if (typeof value !== 'string' || value.length < min) {
    throw new ChatError(code, `${name} is a ${min > 0 ? 'non-empty ' : ''}string, not ${describe(value)}`);
  }
  return value;
}

export function optionalText(value: unknown, name: string, code: number): string {
  return value === undefined || value === null ? '' : text(value, name, code, 0);
}

export function flag(value: unknown, name: string, code: number): boolean {
  if (typeof value !== 'boolean') throw new ChatError(code, `${name} is a boolean, not ${describe(value)}`);
  return value;
}

export function integer(value: unknown, name: string, code: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ChatError(code, `${name} is a non-negative integer, not ${describe(value)}`);
  }
  return value;
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], name: string, code: number): T {
  if (!allowed.includes(value as T)) {
    throw new ChatError(code, `${name} is one of ${allowed.join(', ')}, not ${describe(value)}`);
  }
  return value as T;
}

/** A list of non-empty strings, copied: the app's array is never kept or changed. */
export function texts(value: unknown, name: string, code: number): string[] {
  if (!Array.isArray(value)) throw new ChatError(code, `${name} is an array of strings, not ${describe(value)}`);
  return value.map((item: unknown) => text(item, `each of ${name}`, code));
}

/** The same, each once, of a size the server takes. */
export function users(value: unknown, max: number, code: number, name = 'userIDList'): string[] {
  const list = [...new Set(texts(value, name, code))];
  if (list.length < 1 || list.length > max) {
    throw new ChatError(code, `${name} has 1 to ${max} entries, not ${list.length}`);
  }
  return list;
}

/** A value in an error's words. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value === '') return 'an empty one';
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'number' ? String(value) : typeof value;
}

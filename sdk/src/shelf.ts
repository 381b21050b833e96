/** What a page's `localStorage` offers; in its absence a map does as well, for as long as the process lives. */
export type Storage = Pick<globalThis.Storage, 'length' | 'key' | 'getItem' | 'setItem' | 'removeItem'>;

/** The page's storage. Node has one of its own, which no app of this SDK means; and a page may be forbidden to use its own. */
export function pageStorage(): Storage | null {
  try {
    return typeof document === 'undefined' ? null : globalThis.localStorage;
  } catch {
    return null;
  }
}

/** Values of one user of one app, each in an item of its own, so that two windows do not overwrite each other's. */
export class Shelf<Value> {
  readonly #storage: Storage;
  readonly #prefix: string;

  constructor(storage: Storage, prefix: string) {
    this.#storage = storage;
    this.#prefix = prefix;
  }

  /** Best effort: a storage may be full. */
  put(key: string, value: Value): void {
    try {
      this.#storage.setItem(this.#prefix + key, JSON.stringify(value));
    } catch {
      // The value is in memory all the same.
    }
  }

  remove(key: string): void {
    this.#storage.removeItem(this.#prefix + key);
  }

  /** All values, for `read` to make sense of: what it finds none in is thrown away. */
  take(read: (value: unknown) => Value | null): Value[] {
    const names = Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index) ?? '');
    return names.filter((name) => name.startsWith(this.#prefix)).flatMap((name) => {
      const value = read(parse(this.#storage.getItem(name)));
      if (value === null) this.#storage.removeItem(name);
      return value ?? [];
    });
  }
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}

/** A storage in memory. */
export class MemoryStorage implements Storage {
  readonly #items = new Map<string, string>();

  get length(): number {
    return this.#items.size;
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(name: string): string | null {
    return this.#items.get(name) ?? null;
  }

  setItem(name: string, value: string): void {
    this.#items.set(name, value);
  }

  removeItem(name: string): void {
    this.#items.delete(name);
  }
}

/** Drops the oldest members of a map or set until it has at most `size`: what keeps every memory of the SDK bounded. */
export function trim(collection: Map<string, unknown> | Set<string>, size: number): void {
  for (const oldest of collection.keys()) {
    if (collection.size <= size) return;
    collection.delete(oldest);
  }
}

import { computed, ref } from 'vue';
import { DELETION_LIMIT } from './chat/deletion';

/** Conversations that are ticked in the list. */
export const isSelecting = ref(false);
export const selected = ref<ReadonlySet<string>>(new Set());
/** True after an attempt to tick more than one call deletes; it explains itself in the bar. */
export const limitReached = ref(false);
export const selectedCount = computed(() => selected.value.size);

export function startSelecting(id?: string): void {
  isSelecting.value = true;
  selected.value = new Set(id === undefined ? [] : [id]);
  limitReached.value = false;
}

export function stopSelecting(): void {
  isSelecting.value = false;
  selected.value = new Set();
  limitReached.value = false;
}

export function toggleSelected(id: string): void {
  const next = new Set(selected.value);
  if (!next.delete(id)) {
    limitReached.value = next.size >= DELETION_LIMIT;
    if (limitReached.value) return;
    next.add(id);
  } else {
    limitReached.value = false;
  }
  selected.value = next;
}

/** Ticks the first ones, as many as one call deletes; ticks none if these are ticked already. */
export function toggleAll(ids: readonly string[]): void {
  const wanted = ids.slice(0, DELETION_LIMIT);
  const allTicked = wanted.every((id) => selected.value.has(id)) && selected.value.size === wanted.length;
  selected.value = new Set(allTicked ? [] : wanted);
  limitReached.value = !allTicked && ids.length > DELETION_LIMIT;
}

/** Drops what has left the list meanwhile. */
export function keepSelected(exists: (id: string) => boolean): void {
  if (![...selected.value].every(exists)) selected.value = new Set([...selected.value].filter(exists));
}

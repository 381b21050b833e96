import { beforeEach, describe, expect, it } from 'vitest';
import { DELETION_LIMIT } from '../src/chat/deletion';
import { keepSelected, limitReached, selected, selectedCount, startSelecting, toggleAll, toggleSelected } from '../src/selection';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `C2C${index}`);

describe('selecting conversations', () => {
  beforeEach(() => startSelecting());

  it('ticks and unticks', () => {
    toggleSelected('C2Cbob');
    expect([...selected.value]).toEqual(['C2Cbob']);
    toggleSelected('C2Cbob');
    expect(selectedCount.value).toBe(0);
  });

  it('stops at what one call deletes, and says so', () => {
    for (const id of ids(DELETION_LIMIT)) toggleSelected(id);
    expect(limitReached.value).toBe(false);
    toggleSelected('C2Cone-more');
    expect(limitReached.value).toBe(true);
    expect(selectedCount.value).toBe(DELETION_LIMIT);
    toggleSelected('C2C0');
    expect(limitReached.value).toBe(false);
  });

  it('selects all that one call deletes, then none', () => {
    toggleAll(ids(250));
    expect(selectedCount.value).toBe(DELETION_LIMIT);
    expect(limitReached.value).toBe(true);
    toggleAll(ids(250));
    expect(selectedCount.value).toBe(0);
    expect(limitReached.value).toBe(false);
  });

  it('drops what has left the list', () => {
    toggleAll(ids(3));
    keepSelected((id) => id !== 'C2C1');
    expect([...selected.value]).toEqual(['C2C0', 'C2C2']);
  });
});

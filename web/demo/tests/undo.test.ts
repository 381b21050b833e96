import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setChat } from '../src/chat/client';
import type { ChatSDK } from '../src/chat/sdk';
import { forgetUndo, isHeld, offer, OFFERED, offerUndo, timeLeft, undo } from '../src/undo';

vi.mock('../src/chat/errors', () => ({ showError: () => undefined, showSuccess: () => undefined }));

const restored: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  restored.length = 0;
  const restoreConversation = (id: string) => {
    restored.push(id);
    return id === 'C2Cgone' ? Promise.reject(new Error('too late')) : Promise.resolve({});
  };
  setChat({ restoreConversation } as unknown as ChatSDK);
});
afterEach(() => {
  forgetUndo();
  vi.useRealTimers();
});

describe('undoing', () => {
  it('is offered for its time, and no longer', () => {
    offerUndo({ kind: 'deleted', ids: ['C2Cbob'] });
    vi.advanceTimersByTime(OFFERED / 2);
    expect([offer.value?.ids, timeLeft.value]).toEqual([['C2Cbob'], 0.5]);
    vi.advanceTimersByTime(OFFERED / 2);
    expect(offer.value).toBeNull();
  });

  it('waits while somebody points at it', () => {
    offerUndo({ kind: 'deleted', ids: ['C2Cbob'] });
    isHeld.value = true;
    vi.advanceTimersByTime(OFFERED * 3);
    expect(timeLeft.value).toBe(1);
    isHeld.value = false;
    vi.advanceTimersByTime(OFFERED);
    expect(offer.value).toBeNull();
  });

  it('is of the last thing that was done', () => {
    offerUndo({ kind: 'deleted', ids: ['C2Cbob'] });
    vi.advanceTimersByTime(OFFERED - 1);
    offerUndo({ kind: 'cleared', ids: ['C2Ccarol'] });
    vi.advanceTimersByTime(OFFERED - 1);
    expect(offer.value?.ids).toEqual(['C2Ccarol']);
  });

  it('takes back each conversation, whatever becomes of the others, and once', async () => {
    offerUndo({ kind: 'deleted', ids: ['C2Cbob', 'C2Cgone', 'C2Ccarol'] });
    await Promise.all([undo(), undo()]);
    expect(restored).toEqual(['C2Cbob', 'C2Cgone', 'C2Ccarol']);
    expect(offer.value).toBeNull();
  });
});

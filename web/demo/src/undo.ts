import { computed, ref, shallowRef } from 'vue';
import { restoreConversations } from './chat/deletion';
import { showError, showSuccess } from './chat/errors';
import { t } from './messages';

/** What can be undone for a while after it was done. */
export interface Offer {
  kind: 'deleted' | 'queued' | 'cleared';
  ids: readonly string[];
}

/** How long it is offered, in ms; longer while somebody points at it. */
export const OFFERED = 10_000;
const TICK = 250;

export const offer = shallowRef<Offer | null>(null);
/** The part of the time that is left, 1 to 0. */
export const timeLeft = ref(1);
/** Somebody points at the bar, or the keyboard is in it. */
export const isHeld = ref(false);
export const isUndoing = ref(false);

let left = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (isHeld.value || isUndoing.value) return;
  left -= TICK;
  timeLeft.value = Math.max(0, left / OFFERED);
  if (left <= 0) forgetUndo();
}

/** The last thing that was done can be undone; what was offered before cannot any more, here. */
export function offerUndo(next: Offer): void {
  forgetUndo();
  offer.value = next;
  left = OFFERED;
  timer = setInterval(tick, TICK);
}

export function forgetUndo(): void {
  clearInterval(timer);
  offer.value = null;
  timeLeft.value = 1;
  isHeld.value = false;
  isUndoing.value = false;
}

export async function undo(): Promise<void> {
  const given = offer.value;
  if (given === null || isUndoing.value) return;
  isUndoing.value = true;
  const { restored, errors } = await restoreConversations(given.ids);
  if (offer.value === given) forgetUndo();
  if (restored.length > 0) showSuccess(t(given.kind === 'cleared' ? 'undo.historyBack' : 'undo.back', { n: restored.length }));
  if (errors.length > 0) showError(errors[0]);
}

export const offerText = computed(() => {
  if (offer.value === null) return '';
  const { kind, ids } = offer.value;
  if (kind === 'cleared') return t('details.cleared');
  return t(kind === 'queued' ? 'undo.queued' : 'delete.done', { n: ids.length });
});

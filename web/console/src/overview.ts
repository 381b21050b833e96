import { onScopeDispose, ref } from 'vue';
import { api, type Overview } from './api';
import { authorized } from './session';

const period = 1000;
export const capacity = 120;

/** Asks for the counters each second while the page is visible, never twice at once. */
export function useOverview() {
  const overview = ref<Overview | null>(null);
  const rates = ref<number[]>([]);
  const stale = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  async function ask(): Promise<void> {
    try {
      overview.value = await authorized(api.overview());
      rates.value = [...rates.value, overview.value.messagesPerSecond].slice(-capacity);
      stale.value = false;
    } catch {
      stale.value = true;
    }
    if (!stopped && document.visibilityState === 'visible') timer = setTimeout(ask, period);
  }

  function resume(): void {
    clearTimeout(timer);
    if (document.visibilityState === 'visible') void ask();
  }

  document.addEventListener('visibilitychange', resume);
  onScopeDispose(() => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', resume);
  });
  void ask();

  return { overview, rates, stale };
}

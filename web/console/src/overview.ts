import { ref } from 'vue';
import { api, type Overview } from './api';
import { useRepeating } from './repeating';
import { authorized } from './session';

const period = 1000;
export const capacity = 120;

/** Asks for the counters each second while the page is visible, never twice at once. */
export function useOverview() {
  const overview = ref<Overview | null>(null);
  const rates = ref<number[]>([]);
  const stale = ref(false);

  useRepeating(period, async () => {
    try {
      overview.value = await authorized(api.overview());
      rates.value = [...rates.value, overview.value.messagesPerSecond].slice(-capacity);
      stale.value = false;
    } catch {
      stale.value = true;
    }
  });

  return { overview, rates, stale };
}

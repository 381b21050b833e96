import { ref } from 'vue';
import { api, type Eraser, type Hold } from './api';
import { describeError } from './feedback';
import { useRepeating } from './repeating';
import { authorized } from './session';

const PERIOD = 2000;

/** What the eraser does and what is held, read again every other second. */
export function useEraser() {
  const eraser = ref<Eraser | null>(null);
  const holds = ref<Hold[]>([]);
  const problem = ref('');

  useRepeating(PERIOD, async () => {
    try {
      const [state, held] = await Promise.all([authorized(api.eraser()), authorized(api.holds())]);
      eraser.value = state;
      holds.value = held.holds;
      problem.value = '';
    } catch (error) {
      problem.value = describeError(error);
    }
  });

  return { eraser, holds, problem };
}

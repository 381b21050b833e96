import { onScopeDispose } from 'vue';

/** Asks now and then: every `period` ms after the last answer, while the page is visible and the caller lives. */
export function useRepeating(period: number, ask: () => Promise<void>): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  async function again(): Promise<void> {
    await ask();
    if (!stopped && document.visibilityState === 'visible') timer = setTimeout(again, period);
  }

  function resume(): void {
    clearTimeout(timer);
    if (document.visibilityState === 'visible') void again();
  }

  document.addEventListener('visibilitychange', resume);
  onScopeDispose(() => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', resume);
  });
  void again();
}

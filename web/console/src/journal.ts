import { ref } from 'vue';
import { api, type JournalRow } from './api';
import { describeError, showError } from './feedback';
import { authorized } from './session';

/** The deletion journal, newest first, a page at a time. */
export function useJournal() {
  const rows = ref<JournalRow[]>([]);
  const next = ref<string | null>(null);
  const user = ref('');
  const problem = ref('');
  const loading = ref(true);
  /** Answers to what is not asked for any more are thrown away. */
  let asked = 0;

  async function load(before: string): Promise<void> {
    const question = ++asked;
    loading.value = true;
    problem.value = '';
    try {
      const page = await authorized(api.journal(user.value, before));
      if (question !== asked) return;
      rows.value = before === '' ? page.rows : [...rows.value, ...page.rows];
      next.value = page.next;
    } catch (error) {
      if (question === asked) problem.value = describeError(error);
    } finally {
      if (question === asked) loading.value = false;
    }
  }

  const first = () => load('');
  const older = () => load(next.value ?? '');

  /** Rows of this user only; of all with an empty one. */
  async function filter(by: string): Promise<void> {
    user.value = by;
    rows.value = [];
    next.value = null;
    await first();
  }

  void first();
  return { rows, next, user, problem, loading, first, older, filter };
}

/** Saves the signed receipt of a row as a file. */
export async function saveReceipt(entry: string): Promise<void> {
  try {
    const receipt = await authorized(api.receipt(entry));
    const address = URL.createObjectURL(new Blob([`${JSON.stringify(receipt, null, 2)}\n`], { type: 'application/json' }));
    const link = Object.assign(document.createElement('a'), { href: address, download: `receipt-${entry}.json` });
    link.click();
    // The browser reads it after the click.
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  } catch (error) {
    showError(error);
  }
}

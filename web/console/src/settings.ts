import { ref } from 'vue';
import { api, type Settings } from './api';
import { authorized } from './session';

/** What the server last confirmed; null until loaded. */
export const settings = ref<Settings | null>(null);

export async function loadSettings(): Promise<void> {
  settings.value = await authorized(api.settings());
}

/** Shows the change at once; puts the confirmed value back and rethrows if the server refuses it. */
export async function changeSettings(changes: Partial<Settings>): Promise<void> {
  const confirmed = settings.value;
  if (confirmed === null) return;
  settings.value = { ...confirmed, ...changes };
  try {
    settings.value = await authorized(api.changeSettings(changes));
  } catch (error) {
    settings.value = confirmed;
    throw error;
  }
}

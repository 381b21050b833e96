import { computed, ref, watchEffect } from 'vue';

/** `system` follows the operating system; the other two are the reader's own choice. */
export type Theme = 'system' | 'light' | 'dark';

const storageKey = 'lethe.theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
const systemDark = ref(systemIsDark.matches);
systemIsDark.addEventListener('change', (event) => {
  systemDark.value = event.matches;
});

function remembered(): Theme {
  const value = localStorage.getItem(storageKey);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const theme = ref<Theme>(remembered());
export const isDark = computed(() => (theme.value === 'system' ? systemDark.value : theme.value === 'dark'));

watchEffect(() => {
  document.documentElement.classList.toggle('dark', isDark.value);
});

/** Choosing what the system shows anyway goes back to following the system. */
export function toggleTheme(): void {
  const next: Theme = isDark.value ? 'light' : 'dark';
  theme.value = (next === 'dark') === systemDark.value ? 'system' : next;
  if (theme.value === 'system') localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, theme.value);
}

import { ref, watchEffect } from 'vue';

/** The languages both applications speak. */
export type Locale = 'en' | 'zh-CN' | 'ja';

export const locales: readonly { id: Locale; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'zh-CN', name: '中文' },
  { id: 'ja', name: '日本語' },
];

const storageKey = 'lethe.locale';

function isLocale(value: string | null): value is Locale {
  return locales.some((known) => known.id === value);
}

function firstLocale(): Locale {
  const chosen = localStorage.getItem(storageKey);
  if (isLocale(chosen)) return chosen;
  for (const language of navigator.languages) {
    if (language.startsWith('zh')) return 'zh-CN';
    if (language.startsWith('ja')) return 'ja';
    if (language.startsWith('en')) return 'en';
  }
  return 'en';
}

export const locale = ref<Locale>(firstLocale());

watchEffect(() => {
  document.documentElement.lang = locale.value;
});

export function setLocale(next: Locale): void {
  locale.value = next;
  localStorage.setItem(storageKey, next);
}

type Params = Record<string, string | number>;

/** Picks the plural form from `one|other`; a text without a bar has one form only. */
function pluralForm(text: string, count: string | number | undefined): string {
  const [one, other] = text.split('|');
  if (other === undefined || count === undefined) return text;
  return new Intl.PluralRules(locale.value).select(Number(count)) === 'one' ? (one ?? text) : other;
}

/**
 * Makes the `t` of one application. The type of `messages` makes a key that is missing in one
 * language a compile error. `{name}` is replaced by the parameter; `n` also chooses the plural.
 */
export function createTranslator<Key extends string>(messages: Record<Locale, Record<Key, string>>) {
  return (key: Key, params: Params = {}): string =>
    pluralForm(messages[locale.value][key], params['n']).replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = params[name];
      if (value === undefined) return whole;
      return typeof value === 'number' ? value.toLocaleString(locale.value) : value;
    });
}

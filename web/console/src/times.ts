import { locale } from '../../shared/i18n';

/** A moment (ms) with its seconds, in the reader's language. */
export function moment(time: number): string {
  return new Date(time).toLocaleString(locale.value, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** The same as a machine reads it. */
export const machineTime = (time: number) => new Date(time).toISOString();

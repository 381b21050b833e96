import { locale } from '../../../shared/i18n';

const DAY = 86_400_000;

function startOfDay(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

/** Whole days from `time` to now, by the calendar. */
function daysAgo(time: Date): number {
  return Math.round((startOfDay(new Date()) - startOfDay(time)) / DAY);
}

export function clockTime(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(locale.value, { hour: '2-digit', minute: '2-digit' });
}

function relativeDay(days: number): string {
  const text = new Intl.RelativeTimeFormat(locale.value, { numeric: 'auto' }).format(-days, 'day');
  return text.charAt(0).toLocaleUpperCase(locale.value) + text.slice(1);
}

/** Short, for the list: the time today, else yesterday, the weekday, or the date. */
export function listTime(seconds: number): string {
  if (seconds === 0) return '';
  const time = new Date(seconds * 1000);
  const days = daysAgo(time);
  if (days <= 0) return clockTime(seconds);
  if (days === 1) return relativeDay(1);
  if (days < 7) return time.toLocaleDateString(locale.value, { weekday: 'short' });
  const sameYear = time.getFullYear() === new Date().getFullYear();
  return time.toLocaleDateString(locale.value, sameYear ? { month: 'short', day: 'numeric' } : { dateStyle: 'short' });
}

/** Long, for the line between two days of a conversation. */
export function dayName(seconds: number): string {
  const time = new Date(seconds * 1000);
  const days = daysAgo(time);
  if (days <= 1) return relativeDay(Math.max(days, 0));
  return time.toLocaleDateString(locale.value, { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
}

export const dayOf = (seconds: number) => startOfDay(new Date(seconds * 1000));

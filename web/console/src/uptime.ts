import { locale } from '../../shared/i18n';

function part(value: number, unit: 'day' | 'hour' | 'minute' | 'second'): string {
  return value.toLocaleString(locale.value, { style: 'unit', unit, unitDisplay: 'long' });
}

/** The two largest units of the time since `startedAt` (Unix seconds), in the reader's language. */
export function uptime(startedAt: number, now = Date.now() / 1000): string {
  const seconds = Math.max(0, Math.floor(now - startedAt));
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return `${part(days, 'day')} ${part(hours, 'hour')}`;
  if (hours > 0) return `${part(hours, 'hour')} ${part(minutes, 'minute')}`;
  if (minutes > 0) return `${part(minutes, 'minute')} ${part(seconds % 60, 'second')}`;
  return part(seconds, 'second');
}

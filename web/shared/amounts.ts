import { locale } from './i18n';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Bytes in the unit that fits, in the reader's language: `1.2 kB`. */
export function dataSize(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return (bytes / 1000 ** step).toLocaleString(locale.value, {
    style: 'unit', unit: UNITS[step] ?? 'byte', unitDisplay: step === 0 ? 'long' : 'short', maximumFractionDigits: 1,
  });
}

const SPANS = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]] as const;

/** A span of time in its largest unit that leaves no rest, or in hours or minutes about: `24 hours`, `2 days`. */
export function timeSpan(seconds: number): string {
  const fits = SPANS.find(([unit, length]) => seconds >= length && (seconds % length === 0 || unit === 'hour' || unit === 'minute'));
  // One day is told in hours: it is over at the same time tomorrow, not with today.
  const [unit, length] = fits === undefined ? (['second', 1] as const) : seconds === 86_400 ? (['hour', 3600] as const) : fits;
  return Math.round(seconds / length).toLocaleString(locale.value, { style: 'unit', unit, unitDisplay: 'long' });
}

import type { IconName } from '../../../shared/icons';
import { t } from '../messages';
import { dataSize, timeSpan } from '../../../shared/amounts';
import type { Consequences, DeletionChoice, Forecast } from './deletion';

/** One thing to know before a deletion. */
export interface Line {
  key: string;
  icon: IconName;
  text: string;
}

function amount(forecast: Forecast): string {
  const parts = [
    t('delete.messages', { n: forecast.messages }),
    ...(forecast.files > 0 ? [t('delete.files', { n: forecast.files })] : []),
    dataSize(forecast.bytes),
  ];
  const list = parts.join(t('tip.separator'));
  return forecast.isPartial ? t('delete.amountPartial', { list }) : t('delete.amount', { list });
}

function relations({ hasC2C, hasGroup }: Consequences): string {
  if (hasC2C && hasGroup) return t('delete.relations');
  if (hasGroup) return t('delete.membership');
  return hasC2C ? t('delete.friendship') : '';
}

/** What a deletion will do, from what this client knows and what the server says; null before it has answered. */
export function deletionLines(consequences: Consequences, choice: DeletionChoice, forecast: Forecast | null): Line[] {
  const { count, hasC2C, hasGroup, left, unread } = consequences;
  const { clearHistory, forEveryone } = choice;
  const lines: (Line | null)[] = [
    forecast !== null && forecast.messages > 0 ? { key: 'amount', icon: 'message', text: amount(forecast) } : null,
    unread > 0 && clearHistory && !forEveryone ? { key: 'unread', icon: 'mail', text: t('delete.unread', { n: unread }) } : null,
    forEveryone
      ? { key: 'whose', icon: 'people', text: t('delete.everyoneLoses', { n: forecast?.people ?? 2 }) }
      : { key: 'whose', icon: 'eye', text: t('delete.onlyYours') },
    relations(consequences) === '' ? null : { key: 'relations', icon: 'person', text: relations(consequences) },
    hasC2C || hasGroup
      ? { key: 'returns', icon: 'refresh', text: clearHistory || forEveryone ? t('delete.returnsCleared') : t('delete.returnsKept') }
      : null,
    left > 0 ? { key: 'left', icon: 'alert', text: left === count ? t('delete.leftAll', { n: left }) : t('delete.leftSome', { n: left }) } : null,
    forecast === null ? null : undoLine(forecast.restorableSeconds),
    { key: 'devices', icon: 'app', text: forecast?.devices === 1 ? t('delete.oneDevice') : devices(forecast) },
  ];
  return lines.filter((line) => line !== null);
}

function undoLine(seconds: number): Line {
  if (seconds === 0) return { key: 'undo', icon: 'alert', text: t('delete.noUndo') };
  return { key: 'undo', icon: 'clock', text: t('delete.undoFor', { time: timeSpan(seconds) }) };
}

function devices(forecast: Forecast | null): string {
  return forecast === null ? t('delete.otherClients') : `${t('delete.devices', { n: forecast.devices })} ${t('delete.otherClients')}`;
}

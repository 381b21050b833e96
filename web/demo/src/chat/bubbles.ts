import { type Message, TYPES } from './sdk';
import { dayName, dayOf } from './times';

export type Delivery = 'sending' | 'failed' | 'delivered' | 'read' | 'none';

/** One line of the conversation: a day, something that happened, a notice, or a message in its bubble. */
export type TimelineItem =
  | { kind: 'day'; key: string; label: string }
  | { kind: 'tip'; key: string; message: Message }
  | { kind: 'notice'; key: string; message: Message }
  | { kind: 'message'; key: string; message: Message; startsRun: boolean; endsRun: boolean; delivery: Delivery; isRevoked: boolean };

/** Messages of one sender within this many seconds stand together. */
const RUN_SECONDS = 300;

const isTalk = (message: Message) => message.type !== TYPES.MSG_GRP_TIP && message.type !== TYPES.MSG_GRP_SYS_NOTICE && !message.isRevoked;

function continues(before: Message | undefined, message: Message): boolean {
  return (
    before !== undefined &&
    isTalk(before) &&
    isTalk(message) &&
    before.from === message.from &&
    dayOf(before.time) === dayOf(message.time) &&
    message.time - before.time < RUN_SECONDS
  );
}

function deliveryOf(message: Message): Delivery {
  if (message.flow !== 'out') return 'none';
  if (message.status === 'fail') return 'failed';
  if (message.status === 'unSend') return 'sending';
  if (message.conversationType !== TYPES.CONV_C2C) return 'none';
  return message.isPeerRead ? 'read' : 'delivered';
}

function itemOf(message: Message, before: Message | undefined, after: Message | undefined): TimelineItem {
  if (message.type === TYPES.MSG_GRP_TIP) return { kind: 'tip', key: message.ID, message };
  if (message.type === TYPES.MSG_GRP_SYS_NOTICE) return { kind: 'notice', key: message.ID, message };
  return {
    kind: 'message',
    key: message.ID,
    message,
    startsRun: !continues(before, message),
    endsRun: after === undefined || !continues(message, after),
    delivery: deliveryOf(message),
    isRevoked: message.isRevoked,
  };
}

export function timelineItems(messages: readonly Message[]): TimelineItem[] {
  const items: TimelineItem[] = [];
  messages.forEach((message, index) => {
    const before = messages[index - 1];
    if (before === undefined || dayOf(before.time) !== dayOf(message.time)) {
      items.push({ kind: 'day', key: `day ${dayOf(message.time)} ${message.ID}`, label: dayName(message.time) });
    }
    items.push(itemOf(message, before, messages[index + 1]));
  });
  return items;
}

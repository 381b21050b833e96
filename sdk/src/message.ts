import { TYPES } from './constants.js';
import { forShow, readElement } from './elements.js';
import { groupConversation, SYSTEM, userConversation } from './ids.js';
import type { LastMessage, Message, MessagePayload } from './models.js';
import type { Message as WireMessage } from './protocol.js';

/** A message is the same thing for the app from its creation on: there is one object per ID wherever it is kept. */

const NOTICE: string = TYPES.MSG_GRP_SYS_NOTICE;
const TIP: string = TYPES.MSG_GRP_TIP;

const firstType = (wire: WireMessage): string => wire.body[0]?.MsgType ?? '';

/** In which of the reader's conversations a message stands. */
export function conversationOf(wire: WireMessage, me: string): string {
  if (wire.group !== undefined) return groupConversation(wire.group);
  // A notice has its operator as the sender: only its element tells it from a message of that user.
  if (wire.from === SYSTEM || firstType(wire) === NOTICE) return SYSTEM;
  return userConversation(wire.from === me ? (wire.to ?? me) : wire.from);
}

/** Whether a message raises its reader's unread count. */
export function isCountable(wire: WireMessage, me: string): boolean {
  return wire.from !== me && wire.attributes?.noUnread !== true && firstType(wire) !== TIP;
}

export function mayBeLast(wire: WireMessage): boolean {
  return wire.attributes?.noLast !== true;
}

/** Which of CONV_AT_ME, CONV_AT_ALL and CONV_AT_ALL_AT_ME a message of somebody else is, or 0. */
export function mention(wire: WireMessage, me: string): number {
  const at = wire.attributes?.at;
  if (!at || wire.from === me || wire.group === undefined) return 0;
  return (at.includes(me) ? TYPES.CONV_AT_ME : 0) + (at.includes(TYPES.MSG_AT_ALL) ? TYPES.CONV_AT_ALL : 0);
}

/** What all messages begin with. */
export function blank(): Message {
  return {
    ID: '',
    type: TYPES.MSG_TEXT,
    payload: {} as MessagePayload,
    _elements: [],
    conversationID: '',
    conversationType: TYPES.CONV_C2C,
    to: '',
    from: '',
    flow: 'in',
    time: 0,
    clientTime: 0,
    random: 0,
    sequence: 0,
    status: 'success',
    priority: TYPES.MSG_PRIORITY_NORMAL,
    nick: '',
    avatar: '',
    nameCard: '',
    atUserList: [],
    cloudCustomData: '',
    isPeerRead: false,
    isRead: false,
    needReadReceipt: false,
    readReceiptInfo: {},
    isRevoked: false,
    revoker: '',
    revokerInfo: { userID: '', nick: '', avatar: '' },
    revokeReason: '',
    isDeleted: false,
    isModified: false,
    isBroadcastMessage: false,
    isSupportExtension: false,
    hasRiskContent: false,
    version: 0,
    receiverList: [],
  };
}

/** Leaves of a message that it was there. */
export function revoke(message: Message, by: string): void {
  message.isRevoked = true;
  message.revoker = by;
  message.revokerInfo = { userID: by, nick: '', avatar: '' };
  message.payload = {} as MessagePayload;
  message._elements = [];
  message.cloudCustomData = '';
  message.atUserList = [];
}

/** The same for one that the app has not been told of yet. */
export function strip(wire: WireMessage): void {
  wire.removed = true;
  wire.body = [];
  const { noUnread, noLast } = wire.attributes ?? {};
  wire.attributes = { ...(noUnread && { noUnread }), ...(noLast && { noLast }) };
}

export function receive(wire: WireMessage, me: string): Message {
  const conversationID = conversationOf(wire, me);
  const [first, ...rest] = wire.body.map(readElement);
  const [, clientTime = '0', random = '0'] = wire.id.split('-');
  const message = blank();
  message.ID = wire.id;
  if (first) {
    message.type = first.type;
    message.payload = first.payload;
  }
  message._elements = rest;
  message.conversationID = conversationID;
  message.conversationType = conversationType(conversationID);
  message.to = wire.group ?? wire.to ?? '';
  message.from = wire.from;
  message.flow = wire.from === me && first?.type !== TYPES.MSG_GRP_TIP && conversationID !== SYSTEM ? 'out' : 'in';
  message.time = seconds(wire.time);
  message.clientTime = Number(clientTime);
  message.random = Number(random);
  message.sequence = wire.seq;
  message.nick = wire.nick ?? '';
  message.avatar = wire.avatar ?? '';
  const said = wire.attributes;
  if (said) {
    if (said.priority) message.priority = said.priority as TYPES;
    message.cloudCustomData = said.cloudCustomData ?? '';
    message.atUserList = said.at ?? [];
    message.needReadReceipt = said.needReadReceipt ?? false;
    message.isSupportExtension = said.supportExtension ?? false;
  }
  if (wire.removed) revoke(message, wire.from);
  return message;
}

export function conversationType(conversationID: string): TYPES {
  if (conversationID === SYSTEM) return TYPES.CONV_SYSTEM;
  return conversationID.startsWith('C2C') ? TYPES.CONV_C2C : TYPES.CONV_GROUP;
}

export const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

export function lastMessage(wire: WireMessage | null, me: string, peerReadTo: number): LastMessage {
  if (!wire) {
    return {
      nick: '', nameCard: '', lastTime: 0, lastSequence: 0, fromAccount: '', isRevoked: false, revoker: '',
      isPeerRead: false, messageForShow: '', type: '', payload: null, cloudCustomData: '',
    };
  }
  const isRevoked = wire.removed ?? false;
  const { type, payload } = readElement(wire.body[0] ?? { MsgType: isRevoked ? String(TYPES.MSG_TEXT) : '', MsgContent: {} });
  return {
    nick: wire.nick ?? '',
    nameCard: '',
    lastTime: seconds(wire.time),
    lastSequence: wire.seq,
    fromAccount: wire.from,
    isRevoked,
    revoker: isRevoked ? wire.from : '',
    isPeerRead: wire.group === undefined && wire.from === me && wire.seq <= peerReadTo,
    messageForShow: isRevoked ? '' : forShow(String(type), payload),
    type,
    payload,
    cloudCustomData: wire.attributes?.cloudCustomData ?? '',
  };
}

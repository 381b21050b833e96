import * as check from './check.js';
import { TYPES } from './constants.js';
import { ChatError } from './errors.js';
import { groupConversation, isUserID, SYSTEM, userConversation } from './ids.js';
import { blank } from './message.js';
import type {
  AnyPayload, CustomPayload, FacePayload, LocationPayload, MergerPayload, Message, MessagePayload, SimplifiedMessage, TextPayload,
} from './models.js';
import type { MessageOptions } from './options.js';
import { CODE } from './protocol.js';
import type { Session } from './session.js';

/** A file, or the file input of a page, or what a mini program's chooser gave. */
export interface MediaPayload {
  file: unknown;
}

const BAD = CODE.BAD_MESSAGE;

/** Makes messages to send. These methods are synchronous: illegal options throw a `ChatError`. */
export class Creators {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  createTextMessage(options: MessageOptions<TextPayload>): Message {
    return this.#create(TYPES.MSG_TEXT, options, ({ text }) => ({ text: check.text(text, 'payload.text', BAD) }));
  }

  /** A text that mentions members of a group; `TYPES.MSG_AT_ALL` in the list mentions all. */
  createTextAtMessage(options: MessageOptions<TextPayload & { atUserList: (string | TYPES)[] }>): Message {
    const message = this.createTextMessage(options);
    if (message.conversationType !== TYPES.CONV_GROUP) throw new ChatError(BAD, 'mentions are for groups');
    if (message.receiverList.length > 0) throw new ChatError(BAD, 'a message for chosen members cannot mention');
    message.atUserList = check.texts(options.payload.atUserList, 'payload.atUserList', BAD);
    return message;
  }

  createCustomMessage(options: MessageOptions<Partial<CustomPayload>>): Message {
    return this.#create(TYPES.MSG_CUSTOM, options, ({ data, description, extension }) => ({
      data: check.optionalText(data, 'payload.data', BAD),
      description: check.optionalText(description, 'payload.description', BAD),
      extension: check.optionalText(extension, 'payload.extension', BAD),
    }));
  }

  createFaceMessage(options: MessageOptions<FacePayload>): Message {
    return this.#create(TYPES.MSG_FACE, options, ({ index, data }) => ({
      index: finite(index, 'payload.index'),
      data: check.optionalText(data, 'payload.data', BAD),
    }));
  }

  createLocationMessage(options: MessageOptions<LocationPayload>): Message {
    return this.#create(TYPES.MSG_LOCATION, options, ({ description, latitude, longitude }) => ({
      description: check.optionalText(description, 'payload.description', BAD),
      latitude: finite(latitude, 'payload.latitude'),
      longitude: finite(longitude, 'payload.longitude'),
    }));
  }

  createMergerMessage(
    options: MessageOptions<{ messageList: Message[]; title: string; abstractList: string[]; compatibleText: string }>,
  ): Message {
    return this.#create(TYPES.MSG_MERGER, options, ({ messageList, title, abstractList, compatibleText }) => {
      if (!Array.isArray(messageList) || messageList.length === 0) {
        throw new ChatError(BAD, 'payload.messageList is a non-empty array of messages');
      }
      const payload: MergerPayload = {
        title: check.optionalText(title, 'payload.title', BAD),
        abstractList: typeof abstractList === 'string' ? [abstractList] : check.texts(abstractList ?? [], 'payload.abstractList', BAD),
        compatibleText: check.text(compatibleText, 'payload.compatibleText', BAD),
        messageList: messageList.map(simplify),
        downloadKey: '',
        layersOverLimit: false,
      };
      return payload;
    });
  }

  /** A copy of a message that was sent or received. */
  createForwardMessage(options: MessageOptions<Message>): Message {
    const source = check.fields(check.fields(options, BAD).payload, BAD) as unknown as Message;
    if (source.status !== 'success') throw new ChatError(BAD, 'only messages that were sent or received can be forwarded');
    if (source.type === TYPES.MSG_GRP_TIP || source.type === TYPES.MSG_GRP_SYS_NOTICE) {
      throw new ChatError(BAD, 'tips and notices cannot be forwarded');
    }
    const message = this.#create(source.type, options, () => structuredClone(source.payload));
    message._elements = structuredClone(source._elements);
    return message;
  }

  createImageMessage(options: MessageOptions<MediaPayload>): Message {
    return this.#media(TYPES.MSG_IMAGE, options, ({ size }, url) => ({
      uuid: '', imageFormat: 255, imageInfoArray: [0, 1, 2].map((type) => ({ type, size, width: 0, height: 0, url, imageUrl: url })),
    }));
  }

  createAudioMessage(options: MessageOptions<MediaPayload>): Message {
    return this.#media(TYPES.MSG_AUDIO, options, ({ size, duration }, url) => ({
      uuid: '', url, size, second: Math.round(duration / 1000),
    }));
  }

  createVideoMessage(options: MessageOptions<MediaPayload>): Message {
    return this.#media(TYPES.MSG_VIDEO, options, ({ name, size, duration }, url) => ({
      videoFormat: name.split('.').at(-1) ?? '', videoSecond: Math.round(duration / 1000), videoSize: size, videoUrl: url,
      videoUUID: '', snapshotWidth: 0, snapshotHeight: 0, snapshotUrl: '',
    }));
  }

  createFileMessage(options: MessageOptions<MediaPayload>): Message {
    return this.#media(TYPES.MSG_FILE, options, ({ name, size }, url) => ({
      uuid: '', fileName: name, fileUrl: url, fileSize: size,
    }));
  }

  #media(
    type: TYPES,
    options: MessageOptions<MediaPayload>,
    read: (file: { name: string; size: number; duration: number }, url: string) => AnyPayload,
  ): Message {
    const message = this.#create(type, options, (payload) => {
      const file = fileOf(payload.file);
      // Something to show until the upload is done.
      const url = file instanceof Blob && typeof URL.createObjectURL === 'function' ? URL.createObjectURL(file) : '';
      const { name, size, duration } = file as { name?: unknown; size?: unknown; duration?: unknown };
      const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
      return read({ name: typeof name === 'string' ? name : '', size: number(size), duration: number(duration) }, url);
    });
    unsendable.add(message);
    return message;
  }

  #create<Payload>(
    type: TYPES,
    options: MessageOptions<Payload>,
    read: (payload: Record<keyof Payload, unknown>) => AnyPayload,
  ): Message {
    const session = this.#session;
    const { tinyID, contacts } = session.replica;
    const given = check.fields(options, BAD);
    const to = check.text(given.to, 'to', BAD);
    const isGroup = given.conversationType === TYPES.CONV_GROUP;
    if (given.conversationType === TYPES.CONV_SYSTEM || to === SYSTEM) {
      throw new ChatError(CODE.SYSTEM_IS_READ_ONLY, 'one cannot write to the system conversation');
    }
    if (!isGroup && given.conversationType !== TYPES.CONV_C2C) {
      throw new ChatError(BAD, 'conversationType is TYPES.CONV_C2C or TYPES.CONV_GROUP');
    }
    if (!isGroup && !isUserID(to)) throw new ChatError(BAD, `${JSON.stringify(to)} is no userID`);

    const message = blank();
    message.clientTime = Math.floor(session.now / 1000);
    message.random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    message.ID = `${tinyID}-${message.clientTime}-${message.random}`;
    message.type = type;
    message.payload = read(check.fields(given.payload, BAD) as Record<keyof Payload, unknown>) as MessagePayload;
    message.to = to;
    message.from = session.userID;
    message.conversationID = isGroup ? groupConversation(to) : userConversation(to);
    message.conversationType = isGroup ? TYPES.CONV_GROUP : TYPES.CONV_C2C;
    message.flow = 'out';
    message.status = 'unSend';
    message.time = message.clientTime;
    message.nick = contacts.profile.nick ?? '';
    message.avatar = contacts.profile.avatar ?? '';
    message.cloudCustomData = check.optionalText(given.cloudCustomData, 'cloudCustomData', BAD);
    message.needReadReceipt = given.needReadReceipt === true;
    message.isSupportExtension = given.isSupportExtension === true;
    if (given.receiverList !== undefined) message.receiverList = check.texts(given.receiverList, 'receiverList', BAD);
    if (given.priority !== undefined) message.priority = check.oneOf(given.priority, PRIORITIES, 'priority', BAD) as TYPES;
    return message;
  }
}

const PRIORITIES = ['High', 'Normal', 'Low', 'Lowest'] as const;

/** Messages that carry a file of this device: they cannot be sent until there are uploads. */
const unsendable = new WeakSet<Message>();

export const needsUpload = (message: Message): boolean => unsendable.has(message);

function finite(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ChatError(BAD, `${name} is a number`);
  return value;
}

function fileOf(value: unknown): object {
  const input = check.fields(value, BAD);
  // A page's `<input type="file">`.
  const chosen: unknown = 'files' in input ? (input.files as ArrayLike<unknown> | null)?.[0] : input;
  if (typeof chosen !== 'object' || chosen === null) throw new ChatError(BAD, 'payload.file has no file');
  return chosen;
}

function simplify(message: Message): SimplifiedMessage {
  if (message.status === 'fail') throw new ChatError(BAD, 'messages that failed to be sent cannot be merged');
  const { ID, nick, avatar, from, time, cloudCustomData, type, payload, _elements } = message;
  return { ID, nick, avatar, from, time, cloudCustomData, messageBody: [{ type, payload }, ...(_elements ?? [])] };
}

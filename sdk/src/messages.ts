import { accept } from './message-cache.js';
import * as check from './check.js';
import { asChatError, ChatError } from './errors.js';
import { needsUpload } from './creators.js';
import { writeElement } from './elements.js';
import { conversationID, SYSTEM } from './ids.js';
import type { Message, Result } from './models.js';
import type { GetMessageListHoppingOptions, GetMessageListOptions, SendOptions } from './options.js';
import { CODE, type MessageAttributes, type SendMessage } from './protocol.js';
import type { Session } from './session.js';

/** Messages of one page. */
const PAGE = 15;
const BAD = CODE.BAD_MESSAGE;
const BAD_PAGE = CODE.CONVERSATION_PARAMETER;

/** Sending messages, and reading what was said. */
export class Messages {
  readonly #session: Session;
  readonly #sending = new WeakSet<Message>();

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Sends a message. Without a connection it waits for one, up to the time limit of 15 s. A message that fails has the status
   * `fail`, and the error's `data.message` is it.
   */
  async sendMessage(message: Message, options?: SendOptions): Promise<Result<{ message: Message }>> {
    const { replica } = this.#session;
    const request = draft(message, options);
    if (message.from !== replica.me) throw new ChatError(BAD, 'the message was made by another user');
    if (message.status === 'success') throw new ChatError(BAD, 'the message was sent already');
    if (this.#sending.has(message)) throw new ChatError(BAD, 'the message is being sent');
    this.#sending.add(message);
    message.status = 'unSend';
    replica.cache.own(message);
    try {
      await this.#session.request('messages.send', request, {
        tag: request.conversationId,
        apply: ({ seq, time }) => accept(message, seq, time),
      });
    } catch (failure) {
      const error = asChatError(failure, CODE.INTERNAL);
      // Its event can come without its answer: then it was sent, whatever the answer would have been.
      if ((message.status as string) !== 'success') {
        message.status = 'fail';
        error.data = { message };
        throw error;
      }
    } finally {
      this.#sending.delete(message);
    }
    // The first message to somebody makes a conversation: when this resolves, the list has it.
    await replica.arrived(message.conversationID);
    return { code: 0, data: { message } };
  }

  /** Sends a failed message again, under its ID: if it had arrived after all, it does not arrive twice. */
  async resendMessage(message: Message, options?: SendOptions): Promise<Result<{ message: Message }>> {
    if (message?.status === 'success') return { code: 0, data: { message } };
    return this.sendMessage(message, options);
  }

  /** The message with this ID among those in memory, or null. */
  findMessage(messageID: string): Message | null {
    return this.#session.userID ? (this.#session.replica.cache.find(messageID) ?? null) : null;
  }

  /** A page of history, the newest first; inside the page the oldest message comes first. */
  async getMessageList(
    options: GetMessageListOptions,
  ): Promise<Result<{ messageList: Message[]; nextReqMessageID: string; isCompleted: boolean }>> {
    const { replica } = this.#session;
    const given = check.fields(options, BAD_PAGE);
    const id = conversationID(given.conversationID);
    const body = { conversationId: id, limit: pageSize(given.count) };
    const cursor = check.optionalText(given.nextReqMessageID, 'nextReqMessageID', BAD_PAGE);
    const before = cursor === '' ? undefined : replica.cache.cursor(id, cursor);
    if (cursor !== '' && before === undefined) {
      throw new ChatError(BAD_PAGE, `nextReqMessageID ${cursor} is not one of ${id}: begin again without it`);
    }
    let messageList: Message[] = [];
    const { complete } = await this.#session.request('messages.history', before === undefined ? body : { ...body, before }, {
      apply: ({ messages }) => {
        messageList = replica.history(id, messages);
        replica.cache.page(id, messageList);
      },
    });
    const isCompleted = complete || messageList.length === 0;
    return { code: 0, data: { messageList, nextReqMessageID: isCompleted ? '' : (messageList[0]?.ID ?? ''), isCompleted } };
  }

  /** A page of history from a place in it. The message at that place is part of the page. */
  async getMessageListHopping(
    options: GetMessageListHoppingOptions,
  ): Promise<Result<{ messageList: Message[]; isCompleted: boolean; nextMessageSeq: number; nextMessageTime: number }>> {
    const { replica } = this.#session;
    const given = check.fields(options, BAD_PAGE);
    const id = conversationID(given.conversationID);
    if (id === SYSTEM) throw new ChatError(BAD_PAGE, 'the system conversation cannot be hopped through');
    const isNewer = given.direction === 1;
    const limit = pageSize(given.count);
    const sequence =
      given.sequence === undefined
        ? await this.#sequenceAt(id, check.integer(given.time, 'sequence or time', BAD_PAGE) * 1000, isNewer)
        : check.integer(given.sequence, 'sequence', BAD_PAGE);
    const place = isNewer ? { after: Math.max(0, sequence - 1) } : { before: sequence + 1 };
    let messageList: Message[] = [];
    const { complete } = await this.#session.request('messages.history', { conversationId: id, limit, ...place }, {
      apply: ({ messages }) => {
        messageList = replica.history(id, messages);
        replica.cache.page(id, messageList);
      },
    });
    const edge = isNewer ? messageList.at(-1) : messageList[0];
    const nextMessageSeq = complete || !edge ? 0 : edge.sequence + (isNewer ? 1 : -1);
    return {
      code: 0,
      data: { messageList, isCompleted: complete, nextMessageSeq, nextMessageTime: complete || !edge ? 0 : edge.time },
    };
  }

  /**
   * The sequence of the last message up to a time, or of the first one from it. The server finds messages by sequence, and
   * time grows with it: a search in halves.
   */
  async #sequenceAt(conversationId: string, time: number, isFirst: boolean): Promise<number> {
    const newest = await this.#session.request('messages.history', { conversationId, limit: 1 });
    let low = 0;
    let high = newest.messages.at(-1)?.seq ?? 0;
    // Invariant: what is at or below `low` is up to `time`, what is above `high` is later.
    const bound = isFirst ? time - 1 : time + 999;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const page = await this.#session.request('messages.history', { conversationId, before: middle + 1, limit: 1 });
      const found = page.messages[0];
      if (!found || found.time <= bound) low = middle;
      else high = Math.min(found.seq, middle) - 1;
    }
    return isFirst ? low + 1 : low;
  }
}

/** What a request to send says, all of it checked. */
function draft(message: Message, options: unknown): SendMessage {
  const given = check.fields(message, BAD) as unknown as Message;
  const { onlineUserOnly, messageControlInfo } = check.fields(options ?? {}, BAD) as SendOptions;
  if (given.flow !== 'out' || !Number.isInteger(given.random) || given.ID === '') {
    throw new ChatError(BAD, 'this is no message made by one of the create methods');
  }
  const conversationId = conversationID(given.conversationID);
  if (conversationId === SYSTEM) throw new ChatError(CODE.SYSTEM_IS_READ_ONLY, 'one cannot write to the system conversation');
  if (needsUpload(given)) {
    given.status = 'fail';
    throw new ChatError(CODE.NOT_IMPLEMENTED, 'messages with files cannot be sent yet', { message });
  }
  // To leave the list out would send it to all members.
  if (given.receiverList.length > 0) {
    given.status = 'fail';
    throw new ChatError(CODE.NOT_IMPLEMENTED, 'messages for chosen members cannot be sent yet', { message });
  }
  const attributes: MessageAttributes = {};
  if (String(given.priority) !== 'Normal') attributes.priority = String(given.priority);
  if (given.cloudCustomData) attributes.cloudCustomData = given.cloudCustomData;
  if (given.needReadReceipt) attributes.needReadReceipt = true;
  if (given.isSupportExtension) attributes.supportExtension = true;
  if (given.atUserList.length > 0) attributes.at = given.atUserList;
  if (messageControlInfo?.excludedFromUnreadCount) attributes.noUnread = true;
  if (messageControlInfo?.excludedFromLastMessage) attributes.noLast = true;
  const request: SendMessage = {
    conversationId,
    clientTime: given.clientTime,
    random: given.random,
    body: [{ type: given.type, payload: given.payload }, ...given._elements].map(({ type, payload }) =>
      writeElement(String(type), payload),
    ),
  };
  if (Object.keys(attributes).length > 0) request.attributes = attributes;
  if (onlineUserOnly === true) request.onlineOnly = true;
  return request;
}

/** Larger pages than the usual one are not given, as by the API this follows. */
function pageSize(count: unknown): number {
  if (count === undefined || count === null) return PAGE;
  return Math.min(PAGE, Math.max(1, check.integer(count, 'count', BAD_PAGE)));
}
